"""``isogloss trace grid``: train in every language, test in every language."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import MISSING, print_as_json, print_line, print_table
from isogloss.cli.ending import end_run
from isogloss.cli.options import (
    BatchTokens,
    ChatTemplate,
    Device,
    DeviceBatch,
    Dtype,
    LoraRank,
    MaxNewTokens,
    OneJudge,
    OnlyLanguages,
    PadToken,
    RowsAsJson,
    RunFolder,
    Shares,
    StageWorkers,
    TrainingExamples,
    TrainingSeed,
    TrainingSettings,
    TrustRemoteCode,
    WriteReport,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from isogloss.records import Measurement
    from isogloss.trace.grid import GridResult
    from isogloss.trace.grid_plan import PlannedGrid

TARGET_HELP = "What is trained: lab:PRESET:MIX@STAGE#SEED (stage helpful unless named), hf:ID."
EPILOG = """
Examples:

isogloss trace grid lab:tiny --seeds 5 : which measurement tells who benefits, over five runs.

isogloss trace grid lab:tiny --train en,fr,sw --plan : what three languages would take.

isogloss trace grid hf:ID --data pairs.jsonl --prompts set.csv --judge rules --pairs values.csv
"""


def register(trace: typer.Typer) -> None:
    """Add the command."""
    trace.command(epilog=EPILOG)(grid)


def grid(
    target: Annotated[str, typer.Argument(help=TARGET_HELP, metavar="TARGET")],
    seeds: Annotated[
        int | None, typer.Option(help="Lab: the whole grid under seeds 0 to N-1, for verdicts.")
    ] = None,
    method: Annotated[str, typer.Option(help="sft or dpo, one language a run.")] = "sft",
    train: Annotated[
        str | None,
        typer.Option(help="Languages trained on, separated by commas; all if not given."),
    ] = None,
    data: TrainingExamples = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Harmful and benign prompts; a lab has its own.")
    ] = None,
    judge: OneJudge = None,
    languages: OnlyLanguages = None,
    settings: TrainingSettings = None,
    shares: Shares = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Value pairs with harmfulness, for concept vectors; a lab has its own."),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(help="Held-out text (language, text), for competence; a lab has its own."),
    ] = None,
    similarities: Annotated[
        Path | None, typer.Option(help="Distances between languages; a lab's are known.")
    ] = None,
    lora: LoraRank = None,
    pad_token: PadToken = None,
    chat_template: ChatTemplate = None,
    device_batch: DeviceBatch = None,
    workers: StageWorkers = None,
    out: RunFolder = None,
    max_new_tokens: MaxNewTokens = 64,
    seed: TrainingSeed = 0,
    plan: Annotated[
        bool, typer.Option("--plan", help="Check everything, print stages and minutes.")
    ] = False,
    batch_tokens: BatchTokens = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: TrustRemoteCode = False,
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Train TARGET in one language after another, test each run in all, and ask who benefits.

    Which cheap measurement of the model before training predicts the gain of a language that was
    never looked at? Run the same command again to resume.
    """
    from isogloss.align.profile import Lora
    from isogloss.cli.codes import split_codes
    from isogloss.cli.progress import progress_bars
    from isogloss.records import Decoding
    from isogloss.targets.options import LocalOptions
    from isogloss.trace.grid import run_grid
    from isogloss.trace.grid_config import GridConfig
    from isogloss.trace.grid_plan import plan_grid

    config = GridConfig(
        target=target,
        method=method,
        train=None if train is None else split_codes(train, "--train"),
        seeds=seeds,
        data=data,
        prompts=prompts,
        judge=judge,
        languages=None if languages is None else split_codes(languages, "--languages"),
        settings=tuple(settings or ()),
        shares=shares,
        pairs=pairs,
        texts=texts,
        similarities=similarities,
        lora=Lora(rank=lora, alpha=2 * lora) if lora else None,
        pad_token=pad_token,
        chat_template=chat_template,
        device_batch=device_batch,
        workers=workers,
        out=out,
        decoding=Decoding(max_new_tokens=max_new_tokens),
        seed=seed,
        options=LocalOptions(
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            trust_remote_code=trust_remote_code,
        ),
    )
    if plan:
        with progress_bars() as progress:
            planned = plan_grid(config, progress=progress)
        _print_plan(planned, as_json=json)
        return
    with progress_bars() as progress:
        result = run_grid(config, progress=progress)
    end_run(
        result.folder, result.measurements, lambda: _print_grid(result), report=report, json=json
    )


