"""Measurement rows for a terminal: a summary of an audit, a plain table, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

from isogloss.cli.console import MISSING, folds_into, print_line, print_table, stdout_console
from isogloss.cli.terminal import one_line
from isogloss.records import Measurement

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
WIDE = 160
WIDE_SUMMARY = 140
CURSES = ("harmfulness_curse", "relevance_curse")


def print_json(rows: Iterable[Measurement]) -> None:
    """A JSON array on stdout, a row a line, ASCII only."""
    lines = [json.dumps(asdict(row), ensure_ascii=True, allow_nan=False) for row in rows]
    print("[" + ",\n ".join(lines) + "]")


def print_summary(rows: Sequence[Measurement]) -> None:
    """Per language the main rates and the verdict, then tiers, then the two curses.

    What a dash and a question mark stand for is said below the table that has them.
    """
    for judge, variant in dict.fromkeys((row.judge, row.variant) for row in rows):
        mine = [row for row in rows if (row.judge, row.variant) == (judge, variant)]
        title = f"judge {judge or 'none'}, variant {variant}; % with 95 % intervals"
        _print_rates(mine, title)
        lines = list(_footnotes(mine))
        lines += [_curse_line(row) for row in mine if row.metric in CURSES]
        for line in lines:
            print_line(line)


def _print_rates(rows: Sequence[Measurement], title: str) -> None:
    """Languages, then the average of every tier; a narrow terminal has no column of tiers."""
    width = stdout_console().width
    cells = {(r.metric, r.language, r.tier): r for r in rows if r.category is None}
    verdicts = [row for row in cells.values() if row.metric == "language_verdict"]
    metrics = [name for name in SUMMARY if _is_measured(rows, name)]
    heads = ["language", "tier", *(name.replace("_", " ") for name in metrics), "verdict"]
    lines = [
        [row.language or "", row.tier or "", *_figures(cells, metrics, row), row.verdict or ""]
        for row in verdicts
    ]
    averages = [
        ["average", row.tier or "", *_figures(cells, metrics, replace(row, language=None)), ""]
        for row in {row.tier: row for row in verdicts}.values()
    ]
    if width < WIDE_SUMMARY and not folds_into(heads, [*lines, *averages], width):
        heads = [head for head in heads if head != "tier"]
        lines = [[language, *rest] for language, _, *rest in lines]
        averages = [[f"{average} {tier}", *rest] for average, tier, *rest in averages]
    print_table(title, heads, lines, averages, has_rules=width >= WIDE_SUMMARY)


def _figures(
    cells: Mapping[tuple[str, str | None, str | None], Measurement],
    metrics: Sequence[str],
    of: Measurement,
) -> list[str]:
    return [percent(cells.get((metric, of.language, of.tier))) for metric in metrics]


def _is_measured(rows: Sequence[Measurement], metric: str) -> bool:
    """Surely known in some language; compliance has its column anyway: no table is empty."""
    known = (
        row.estimate is not None and row.verdict != "unverified"
        for row in rows
        if row.metric == metric and row.category is None
    )
    return metric == SUMMARY[0] or any(known)


def _footnotes(rows: Sequence[Measurement]) -> Iterator[str]:
    """Which rates have no figure and why; what a question mark means."""
    plain = [row for row in rows if row.category is None and row.language is not None]
    for metric in SUMMARY:
        mine = [row for row in plain if row.metric == metric]
        gaps = [row for row in mine if row.estimate is None]
        if not gaps:
            continue
        where = ", ".join(row.language or "" for row in gaps)
        if not _is_measured(rows, metric):
            where = "any language"
        reason = gaps[0].reason or "no reason stored"
        yield f"{metric.replace('_', ' ')}: not measured in {where} (such as: {reason})"
    if any(row.verdict == "unverified" and row.estimate is not None for row in plain):
        yield "?: unverified, too many replies without an outcome; never read as safe"


def percent(row: Measurement | None) -> str:
    """``17 (12-24)`` in percent, with ``?`` where unverified and a dash where not measured."""
    if row is None or row.estimate is None:
        return MISSING
    text = f"{100 * row.estimate:.0f}"
    if row.low is not None and row.high is not None:
        text += f" ({100 * row.low:.0f}-{100 * row.high:.0f})"
    return text + ("?" if row.verdict == "unverified" else "")


def figure_cell(row: Measurement | None) -> str:
    """``37 % [29, 46]`` or ``+12 [+3, +20]``, by its unit; a dash where not measured."""
    from isogloss.report.numbers import figure, figure_interval

    if row is None or row.estimate is None:
        return MISSING
    return f"{figure(row)} {figure_interval(row)}".strip()


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
    from rich.text import Text

    console = stdout_console()
    cells = [_whole(row) if console.width >= WIDE else _narrow(row) for row in rows]
    values = {name: {cell[name] for cell in cells} for name in cells[0]}
    shared = [name for name in CONSTANT if len(values[name]) == 1 and values[name] != {""}]
    used = [name for name in values if name not in shared and values[name] - {""}]
    title = ", ".join(f"{name} {cells[0][name]}" for name in shared)
    table = Table(title=Text(title, style="table.title"), title_justify="left")
    for name in used:
        numeric = name in ("n", "estimate", "low", "high")
        kept = numeric or name in ("metric", "language")
        table.add_column(name, justify="right" if numeric else "left", no_wrap=kept,
                         min_width=max(map(len, values[name])) if kept else None)  # fmt: skip
    for cell in cells:
        table.add_row(*(Text(cell[name]) for name in used))
    console.print(table)


def _whole(row: Measurement) -> dict[str, str]:
    return {name: _cell(getattr(row, name)) for name in FIELDS}


def _narrow(row: Measurement) -> dict[str, str]:
    cells = {name: text for name, text in _whole(row).items() if name not in LEFT_OUT}
    if row.language is None and row.tier is not None:
        cells["language"] = f"average: {_cell(row.tier)}"
    return cells | {"estimate": _figure(row)}


def _figure(row: Measurement) -> str:
    """``37 % (29-46)``, ``-12 points (-20 to -3)``, or in its unit; empty where not measured."""
    from isogloss.report.numbers import COUNTS, PLAIN_UNITS, is_difference

    if row.estimate is None:
        return ""
    if row.unit in COUNTS | PLAIN_UNITS:
        return figure_cell(row)
    signed = is_difference(row)
    sign, join = ("+", " to ") if signed else ("", "-")
    text = f"{100 * row.estimate:{sign}.0f} " + ("points" if signed else "%")
    if row.low is None or row.high is None:
        return text
    return f"{text} ({100 * row.low:{sign}.0f}{join}{100 * row.high:{sign}.0f})"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else one_line(str(value))
