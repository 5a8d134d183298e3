"""``isogloss doctor``: what this machine has, and what it can do."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from isogloss.cli.terminal import one_line

MARKS = {"ok": "ok  ", "note": "note", "missing": "FAIL"}


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("doctor")(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what this machine has and what it can do; exit code 1 if something needed is missing."""
    from isogloss.cli.machine import examine

    findings = examine()
    healthy = all(finding.state != "missing" for finding in findings)
    if as_json:
        rows = [asdict(finding) for finding in findings]
        typer.echo(json.dumps({"healthy": healthy, "findings": rows}, indent=2))
    else:
        for finding in findings:
            typer.echo(f"{MARKS[finding.state]}  {finding.name:<12} {one_line(finding.value)}")
            if finding.advice is not None:
                typer.echo(f"{'':18} {one_line(finding.advice)}")
        typer.echo()
        typer.echo("Ready." if healthy else "Not ready: see the lines marked FAIL.")
    if not healthy:
        raise typer.Exit(1)
