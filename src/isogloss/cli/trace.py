"""``isogloss trace``: where a gap between languages comes from."""

from __future__ import annotations

import typer

from isogloss.cli import (
    trace_anatomy,
    trace_dose,
    trace_grid,
    trace_instruments,
    trace_ladder,
    trace_mixes,
)


def register(app: typer.Typer) -> None:
    """Add the verb with its commands."""
    trace = typer.Typer(no_args_is_help=True, help="Where a gap between languages comes from.")
    for command in (
        trace_ladder,
        trace_anatomy,
        trace_dose,
        trace_mixes,
        trace_instruments,
        trace_grid,
    ):
        command.register(trace)
    app.add_typer(trace, name="trace")
