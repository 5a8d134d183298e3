"""Translations that exist already, in a file, as a translator.

Looked up by source text, never by position. The file is a table with a row a translation (columns
``source``, ``language``, ``text``, and ``source_language`` where that is not English), or any
prompt set that has the source language too: there prompt id and variant tell which text belongs
to which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from isogloss.errors import LanguageError
from isogloss.languages import resolve_language
from isogloss.prompts import load_prompts
from isogloss.prompts.rows import Row, Table, read_table
from isogloss.records import Prompt
from isogloss.translate.base import TranslatedText

_COLUMNS = ("source", "language", "text")


class RecordedTranslator:
    """Answers with what a file holds; ``file:FILE`` on the command line.

    Args:
        path: CSV, TSV, JSONL or Parquet.

    Raises:
        InputError: the file cannot be used, or gives two translations for one text.
    """

    def __init__(self, path: str | Path) -> None:
        table = read_table(path)
        self._path = Path(path)
        self._settings = table.fingerprint
        memory = Memory(table)
        if set(_COLUMNS) <= set(table.columns):
            for row in table.rows:
                memory.learn(row.place, *_read_row(table, row))
        else:
            _learn_prompts(memory, load_prompts(path, intent="harmful").prompts)
        self._memory = memory

    @property
    def name(self) -> str:
        return f"file:{self._path.name}"

    @property
    def settings(self) -> str:
        """The content of the file: a corrected file is read anew."""
        return self._settings

    def translate(self, texts: Sequence[str], source: str, target: str) -> Iterator[TranslatedText]:
        """See `isogloss.translate.base.Translator`."""
        known = self._memory.pair(source, target)
        if known is None:
            raise LanguageError(
                f"{self._path}: no translation from {source} into {target}; it has "
                f"{self._memory.pairs or 'none at all'}"
            )
        for text in texts:
            found = known.get(_key(text))
            if found is None:
                yield TranslatedText(reason=f"{self._path.name} has no translation of this text")
            else:
                yield TranslatedText(text=found)


class Memory:
    """Source text -> translation, by pair of languages."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._known: dict[tuple[str, str], dict[str, str]] = {}

    @property
    def pairs(self) -> str:
        return ", ".join(f"{source} → {target}" for source, target in sorted(self._known))

    def pair(self, source: str, target: str) -> dict[str, str] | None:
        return self._known.get((source, target))

    def learn(self, place: str, source: str, target: str, text: str, translation: str) -> None:
        """Keep one translation; another one for the same text is an error."""
        if self.suggest(source, target, text, translation) != translation:
            self._table.refuse(
                place, f"a second translation into {target} of the same {source} text"
            )

    def suggest(self, source: str, target: str, text: str, translation: str) -> str:
        """Keep a translation unless there is one; the one kept."""
        return self._known.setdefault((source, target), {}).setdefault(_key(text), translation)


def _key(text: str) -> str:
    return " ".join(text.split())


def _read_row(table: Table, row: Row) -> tuple[str, str, str, str]:
    cells = {column: row.cells.get(column) for column in (*_COLUMNS, "source_language")}
    for column in _COLUMNS:
        if not str(cells[column] or "").strip():
            table.refuse(row.place, "is empty", column)
    try:
        source = resolve_language(cells["source_language"] or "en")
        target = resolve_language(str(cells["language"]))
    except LanguageError as error:
        table.refuse(row.place, str(error), "language")
    return source, target, str(cells["source"]), str(cells["text"])


def _learn_prompts(memory: Memory, prompts: Iterable[Prompt]) -> None:
    """Every language of a prompt set into every other one, back-translations as well.

    Two prompts may have one text in one language and two in another; then the first by id counts.
    """
    together: dict[tuple[str, str], list[Prompt]] = {}
    for prompt in prompts:
        together.setdefault((prompt.prompt_id, prompt.variant), []).append(prompt)
    for _, versions in sorted(together.items()):
        texts = {prompt.language: prompt.text for prompt in versions}
        if "en" not in texts and (references := [p.reference for p in versions if p.reference]):
            texts["en"] = min(references)
        for source, text in texts.items():
            for target, translation in texts.items():
                if source != target:
                    memory.suggest(source, target, text, translation)
