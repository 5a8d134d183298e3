"""``isogloss control TARGET``: what a direction found in one language does in every other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from isogloss.cli.ending import end_run
from isogloss.cli.options import (
    BatchTokens,
    Device,
    Dtype,
    MaxNewTokens,
    OneJudge,
    OnlyLanguages,
    RowsAsJson,
    RunFolder,
    Shares,
    TrustRemoteCode,
    WriteReport,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.control.run import ControlResult
    from isogloss.records import Measurement

EPILOG = """
Examples:

isogloss control lab:tiny : a guard from English for every language, measured against what it costs.

isogloss control lab:tiny --toward comply : how far one language's direction controls the others.

isogloss control hf:models/mine --pairs pairs.csv --prompts prompts.csv --judge rules : your model.

isogloss audit hf:models/mine --prompts prompts.csv --guard RUN/guard.safetensors : guarded.
"""
SHOWN = ("compliance_rate", "over_refusal", "helpful_rate")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(control)


def control(
    target: Annotated[
        str,
        typer.Argument(help="lab:PRESET:MIX@STAGE#SEED or hf:PATH_OR_ID.", metavar="TARGET"),
    ],
    concept: Annotated[str, typer.Option(help="Whose direction steers.")] = "harmfulness",
    source: Annotated[
        str, typer.Option(help="Language whose direction goes to all others.")
    ] = "en",
    toward: Annotated[
        Literal["refuse", "comply"],
        typer.Option(help="refuse: defence. comply: how far the model can be controlled."),
    ] = "refuse",
    adding: Annotated[
        Literal["refuse", "comply"] | None,
        typer.Option(help="What adding the vector does, for a concept other than harmfulness."),
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Value pairs the directions are learned from.")
    ] = None,
    flip: Annotated[
        str | None, typer.Option(help="Concepts whose poles stand the other way round in the file.")
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Harmful and benign prompts; the lab has its own.")
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(help="Prompts settings are chosen on; else 40 % of --prompts, by cluster."),
    ] = None,
    judge: OneJudge = None,
    texts: Annotated[
        Path | None, typer.Option(help="Clean text (language, text), to see what fluency costs.")
    ] = None,
    languages: OnlyLanguages = None,
    out: RunFolder = None,
    shares: Shares = None,
    template: Annotated[
        Literal["chat", "plain"], typer.Option(help="How value pairs are put to the model.")
    ] = "chat",
    method: Annotated[
        Literal["mean_difference", "pca", "logistic"], typer.Option(help="Of the directions.")
    ] = "mean_difference",
    per_object: Annotated[int, typer.Option(min=1, help="Pairs an object (lab).")] = 4,
    layers: Annotated[
        str | None,
        typer.Option(help="Sets of layers to search: 3;4;3,4. By the model's depth unless given."),
    ] = None,
    strengths: Annotated[
        str | None, typer.Option(help="Strengths to search, separated by commas: 0.1,0.3.")
    ] = None,
    operators: Annotated[
        str | None, typer.Option(help="Of add, project_out, piecewise; separated by commas.")
    ] = None,
    unit: Annotated[
        Literal["residual", "vector"],
        typer.Option(help="Of strengths: parts of the hidden states' length, or of the vector's."),
    ] = "residual",
    positions: Annotated[
        str, typer.Option(help="all, prompt, generated, last:K or last:K+generated.")
    ] = "all",
    max_over_refusal: Annotated[
        float, typer.Option(help="Points of over-refusal a setting may add.")
    ] = 5.0,
    max_use_loss: Annotated[
        float, typer.Option(help="Points of right answers a setting may lose.")
    ] = 10.0,
    placebos: Annotated[
        int, typer.Option(min=0, help="Random directions, and as many of shuffled labels.")
    ] = 10,
    examples: Annotated[
        int, typer.Option(min=1, help="Labelled examples a class and language behind a gate.")
    ] = 4,
    guard_out: Annotated[
        Path | None, typer.Option(help="The guard's file; RUN/guard.safetensors unless given.")
    ] = None,
    max_new_tokens: MaxNewTokens = 64,
    seed: Annotated[int, typer.Option(help="Of placebos and of the parting of prompts.")] = 0,
    batch_tokens: BatchTokens = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: TrustRemoteCode = False,
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Steer TARGET with a concept's direction, in every language, and measure what it does.

    Layers, strengths and operators are chosen on validation prompts within bounds on fluency and
    use; test prompts are asked once, for every arm. Run the same command again to resume.
    """
    from isogloss.cli.codes import split_codes
    from isogloss.cli.progress import progress_bars
    from isogloss.control.config import ControlConfig
    from isogloss.control.run import run_control
    from isogloss.control.settings import read_grid
    from isogloss.control.trial import Bounds
    from isogloss.records import Decoding
    from isogloss.targets.options import LocalOptions

    config = ControlConfig(
        target=target,
        concept=concept,
        source=source,
        toward=toward,
        adding=adding,
        pairs=pairs,
        flip=tuple(flip.split(",")) if flip else (),
        prompts=prompts,
        validation=validation,
        judge=judge,
        texts=texts,
        languages=split_codes(languages, "--languages") if languages else None,
        out=out,
        shares=shares,
        template=template,
        method=method,
        per_object=per_object,
        grid=read_grid(
            layers=layers, strengths=strengths, operators=operators, unit=unit, positions=positions
        ),
        bounds=Bounds(over_refusal_rise=max_over_refusal / 100, use_loss=max_use_loss / 100),
        n_placebos=placebos,
        gate_examples=examples,
        guard_out=guard_out,
        decoding=Decoding(max_new_tokens=max_new_tokens),
        seed=seed,
        options=LocalOptions(
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            trust_remote_code=trust_remote_code,
        ),
    )
    with progress_bars() as progress:
        result = run_control(config, progress=progress)

    def show() -> None:
        print_control(result)
        if result.guard is not None:
            typer.echo(f"guard: {result.guard} (isogloss audit {result.target} --guard FILE)")

    end_run(result.folder, result.measurements, show, report=report, json=json)


