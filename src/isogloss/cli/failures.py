"""What ended in an error, for people: a table full of dashes must not be the only sign of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from isogloss.cli.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def print_failures(run: Path, *, roles: Sequence[str] = ("target", "judge")) -> None:
    """A line to stderr for every target and judge with failures, each with its commonest reason.

    Args:
        run: a run folder.
        roles: whose failures the command that has just ended would seek again.
    """
    from isogloss.store import RunStore

    with RunStore(run) as store:
        rows = [row for row in store.failures().to_dicts() if row["role"] in roles]
    for role, name in dict.fromkeys((row["role"], row["name"]) for row in rows):
        mine = [row for row in rows if (row["role"], row["name"]) == (role, name)]
        n = sum(row["n"] for row in mine)
        what = f"{n:,} {'replies' if role == 'target' else 'verdicts'} of {name} ended in an error"
        again = "" if name.startswith("replay:") else "; the same command asks for them again"
        typer.echo(one_line(f"{what} (such as: {mine[0]['reason']}){again}", limit=600), err=True)
