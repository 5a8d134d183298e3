"""What `isogloss trace dose`, `mixes` and `instruments` share on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from isogloss.records import Measurement
    from isogloss.trace.arms import PlannedArm

Seeds = Annotated[
    int, typer.Option(help="Every arm under seeds 0 to N-1, from pre-training on; 3 for claims.")
]
Reward = Annotated[
    bool, typer.Option("--reward", help="Also a reward model for every run (isogloss[align]).")
]
Limit = Annotated[int | None, typer.Option(help="At most so many prompts of each intent.")]


def print_plan(arms: Sequence[PlannedArm], *, as_json: bool) -> None:
    """The arms, what each would read and how many of its models are there already."""
    if as_json:
        from dataclasses import asdict
        from json import dumps

        typer.echo(dumps([asdict(arm) for arm in arms], indent=1))
        return
    from isogloss.cli.tables import compact_table, stdout_console
    from isogloss.cli.terminal import one_line

    lines = [
        [one_line(arm.name), one_line(arm.target), f"{arm.n_tokens:,}",
         f"{arm.n_built} of {arm.n_runs}"]
        for arm in arms
    ]  # fmt: skip
    console = stdout_console()
    table = compact_table(
        "arms", ["arm", "target", "tokens a run", "built"], lines, console.width
    )  # fmt: skip
    for line in lines:
        table.add_row(*line)
    console.print(table)
    missing = sum(arm.n_runs - arm.n_built for arm in arms)
    typer.echo(f"{missing} of {sum(arm.n_runs for arm in arms)} models are to be trained")


def values_table(
    title: str,
    lines: Sequence[tuple[str, str, str]],
    rows: Sequence[Measurement],
    metrics: Sequence[str],
    width: int,
) -> Table:
    """A line an arm, a column a metric.

    Args:
        lines: what each line is called, its arm, and what its rows add to the metric's name.
        rows: one for every arm and metric at most counts: the first.
    """
    from isogloss.cli.tables import compact_table
    from isogloss.cli.terminal import one_line
    from isogloss.report.numbers import figure, figure_interval

    cells: dict[tuple[str, str], Measurement] = {}
    for row in rows:
        cells.setdefault((row.arm, row.metric), row)
    shown = [name for name in metrics if any(metric == name for _, metric in cells)]
    filled: list[list[str]] = []
    for words, arm, suffix in lines:
        line = [one_line(words)]
        for name in shown:
            row = cells.get((arm, name + suffix))
            known = row is not None and row.estimate is not None
            line.append(f"{figure(row)} {figure_interval(row)}".strip() if row and known else "-")
        filled.append(line)
    heads = ["arm", *(name.replace("_", " ") for name in shown)]
    table = compact_table(title, heads, filled, width)
    for line in filled:
        table.add_row(*line)
    return table


def print_claims(rows: Sequence[Measurement]) -> None:
    """A line a claim."""
    from isogloss.cli.tables import stdout_console
    from isogloss.cli.terminal import one_line
    from isogloss.records import CLAIM

    console = stdout_console()
    for row in rows:
        if row.metric == CLAIM:
            about = "" if row.arm in ("none", "all") else f"{row.arm}: "
            why = row.reason or f"{row.n} runs"
            line = one_line(f"{row.verdict}: {about}{row.category} ({why})")
            console.print(line, markup=False, highlight=False)