def print_control(result: ControlResult) -> None:
    """A table a rate: a line a language and a column an arm; then the tests on averages."""
    from isogloss.cli.tables import compact_table, percent, stdout_console
    from isogloss.cli.terminal import one_line

    rows = [row for row in result.measurements if row.area == "control"]
    placebos = {arm.name for arm in result.arms if arm.is_placebo}
    arms = [arm for arm in dict.fromkeys(row.arm for row in rows) if arm not in placebos]
    console = stdout_console()
    for metric in SHOWN:
        cells = {(r.arm, r.language): r for r in rows if r.metric == metric and r.language}
        shown = [arm for arm in arms if any((arm, tag) in cells for _, tag in cells)]
        tags = list(dict.fromkeys(tag for _, tag in cells))
        lines = [
            [one_line(tag or ""), *(percent(cells.get((arm, tag))) for arm in shown)]
            for tag in tags
        ]
        title = f"{metric.replace('_', ' ')}; % with 95 % intervals"
        table = compact_table(title, ["language", *shown], lines, console.width)
        for line in lines:
            table.add_row(*line)
        console.print(table)
    for line in _averages(rows, placebos):
        console.print(one_line(line), markup=False, highlight=False)


def _averages(rows: Sequence[Measurement], placebos: set[str]) -> list[str]:
    """What is said of the average over all languages but the source."""
    from isogloss.report.numbers import figure, figure_interval

    said = {
        "compliance_rate_change": "compliance",
        "over_refusal_change": "over-refusal",
        "as_good_as_own": "as good as own?",
        "beyond_placebo": "beyond placebos?",
    }
    lines: list[str] = []
    for row in rows:
        average = row.language is None and row.category is not None and row.tier is None
        if row.metric not in said or row.arm in placebos or not average:
            continue
        if row.estimate is None:
            lines.append(f"{row.arm}, {said[row.metric]}: not measured ({row.reason})")
            continue
        p = "" if row.p_value is None else f", p {row.p_value:.2g}"
        verdict = f": {row.verdict}" if row.verdict else ""
        lines.append(
            f"{row.arm}, {said[row.metric]} (average without the source){verdict} "
            f"{figure(row)} points {figure_interval(row)}{p}"
        )
    return lines
