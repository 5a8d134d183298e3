"""``isogloss demo``: the first thing to run; trains a lab model, studies it, writes the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from isogloss.control.config import ControlConfig
    from isogloss.lab.recipe import LabRecipe

DEMO_STRENGTH = 0.2
DEMO_PLACEBOS = 1
"""Of each kind: a glance, no test; `isogloss control` has ten."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(demo)


def demo(
    preset: Annotated[
        str,
        typer.Argument(
            help="A lab target without lab:, as in `isogloss lab build`; tiny takes a minute.",
            metavar="SPEC",
        ),
    ] = "small",
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/demo-… unless given.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
) -> None:
    """Train a small model from nothing, audit it in its sixteen languages, write a report.

    The report also says which of seven human values the model holds, in which languages, and what
    a guard from English does in all the others (one fixed setting; `isogloss control` searches).
    Nothing is downloaded. What is trained and asked is kept: the second time takes a minute or two.
    """
    from isogloss.audit.run import AuditConfig, run_audit
    from isogloss.cli.progress import progress_bars
    from isogloss.cli.tables import print_summary
    from isogloss.concepts.run import ConceptsConfig, run_concepts
    from isogloss.control.run import run_control
    from isogloss.lab.recipe import parse_spec
    from isogloss.report.page import build_report

    recipe = parse_spec(preset)
    spec = recipe.spec
    folder = out or Path("runs") / f"demo-{preset.removeprefix('lab:').replace('/', '-')}"
    with progress_bars() as progress:
        result = run_audit(AuditConfig(target=spec, out=folder), progress=progress)
        run_concepts(ConceptsConfig(target=spec, out=folder), progress=progress)
        if recipe.stage == "chat":  # only there is anything ever refused
            run_control(_control(recipe, folder), progress=progress)
    page = build_report(result.folder)
    print_summary(result.measurements)
    typer.echo(
        f"{spec} was trained on this machine; nothing above was painted in: another seed "
        f"(demo '{preset}#1') or other shares (demo '{preset}:english~reversed') will differ."
    )
    typer.echo(f"run: {result.folder}")
    typer.echo(f"report: {page}")
    if open_:
        typer.launch(str(page))


def _control(recipe: LabRecipe, folder: Path) -> ControlConfig:
    """One setting, fixed beforehand: a fifth of the states' length at the middle layer."""
    from isogloss.control.config import ControlConfig
    from isogloss.control.settings import SearchGrid

    grid = SearchGrid(
        layers=((recipe.n_layers // 2,),), strengths=(DEMO_STRENGTH,), operators=("add",)
    )
    return ControlConfig(target=recipe.spec, out=folder, grid=grid, n_placebos=DEMO_PLACEBOS)
