"""Cells of a table that a spreadsheet may open: none is ever taken for a formula."""

from __future__ import annotations

import re

LONGEST = 30_000
"""Characters of one cell; spreadsheets cut at 32,767."""

_FORMULA = re.compile(r"'*(?:[\t\n\r]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")


def to_cell(text: str) -> str:
    """``text`` with an apostrophe before what a spreadsheet would compute.

    Full-width forms and leading white space count too, and so does a tab or a line break by itself
    (OWASP, "CSV injection"). `from_cell` gives the same text back, whether the spreadsheet kept the
    apostrophe or took it for its own mark.

    Example:
        >>> to_cell("=1+1"), from_cell("'=1+1"), from_cell(to_cell("'=1+1"))
        ("'=1+1", '=1+1', "'=1+1")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def from_cell(cell: str) -> str:
    """The text that `to_cell` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def shortened(text: str) -> str:
    """At most `LONGEST` characters, with a note of how many are missing."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} … ({len(text) - LONGEST} characters more in the run)"


def alike(cell: str, text: str) -> bool:
    """Whether a cell still says what was written, white space apart (spreadsheets change it)."""
    return "".join(from_cell(cell).split()) == "".join(text.split())
