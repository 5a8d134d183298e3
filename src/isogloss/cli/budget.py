"""Calls, tokens and cost, for people."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from isogloss.cli.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.audit.budget import Budget, Spending
    from isogloss.targets.prices import Cost


def print_budget(budget: Budget, *, as_json: bool) -> None:
    """What would be asked; the last line says that nothing was."""
    if as_json:
        typer.echo(json.dumps(asdict(budget), default=str))
        return
    lines = [
        f"target: {budget.target}",
        f"run: {budget.folder}",
        f"calls: {budget.n_calls:,} ({budget.n_requests:,} replies planned, "
        f"{budget.n_stored:,} of them stored)",
        f"tokens read: about {budget.n_prompt_tokens:,} (3 bytes of text a token, 8 a message)",
        f"tokens written: at most {budget.most_tokens:,} (--max-new-tokens for every call)",
        f"cost: {_at_most(budget.cost)}",
    ]
    lines += [
        f"judge {judge}: up to a call a reply; its tokens depend on the replies and are not in the "
        "cost"
        for judge in budget.judges
    ]
    lines.append("nothing was asked and nothing was written")
    for line in lines:
        typer.echo(one_line(line))


def print_spending(spending: Sequence[Spending]) -> None:
    """What everyone behind an endpoint has read and written in this run so far."""
    for who in spending:
        if who.n_prompt_tokens is None or who.n_tokens is None:
            tokens = "tokens not known (the endpoint does not count them)"
        else:
            tokens = (
                f"{who.n_prompt_tokens:,} tokens read, {who.n_tokens:,} written in {who.n:,} calls"
            )
        cost = str(who.cost) if who.cost else "not known"
        typer.echo(one_line(f"{who.role} {who.name}: {tokens}; cost: {cost}"))


def _at_most(cost: Cost | None) -> str:
    return f"at most about {cost}" if cost else "not known (no price of it; --prices names a table)"
