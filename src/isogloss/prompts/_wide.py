"""Wide tables, a column a language, turned into the rows of a long one."""

from __future__ import annotations

import ast
import difflib
import re
from typing import Any

from isogloss.errors import LanguageError
from isogloss.languages import resolve_language
from isogloss.prompts.rows import Row, Table
from isogloss.seeds import content_hash

KEPT = ("prompt_id", "intent", "category", "reference", "variant", "cluster_id")
"""Columns that mean in a wide table what they mean in a long one."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?|True|False")
_IDENTIFIERS = ("prompt_id", "id", "index_id")
_DATA = """
author comment comments date label license licence link note notes number source split subset tags
title topic type year
"""
_IGNORED = frozenset(_DATA.split())
# ISO 639-3 codes that are far likelier the name of a column than Kupia, Tagoi, Dela-Oenale, …
_WORDS = """
act age all ans any aut aux bin bit cat cnt col csv day dev doc end hit ids key len lid max min new
num old one org per pid pos pre raw row run seq set sha sid src sub sum tab tag top tox two url val
var ver vol win
"""
_LOOKS_LIKE_A_CODE = frozenset(_WORDS.split())


def is_long(table: Table) -> bool:
    """By header: a column ``language`` makes a table long."""
    return "language" in table.columns


def wide_to_long(table: Table, notes: list[str]) -> list[Row]:
    """One row a non-missing column and row; ``notes`` gets what was done with the other columns."""
    identifier = next(
        (c for c in _IDENTIFIERS if c in table.columns and _is_identifier(table, c)), None
    )
    languages = _language_columns(table, notes)
    english = next((column for column, tag in languages.items() if tag == "en"), None)
    if identifier is None:
        notes.append("no column prompt_id or id: prompts are named by a hash of their text")
    rows: list[Row] = []
    n_several = 0
    for row in table.rows:
        shared = {column: row.cells.get(column) for column in KEPT if column in table.columns}
        if identifier is not None:
            shared["prompt_id"] = row.cells.get(identifier)
        else:
            shared["prompt_id"] = _hashed_id(row, languages, english)
        if "category" not in shared and "tags" in table.columns:
            tags = _tags(row.cells.get("tags"))
            shared["category"] = tags[0] if tags else None
            n_several += len(tags) > 1
        if english is not None and not shared.get("reference"):
            shared["reference"] = row.cells.get(english)
        for column in languages:
            cells = shared | {"language": column, "text": row.cells.get(column)}
            rows.append(Row(f"{row.place} ({column})", cells))
    if n_several:
        notes.append(f"{n_several} rows have several tags: the first one is their category")
    return rows


def _language_columns(table: Table, notes: list[str]) -> dict[str, str]:
    """The columns that hold prompts, with their canonical tags."""
    found: dict[str, str] = {}
    for column in table.columns:
        if column in KEPT or column in _IGNORED or column == "index_id":
            continue
        if column == "id" and _is_identifier(table, column):
            continue
        if column.lower() in _LOOKS_LIKE_A_CODE or _is_numbers(table, column):
            notes.append(
                f"column {column} was read as data about the prompt and ignored; if it is the "
                f"language {column!r}, name it {column}_Latn (or its script)"
            )
            continue
        try:
            tag = resolve_language(column)
        except LanguageError as error:
            near = difflib.get_close_matches(column, KEPT, n=1)
            also = f"; or did you mean the column {near[0]}?" if near else ""
            table.refuse(
                "header",
                f"{error}{also}; a long table has the columns prompt_id, language and text, a wide "
                "one a column a language, and beside them only "
                f"{', '.join((*_IDENTIFIERS, *KEPT[1:]))} and, ignored, "
                f"{', '.join(sorted(_IGNORED))}",
                column,
            )
        if tag in found.values():
            first = next(name for name, other in found.items() if other == tag)
            table.refuse(
                "header",
                f"{first!r} and {column!r} are both {tag!r}; two dialects of one language need a "
                "long table with the column variant",
                column,
            )
        found[column] = tag
    if not found:
        table.refuse(
            "header",
            "neither a long table (columns prompt_id, language, text) nor a wide one (a column a "
            f"language): found {', '.join(table.columns)}",
        )
    return found


def _is_identifier(table: Table, column: str) -> bool:
    """``id`` is a common name for row names and the code of Indonesian: the cells decide.

    Names of rows have no white space in any cell, sentences have it in some.
    """
    if column != "id":
        return True
    cells = _filled(table, column)
    return bool(cells) and not any(character.isspace() for cell in cells for character in cell)


def _is_numbers(table: Table, column: str) -> bool:
    """``no`` may be a number or Norwegian, ``is`` a flag or Icelandic: the cells decide."""
    cells = _filled(table, column)
    return bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)


def _filled(table: Table, column: str) -> list[str]:
    cells = (row.cells.get(column) for row in table.rows)
    return [text for cell in cells if cell is not None and (text := str(cell).strip())]


def _hashed_id(row: Row, languages: dict[str, str], english: str | None) -> str:
    """The same id wherever the row stands; from the English text alone where there is one."""
    if english is not None and (text := row.cells.get(english)):
        return content_hash(str(text))[:12]
    texts = sorted((tag, str(row.cells.get(column) or "")) for column, tag in languages.items())
    return content_hash(*(part for pair in texts for part in pair))[:12]


def _tags(cell: Any) -> list[str]:
    """A list, a list written as Python or JSON (MultiJail), or one tag."""
    if isinstance(cell, str) and cell.strip().startswith("["):
        try:
            cell = ast.literal_eval(cell.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return [str(cell).strip()]
    if isinstance(cell, list | tuple):
        return [str(tag).strip() for tag in cell if str(tag).strip()]  # pyright: ignore
    return [str(cell).strip()] if cell and str(cell).strip() else []
