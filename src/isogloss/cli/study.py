"""``isogloss study``: both papers in one run on the lab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import print_as_json, print_line, print_table
from isogloss.cli.options import RowsAsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.records import Measurement
    from isogloss.study.run import PlannedStep

EPILOG = """
Examples:

isogloss study : the quick study.

isogloss study --full --plan : what the full one would run, and how long.

isogloss study --full --only dose,grid : two of its experiments, with the models they need.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(study)


def study(
    full: Annotated[
        bool,
        typer.Option(
            "--full/--quick",
            help="Three mixes, five seeds, every method, dose, grid, architectures and sizes; or "
            "two mixes, three seeds, three doses.",
        ),
    ] = False,
    only: Annotated[
        str | None,
        typer.Option(
            help="Run only these experiments and what they need, with commas: ladder, dose, align, "
            "concepts, control, anatomy, instruments; of a full study also grid, mixes."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Steps at once; as many as cores unless given."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder; runs/study-… unless given. Resumes.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print the steps with their minutes; run nothing.")
    ] = False,
    json: RowsAsJson = False,
) -> None:
    """Walk through both papers on lab models: each claim, our evidence, the verdict.

    Trains the models, then runs every experiment in a process of its own. Ends with a report and
    with findings.md and questions.md beside it. Run the same command again to resume: what is
    finished is not repeated.
    """
    from isogloss.cli.codes import split_words
    from isogloss.cli.progress import progress_bars
    from isogloss.cli.tables import print_json
    from isogloss.study.config import StudyConfig
    from isogloss.study.run import plan_steps, run_study

    config = StudyConfig(
        extent="full" if full else "quick",
        only=() if only is None else split_words(only, "--only", "dose,grid"),
        workers=workers,
        out=out,
    )
    if plan:
        _print_plan(plan_steps(config), workers, as_json=json)
        return
    with progress_bars() as progress:
        result = run_study(config, progress=progress)
    if json:
        print_json(result.measurements)
        return
    _print_claims(result.measurements)
    typer.echo(f"run: {result.folder}")
    typer.echo(f"findings: {result.findings}")
    typer.echo(f"questions: {result.questions}")
    typer.echo(f"report: {result.report}")


def _print_plan(steps: Sequence[PlannedStep], workers: int | None, *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        print_as_json([{**asdict(step), "folder": str(step.folder)} for step in steps])
        return
    from isogloss.targets.model import usable_cores

    lines = [[step.kind, step.name, f"{step.minutes:.1f}", step.state] for step in steps]
    heads = ["kind", "step", "minutes", "state"]
    print_table(f"{len(steps)} steps", heads, lines)
    left = sum(step.minutes for step in steps if step.state == "to do")
    at_once = workers or usable_cores()
    least = max((step.wait for step in steps), default=0.0)
    typer.echo(
        f"to do: {left:.0f} minutes of work, about {max(least, left / at_once):.0f} with {at_once} "
        "at once (guessed)"
    )


def _print_claims(claims: Sequence[Measurement]) -> None:
    from isogloss.report.numbers import figure, figure_interval
    from isogloss.report.walk import arm_told, claims_of, tally, walk_through

    for part in walk_through(claims):
        print_line(part.heading, style="bold")
        for row in part.claims:
            told = f"{figure(row)} {figure_interval(row)}".strip()
            of = ", ".join(filter(None, (row.target, arm_told(row))))
            print_line(f"- {row.verdict}: {row.category} ({told}, {row.n} runs; {of})")
    counts = ", ".join(f"{n} {verdict}" for verdict, n in tally(claims).items())
    print_line(f"{len(claims_of(claims))} claims: {counts}")
