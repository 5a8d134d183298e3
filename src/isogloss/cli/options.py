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
