"""``isogloss trace anatomy``: which link broke first in every failure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import MISSING, print_as_json, print_line, print_table
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
from isogloss.cli.trace_arms import print_claims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.records import Measurement
    from isogloss.trace.anatomy import AnatomyResult, PlannedModel
    from isogloss.trace.broken_links import Kind

EPILOG = """
Examples:

isogloss trace anatomy lab:tiny --seeds 5 : of five lab models, with claims over runs.

isogloss trace anatomy hf:ID --prompts twins.csv --judge rules : a harmful prompt and its benign
twin have one cluster_id.
"""


def register(trace: typer.Typer) -> None:
    """Add the command."""
    trace.command(epilog=EPILOG)(anatomy)


def anatomy(
    target: Annotated[str, typer.Argument(help="lab:PRESET:MIX@STAGE#SEED or hf:PATH_OR_ID.")],
    seeds: Annotated[
        int | None, typer.Option(help="Lab: the model under seeds 0 to N-1, for claims.")
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(help="Harmful prompts and benign twins (one cluster_id); a lab has its own."),
    ] = None,
    judge: OneJudge = None,
    languages: OnlyLanguages = None,
    limit: PromptLimit = None,
    shares: Shares = None,
    placebos: Annotated[int, typer.Option(help="Directions of shuffled labels.")] = 10,
    out: RunFolder = None,
    max_new_tokens: MaxNewTokens = 64,
    seed: Annotated[
        int, typer.Option(help="Of placebos, examples, corruptions and the split of --prompts.")
    ] = 0,
    plan: Annotated[
        bool, typer.Option("--plan", help="Check everything and say what would be done.")
    ] = False,
    batch_tokens: BatchTokens = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: TrustRemoteCode = False,
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Split the failures of TARGET by the link that broke first, language by language.

    Run the same command again to resume.
    """
    from isogloss.cli.codes import split_codes
    from isogloss.cli.progress import progress_bars
    from isogloss.records import Decoding
    from isogloss.targets.options import LocalOptions
    from isogloss.trace.anatomy import plan_anatomy, run_anatomy
    from isogloss.trace.anatomy_config import AnatomyConfig

    config = AnatomyConfig(
        target=target,
        seeds=seeds,
        prompts=prompts,
        judge=judge,
        languages=None if languages is None else split_codes(languages, "--languages"),
        limit=limit,
        shares=shares,
        n_placebos=placebos,
        out=out,
        seed=seed,
        decoding=Decoding(max_new_tokens=max_new_tokens),
        options=LocalOptions(
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            trust_remote_code=trust_remote_code,
        ),
    )
    if plan:
        _print_plan(plan_anatomy(config), as_json=json)
        return
    with progress_bars() as progress:
        result = run_anatomy(config, progress=progress)
    end_run(
        result.folder, result.measurements, lambda: _print_anatomy(result), report=report, json=json
    )