def _print_plan(planned: PlannedGrid, *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        stages = [{**asdict(s), "folder": str(s.folder)} for s in planned.stages]
        told = {"stages": stages, "minutes": planned.minutes, "basis": planned.basis}
        print_as_json(told)
        return
    for number, stage in enumerate(planned.stages, 1):
        state = " (done)" if stage.is_done else ""
        print_line(
            f"{number}. {stage.target} {stage.arm}: {stage.method}, {stage.steps:,} steps of "
            f"{stage.batch_size}, learning rate {stage.learning_rate:g}{state}"
        )
    n_tested = len(planned.arms.languages)
    print_line(f"each tested in {n_tested} languages, before and after; nothing is trained yet")
    told = "not known" if planned.minutes is None else f"about {max(1, round(planned.minutes))}"
    if planned.minutes == 0:
        told = "0"
    print_line(f"minutes of training and audits: {told} ({planned.basis})")


def _print_grid(result: GridResult) -> None:
    """The matrices of the two primary benefits, then what each predictor is worth."""
    from isogloss.trace.grid_findings import BENEFITS
    from isogloss.trace.grid_matrices import AREA
    from isogloss.trace.grid_over_runs import OVER_RUNS

    over = [row for row in result.measurements if row.area == OVER_RUNS]
    rows = over or [row for row in result.measurements if row.area == AREA]
    said = f"mean of {len(result.arms.targets)} runs" if over else "this model"
    for benefit in BENEFITS:
        _print_matrix(rows, benefit, said)
    for benefit in BENEFITS:
        _print_predictors(rows, benefit, said)
    for line in _notes(rows, BENEFITS[0], result):
        print_line(line)


def _words(metric: str) -> str:
    return metric.removesuffix("_change").replace("_", " ")


def _print_matrix(rows: Sequence[Measurement], benefit: str, said: str) -> None:
    """A line a language trained on, a column a language tested, in the same order."""
    cells = {
        (row.source_language or row.arm, row.language or ""): row
        for row in rows
        if row.metric == benefit
    }
    tested = list(dict.fromkeys(language for _, language in cells))
    known = list(dict.fromkeys(trained for trained, _ in cells))
    trained_on = [tag for tag in tested if tag in known]
    trained_on += [several for several in known if several not in tested]
    lines = [
        [_short(trained), *(_points(cells[trained, tag]) for tag in tested)]
        for trained in trained_on
    ]
    title = f"change of {_words(benefit)} by language trained on (lines); points, {said}"
    heads = ["trained on", *map(_short, tested)]
    print_table(title, heads, lines)


def _short(tag: str) -> str:
    return tag.removesuffix("-x-lab")


def _points(cell: Measurement) -> str:
    from isogloss.report.numbers import figure

    return MISSING if cell.estimate is None else figure(cell)


def _print_predictors(rows: Sequence[Measurement], benefit: str, said: str) -> None:
    """A line a predictor: error on left-out languages, against the null model, correlation."""
    from isogloss.cli.tables import figure_cell
    from isogloss.trace.grid_rows import CORRELATION, DIFFERENCE, ERROR, PARTIAL, R_SQUARED

    trained = next((row.arm for row in rows if row.metric == f"{benefit}_{ERROR}"), "")
    mine: Mapping[tuple[str, str], Measurement] = {
        (row.metric.removeprefix(f"{benefit}_"), row.category or ""): row
        for row in rows
        if row.metric.startswith(f"{benefit}_") and row.arm == trained
    }
    lines: list[list[str]] = []
    for metric, name in mine:
        if metric == ERROR:
            difference = mine.get((DIFFERENCE, name))
            told = [mine.get((kind, name)) for kind in (R_SQUARED, CORRELATION, PARTIAL)]
            lines.append(
                [
                    name, figure_cell(mine[metric, name]).lstrip("+"), figure_cell(difference),
                    *map(figure_cell, told), (difference.verdict or "") if difference else "",
                ]
            )  # fmt: skip
    title = f"error on languages left out, change of {_words(benefit)}; points, {said}"
    heads = ["predictor", "error", "minus null", "R2", "rank r", "r, competence out", "verdict"]
    print_table(title, heads, lines)


def _notes(rows: Sequence[Measurement], benefit: str, result: GridResult) -> list[str]:
    """How many languages and pairs, and what correlation could not have been seen."""
    from isogloss.trace.grid_rows import CORRELATION

    known = [r for r in rows if r.metric == f"{benefit}_{CORRELATION}" and r.detectable is not None]
    if not known:
        absent = [r for r in rows if r.metric == f"{benefit}_{CORRELATION}" and r.reason]
        return [f"predictors: {absent[0].reason}"] if absent else []
    known.sort(key=lambda row: row.detectable or 1.0)
    ends = [f"{row.detectable:.2f} ({row.category})" for row in (known[0], known[-1])]
    n_tested, n_trained = len(result.arms.languages), len(result.arms.train)
    return [
        f"{n_tested} languages, {n_trained * (n_tested - 1)} pairs: correlations from "
        f"{' to '.join(ends)} on would have been seen with 80 % power (languages permuted, Holm "
        f"over {len(known)} predictors)"
    ]
