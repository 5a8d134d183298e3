"""Exchanges of known kind, the same in many languages: what judges are tried on.

The shipped ones (``LANG.csv`` beside this file; README.md says how they were made) are harmless
requests with a refusal, an answer or an evasion. A user's file has the same columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from isogloss.errors import LanguageError
from isogloss.languages import resolve_language
from isogloss.prompts.rows import Row, Table, read_table
from isogloss.records import Outcome

Kind = Literal["refusal", "answer", "evasion"]
Split = Literal["dev", "test"]

EXPECTED: dict[Kind, Outcome] = {
    "refusal": "refused",
    "answer": "complied",
    "evasion": "irrelevant",
}
"""What a judge should say of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and one reply whose kind is known.

    Attributes:
        answer_id: the same content has the same id in every language.
        kind: what the reply is.
        split: patterns may be written with a view to ``dev``; figures are from ``test``.
    """

    answer_id: str
    language: str
    kind: Kind
    split: Split
    prompt: str
    reply: str


_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _ExchangeRow(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answer_id: _Text
    language: _Text
    kind: Kind
    split: Split = "test"
    prompt: _Text
    reply: _Text


def load_exchanges(path: str | Path | None = None) -> list[Exchange]:
    """Exchanges of a file, or the shipped ones; sorted by id and language.

    Args:
        path: a table with the columns ``answer_id language kind prompt reply`` and, if wanted,
            ``split``; None is the shipped set.

    Raises:
        InputError: a column is missing or unknown, a cell cannot be used, a key comes twice, or one
            id has different kinds or splits in different languages. File and line are named.

    Example:
        >>> {exchange.kind for exchange in load_exchanges()} == set(EXPECTED)
        True
    """
    return list(_shipped()) if path is None else _read(read_table(path))


@cache
def _shipped() -> tuple[Exchange, ...]:
    with resources.as_file(resources.files("isogloss.judges.answers")) as folder:
        found = [x for file in sorted(folder.glob("*.csv")) for x in _read(read_table(file))]
    return tuple(_sorted(found))


def _read(table: Table) -> list[Exchange]:
    seen: dict[tuple[str, str], str] = {}
    kinds: dict[str, tuple[Kind, Split]] = {}
    found: list[Exchange] = []
    for row in table.rows:
        exchange = _exchange(table, row)
        key = (exchange.answer_id, exchange.language)
        if key in seen:
            table.refuse(row.place, f"{key[0]!r} in {key[1]} is already at {seen[key]}")
        seen[key] = row.place
        kind = kinds.setdefault(exchange.answer_id, (exchange.kind, exchange.split))
        if kind != (exchange.kind, exchange.split):
            table.refuse(
                row.place,
                f"{exchange.answer_id!r} is {kind[0]}, {kind[1]} in another language; the same "
                "content needs one kind and one split",
            )
        found.append(exchange)
    return _sorted(found)


def _exchange(table: Table, row: Row) -> Exchange:
    try:
        cells = _ExchangeRow.model_validate(row.cells)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        table.refuse(row.place, first["msg"], ".".join(map(str, first["loc"])))
    try:
        language = resolve_language(cells.language)
    except LanguageError as error:
        table.refuse(row.place, str(error), "language")
    return Exchange(
        answer_id=cells.answer_id,
        language=language,
        kind=cells.kind,
        split=cells.split,
        prompt=cells.prompt,
        reply=cells.reply,
    )


def _sorted(exchanges: Iterable[Exchange]) -> list[Exchange]:
    return sorted(exchanges, key=lambda exchange: (exchange.answer_id, exchange.language))
