"""The tables of ``run.db``, and how records become their rows and come back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isogloss.records import Prompt, Request, Response, Translation

SCHEMA_VERSION = 2

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY,
    prompt_id TEXT NOT NULL, language TEXT NOT NULL, variant TEXT NOT NULL,
    text TEXT NOT NULL, intent TEXT NOT NULL, category TEXT, reference TEXT,
    cluster_id TEXT NOT NULL,
    engine TEXT, source_language TEXT, back_translation TEXT, chrf REAL, flags TEXT,
    UNIQUE (prompt_id, language, variant));
CREATE TABLE responses (
    id INTEGER PRIMARY KEY,
    prompt INTEGER NOT NULL REFERENCES prompts (id),
    target TEXT NOT NULL, arm TEXT NOT NULL, sample INTEGER NOT NULL, settings TEXT NOT NULL,
    status TEXT NOT NULL, text TEXT NOT NULL, truncated INTEGER NOT NULL, reply_language TEXT,
    reason TEXT, n_prompt_tokens INTEGER, n_tokens INTEGER,
    recorded_outcome TEXT, recorded_correct INTEGER,
    UNIQUE (prompt, target, arm, sample, settings));
CREATE TABLE verdicts (
    response INTEGER NOT NULL REFERENCES responses (id),
    judge TEXT NOT NULL, outcome TEXT NOT NULL, correct INTEGER, reason TEXT,
    failed INTEGER NOT NULL, n_prompt_tokens INTEGER, n_tokens INTEGER,
    PRIMARY KEY (response, judge)) WITHOUT ROWID;
CREATE TABLE labels (
    response INTEGER NOT NULL REFERENCES responses (id),
    labeller TEXT NOT NULL, outcome TEXT NOT NULL, correct INTEGER, note TEXT,
    PRIMARY KEY (response, labeller)) WITHOUT ROWID;
CREATE TABLE reply_translations (
    response INTEGER NOT NULL REFERENCES responses (id),
    engine TEXT NOT NULL, text TEXT, reason TEXT, n_prompt_tokens INTEGER, n_tokens INTEGER,
    PRIMARY KEY (response, engine)) WITHOUT ROWID;
CREATE TABLE measurements (id INTEGER PRIMARY KEY, area TEXT NOT NULL, row TEXT NOT NULL);
"""

PROMPT_COLUMNS = (
    "prompt_id, language, variant, text, intent, category, reference, cluster_id, "
    "engine, source_language, back_translation, chrf, flags"
)
ANSWER_COLUMNS = (
    "status, text, truncated, reply_language, reason, n_prompt_tokens, n_tokens, "
    "recorded_outcome, recorded_correct"
)
RESPONSE_COLUMNS = f"target, arm, sample, settings, {ANSWER_COLUMNS}"

WHOLE_NUMBERS = (
    *("response", "sample", "truncated", "n_prompt_tokens", "n_tokens", "correct", "failed", "n"),
)
NUMBERS = ("chrf",)
# What a response ended as: a filter's or an error's status, else the verdict, else "unjudged".
RESULT = "CASE WHEN status != 'ok' THEN status ELSE COALESCE(outcome, 'unjudged') END"
JUDGED = (
    "FROM responses JOIN prompts ON prompts.id = prompt "
    "LEFT JOIN verdicts ON verdicts.response = responses.id AND verdicts.judge = ?"
)
UNFLAGGED = "WHERE COALESCE(prompts.flags, '') = ''"


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """A connection; where folder or file cannot be written, one that only reads."""
    if create or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return sqlite3.connect(path, isolation_level=None)
    # WAL needs a writable folder even to read, unless the file is said never to change.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?immutable=1", uri=True, isolation_level=None
    )


def qualified(table: str, columns: str) -> str:
    """``columns`` with the table's name before each."""
    return ", ".join(f"{table}.{name}" for name in columns.split(", "))


def storable(text: str | None) -> str | None:
    """SQLite holds UTF-8: a lone surrogate becomes U+FFFD, everything else stays."""
    if text is None:
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def prompt_row(prompt: Prompt) -> tuple[Any, ...]:
    """The values of `PROMPT_COLUMNS`; flags are one text, names between spaces."""
    made = prompt.translation
    return (
        prompt.prompt_id, prompt.language, prompt.variant, storable(prompt.text), prompt.intent,
        prompt.category, storable(prompt.reference), prompt.cluster_id,
        *((None,) * 5 if made is None else
          (made.engine, made.source_language, storable(made.back_translation), made.chrf,
           " ".join(made.flags))),
    )  # fmt: skip


def read_prompt(row: Sequence[Any]) -> Prompt:
    """A prompt from the values of `PROMPT_COLUMNS`, in that order."""
    *values, engine, source_language, back_translation, chrf, flags = row
    names = PROMPT_COLUMNS.split(", ")[: len(values)]
    translation = None
    if engine is not None:
        translation = Translation(
            engine=engine,
            source_language=source_language,
            back_translation=back_translation,
            chrf=chrf,
            flags=tuple(flags.split()),
        )
    return Prompt(**dict(zip(names, values, strict=True)), translation=translation)


def read_response(row: Sequence[Any]) -> Response:
    """A response from the values of `PROMPT_COLUMNS` and `RESPONSE_COLUMNS`, in that order."""
    n_prompt = len(PROMPT_COLUMNS.split(", "))
    prompt = read_prompt(row[:n_prompt])
    values = dict(zip(RESPONSE_COLUMNS.split(", "), row[n_prompt:], strict=True))
    return Response(
        request=Request(prompt=prompt, sample=values["sample"]),
        status=values["status"],
        text=values["text"],
        truncated=bool(values["truncated"]),
        reply_language=values["reply_language"],
        reason=values["reason"],
        n_prompt_tokens=values["n_prompt_tokens"],
        n_tokens=values["n_tokens"],
        recorded_outcome=values["recorded_outcome"],
        recorded_correct=None
        if values["recorded_correct"] is None
        else bool(values["recorded_correct"]),
    )
