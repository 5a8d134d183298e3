"""From a file to a prompt set: every cell checked, every refusal with file, line and column."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from isogloss.errors import InputError, LanguageError
from isogloss.languages import resolve_language
from isogloss.prompts._set import (
    COLUMNS,
    FLAG_SEPARATOR,
    TRANSLATION_COLUMNS,
    PromptSet,
    prompts_fingerprint,
)
from isogloss.prompts._wide import is_long, wide_to_long
from isogloss.prompts.rows import Row, Table, read_table
from isogloss.records import INTENTS, Intent, Prompt, PromptKey, Translation

RECORD_COLUMNS = frozenset(
    {
        *("response", "reply", "completion", "output", "sample", "status"),
        *("outcome", "correct", "reason", "truncated"),
    }
)
"""What ``replay:FILE`` reads; one file may hold the prompts and the responses to them."""

_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")


def _clean(value: object) -> object:
    """Empty is missing; a character that is none is an error. The text itself is never changed."""
    if not isinstance(value, str):
        return value
    if _NO_CHARACTER.search(value):
        raise ValueError("contains a NUL character or a lone surrogate")
    return value if value.strip() else None


def _identifier(value: object) -> object:
    # A number as an id is as good as its digits; True is a slip.
    number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if number else _clean(value.strip() if isinstance(value, str) else value)


def _score(value: object) -> object:
    """chrF++ as JSON and Parquet have it, or as CSV writes it."""
    if isinstance(value, str):
        value = float(value) if value.strip() else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= 100:
            raise ValueError("chrF++ lies between 0 and 100")
        return float(value)
    return value


def _flags(value: object) -> object:
    """A list, or names with ``;`` between them."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = [name.strip() for name in value.split(FLAG_SEPARATOR) if name.strip()]
    return tuple(sorted(value)) if isinstance(value, list) else value  # pyright: ignore


_Text = Annotated[str | None, BeforeValidator(_clean)]
_Name = Annotated[str | None, BeforeValidator(_identifier)]


