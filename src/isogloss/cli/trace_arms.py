"""What `isogloss trace dose`, `mixes` and `instruments` share on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import print_as_json, print_line, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.records import Measurement
    from isogloss.trace.arms import PlannedArm

Seeds = Annotated[
    int, typer.Option(help="Every arm under seeds 0 to N-1, from pre-training on; 3 for claims.")
]
Reward = Annotated[
    bool, typer.Option("--reward", help="Also a reward model for every run (isogloss[align]).")
]


def print_plan(arms: Sequence[PlannedArm], *, as_json: bool) -> None:
    """The arms, what each would read and how many of its models are there already."""
    if as_json:
        from dataclasses import asdict

        print_as_json([asdict(arm) for arm in arms])
        return
    lines = [
        [arm.name, arm.target, f"{arm.n_tokens:,}", f"{arm.n_built} of {arm.n_runs}"]
        for arm in arms
    ]
    print_table("arms", ["arm", "target", "tokens a run", "built"], lines)
    missing = sum(arm.n_runs - arm.n_built for arm in arms)
    print_line(f"{missing} of {sum(arm.n_runs for arm in arms)} models are to be trained")


def print_values(
    title: str,
    lines: Sequence[tuple[str, str, str]],
    rows: Sequence[Measurement],
    metrics: Sequence[str],
) -> None:
    """A line an arm, a column a metric.

    Args:
        lines: what each line is called, its arm, and what its rows add to the metric's name.
        rows: one for every arm and metric at most counts: the first.
    """
    from isogloss.cli.tables import figure_cell

    cells: dict[tuple[str, str], Measurement] = {}
    for row in rows:
        cells.setdefault((row.arm, row.metric), row)
    shown = [name for name in metrics if any(metric == name for _, metric in cells)]
    filled = [
        [words, *(figure_cell(cells.get((arm, name + suffix))) for name in shown)]
        for words, arm, suffix in lines
    ]
    print_table(title, ["arm", *(name.replace("_", " ") for name in shown)], filled)


def print_claims(rows: Sequence[Measurement]) -> None:
    """A line a claim."""
    from isogloss.records import CLAIM

    for row in rows:
        if row.metric == CLAIM:
            about = "" if row.arm in ("none", "all") else f"{row.arm}: "
            why = row.reason or f"{row.n} runs"
            print_line(f"{row.verdict}: {about}{row.category} ({why})")
