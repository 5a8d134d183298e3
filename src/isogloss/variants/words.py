"""Translations of single words: from a file, from a translator, from the lab's lexicon."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.errors import InputError, LanguageError
from isogloss.languages import resolve_language
from isogloss.progress import Progress
from isogloss.prompts.rows import read_table

if TYPE_CHECKING:
    from isogloss.lab.lexicon import Lexicon
    from isogloss.translate.base import Translator

_log = logging.getLogger(__name__)

COLUMNS = ("source", "target", "language")
_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class WordList:
    """English words and their translations.

    Attributes:
        name: where they come from: ``words:FILE``, a translator's name, ``lab lexicon``.
        translations: by language, then by English word in lower case; an empty translation means
            that the word is known to have none.
    """

    name: str
    translations: Mapping[str, Mapping[str, str]]

    def find(self, word: str, language: str) -> str | None:
        """The translation of an English word; None where there is none, or it is a mere copy."""
        found = self.translations.get(language, {}).get(word.lower())
        return found if found and found.lower() != word.lower() else None

    def covers(self, language: str) -> bool:
        """Whether any word of the language is known."""
        return any(self.translations.get(language, {}).values())


def read_words(path: str | Path) -> WordList:
    """Read a bilingual word list: a table with the columns source, target and language.

    ``source`` is an English word, ``target`` its translation (empty: known to have none),
    ``language`` any code. A word that comes twice in a language keeps its first translation.

    Raises:
        InputError: no such file, not a table, columns missing or unknown, an empty source.
    """
    table = read_table(path)
    if missing := [column for column in COLUMNS if column not in table.columns]:
        table.refuse("header", f"a word list needs the columns {', '.join(COLUMNS)}", missing[0])
    translations: dict[str, dict[str, str]] = {}
    for row in table.rows:
        source = str(row.cells.get("source") or "").strip().lower()
        if not source:
            table.refuse(row.place, "is empty; give the English word", "source")
        try:
            language = resolve_language(str(row.cells.get("language") or ""))
        except LanguageError as error:
            table.refuse(row.place, str(error), "language")
        target = str(row.cells.get("target") or "").strip()
        translations.setdefault(language, {}).setdefault(source, target)
    return WordList(name=f"words:{table.path.name}", translations=translations)


def write_words(words: WordList, path: str | Path) -> None:
    """Write what `read_words` reads back; beside and renamed, so that a kill leaves a whole file.

    Raises:
        InputError: the file is no ``.csv``, or it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".csv":
        raise InputError(f"{path}: a word list is written as CSV; name it {path.stem}.csv")
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for language, pairs in sorted(words.translations.items()):
        writer.writerows((source, target, language) for source, target in sorted(pairs.items()))
    beside = path.with_name(f".{path.name}.partial")
    try:
        beside.write_text(out.getvalue(), "utf-8", newline="")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def lab_words(lexicon: Lexicon) -> WordList:
    """The lab's own dictionary from its English, complete and without ambiguity."""
    from isogloss.lab.tongues import ENGLISH

    english = lexicon.words[ENGLISH]
    return WordList(
        name="lab lexicon",
        translations={
            tag: {english[concept]: word for concept, word in own.items()}
            for tag, own in lexicon.words.items()
            if tag != ENGLISH
        },
    )


def translate_words(
    wanted: Mapping[str, Iterable[str]],
    known: WordList | None,
    translator: Translator,
    *,
    keep: Callable[[WordList], None],
    progress: Progress,
) -> WordList:
    """Have the words translated that ``known`` lacks, each once.

    A word the translator fails on is left out and asked for again next time; a language it does not
    speak is left out whole.

    Args:
        wanted: English words by language.
        known: what need not be asked for.
        keep: told all that is known after every batch, so that a stop loses at most one.
        progress: told how many of the missing words are done.

    Raises:
        ModelError: the translator cannot be used.
    """
    translations: dict[str, dict[str, str]] = {}
    if known is not None:
        translations = {tag: dict(pairs) for tag, pairs in known.translations.items()}
    words = WordList(name=translator.name, translations=translations)
    missing = {
        tag: sorted({word.lower() for word in wanted[tag]} - set(translations.get(tag, ())))
        for tag in sorted(wanted)
    }
    total, done = sum(map(len, missing.values())), 0
    for tag, mine in missing.items():
        found = translations.setdefault(tag, {})
        for start in range(0, len(mine), _AT_ONCE):
            batch = mine[start : start + _AT_ONCE]
            try:
                answers = list(translator.translate(batch, "en", tag))
            except LanguageError as error:
                _log.warning("no words in %s: %s", tag, error)
                done += len(mine) - start
                break
            for word, answer in zip(batch, answers, strict=True):
                if answer.text is not None:
                    found[word] = answer.text.strip()
            done += len(batch)
            keep(words)
            progress("words", done, total)
    return words
