"""Corrections by people: a table of texts that take the place of an engine's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from isogloss.errors import InputError, LanguageError
from isogloss.languages import resolve_language
from isogloss.prompts.rows import Row, Table, read_table
from isogloss.records import Prompt, PromptKey
from isogloss.seeds import content_hash
from isogloss.translate.journal import Journal
from isogloss.translate.plan import Plan

_NAMED_IN_MESSAGE = 5


def read_edits(path: str | Path) -> dict[PromptKey, str]:
    """The texts of a table with the columns ``prompt_id``, ``language``, ``text``, ``variant``.

    The file that `isogloss translate` wrote, corrected in place, is such a table; other columns
    are not read. A row without text edits nothing.

    Raises:
        InputError: a column is missing, a cell cannot be used, or a key has two texts.
    """
    table = read_table(path)
    missing = [c for c in ("prompt_id", "language", "text") if c not in table.columns]
    if missing:
        table.refuse("header", f"edits need the column {' and '.join(missing)}")
    edits: dict[PromptKey, str] = {}
    for row in table.rows:
        text = row.cells.get("text")
        if text is not None and not isinstance(text, str):
            table.refuse(row.place, f"text expected, found {type(text).__name__}", "text")
        if text is None or not text.strip():
            continue
        key = _key(table, row)
        if edits.setdefault(key, text) != text:
            table.refuse(row.place, f"a second text for {_shown(key)}")
    return edits


def _key(table: Table, row: Row) -> PromptKey:
    prompt_id, variant = row.cells.get("prompt_id"), row.cells.get("variant")
    if prompt_id is None or not str(prompt_id).strip():
        table.refuse(row.place, "is empty", "prompt_id")
    try:
        language = resolve_language(str(row.cells.get("language") or ""))
    except LanguageError as error:
        table.refuse(row.place, str(error), "language")
    return PromptKey(str(prompt_id).strip(), language, str(variant or "").strip() or "original")


def corrections_in(written: Iterable[Prompt], plan: Plan, journal: Journal) -> dict[PromptKey, str]:
    """What people typed into the set itself since it was written: texts nobody's engine made.

    White space does not count: spreadsheets change it. Where the journal does not know what an
    engine made of the source as it is now, nothing can be told and nothing is taken.
    """
    holes = {hole.key: hole.source for hole in (*plan.holes, *plan.second)}
    made = journal.texts()
    found: dict[PromptKey, str] = {}
    for prompt in written:
        source = holes.get(prompt.key)
        if source is None or prompt.translation is None:
            continue
        engines = made.get((plan.source, prompt.language, content_hash(source.text)), set[str]())
        edited = journal.edited(prompt.key, source.text)
        known = engines | ({edited} if edited is not None else set[str]())
        if known and _plain(prompt.text) not in {_plain(text) for text in known}:
            found[prompt.key] = prompt.text
    return found


def _plain(text: str) -> str:
    return " ".join(text.split())


def take_edits(
    edits: dict[PromptKey, str], plan: Plan, shown: Iterable[Prompt], journal: Journal
) -> int:
    """Keep in ``journal`` every edit that changes something.

    Args:
        edits: by key.
        plan: of the set that is edited.
        shown: the prompts as they were written last; a row that still reads so is no edit.
        journal: keeps the edits, so that later runs need no file.

    Returns:
        How many texts a person changed.

    Raises:
        InputError: an edit of no planned translation; names the first of them.
    """
    holes = {hole.key: hole for hole in (*plan.holes, *plan.second)}
    given = {prompt.key: prompt.text for prompt in plan.given}
    before = {prompt.key: prompt.text for prompt in shown}
    unknown = [key for key in edits if key not in holes and given.get(key) != edits[key]]
    if unknown:
        named = "; ".join(_shown(key) for key in sorted(unknown)[:_NAMED_IN_MESSAGE])
        more = len(unknown) - _NAMED_IN_MESSAGE
        raise InputError(
            f"{len(unknown)} edits are of no translation in this set: {named}"
            + (f" and {more} more" if more > 0 else "")
            + "; check prompt_id, language and variant, name the language in --to, and correct "
            "what the set itself brings in the set"
        )
    changed = [key for key in edits if key in holes and before.get(key) != edits[key]]
    for key in changed:
        journal.edit(key, holes[key].source.text, edits[key])
    return len(changed)


def _shown(key: PromptKey) -> str:
    return f"prompt_id {key.prompt_id!r}, language {key.language}, variant {key.variant!r}"
