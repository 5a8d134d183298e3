"""How a verb that wrote a run ends: the page, then the rows or a table, then where things are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from isogloss.records import Measurement


def end_run(
    folder: Path,
    rows: Sequence[Measurement],
    show: Callable[[], None],
    *,
    report: bool,
    json: bool,
) -> None:
    """Write the report if asked, then print ``rows`` as JSON or what ``show`` prints.

    Args:
        show: prints tables, and what else there is to say before the run and its report are named.
    """
    page = None
    if report:
        from isogloss.report.page import build_report

        page = build_report(folder)
    if json:
        from isogloss.cli.tables import print_json

        print_json(rows)
        return
    show()
    typer.echo(f"run: {folder}")
    if page is not None:
        typer.echo(f"report: {page}")