class _LongRow(BaseModel):
    """A row of a long table as it comes in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt_id: Annotated[str, BeforeValidator(_identifier)]
    language: Annotated[str, BeforeValidator(_identifier)]
    text: _Text
    intent: _Name = None
    category: _Name = None
    reference: _Text = None
    variant: _Name = None
    cluster_id: _Name = None
    engine: _Name = None
    source_language: _Name = None
    back_translation: _Text = None
    chrf: Annotated[float | None, BeforeValidator(_score)] = None
    flags: Annotated[tuple[str, ...], BeforeValidator(_flags)] = ()


def load_prompts(
    path: str | Path,
    *,
    intent: Intent | None = None,
    languages: Sequence[str] | None = None,
    licence: str | None = None,
) -> PromptSet:
    """Load a prompt set from a long or a wide table (CSV, TSV, JSONL, Parquet).

    What every irregularity leads to is in ``docs/prompt-sets.md``: it is an error that names the
    place, or it is done and told in `PromptSet.notes`; nothing is dropped silently.

    Args:
        path: the table.
        intent: for prompts whose row does not say; a table without the column needs it.
        languages: keep only these (any code); each must be in the table.
        licence: of the set; by default what ``FILE.license`` or ``LICENSE`` beside it says.

    Raises:
        InputError: the table, a row or a cell cannot be used.
        LanguageError: ``languages`` has a code that is none.

    Example:
        >>> load_prompts("prompts.csv", intent="harmful").fingerprint  # doctest: +SKIP
        '5f0c…'
    """
    if intent is not None and intent not in INTENTS:
        raise InputError(f"intent {intent!r} is not one of {', '.join(INTENTS)}")
    table = read_table(path)
    notes: list[str] = []
    rows = _long_rows(table, notes) if is_long(table) else wide_to_long(table, notes)
    prompts = _with_references(_prompts(table, rows, intent, notes))
    if languages is not None:
        prompts = _only(prompts, languages, table)
    if not prompts:
        raise InputError(f"{table.path}: no prompt is left: every text is empty")
    prompts.sort(key=lambda prompt: prompt.key)
    return PromptSet(
        prompts=tuple(prompts),
        fingerprint=prompts_fingerprint(prompts),
        licence=licence or _licence_beside(table.path),
        source=str(path),
        notes=tuple(notes),
    )


def _long_rows(table: Table, notes: list[str]) -> list[Row]:
    columns = set(table.columns) - RECORD_COLUMNS
    rows = list(table.rows)
    if recorded := sorted(RECORD_COLUMNS & set(table.columns)):
        notes.append(f"columns of recorded responses are no prompts: {', '.join(recorded)}")
        rows = [
            Row(r.place, {c: v for c, v in r.cells.items() if c not in RECORD_COLUMNS})
            for r in rows
        ]
    if "id" in columns and "prompt_id" not in columns:
        notes.append("column id was read as prompt_id")
        columns = columns - {"id"} | {"prompt_id"}
        rows = [
            Row(r.place, {"prompt_id" if c == "id" else c: v for c, v in r.cells.items()})
            for r in rows
        ]
    missing = [c for c in ("prompt_id", "language", "text") if c not in columns]
    if missing:
        table.refuse("header", f"a long table needs the column {' and '.join(missing)}")
    if unknown := sorted(columns - {*COLUMNS, *TRANSLATION_COLUMNS}):
        near = difflib.get_close_matches(unknown[0], COLUMNS + TRANSLATION_COLUMNS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        table.refuse(
            "header",
            f"not a column of a long table; {hint}known are "
            f"{', '.join(COLUMNS + TRANSLATION_COLUMNS)}: rename it or remove it",
            unknown[0],
        )
    return rows


def _prompts(
    table: Table, rows: Iterable[Row], intent: Intent | None, notes: list[str]
) -> list[Prompt]:
    kept: dict[PromptKey, tuple[Prompt, str]] = {}
    empty: Counter[str] = Counter()
    n_twice = 0
    for row in rows:
        prompt = _prompt(table, row, intent)
        if prompt.text == "":
            empty[prompt.language] += 1
        elif prompt.key not in kept:
            kept[prompt.key] = prompt, row.place
        elif kept[prompt.key][0] == prompt:
            n_twice += 1
        else:
            _refuse_twice(table, row.place, prompt, *kept[prompt.key])
    if empty:
        by_language = ", ".join(f"{tag} {n}" for tag, n in sorted(empty.items()))
        notes.append(f"{empty.total()} empty texts skipped ({by_language}): missing, not zero")
    if n_twice:
        notes.append(f"{n_twice} rows that repeat another one exactly were dropped")
    return [prompt for prompt, _ in kept.values()]


def _refuse_twice(table: Table, place: str, new: Prompt, old: Prompt, old_place: str) -> None:
    columns = (*COLUMNS, "translation")
    differs = [column for column in columns if getattr(new, column) != getattr(old, column)]
    table.refuse(
        place,
        f"prompt {new.prompt_id!r} in {new.language!r}, variant {new.variant!r}, is already at "
        f"{old_place} with another {', '.join(differs)}; give it its own prompt_id or variant",
    )


def _prompt(table: Table, row: Row, intent: Intent | None) -> Prompt:
    """A checked prompt; its text is "" where the cell is missing."""
    try:
        cells = _LongRow.model_validate(row.cells)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        column = ".".join(map(str, first["loc"]))
        table.refuse(row.place, _in_words(row, column, first["type"], first["msg"]), column)
    try:
        language = resolve_language(cells.language)
    except LanguageError as error:
        table.refuse(row.place, str(error), "language")
    found = cells.intent.lower() if cells.intent else intent
    if found not in INTENTS:
        table.refuse(row.place, _no_intent(cells.intent), "intent")
    return Prompt(
        prompt_id=cells.prompt_id,
        language=language,
        text=cells.text or "",
        intent=found,
        category=cells.category,
        reference=None if language == "en" else cells.reference,
        variant=cells.variant or "original",
        cluster_id=cells.cluster_id or cells.prompt_id,
        translation=_translation(table, row, cells),
    )


def _translation(table: Table, row: Row, cells: _LongRow) -> Translation | None:
    if cells.engine is None:
        told = (cells.source_language, cells.back_translation, cells.chrf)
        if cells.flags or any(cell is not None for cell in told):
            table.refuse(row.place, "is empty, but other columns tell of a translation", "engine")
        return None
    try:
        source = resolve_language(cells.source_language or "en")
    except LanguageError as error:
        table.refuse(row.place, str(error), "source_language")
    return Translation(
        engine=cells.engine,
        source_language=source,
        back_translation=cells.back_translation,
        chrf=cells.chrf,
        flags=cells.flags,
    )


def _no_intent(cell: str | None) -> str:
    if cell is None:
        return (
            "no intent: say for the whole set whether its prompts are harmful or benign "
            "(--intent harmful), or fill the column"
        )
    return f"{cell[:40]!r} is not an intent; use {' or '.join(INTENTS)}"


def _in_words(row: Row, column: str, kind: str, message: str) -> str:
    """pydantic's message for people; the cell itself stays out of it, it may be harmful."""
    value: Any = row.cells.get(column)
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if value is None or (isinstance(value, str) and not value.strip()):
        return "is empty"
    return f"text expected, found {type(value).__name__}"


def _with_references(prompts: list[Prompt]) -> list[Prompt]:
    """Take a missing reference from the English prompt of the same id and variant."""
    english = {(p.prompt_id, p.variant): p.text for p in prompts if p.language == "en"}
    return [
        replace(p, reference=english.get((p.prompt_id, p.variant)))
        if p.reference is None and p.language != "en"
        else p
        for p in prompts
    ]


def _only(prompts: list[Prompt], languages: Sequence[str], table: Table) -> list[Prompt]:
    wanted = {resolve_language(code) for code in languages}
    there = {prompt.language for prompt in prompts}
    if absent := sorted(wanted - there):
        raise InputError(
            f"{table.path}: no prompts in {', '.join(absent)}; it has {', '.join(sorted(there))}"
        )
    return [prompt for prompt in prompts if prompt.language in wanted]


def _licence_beside(path: Path) -> str | None:
    """The SPDX name in, or the first line of, a licence file beside the table."""
    beside = (
        f"{path.name}.license",
        f"{path.name}.LICENSE",
        "LICENSE",
        "LICENSE.txt",
        "LICENSE.md",
    )
    for file in (path.with_name(name) for name in beside):
        if not file.is_file():
            continue
        lines = [line.strip() for line in file.read_text("utf-8", "replace").splitlines()]
        for line in lines:
            if "SPDX-License-Identifier:" in line:
                return line.split("SPDX-License-Identifier:", 1)[1].strip()
        return next((line[:200] for line in lines if line), None)
    return None
