"""``isogloss trace ladder``: which stage of training made the gap."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import print_as_json, print_line, print_table
from isogloss.cli.ending import end_run
from isogloss.cli.options import (
    BatchTokens,
    Device,
    Dtype,
    MaxNewTokens,
    OneJudge,
    OnlyLanguages,
    PromptLimit,
    RowsAsJson,
    RunFolder,
    Shares,
    TrustRemoteCode,
    WriteReport,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from isogloss.records import Measurement
    from isogloss.trace.ladder import LadderResult, PlannedRung

RUNG_HELP = (
    "Checkpoints in the order of training: lab:PRESET:MIX@STAGE#SEED or hf:PATH_OR_ID (a stage "
    "folder of `isogloss align` too); or one lab model without a stage, which means base, helpful "
    "and chat."
)
EPILOG = """
Examples:

isogloss trace ladder lab:tiny --seeds 5 : three stages of five models, with claims over runs.

isogloss trace ladder lab:tiny --seeds 5 --plan : what that would build and ask.

isogloss trace ladder hf:BASE hf:SFT hf:RLHF --names base,sft,rlhf --prompts set.csv --judge rules
"""

VERDICT_RATES = ("harmful_rate", "following_rate")
"""Those of the two curses; all verdicts are in the rows."""


def register(trace: typer.Typer) -> None:
    """Add the command."""
    trace.command(epilog=EPILOG)(ladder)


def ladder(
    rungs: Annotated[list[str], typer.Argument(help=RUNG_HELP, metavar="RUNG...")],
    names: Annotated[
        str | None, typer.Option(help="Of the rungs, separated by commas: base,sft,rlhf.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Lab: the whole ladder under seeds 0 to N-1, for claims.")
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Harmful and benign prompts; a lab has its own.")
    ] = None,
    judge: OneJudge = None,
    languages: OnlyLanguages = None,
    limit: PromptLimit = None,
    shares: Shares = None,
    other_tokenizers: Annotated[
        bool,
        typer.Option(
            "--other-tokenizers", help="Allow rungs whose tokenizers differ; rows say so."
        ),
    ] = False,
    out: RunFolder = None,
    max_new_tokens: MaxNewTokens = 64,
    plan: Annotated[
        bool, typer.Option("--plan", help="Check everything and say what would be asked.")
    ] = False,
    batch_tokens: BatchTokens = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: TrustRemoteCode = False,
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Audit the RUNGs on the same prompts and say which stage made the gap between languages.

    Run the same command again to resume.
    """
    from isogloss.cli.codes import split_codes
    from isogloss.cli.progress import progress_bars
    from isogloss.records import Decoding
    from isogloss.targets.options import LocalOptions
    from isogloss.trace.ladder import plan_ladder, run_ladder
    from isogloss.trace.ladder_config import LadderConfig

    config = LadderConfig(
        rungs=tuple(rungs),
        names=None if names is None else tuple(names.split(",")),
        seeds=seeds,
        prompts=prompts,
        judge=judge,
        languages=None if languages is None else split_codes(languages, "--languages"),
        limit=limit,
        shares=shares,
        other_tokenizers=other_tokenizers,
        out=out,
        decoding=Decoding(max_new_tokens=max_new_tokens),
        options=LocalOptions(
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            trust_remote_code=trust_remote_code,
        ),
    )
    if plan:
        _print_plan(plan_ladder(config), as_json=json)
        return
    with progress_bars() as progress:
        result = run_ladder(config, progress=progress)
    end_run(
        result.folder, result.measurements, lambda: _print_ladder(result), report=report, json=json
    )


