"""Pairs in the layout of the data of Xu et al. 2024, and in plain contrast tables.

Their repository keeps ``data/CONCEPT/CONCEPT_LANGUAGE.json``, each ``{group: {id: {"pos": …,
"neg": …}}}``; deontology has a ``scenario`` beside, truthfulness a ``question``. Ids are parallel
across languages. Their loader shuffles each language on its own after dropping pairs with equal
poles, so that its test items leak; here the split goes by id.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from isogloss.concepts.pairs import ContextKind
from isogloss.errors import InputError, LanguageError
from isogloss.languages import resolve_language
from isogloss.prompts.rows import Table, read_table

COLUMNS = (
    *("pair_id", "concept", "language", "positive", "negative"),
    *("question", "scenario", "source", "cluster_id", "split"),
)
"""Of a contrast table; the first five are required, ``id`` is read as ``pair_id``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPair:
    """A pair as a file has it; see `isogloss.concepts.pairs.ValuePair`.

    Attributes:
        positive, negative: "" where the file has the cell but nothing in it, or not the context
            that it has a place for.
        place: file and line (or group and id), for messages.
        cluster_id, split: None where the file does not say.
    """

    pair_id: str
    concept: str
    language: str
    positive: str
    negative: str
    source: str
    place: str
    context: str | None = None
    context_kind: ContextKind | None = None
    cluster_id: str | None = None
    split: str | None = None


def _text(value: object) -> object:
    """Stripped; empty is missing."""
    return value.strip() or None if isinstance(value, str) else value


