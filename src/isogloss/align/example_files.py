"""Training examples from files: instructions with a response, or with one preferred to another.

What TRL writes (conversational cells) and the layout of HH-RLHF (Bai et al. 2022, arXiv 2204.05862)
are read too; whatever is not exactly one prompt with one or two responses is refused with file and
line, and never with the text.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from isogloss.align.example_cells import Cell
from isogloss.align.examples import Example, ExampleSet, examples_fingerprint
from isogloss.errors import LanguageError
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
_LONGEST_NAME = 40  # characters of a code or an intent that a message may show: no text is so short


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Which column of a file is what; None where there is none."""

    prompt: str | None
    chosen: str
    rejected: str | None
    example_id: str | None
    cluster_id: str | None
    provenance: tuple[str, ...]


def load_examples(path: str | Path, *, language: str | None = None) -> ExampleSet:
    """Load instructions (``prompt`` and ``chosen``) or preferences (``rejected`` too).

    Columns: ``prompt``; ``chosen``, ``response`` or ``completion``; optionally ``rejected``,
    ``language``, ``id`` or ``example_id``, ``cluster_id`` (else ``prompt_id``), ``intent``, and
    those of `PROVENANCE`. A cell of text is taken as it is. It may also be a list of messages
    ``{"role", "content"}``, one user's and one assistant's, the prompt's with or without its own
    column. Without a prompt column, text is a dialogue as in HH-RLHF (``\\n\\nHuman: …
    \\n\\nAssistant: …``): the prompt is the human turn or, of several turns, all before the last
    reply with its marks. Without an id, an example is named by its content, and those with the
    same prompt are one cluster.

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
    lacking = [row for row in table.rows if Cell(table, row, "rejected").is_missing]
    if 0 < len(lacking) < len(table.rows):
        Cell(table, lacking[0], "rejected").refuse(
            f"is empty here and in {len(lacking)} of {len(table.rows)} rows altogether; a file "
            "holds preferences or instructions: fill it in, or put these rows into another file"
        )
    return None if lacking else "rejected"


def _read_example(
    table: Table, row: Row, columns: _Columns, language: str | None
) -> tuple[Example, bool]:
    """The example, and whether its row names it."""
    tag = _language(Cell(table, row, "language"), language)
    prompt, chosen, rejected = _texts(table, row, columns)
    named = Cell(table, row, columns.example_id).name()
    cluster = Cell(table, row, columns.cluster_id).name()
    if cluster is None and named is None:
        # Two pairs on one prompt are no two sources.
        cluster = content_hash(" ".join(prompt.split()).casefold())
    cells = [Cell(table, row, column) for column in columns.provenance]
    example = Example(
        example_id=named or content_hash(tag, prompt, chosen, rejected or ""),
        language=tag,
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        intent=_intent(Cell(table, row, "intent")),
        cluster_id=cluster or "",
        provenance={str(cell.column): cell.verbatim() for cell in cells if not cell.is_missing},
    )
    return example, named is not None


def _language(cell: Cell, given: str | None) -> str:
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


def _intent(cell: Cell) -> Intent | None:
    found = (cell.name() or "").lower()
    if found and found not in INTENTS:
        shown = repr(found) if len(found) <= _LONGEST_NAME and " " not in found else "this"
        cell.refuse(f"{shown} is not an intent; use {' or '.join(INTENTS)}, or leave it empty")
    return found or None


def _texts(table: Table, row: Row, columns: _Columns) -> tuple[str, str, str | None]:
    """Prompt, chosen and rejected of a row, whatever its layout."""
    cell = Cell(table, row, columns.prompt)
    prompts: dict[str, str] = {}
    if not cell.is_missing:
        turns = cell.turns(("user",))
        prompts["prompt"] = cell.text() if turns is None else turns[0]
    responses: list[str] = []
    for column in filter(None, (columns.chosen, columns.rejected)):
        before, response = _response(Cell(table, row, column), dialogue=columns.prompt is None)
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


def _response(cell: Cell, *, dialogue: bool) -> tuple[str | None, str]:
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
