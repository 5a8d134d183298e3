"""A translation memory on disk: every translation and human edit, appended the moment it is there.

``OUT.journal.jsonl`` stands beside the prompt set being written. A translation is found again by
engine, languages and *source text*: a killed run repeats at most what was in flight, a changed
source is translated anew, the same text twice is translated once, and the set may grow.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.errors import InputError
from isogloss.records import PromptKey
from isogloss.seeds import content_hash
from isogloss.store.lines import append_line, whole_lines
from isogloss.translate.base import HasSettings, TranslatedText, Translator


class _Line(BaseModel):
    """One line as it stands in the file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["translation", "edit"]
    engine: str | None = None
    source: str | None = None
    target: str | None = None
    hash: str
    key: list[str] | None = None
    text: str
    truncated: bool = False
    n_prompt_tokens: int | None = None
    n_tokens: int | None = None


class Journal:
    """The memory; use `open_journal`.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._translations: dict[tuple[str, str, str, str], TranslatedText] = {}
        self._edits: dict[PromptKey, tuple[str, str]] = {}
        if path.exists():
            self._read()

    def find(
        self, engine: Translator, source: str, target: str, text: str
    ) -> TranslatedText | None:
        """What this engine made of this text; None where it has not been asked or had nothing."""
        return self.find_by(identity(engine), source, target, text)

    def find_by(self, engine: str, source: str, target: str, text: str) -> TranslatedText | None:
        """The same by `identity`, for an engine that is not loaded."""
        return self._translations.get((engine, source, target, content_hash(text)))

    def add(
        self, engine: Translator, source: str, target: str, text: str, answer: TranslatedText
    ) -> None:
        """Keep a translation; one without text is not kept, and asked for again next time."""
        if answer.text is None:
            return
        key = (identity(engine), source, target, content_hash(text))
        self._translations[key] = answer
        line = asdict(answer)
        del line["reason"]
        self._append(
            {
                "kind": "translation",
                "engine": key[0],
                "source": source,
                "target": target,
                "hash": key[3],
                **line,
            }
        )

    def texts(self) -> dict[tuple[str, str, str], set[str]]:
        """All that engines made, by source language, target language and hash of the source."""
        found: dict[tuple[str, str, str], set[str]] = {}
        for (_, source, target, hashed), answer in self._translations.items():
            found.setdefault((source, target, hashed), set()).add(answer.text or "")
        return found

    def edit(self, key: PromptKey, source_text: str, text: str) -> None:
        """Keep what a person wrote for one prompt; the last edit counts."""
        if self._edits.get(key) == (found := (content_hash(source_text), text)):
            return
        self._edits[key] = found
        self._append({"kind": "edit", "key": list(key), "hash": found[0], "text": text})

    def edited(self, key: PromptKey, source_text: str) -> str | None:
        """A person's text for this prompt, where the source is still what that person saw."""
        found = self._edits.get(key)
        return found[1] if found and found[0] == content_hash(source_text) else None

    def outdated(self, key: PromptKey, source_text: str) -> bool:
        """Whether there is an edit of an earlier source text."""
        return key in self._edits and self.edited(key, source_text) is None

    def _append(self, line: dict[str, Any]) -> None:
        append_line(self.path, json.dumps(line, ensure_ascii=True))

    def _read(self) -> None:
        for number, text in enumerate(whole_lines(self.path), start=1):
            try:
                line = _Line.model_validate_json(text)
            except ValidationError:
                raise InputError(
                    f"{self.path}: line {number} was not written by isogloss translate; move the "
                    "file away to translate everything anew"
                ) from None
            self._take(line)

    def _take(self, line: _Line) -> None:
        if line.kind == "edit":
            prompt_id, language, variant = line.key or ("", "", "")
            self._edits[PromptKey(prompt_id, language, variant)] = line.hash, line.text
            return
        answer = TranslatedText(
            text=line.text,
            truncated=line.truncated,
            n_prompt_tokens=line.n_prompt_tokens,
            n_tokens=line.n_tokens,
        )
        key = (line.engine or "", line.source or "", line.target or "", line.hash)
        self._translations[key] = answer


def identity(engine: Translator) -> str:
    """The engine's name and all else that shapes its translations."""
    return identity_of(engine.name, engine.settings if isinstance(engine, HasSettings) else "")


def identity_of(name: str, settings: str) -> str:
    """`identity` from its parts."""
    return f"{name} {settings}".strip()


def journal_path(out: Path) -> Path:
    """Where the memory of a prompt set being written stands."""
    return out.with_name(f"{out.name}.journal.jsonl")


@contextmanager
def open_journal(out: Path) -> Generator[Journal]:
    """The memory beside ``out``, for one process at a time.

    Raises:
        InputError: the folder cannot be written, the memory is damaged, or another process
            translates into the same file.
    """
    path = journal_path(out)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock.acquire(timeout=0):
            yield Journal(path)
    except Timeout:
        raise InputError(
            f"{out} is being written by another isogloss translate; wait for it or choose another "
            "--out"
        ) from None