def _identifier(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if number else _text(value)


_Text = Annotated[str, BeforeValidator(_text)]
_Maybe = Annotated[str | None, BeforeValidator(_text)]
_Name = Annotated[str | None, BeforeValidator(_identifier)]


class _Sample(BaseModel):
    """One pair of Xu et al.'s files; ``key`` is what their own loader adds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    pos: _Maybe
    neg: _Maybe
    scenario: _Maybe = None
    question: _Maybe = None
    key: Any = None


class _TableRow(BaseModel):
    """One row of a contrast table."""

    model_config = ConfigDict(extra="forbid", strict=True)

    pair_id: Annotated[str, BeforeValidator(_identifier)]
    concept: _Text
    language: _Text
    positive: _Maybe
    negative: _Maybe
    question: _Maybe = None
    scenario: _Maybe = None
    source: _Maybe = None
    cluster_id: _Name = None
    split: _Maybe = None


def read_contrast_table(path: Path) -> list[RawPair]:
    """Read a contrast table (CSV, TSV, JSONL, JSON, Parquet).

    Raises:
        InputError: the table or a row cannot be used; file, line and column are named.
    """
    table = read_table(path)
    columns = set(table.columns)
    renamed = {"id": "pair_id"} if "id" in columns and "pair_id" not in columns else {}
    columns = {renamed.get(column, column) for column in columns}
    if missing := [column for column in COLUMNS[:5] if column not in columns]:
        table.refuse(
            "header",
            f"a table of value pairs needs the column {' and '.join(missing)}; it has "
            f"{', '.join(table.columns)}",
        )
    if unknown := sorted(columns - set(COLUMNS)):
        table.refuse("header", f"not a column; known are {', '.join(COLUMNS)}", unknown[0])
    return [
        _from_row(table, row.place, {renamed.get(c, c): v for c, v in row.cells.items()})
        for row in table.rows
    ]


def _from_row(table: Table, place: str, cells: dict[str, Any]) -> RawPair:
    try:
        row = _TableRow.model_validate(cells)
    except ValidationError as error:
        column, words = _in_words(error)
        table.refuse(place, words, column)
    try:
        language = resolve_language(row.language)
    except LanguageError as error:
        table.refuse(place, str(error), "language")
    context, kind = _context(row.question, row.scenario, f"{table.path}: {place}")
    return RawPair(
        pair_id=row.pair_id,
        concept=row.concept,
        language=language,
        positive=row.positive or "",
        negative=row.negative or "",
        source=row.source or table.path.name,
        place=f"{table.path}: {place}",
        context=context,
        context_kind=kind,
        cluster_id=row.cluster_id,
        split=row.split,
    )


def read_p2_folder(folder: Path) -> list[RawPair]:
    """Read every ``CONCEPT_LANGUAGE.json`` in a folder and in its subfolders.

    Raises:
        InputError: no such file, or one of them cannot be used.
    """
    paths = sorted(path for path in folder.rglob("*.json") if path.is_file())
    if not paths:
        raise InputError(
            f"{folder}: no CONCEPT_LANGUAGE.json in it; give a folder of such files, or a table of "
            "value pairs"
        )
    return [pair for path in paths for pair in read_p2_file(path)]


def read_p2_file(path: Path) -> list[RawPair]:
    """Read one ``CONCEPT_LANGUAGE.json``.

    Raises:
        InputError: its name does not end in a language, it is not JSON of that shape, a key comes
            twice, or a pole is missing. Place and key are named, the text is not: it may be
            harmful.
    """
    concept, language = _named(path)
    groups = _groups(path)
    pairs: list[RawPair] = []
    for group, name, sample in _samples(path, groups):
        place = f"{path}: group {group!r}, id {name!r}"
        try:
            found = _Sample.model_validate(sample)
        except ValidationError as error:
            column, words = _in_words(error)
            raise InputError(
                f"{place}: {column}: {words}; a pair has pos, neg and, where it needs one, a "
                "scenario or a question"
            ) from None
        context, kind = _context(found.question, found.scenario, place)
        lost = context is None and bool(found.model_fields_set & {"question", "scenario"})
        pairs.append(
            RawPair(
                pair_id=f"{group}|{name}",
                concept=concept,
                language=language,
                positive="" if lost else found.pos or "",
                negative="" if lost else found.neg or "",
                source=path.name,
                place=place,
                context=context,
                context_kind=kind,
            )
        )
    return pairs


def _samples(path: Path, groups: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for group, samples in groups.items():
        if not isinstance(samples, dict):
            _refuse_shape(path, f"group {group!r} is a {type(samples).__name__}")
        for name, sample in samples.items():  # pyright: ignore[reportUnknownVariableType]
            yield group, str(name), sample  # pyright: ignore[reportUnknownArgumentType]


def _groups(path: Path) -> dict[str, Any]:
    try:
        groups: Any = json.loads(
            path.read_text(encoding="utf-8-sig"), object_pairs_hook=_no_key_twice
        )
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: not JSON ({error.msg})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not isinstance(groups, dict):
        _refuse_shape(path, f"it is a {type(groups).__name__}")
    return groups  # pyright: ignore[reportUnknownVariableType]


def _refuse_shape(path: Path, found: str) -> NoReturn:
    raise InputError(f"{path}: {found}, where {{group: {{id: {{pos, neg}}}}}} is expected")


def _no_key_twice(items: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [key for key, n in Counter(key for key, _ in items).items() if n > 1]
    if twice:
        raise ValueError(f"key {twice[0]!r} comes twice in one object")
    return dict(items)


def _named(path: Path) -> tuple[str, str]:
    """Concept and language from the file's name; a code may have an underscore (``zho_Hans``)."""
    parts = path.stem.split("_")
    for cut in range(1, len(parts)):
        try:
            language = resolve_language("_".join(parts[cut:]))
        except LanguageError:
            continue
        concept = "_".join(parts[:cut])
        if concept:
            return concept, language
    raise InputError(
        f"{path}: the name does not say concept and language; name it CONCEPT_LANGUAGE.json, such "
        "as morality_sw.json"
    )


def _context(
    question: str | None, scenario: str | None, place: str
) -> tuple[str | None, ContextKind | None]:
    if question is not None and scenario is not None:
        raise InputError(f"{place}: has a question and a scenario; a pair has one context")
    if question is not None:
        return question, "question"
    return (scenario, "scenario") if scenario is not None else (None, None)


def _in_words(error: ValidationError) -> tuple[str, str]:
    """The column and what is wrong with it; the cell stays out of it, it may be harmful."""
    first = error.errors(include_url=False, include_input=False)[0]
    column = ".".join(map(str, first["loc"])) or "pair"
    words = {"missing": "is missing", "extra_forbidden": "is not known", "string_type": "no text"}
    return column, words.get(first["type"], first["msg"])
