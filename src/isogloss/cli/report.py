"""`isogloss report`: write the page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command()(report)


def report(
    run: Annotated[Path, typer.Argument(help="A run folder, as `isogloss audit` writes it.")],
    out: Annotated[
        Path | None, typer.Option(help="The HTML file; RUN/report.html unless given.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Write the page of a run, with charts (SVG, PNG) and tables (CSV) beside it."""
    from isogloss.report.page import build_report

    path = build_report(run, out)
    print(path)
    if open_page:
        typer.launch(path.resolve().as_uri())
