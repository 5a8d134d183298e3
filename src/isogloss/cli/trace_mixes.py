"""``isogloss trace mixes``: mixes, architectures and sizes side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import print_line
from isogloss.cli.ending import end_run
from isogloss.cli.options import Device, Dtype, PromptLimit, RowsAsJson, RunFolder, WriteReport
from isogloss.cli.trace_arms import Reward, Seeds, print_claims, print_plan, print_values

if TYPE_CHECKING:
    from isogloss.records import Measurement
    from isogloss.trace.mixes import MixesResult

ARMS_HELP = "lab:PRESET[:MIX] without stage or seed, all of one preset; the first is the reference."
EPILOG = """
Examples:

isogloss trace mixes lab:tiny:english+fixed lab:tiny:en=40+fixed lab:tiny:en=30,zh=20+fixed

isogloss trace mixes lab:tiny lab:tiny:english+neox lab:tiny:english+bloom lab:tiny:english+gemma
"""
SHOWN = ("following_rate", "harmful_rate", "helpful_rate", "selectivity", "recognition_auroc",
         "reward_accuracy")  # fmt: skip


def register(trace: typer.Typer) -> None:
    """Add the command."""
    trace.command(epilog=EPILOG)(mixes)


def mixes(
    arms: Annotated[list[str], typer.Argument(help=ARMS_HELP, metavar="MIX...")],
    reference: Annotated[
        str | None, typer.Option(help="The arm that others are set against; the first if not.")
    ] = None,
    seeds: Seeds = 5,
    other_tokenizers: Annotated[
        bool,
        typer.Option("--other-tokenizers", help="Allow arms whose tokenizers differ; rows say so."),
    ] = False,
    reward: Reward = False,
    limit: PromptLimit = None,
    out: RunFolder = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the arms; train nothing.")] = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Train lab recipes under the same seeds and ask which serves all languages best.

    Run the same command again to resume.
    """
    from isogloss.cli.progress import progress_bars
    from isogloss.targets.options import LocalOptions
    from isogloss.trace.mixes import MixesConfig, plan_mixes, run_mixes

    config = MixesConfig(
        arms=tuple(arms),
        reference=reference,
        seeds=seeds,
        other_tokenizers=other_tokenizers,
        reward=reward,
        limit=limit,
        out=out,
        options=LocalOptions(device=device, dtype=dtype),
    )
    if plan:
        print_plan(plan_mixes(config), as_json=json)
        return
    with progress_bars() as progress:
        result = run_mixes(config, progress=progress)
    end_run(
        result.folder, result.measurements, lambda: _print_mixes(result), report=report, json=json
    )


def _print_mixes(result: MixesResult) -> None:
    """Levels by arm over all languages, gaps, who serves all best, claims."""
    from isogloss.trace.mix_rows import AREA
    from isogloss.trace.standings import KINDS, SERVED
    from isogloss.trace.tier_figures import ALL
    from isogloss.trace.tier_rows import GAP

    rows = [row for row in result.measurements if row.area == AREA]
    names = [(arm.name, arm.name, "") for arm in result.arms]
    whole = [row for row in rows if row.tier == ALL and row.category is None]
    title = "all languages: mean over runs with 95 % intervals"
    print_values(title, names, whole, SHOWN)
    gaps = [row for row in rows if row.metric.endswith(f"_{GAP}")]
    metrics = [f"{name}_{GAP}" for name in SHOWN]
    title = f"gaps, {gaps[0].tier if gaps else 'none'}: points with 95 % intervals over runs"
    print_values(title, names, gaps, metrics)
    for kind in KINDS:
        mine = [row for row in rows if row.category == kind and row.metric in SERVED]
        print_values(kind, names, mine, SERVED)
        for row in mine:
            print_line(_standing_line(row))
    print_claims(rows)


def _standing_line(row: Measurement) -> str:
    what = row.metric.replace("_", " ")
    return f"{what}, {row.category}: {row.arm}: {row.verdict} {row.reason or ''}"
