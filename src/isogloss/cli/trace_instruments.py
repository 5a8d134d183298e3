"""``isogloss trace instruments``: one lab model measured exactly and by faulty translations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import print_as_json, print_line
from isogloss.cli.ending import end_run
from isogloss.cli.options import Device, Dtype, PromptLimit, RowsAsJson, RunFolder, WriteReport
from isogloss.cli.trace_arms import Seeds, print_claims, print_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.trace.instruments import InstrumentsResult, PlannedRun

EPILOG = """
Examples:

isogloss trace instruments lab:tiny : 30 % of prompts, of replies, of both translated wrongly.

isogloss trace instruments lab:small:balanced --rates 0.05,0.2 --seeds 3
"""


def register(trace: typer.Typer) -> None:
    """Add the command."""
    trace.command(epilog=EPILOG)(instruments)


def instruments(
    target: Annotated[
        str, typer.Argument(help="lab:PRESET, lab:PRESET:MIX or …@STAGE, without a seed.")
    ],
    rates: Annotated[
        str,
        typer.Option(
            help="Shares of texts that are translated wrongly, above 0 and up to 1, with commas."
        ),
    ] = "0.3",
    seeds: Seeds = 5,
    limit: PromptLimit = None,
    out: RunFolder = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Check everything and say what would be asked.")
    ] = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Measure TARGET exactly and by faulty translations: how much of a gap is theirs?

    Run the same command again to resume.
    """
    from isogloss.cli.codes import split_numbers
    from isogloss.cli.progress import progress_bars
    from isogloss.targets.options import LocalOptions
    from isogloss.trace.instruments import InstrumentsConfig, plan_instruments, run_instruments

    config = InstrumentsConfig(
        target=target,
        rates=split_numbers(rates, "--rates", "0.1,0.3"),
        seeds=seeds,
        limit=limit,
        out=out,
        options=LocalOptions(device=device, dtype=dtype),
    )
    if plan:
        _print_plan(plan_instruments(config), as_json=json)
        return
    with progress_bars() as progress:
        result = run_instruments(config, progress=progress)
    end_run(
        result.folder, result.measurements, lambda: _print_instruments(result),
        report=report, json=json,
    )  # fmt: skip


def _print_plan(runs: Sequence[PlannedRun], *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        print_as_json([asdict(run) for run in runs])
        return
    for run in runs:
        built = "" if run.is_built else " (to be built)"
        print_line(f"{run.target}{built}: {run.n_prompts:,} prompts, right and wrong")
    missing = sum(not run.is_built for run in runs)
    print_line(f"{missing} of {len(runs)} models are to be trained")


def _print_instruments(result: InstrumentsResult) -> None:
    """Gaps, then what changed by tier, then the claims."""
    from isogloss.trace.instruments import AREA, METRICS
    from isogloss.trace.tier_rows import CHANGE, GAP

    rows = [row for row in result.measurements if row.area == AREA]
    names = [(condition.name, condition.name, "") for condition in result.conditions]
    gaps = [row for row in rows if row.metric.endswith(f"_{GAP}")]
    title = f"gaps, {gaps[0].tier if gaps else 'none'}: points with 95 % intervals over runs"
    metrics = [f"{name}_{GAP}" for name in METRICS]
    print_values(title, names, gaps, metrics)
    changes = [r for r in rows if r.metric.endswith(f"_{CHANGE}") and "_gap_" not in r.metric]
    for tier in dict.fromkeys(row.tier for row in changes):
        several = [row for row in changes if row.tier == tier and row.language is None]
        mine = several or [row for row in changes if row.tier == tier]
        title = f"{tier}: points since the exact measurement"
        metrics = [f"{name}_{CHANGE}" for name in METRICS]
        print_values(title, names[1:], mine, metrics)
    print_claims(rows)
