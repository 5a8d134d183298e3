"""Tables beside the page as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import fields

from isogloss.cells import to_cell
from isogloss.charts.composition import ENDINGS
from isogloss.records import INTENTS, Measurement
from isogloss.report.facts import RunFacts
from isogloss.report.glossary import TERMS

Cell = str | int | float | bool | None


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """CSV in which no text cell can be taken for a formula.

    Text that could be one gets an apostrophe in front (`to_cell`), as spreadsheets do themselves;
    numbers stay numbers; a missing value is an empty cell, never 0.

    Example:
        >>> csv_text(["a"], [["=1+1"]]).splitlines()[1]
        "'=1+1"
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_guarded(name) for name in header])
    for row in rows:
        writer.writerow([_guarded(cell) for cell in row])
    return buffer.getvalue()


def rows_csv(rows: Iterable[Measurement]) -> str:
    """Measurements as they are stored, a column a field."""
    names = [field.name for field in fields(Measurement)]
    return csv_text(names, ([getattr(row, name) for name in names] for row in rows))


def _guarded(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return "" if cell is None else cell
    # A lone carriage return would stay unquoted and start a row of its own.
    text = cell.replace("\x00", "\u2400").replace("\r\n", "\n").replace("\r", "\n")
    return to_cell(text)


def audit_tables(facts: RunFacts) -> dict[str, str]:
    """File stem → CSV text: every measurement, rates by language, completeness."""
    everything = rows_csv(facts.rows)
    header = ["language", "name", "tier", "share_percent"]
    for term in TERMS:
        header += [term.metric, f"{term.metric}_low", f"{term.metric}_high", f"{term.metric}_n"]
    by_language: list[list[Cell]] = []
    for language in facts.languages:
        cells: list[Cell] = [language.tag, language.name, language.tier, language.share]
        for term in TERMS:
            row = facts.rate(term.metric, language.tag)
            cells += [row.estimate, row.low, row.high, row.n] if row else [None] * 4
        by_language.append(cells)
    completeness = [
        [x.tag, intent, *(facts.count(name, x.tag, intent) for name in ("planned", *ENDINGS))]
        for x in facts.languages
        for intent in INTENTS
    ]
    return {
        "measurements": everything,
        "by_language": csv_text(header, by_language),
        "completeness": csv_text(["language", "intent", "planned", *ENDINGS], completeness),
    }