def _print_plan(planned: Sequence[PlannedModel], *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        print_as_json([asdict(one) for one in planned])
        return
    for one in planned:
        built = "" if one.is_there else " (to be built)"
        weighed = "depends on the replies" if one.n_weighed is None else f"{one.n_weighed:,}"
        print_line(
            f"{one.target}{built}: {one.n_prompts:,} questions asked in "
            f"{len(one.languages)} languages, {one.n_read:,} read, texts weighed: {weighed}"
        )


def _print_anatomy(result: AnatomyResult) -> None:
    """By kind of failure a line a language and tier and a column a link; rivals; claims."""
    from isogloss.trace.anatomy_over_runs import AREA as OVER_RUNS
    from isogloss.trace.broken_links import CHAINS
    from isogloss.trace.link_rows import AREA

    one = len(result.targets) == 1
    area, said = (AREA, "of this model") if one else (OVER_RUNS, "over runs")
    rows = [row for row in result.measurements if row.area == area]
    for kind in CHAINS:
        _print_links(rows, kind, said)
        _print_rivals(rows, kind, said)
    _print_threshold(rows, said)
    print_claims(rows)


def _print_links(rows: Sequence[Measurement], kind: Kind, said: str) -> None:
    """Shares of the main reading, each beside its false alarm."""
    from isogloss.trace.broken_links import links_of
    from isogloss.trace.link_rows import MAIN

    links = links_of(kind)
    mine = [row for row in rows if row.arm == MAIN and row.metric.startswith(f"{kind}_link")]
    cells = {(r.metric, r.category, r.language, r.tier): r for r in mine}
    rates = {(r.language, r.tier): r for r in rows if r.metric == kind}
    lines: list[list[str]] = []
    for (language, tier), rate in rates.items():
        line = [language or "all", tier or "", _cell(rate)]
        for link in links:
            share = cells.get((f"{kind}_link", link, language, tier))
            alarm = cells.get((f"{kind}_link_false_alarm", link, language, tier))
            line.append(f"{_cell(share)} / {_cell(alarm, bare=True)}")
        lines.append(line)
    name = kind.replace("_", " ")
    print_table(
        f"{name} by first broken link; % with 95 % intervals {said} / % of what did not fail",
        ["language", "tier", "failures", *links],
        lines,
    )


def _print_rivals(rows: Sequence[Measurement], kind: str, said: str) -> None:
    """What other readings of the same instruments say, by tier."""
    mine = [row for row in rows if row.metric == f"{kind}_link" and row.language is None]
    links = list(dict.fromkeys(row.category or "" for row in mine))
    cells = {(row.tier, row.arm, row.category): row for row in mine}
    lines = [
        [tier or "", arm, *(_cell(cells.get((tier, arm, link))) for link in links)]
        for tier, arm in dict.fromkeys((row.tier, row.arm) for row in mine)
    ]
    name = kind.replace("_", " ")
    print_table(f"{name}, rival readings; % {said}", ["tier", "reading", *links], lines)


def _print_threshold(rows: Sequence[Measurement], said: str) -> None:
    """What a threshold from few examples recovers of what was not acted on, and what it costs."""
    from isogloss.report.numbers import decimal
    from isogloss.trace.threshold_rows import MARGIN, NET, PAID, RECOVERED, SHIFT

    mine = [row for row in rows if row.arm == MARGIN and (row.category or "").startswith("k=")]
    cells = {(r.metric, r.category, r.language, r.tier): r for r in mine}
    lines: list[list[str]] = []
    for language, tier in dict.fromkeys((r.language, r.tier) for r in mine if r.metric == NET):
        shift = cells.get((SHIFT, "k=4", language, tier))
        at = MISSING if shift is None or shift.estimate is None else decimal(shift.estimate)
        line = [language or "all", tier or "", at]
        for metric, k in ((RECOVERED, 1), (RECOVERED, 4), (PAID, 1), (PAID, 4), (NET, 4)):
            line.append(_cell(cells.get((metric, f"k={k}", language, tier))))
        net = cells.get((NET, "k=4", language, tier))
        lines.append([*line, "" if net is None else net.verdict or ""])
    heads = ["language", "tier", "shift", "recovered k=1", "k=4", "paid k=1", "k=4", "net k=4"]
    print_table(
        "represented but not acted on: a threshold from k labelled examples a class "
        f"(shift in nats); % {said}",
        [*heads, "verdict"],
        lines,
    )


def _cell(row: Measurement | None, *, bare: bool = False) -> str:
    """``17 (12 to 24)`` in percent or signed points; Student's may end beyond 0 and 100."""
    if row is None or row.estimate is None:
        return MISSING
    sign = "+" if row.unit == "rate difference" else ""
    text = f"{100 * row.estimate:{sign}.0f}"
    if bare or row.low is None or row.high is None:
        return text
    return f"{text} ({100 * row.low:{sign}.0f} to {100 * row.high:{sign}.0f})"