def _print_plan(planned: Sequence[PlannedRung], *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        print_as_json([asdict(rung) for rung in planned])
        return
    for rung in planned:
        built = "" if rung.is_there else " (to be built)"
        print_line(
            f"{rung.family}, {rung.name}: {rung.target}{built}: {rung.n_prompts:,} prompts in "
            f"{rung.n_languages} language{'s' * (rung.n_languages != 1)}, {rung.asked}"
        )
    missing = sum(not rung.is_there for rung in planned)
    print_line(f"{missing} of {len(planned)} models are to be built")


def _print_ladder(result: LadderResult) -> None:
    """Gaps by rung, then what each stage did; one model's, or over runs, then the claims."""
    from isogloss.records import CLAIM
    from isogloss.trace.over_runs import AREA as OVER_RUNS
    from isogloss.trace.over_runs import WIDE
    from isogloss.trace.stage_effects import AREA, AT_RUNG, CHANGE_GAP, GAP

    one = len(result.families) == 1
    area, said = (AREA, "for this model") if one else (OVER_RUNS, "over runs")
    known = [row for row in result.measurements if row.area == area and row.language is None]
    narrow = [row for row in known if row.scope != WIDE]
    for tiers in dict.fromkeys(row.tier or "" for row in narrow if row.category == AT_RUNG):
        mine = [row for row in narrow if row.tier == tiers]
        unit = f"{tiers}, points with 95 % intervals {said}"
        _print_rates([r for r in mine if r.metric.endswith(f"_{GAP}")], GAP, f"gap: {unit}")
        _print_rates(
            [r for r in mine if r.metric.endswith(f"_{CHANGE_GAP}")],
            CHANGE_GAP,
            f"what each stage did to it: {unit}",
        )
    lines = [_made_line(narrow)]
    if one:
        told = tuple(f"{r}_{k}" for r in VERDICT_RATES for k in (GAP, CHANGE_GAP))
        wide = [r for r in known if r.scope == WIDE and r.metric in told]
        first = result.families[0].rungs[0].name
        lines += [_verdict_line(r) for r in wide if r.estimate is not None or r.arm == first]
    lines += [f"{r.verdict}: {r.category} ({_why(r)})" for r in known if r.metric == CLAIM]
    for line in lines:
        if line:
            print_line(line)


def _print_rates(rows: Sequence[Measurement], kind: str, title: str) -> None:
    """A line a rung, a column a rate."""
    from isogloss.cli.tables import figure_cell
    from isogloss.trace.stage_effects import RATES

    cells: Mapping[tuple[str, str], Measurement] = {(row.arm, row.metric): row for row in rows}
    lines: list[list[str]] = []
    for row in {row.arm: row for row in rows}.values():
        what = row.arm if kind == "gap" else f"{row.arm} {row.category}"
        lines.append([what, *(figure_cell(cells.get((row.arm, f"{r}_{kind}"))) for r in RATES)])
    heads = ["rung" if kind == "gap" else "stage", *(rate.replace("_", " ") for rate in RATES)]
    print_table(title, heads, lines)


def _made_line(rows: Sequence[Measurement]) -> str:
    """Which rung made how much of the last gap in harmful rate, where that is known."""
    from isogloss.trace.stage_effects import GAP_MADE

    every = [row for row in rows if row.metric == f"harmful_rate_{GAP_MADE}"]
    known = [row.tier for row in every if row.estimate is not None]
    if not known:
        return f"parts of the last gap in harmful rate: {every[-1].reason}"
    mine = [row for row in every if row.tier == known[0]]
    parts = ", ".join(f"{row.arm} {_percent(row)}" for row in mine)
    return f"parts of the gap in harmful rate at {mine[-1].arm} ({mine[0].tier}): {parts}"


def _percent(row: Measurement) -> str:
    if row.estimate is None:
        return "not measured"
    low, high = row.low, row.high
    told = "" if low is None or high is None else f" ({100 * low:.0f} to {100 * high:.0f})"
    return f"{100 * row.estimate:.0f} %{told}"


def _verdict_line(row: Measurement) -> str:
    what = row.metric.partition("_rate")[0]
    about = f"gap in {what} rate" if row.category == "at rung" else f"{what} rate {row.category}"
    why = row.reason or ""
    if row.verdict == "underpowered":  # how many it would take stands in the rows
        why = why.partition("; ")[0]
    return f"{row.arm}: {about}, {row.tier}, {row.scope}: {row.verdict}" + (f" ({why})" * bool(why))


def _why(row: Measurement) -> str:
    return row.reason or f"{row.n} runs"
