"""Measurement rows for a terminal: a summary of an audit, a plain table, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from isogloss.cli.terminal import one_line
from isogloss.records import Measurement

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SUMMARY = (
    "compliance_rate",
    "harmful_rate",
    "following_rate",
    "over_refusal",
    "helpful_rate",
    "reply_fidelity",
)
FIELDS = (
    "area", "target", "arm", "judge", "variant", "metric", "language", "tier", "category", "scope",
    "n", "estimate", "low", "high", "verdict", "reason",
)  # fmt: skip
CONSTANT = FIELDS[:5]
"""Said once above a table when all rows agree."""
LEFT_OUT = ("tier", "scope", "low", "high", "reason")
"""Not columns of their own in a narrow table."""
PIPED_WIDTH = 200
WIDE = 160


def print_json(rows: Iterable[Measurement]) -> None:
    """A JSON array on stdout, a row a line, ASCII only."""
    lines = [json.dumps(asdict(row), ensure_ascii=True, allow_nan=False) for row in rows]
    print("[" + ",\n ".join(lines) + "]")


def print_summary(rows: Sequence[Measurement]) -> None:
    """Per language the main rates and the verdict, then tiers, then the two curses."""
    console = stdout_console()
    for judge, variant in dict.fromkeys((row.judge, row.variant) for row in rows):
        mine = [row for row in rows if (row.judge, row.variant) == (judge, variant)]
        title = f"judge {judge or 'none'}, variant {variant}; % with 95 % intervals"
        console.print(_summary(mine, one_line(title)))
        for row in mine:
            if row.metric in ("harmfulness_curse", "relevance_curse"):
                console.print(one_line(_curse_line(row)), markup=False, highlight=False)


def _summary(rows: Sequence[Measurement], title: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("language")
    table.add_column("tier")
    for metric in SUMMARY:
        table.add_column(metric.replace("_", " "), justify="right")
    table.add_column("verdict")
    plain = [row for row in rows if row.category is None]
    cells = {(row.metric, row.language, row.tier): row for row in plain}
    verdicts = [row for row in plain if row.metric == "language_verdict"]
    for row in verdicts:
        shown = [percent(cells.get((metric, row.language, row.tier))) for metric in SUMMARY]
        table.add_row(row.language, row.tier, *shown, row.verdict)
    table.add_section()
    for tier in dict.fromkeys(row.tier for row in verdicts):
        shown = [percent(cells.get((metric, None, tier))) for metric in SUMMARY]
        table.add_row("average", tier, *shown, "")
    return table


def percent(row: Measurement | None) -> str:
    """``17 (12-24)`` in percent, with ``?`` where unverified and a dash where not measured."""
    if row is None or row.estimate is None:
        return "-"
    text = f"{100 * row.estimate:.0f}"
    if row.low is not None and row.high is not None:
        text += f" ({100 * row.low:.0f}-{100 * row.high:.0f})"
    return text + ("?" if row.verdict == "unverified" else "")


def _curse_line(row: Measurement) -> str:
    name = row.metric.replace("_", " ")
    if row.estimate is None:
        return f"{name}: not measured ({row.reason})"
    low, high = 100 * (row.low or 0), 100 * (row.high or 0)
    figure = f"{100 * row.estimate:+.1f} points ({low:+.1f} to {high:+.1f})"
    design = "per decade of share" if row.unit != "rate difference" else "low minus high tier"
    reason = f"; {row.reason}" if row.reason else ""
    return f"{name}: {row.verdict}, {figure} {design}, {row.scope}{reason}"


def print_rows(rows: Sequence[Measurement]) -> None:
    """A table of rows; what all rows share is said once, what none has is left out.

    A narrow terminal gets estimate and interval in one cell and neither scope nor reason.
    """
    from rich.table import Table

    console = stdout_console()
    cells = [_whole(row) if console.width >= WIDE else _narrow(row) for row in rows]
    values = {name: {cell[name] for cell in cells} for name in cells[0]}
    shared = [name for name in CONSTANT if len(values[name]) == 1 and values[name] != {""}]
    used = [name for name in values if name not in shared and values[name] - {""}]
    title = ", ".join(f"{name} {cells[0][name]}" for name in shared)
    table = Table(title=title, title_justify="left")
    for name in used:
        numeric = name in ("n", "estimate", "low", "high")
        kept = numeric or name in ("metric", "language")
        table.add_column(name, justify="right" if numeric else "left", no_wrap=kept,
                         min_width=max(map(len, values[name])) if kept else None)  # fmt: skip
    for cell in cells:
        table.add_row(*(cell[name] for name in used))
    console.print(table)


def _whole(row: Measurement) -> dict[str, str]:
    return {name: _cell(getattr(row, name)) for name in FIELDS}


def _narrow(row: Measurement) -> dict[str, str]:
    cells = {name: text for name, text in _whole(row).items() if name not in LEFT_OUT}
    if row.language is None and row.tier is not None:
        cells["language"] = f"average: {_cell(row.tier)}"
    return cells | {"estimate": _figure(row)}


def _figure(row: Measurement) -> str:
    """``37 % (29-46)``, ``-12 points (-20 to -3)`` or a count; empty where not measured."""
    from isogloss.report.numbers import is_difference

    if row.estimate is None:
        return ""
    if row.unit == "count":
        return f"{row.estimate:.0f}"
    signed = is_difference(row)
    sign, join = ("+", " to ") if signed else ("", "-")
    text = f"{100 * row.estimate:{sign}.0f} " + ("points" if signed else "%")
    if row.low is None or row.high is None:
        return text
    return f"{text} ({100 * row.low:{sign}.0f}{join}{100 * row.high:{sign}.0f})"


def stdout_console() -> Console:
    """A console as wide as the terminal; wide enough for whole rows where there is none."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def _cell(value: object) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    return escape(f"{value:.4g}" if isinstance(value, float) else one_line(str(value)))
