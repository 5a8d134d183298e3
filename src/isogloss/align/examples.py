"""Training examples from files: instructions with a response, or with one preferred to another.

What TRL writes (conversational cells) and the layout of HH-RLHF (Bai et al. 2022, arXiv 2204.05862)
are read too; whatever is not exactly one prompt with one or two responses is refused with file and
line, and never with the text.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.errors import InputError, LanguageError
from isogloss.languages import resolve_among, resolve_language
from isogloss.prompts.rows import Row, Table, read_table
from isogloss.records import INTENTS, Intent
from isogloss.seeds import content_hash

RESPONSES = ("chosen", "response", "completion", "messages")
"""Names of the column with the response to learn; ``messages`` only where no other is there."""
IDS = ("example_id", "id")
CLUSTERS = ("cluster_id", "prompt_id")
PROVENANCE = re.compile(
    r"(?:translation|translated|source_|provenance).*|engine|back_translation|chrf|flags"
)
"""Columns kept as they are: how a text came to be, also as ``isogloss translate`` writes it."""

_HUMAN, _ASSISTANT = "Human:", "\n\nAssistant:"
_TURN = re.compile(r"(?:^|\n\n)(?:Human|Assistant):")
_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")
_QUOTED_MESSAGES = re.compile(r"\s*\[\s*\{\s*['\"](?:role|content)['\"]\s*:")
_LONGEST_NAME = 40  # characters of a code or an intent that a message may show: no text is so short


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One instruction, or one preference where ``rejected`` is there.

    Attributes:
        example_id: the same in every language; unique within a language.
        language: canonical tag of prompt and responses.
        chosen: the response to learn.
        rejected: the response it is preferred to.
        intent: of the prompt; None where the file does not say.
        cluster_id: what it shares with examples of the same source; ``example_id`` unless given.
        provenance: how the texts came to be (translation engine, …), as the file has it.
    """

    example_id: str
    language: str
    prompt: str
    chosen: str
    rejected: str | None = None
    intent: Intent | None = None
    cluster_id: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    def __post_init__(self) -> None:
        if not self.cluster_id:
            object.__setattr__(self, "cluster_id", self.example_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSet:
    """Examples in the order of their file: all of them preferences, or none.

    Attributes:
        source: the file.
        fingerprint: sixteen hex digits of all but the provenance; the same for shuffled files.
        notes: what loading did not take over as it was.
    """

    examples: tuple[Example, ...]
    source: str
    fingerprint: str
    notes: tuple[str, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """Canonical tags in the order of first sight."""
        return tuple(dict.fromkeys(example.language for example in self.examples))


class _StoredRow(BaseModel):
    """A line of `write_examples`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    example_id: str
    language: str
    prompt: str
    chosen: str
    rejected: str | None
    intent: Intent | None
    cluster_id: str
    provenance: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Which column of a file is what; None where there is none."""

    prompt: str | None
    chosen: str
    rejected: str | None
    example_id: str | None
    cluster_id: str | None
    provenance: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell, which knows where it stands; None where its row or its file has none."""

    table: Table
    row: Row
    column: str | None

    @property
    def value(self) -> Any:
        return None if self.column is None else self.row.cells.get(self.column)

    @property
    def is_missing(self) -> bool:
        value = self.value
        return value in (None, [], {}) or (isinstance(value, str) and not value.strip())

    def refuse(self, message: str) -> NoReturn:
        self.table.refuse(self.row.place, message, self.column)

    def checked(self, text: str) -> str:
        if _NO_CHARACTER.search(text):
            self.refuse("contains a NUL character or a lone surrogate")
        return text

    def name(self) -> str | None:
        """A short cell; a number is as good as its digits, True is a slip."""
        value = self.value
        if self.is_missing:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            self.refuse(f"text expected, found {type(value).__name__}")
        return self.checked(value.strip())

    def verbatim(self) -> str:
        """Text as it is, anything else as JSON."""
        value = self.value
        return self.checked(
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        )

    def text(self) -> str:
        """Text as it is, not blank."""
        if self.is_missing:
            self.refuse("is empty")
        if not isinstance(self.value, str):
            self.refuse(f"text or messages expected, found {type(self.value).__name__}")
        if _QUOTED_MESSAGES.match(self.value):
            self.refuse("messages written as text; use JSONL or Parquet, where they are lists")
        return self.checked(self.value)

    def turns(self, *allowed: tuple[str, ...]) -> list[str] | None:
        """What each message says, if the cell holds messages; of these roles only."""
        value = self.value
        if self.is_missing or not isinstance(value, list):
            return None
        roles: list[str] = []
        said: list[str] = []
        for message in cast(list[Any], value):
            cells = cast(dict[str, Any], message) if isinstance(message, dict) else {}
            role, content = cells.get("role"), cells.get("content")
            if not isinstance(role, str) or not isinstance(content, str):
                self.refuse("a message needs role and content, both text")
            if not content.strip():
                self.refuse("a message is empty")
            roles.append(role if role in ("system", "user", "assistant") else "another role")
            said.append(self.checked(content))
        if tuple(roles) not in allowed:
            self.refuse(
                f"messages of {', '.join(roles)}: single-turn only, here "
                f"{' or '.join(' and '.join(one) for one in allowed)}"
            )
        return said


def load_examples(path: str | Path, *, language: str | None = None) -> ExampleSet:
    """Load instructions (``prompt`` and ``chosen``) or preferences (``rejected`` too).

    Columns: ``prompt``; ``chosen``, ``response`` or ``completion``; optionally ``rejected``,
    ``language``, ``id`` or ``example_id``, ``cluster_id`` (else ``prompt_id``), ``intent``, and
    those of `PROVENANCE`. A cell of text is taken as it is. It may also be a list of messages
    ``{"role", "content"}``, one user's and one assistant's, the prompt's with or without its own
    column. Without a prompt column, text is a dialogue as in HH-RLHF (``\\n\\nHuman: …
    \\n\\nAssistant: …``): the prompt is the human turn or, of several turns, all before the last
    reply with its marks. Without an id, an example is named by its content.

    Args:
        path: any format of `isogloss.prompts.rows.read_table`.
        language: code of the whole file's language, where it has no such column.

    Raises:
        InputError: a file, row or cell that cannot be used: no text, equal responses, several
            turns, prompts that differ, ``rejected`` in some rows only, an id twice in a language.
        LanguageError: ``language`` is not a language.
    """
    table = read_table(path)
    if language is not None:
        resolve_language(language)
    columns, notes = _find_columns(table, language)
    kept: dict[tuple[str, str], tuple[Example, str]] = {}
    n_twice = 0
    for row in table.rows:
        example, named = _read_example(table, row, columns, language)
        key = (example.language, example.example_id)
        if key not in kept:
            kept[key] = example, row.place
        elif named or example != kept[key][0]:
            table.refuse(
                row.place,
                f"example {example.example_id!r} in {example.language} is already at "
                f"{kept[key][1]}; ids are unique within a language",
                columns.example_id,
            )
        else:
            n_twice += 1
    if n_twice:
        notes.append(f"{n_twice} rows that repeat another one exactly were dropped")
    examples = tuple(example for example, _ in kept.values())
    return ExampleSet(
        examples=examples,
        source=str(path),
        fingerprint=examples_fingerprint(examples),
        notes=tuple(notes),
    )


def examples_fingerprint(examples: Iterable[Example]) -> str:
    """Sixteen hex digits naming what is trained on, whatever the order; without provenance."""
    rows = ({**row, "provenance": None} for row in example_rows(examples))
    return content_hash(*sorted(json.dumps(row) for row in rows))


def example_rows(examples: Iterable[Example]) -> list[dict[str, Any]]:
    """One dictionary an example, with all of its fields."""
    names = tuple(_StoredRow.model_fields)
    rows = [{name: getattr(example, name) for name in names} for example in examples]
    return [row | {"provenance": dict(row["provenance"])} for row in rows]


def write_examples(path: str | Path, examples: Iterable[Example]) -> None:
    """Write JSONL that `read_examples` reads back to equal examples in the same order.

    Written beside and renamed, so that a kill leaves the old file or the new one.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.partial")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            for row in example_rows(examples):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def read_examples(path: str | Path) -> tuple[Example, ...]:
    """What `write_examples` wrote.

    Raises:
        InputError: no such file, or a line that is not an example.
    """
    try:
        lines = Path(path).read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if lines.pop():
        raise InputError(f"{path}: line {len(lines) + 1}: is cut off; make the file again")
    examples: list[Example] = []
    for number, line in enumerate(lines, start=1):
        try:
            examples.append(Example(**_StoredRow.model_validate_json(line).model_dump()))
        except ValidationError:  # its message would show the text
            raise InputError(
                f"{path}: line {number}: not an example as isogloss writes it; make the file again"
            ) from None
    return tuple(examples)


def _find_columns(table: Table, language: str | None) -> tuple[_Columns, list[str]]:
    responses = [c for c in RESPONSES if c in table.columns and c != "messages"]
    ids = [c for c in IDS if c in table.columns]
    for several in (responses, ids):
        if len(several) > 1:
            table.refuse("header", f"{' and '.join(several)} are the same thing; keep one of them")
    if not responses and "messages" not in table.columns:
        table.refuse("header", "no response to learn: chosen, response or completion is needed")
    if "language" not in table.columns and language is None:
        table.refuse(
            "header", "no column language; add it, or name the whole file's with --language"
        )
    columns = _Columns(
        prompt="prompt" if "prompt" in table.columns else None,
        chosen=responses[0] if responses else "messages",
        rejected=_rejected_column(table),
        example_id=ids[0] if ids else None,
        cluster_id=next((c for c in CLUSTERS if c in table.columns), None),
        provenance=tuple(c for c in table.columns if PROVENANCE.fullmatch(c)),
    )
    known = ("prompt", *RESPONSES, "rejected", *IDS, *CLUSTERS, "language", "intent")
    unused = [c for c in table.columns if c not in known and c not in columns.provenance]
    for column in unused:
        # A misspelt `rejected` would turn preferences into instructions.
        if near := difflib.get_close_matches(column, known, n=1, cutoff=0.85):
            table.refuse("header", f"did you mean {near[0]}? rename it or remove it", column)
    return columns, [f"columns not used: {', '.join(unused)}"] if unused else []


def _rejected_column(table: Table) -> str | None:
    lacking = [row for row in table.rows if _Cell(table, row, "rejected").is_missing]
    if 0 < len(lacking) < len(table.rows):
        _Cell(table, lacking[0], "rejected").refuse(
            f"is empty here and in {len(lacking)} of {len(table.rows)} rows altogether; a file "
            "holds preferences or instructions: fill it in, or put these rows into another file"
        )
    return None if lacking else "rejected"


def _read_example(
    table: Table, row: Row, columns: _Columns, language: str | None
) -> tuple[Example, bool]:
    """The example, and whether its row names it."""
    tag = _language(_Cell(table, row, "language"), language)
    prompt, chosen, rejected = _texts(table, row, columns)
    named = _Cell(table, row, columns.example_id).name()
    cells = [_Cell(table, row, column) for column in columns.provenance]
    example = Example(
        example_id=named or content_hash(tag, prompt, chosen, rejected or ""),
        language=tag,
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        intent=_intent(_Cell(table, row, "intent")),
        cluster_id=_Cell(table, row, columns.cluster_id).name() or "",
        provenance={str(cell.column): cell.verbatim() for cell in cells if not cell.is_missing},
    )
    return example, named is not None


def _language(cell: _Cell, given: str | None) -> str:
    code = cell.name()
    if code is None:
        if given is None:
            cell.refuse("is empty; fill it in, or name the whole file's with --language")
        return resolve_language(given)
    if len(code) > _LONGEST_NAME:
        cell.refuse(f"{len(code)} characters are no language code")
    try:
        tag = resolve_language(code)
    except LanguageError as error:
        cell.refuse(str(error))
    if given is not None and resolve_among(given, {tag}) != tag:
        cell.refuse(f"is {tag}, but --language says {given}; leave out one of them")
    return tag


def _intent(cell: _Cell) -> Intent | None:
    found = (cell.name() or "").lower()
    if found and found not in INTENTS:
        shown = repr(found) if len(found) <= _LONGEST_NAME and " " not in found else "this"
        cell.refuse(f"{shown} is not an intent; use {' or '.join(INTENTS)}, or leave it empty")
    return found or None


def _texts(table: Table, row: Row, columns: _Columns) -> tuple[str, str, str | None]:
    """Prompt, chosen and rejected of a row, whatever its layout."""
    cell = _Cell(table, row, columns.prompt)
    prompts: dict[str, str] = {}
    if not cell.is_missing:
        turns = cell.turns(("user",))
        prompts["prompt"] = cell.text() if turns is None else turns[0]
    responses: list[str] = []
    for column in filter(None, (columns.chosen, columns.rejected)):
        before, response = _response(_Cell(table, row, column), dialogue=columns.prompt is None)
        responses.append(response)
        if before is not None:
            prompts[column] = before
    if not prompts:
        table.refuse(row.place, "is empty", "prompt")
    if len({" ".join(prompt.split()) for prompt in prompts.values()}) > 1:
        table.refuse(row.place, f"the prompts in {' and '.join(prompts)} differ; one is needed")
    if len(responses) == 2 and responses[0].split() == responses[1].split():
        table.refuse(
            row.place, f"is the same as {columns.chosen}: nothing is preferred", "rejected"
        )
    prompt = next(iter(prompts.values()))
    return prompt, responses[0], responses[1] if len(responses) == 2 else None


def _response(cell: _Cell, *, dialogue: bool) -> tuple[str | None, str]:
    """The prompt that stands in a response's own cell, if it does, and the response."""
    turns = cell.turns(("assistant",), ("user", "assistant"))
    if turns is not None:
        return (turns[0] if len(turns) == 2 else None), turns[-1]
    text = cell.text()
    if not dialogue:
        return None, text
    before, mark, response = text.rpartition(_ASSISTANT)
    before, response = before.strip(), response.strip()
    if not mark or not before.startswith(_HUMAN):
        cell.refuse("there is no column prompt, and this is no dialogue of Human: and Assistant:")
    if f"\n\n{_HUMAN}" in response or response.startswith(_HUMAN):
        cell.refuse("the dialogue does not end with a turn of the assistant's")
    if len(_TURN.findall(before)) == 1:
        before = before.removeprefix(_HUMAN).strip()
    if not before or not response:
        cell.refuse(f"the {'reply' if before else 'prompt'} in it is empty")
    return before, response
