"""A user's table of distances between languages, such as an export from lang2vec.

One row a pair and kind: ``language_1, language_2, kind, distance`` with distances in [0, 1], either
order of the pair, an empty distance where nothing is known. Two traps of lang2vec are met here: it
has no features of ``zho``, which comes out at distance 1 from everything (``cmn`` is Chinese
there); and languages whose features it lacks all come out as one and the same empty vector, at
distance 0 from each other (the phonology of ``por``, ``tam``, ``nya``): missing, and not alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.concepts.similarity import Array, Similarities, lineage
from isogloss.errors import LanguageError
from isogloss.languages import resolve_language
from isogloss.prompts.rows import Row, Table, read_table

COLUMNS = ("language_1", "language_2", "kind", "distance")
USER_KINDS = ("genetic", "syntactic", "geographic", "phonological")
SAME = 1e-3
"""Distances closer than this are one (lang2vec writes 0.0002 between empty vectors)."""
_NO_ROW = frozenset({"zho", "chi"})


def load_similarities(path: str | Path, languages: Sequence[str]) -> Similarities:
    """Read a table of distances.

    Args:
        path: a table with the `COLUMNS` (CSV, TSV, JSONL, JSON or Parquet).
        languages: the languages asked for; others in the table are passed over, and pairs that are
            not in it are missing.

    Raises:
        InputError: other columns, an unknown kind or language, a distance outside [0, 1], a pair
            twice with two distances, or ``zho``.
    """
    table = read_table(path)
    if missing := [name for name in COLUMNS if name not in table.columns]:
        table.refuse(
            "columns",
            f"{', '.join(missing)} missing; needed: {', '.join(COLUMNS)}; found: "
            f"{', '.join(table.columns)}",
        )
    pairs: dict[str, dict[tuple[str, str], float]] = {}
    for row in table.rows:
        one, other = sorted(_language(table, row, name) for name in COLUMNS[:2])
        kind, distance = _kind(table, row), _distance(table, row)
        if one != other and distance is not None:
            _put(table, row, pairs.setdefault(kind, {}), (one, other), distance)
    tags = tuple(languages)
    notes: list[str] = []
    if empty := _empty_languages(pairs.get("phonological", {})):
        notes.append(f"phonological: {', '.join(sorted(empty))} share one empty vector: masked")
        kept = pairs["phonological"].items()
        pairs["phonological"] = {pair: d for pair, d in kept if not empty & set(pair)}
    return Similarities(
        languages=tags,
        matrices={kind: _matrix(known, tags) for kind, known in pairs.items()},
        source=f"table {table.path.name}",
        notes=tuple(notes),
    )


def _matrix(distances: Mapping[tuple[str, str], float], tags: Sequence[str]) -> Array:
    matrix = np.full((len(tags), len(tags)), np.nan)
    np.fill_diagonal(matrix, 1.0)
    at = {tag: i for i, tag in enumerate(tags)}
    for (one, other), distance in distances.items():
        if one in at and other in at:
            matrix[at[one], at[other]] = matrix[at[other], at[one]] = 1 - distance
    return matrix


def _language(table: Table, row: Row, column: str) -> str:
    code = str(row.cells.get(column) or "").strip()
    if code.lower() in _NO_ROW:
        table.refuse(
            row.place,
            f"{code!r}: lang2vec has no facts on it and gives distance 1 to every language; export "
            "Chinese as 'cmn' (or write 'zh' where the distances come from elsewhere)",
            column,
        )
    try:
        return resolve_language(code)
    except LanguageError as error:
        table.refuse(row.place, str(error), column)


def _kind(table: Table, row: Row) -> str:
    kind = str(row.cells.get("kind") or "").strip().lower()
    if kind not in USER_KINDS:
        table.refuse(row.place, f"{kind!r} is none of {', '.join(USER_KINDS)}", "kind")
    return kind


def _distance(table: Table, row: Row) -> float | None:
    cell: Any = row.cells.get("distance")
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    try:
        value = float(cell)
    except (TypeError, ValueError):
        table.refuse(row.place, f"{cell!r} is not a number", "distance")
    if math.isnan(value):
        return None
    if not 0 <= value <= 1:
        table.refuse(row.place, f"{value:g} is not in [0, 1]", "distance")
    return value


def _put(
    table: Table,
    row: Row,
    known: dict[tuple[str, str], float],
    pair: tuple[str, str],
    distance: float,
) -> None:
    if abs(known.setdefault(pair, distance) - distance) > SAME:
        table.refuse(row.place, f"{pair[0]} and {pair[1]} have another distance above", "distance")


def _empty_languages(distances: Mapping[tuple[str, str], float]) -> set[str]:
    """Languages that share one empty vector.

    The sign of it: two languages of different families at distance 0 from each other that are
    equally far from every other language, of three or more.
    """
    tags = sorted({tag for pair in distances for tag in pair})
    far = {tag: _profile(tag, distances, tags) for tag in tags}
    found: set[str] = set()
    for one, other in combinations(tags, 2):
        if distances.get((one, other), 1.0) > SAME or _related(one, other):
            continue
        both = [tag for tag in far[one] if tag in far[other]]
        gaps = [abs(far[one][tag] - far[other][tag]) for tag in both]
        if len(both) >= 3 and max(gaps) <= SAME:
            found |= {one, other}
    return found


def _profile(
    tag: str, distances: Mapping[tuple[str, str], float], tags: Sequence[str]
) -> dict[str, float]:
    """Its distance to every other language that has one."""
    pairs = {other: (min(tag, other), max(tag, other)) for other in tags if other != tag}
    return {other: distances[pair] for other, pair in pairs.items() if pair in distances}


def _related(one: str, other: str) -> bool:
    a, b = lineage(one), lineage(other)
    return bool(a and b and a[0] == b[0])
