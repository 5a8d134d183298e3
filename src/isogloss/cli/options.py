"""Options that several verbs take, each worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isogloss.records import Intent

PromptIntent = Annotated[
    Intent | None, typer.Option(help="Of prompts whose row does not say; MultiJail: harmful.")
]
OnlyLanguages = Annotated[
    str | None, typer.Option(help="Only these, separated by commas: en,sw,ny.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, …")]
Dtype = Annotated[str, typer.Option(help="auto, float32, bfloat16, …")]
BatchTokens = Annotated[
    int | None, typer.Option(help="Most tokens in a batch; chosen by size unless given.")
]
Connections = Annotated[int, typer.Option(help="Requests to a server in flight at once.")]
Timeout = Annotated[float, typer.Option(help="Seconds a request may take.")]
PriceTable = Annotated[
    Path | None,
    typer.Option(help="CSV: model, input_per_million, output_per_million, currency."),
]
WriteReport = Annotated[bool, typer.Option(help="Write report.html into the run folder.")]
RowsAsJson = Annotated[
    bool, typer.Option("--json", help="Print the measurement rows as a JSON array.")
]
RunFolder = Annotated[
    Path | None, typer.Option(help="Run folder; one under runs/ unless given. Resumes.")
]
Shares = Annotated[
    str | None, typer.Option(help="Share table: a name (cc-2026-04, llama2, …) or a CSV file.")
]
OneJudge = Annotated[
    str | None, typer.Option(help="oracle (lab), rules, llm:openai:MODEL or guard:hf:PATH.")
]
MaxNewTokens = Annotated[int, typer.Option(min=1, help="Longest reply, in tokens.")]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run code that comes with the model.")
]
PromptLimit = Annotated[
    int | None,
    typer.Option(help="At most so many prompts of each intent, the same in every language."),
]

# Of verbs that train.

TrainingExamples = Annotated[
    Path | None,
    typer.Option(
        help="Examples (language, prompt, chosen, rejected): JSONL, Parquet, CSV; a lab has some."
    ),
]
TrainingSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="KIND.FIELD=VALUE with KIND sft, warm_up, reward, dpo, mpo or rl, such as rl.beta=0.1 "
        "or sft.steps=500. Repeat for more.",
    ),
]
LoraRank = Annotated[
    int | None, typer.Option(min=1, help="Rank of adapters; all weights unless given.")
]
PadToken = Annotated[
    str | None, typer.Option(help="The token that pads, where the tokenizer names none.")
]
ChatTemplate = Annotated[
    Path | None, typer.Option(help="Jinja file, where the tokenizer has no chat template.")
]
DeviceBatch = Annotated[int | None, typer.Option(min=1, help="Examples a device holds at once.")]
StageWorkers = Annotated[
    int | None,
    typer.Option(min=1, help="Stages at once; by the machine unless given."),
]
TrainingSeed = Annotated[int, typer.Option(help="Of data and training, beside a lab model's own.")]
