"""The run folder: one SQLite file that only ever grows; a kill loses at most what was in flight."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import polars as pl

from isogloss.errors import DefectError, StoreError
from isogloss.records import Measurement, Prompt, RequestKey, Response, Verdict
from isogloss.seeds import content_hash
from isogloss.store._database import Database
from isogloss.store._labels import LabelTable
from isogloss.store._reply_translations import ReplyTranslationTable
from isogloss.store._schema import (
    ANSWER_COLUMNS,
    JUDGED,
    PROMPT_COLUMNS,
    RESPONSE_COLUMNS,
    RESULT,
    UNFLAGGED,
    prompt_row,
    qualified,
    read_prompt,
    read_response,
    storable,
)

_FIELDS = tuple(field.name for field in fields(Measurement))
_values = attrgetter(*_FIELDS)
"""A row's values; quicker than ``asdict``, which copies them one by one."""


class RunStore:
    """One run folder, open.

    Args:
        folder: the run folder; ``run.db`` lives in it.
        create: make the folder and the file where they do not exist yet.

    Raises:
        StoreError: not a run folder, made by another version, read-only, or the disk is full.

    Example:
        >>> with RunStore("runs/audit", create=True) as store:  # doctest: +SKIP
        ...     store.add_prompts(prompts)
    """

    def __init__(self, folder: str | Path, *, create: bool = False) -> None:
        self.folder = Path(folder)
        self._database = Database(self.folder, create=create)
        self.labels = LabelTable(self._database)
        self.reply_translations = ReplyTranslationTable(self._database)

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def set_meta(self, key: str, value: Any) -> None:
        """Store one JSON value under ``key``, replacing what was there."""
        with self._database.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def meta(self, key: str, default: Any = None) -> Any:
        """The JSON value under ``key``, or ``default``."""
        rows = self._database.read("SELECT value FROM meta WHERE key = ?", (key,)).fetchall()
        return json.loads(rows[0][0]) if rows else default

    def add_prompts(self, prompts: Iterable[Prompt]) -> None:
        """Add prompts that are not there yet.

        Raises:
            StoreError: a prompt with the same key but other content is already in this run.
        """
        rows = [prompt_row(prompt) for prompt in prompts]
        with self._database.transaction() as db:
            marks = ", ".join("?" * len(PROMPT_COLUMNS.split(", ")))
            db.executemany(
                f"INSERT OR IGNORE INTO prompts ({PROMPT_COLUMNS}) VALUES ({marks})", rows
            )
            stored = db.execute(f"SELECT {PROMPT_COLUMNS} FROM prompts")
            by_key = {row[:3]: row for row in stored}
            for row in rows:
                if by_key[row[:3]] != row:
                    raise StoreError(
                        f"prompt {row[0]!r} ({row[1]}, {row[2]}) is already in {self.folder} with "
                        "other content; one run holds one prompt set. Choose another --out folder."
                    )

    def add_responses(
        self, responses: Iterable[Response], *, target: str, arm: str, settings: str
    ) -> None:
        """Append responses; one whose key is already answered is left as it was.

        One that ended in an error before takes the new response in its place.

        Raises:
            DefectError: a response to a prompt that is not in this run.
        """
        rows = [
            (*r.request.prompt.key, target, arm, r.request.sample, settings, r.status,
             storable(r.text), r.truncated, r.reply_language, storable(r.reason),
             r.n_prompt_tokens, r.n_tokens, r.recorded_outcome, r.recorded_correct)
            for r in responses
        ]  # fmt: skip
        marks = ", ".join("?" * 13)
        with self._database.transaction() as db:
            try:
                # Not OR IGNORE: that would also swallow a response without a prompt (NOT NULL).
                db.executemany(
                    f"INSERT INTO responses (prompt, {RESPONSE_COLUMNS}) VALUES ((SELECT id FROM "
                    f"prompts WHERE prompt_id = ? AND language = ? AND variant = ?), {marks}) "
                    "ON CONFLICT (prompt, target, arm, sample, settings) DO UPDATE SET "
                    f"({ANSWER_COLUMNS}) = ({qualified('excluded', ANSWER_COLUMNS)}) "
                    "WHERE responses.status = 'error'",
                    rows,
                )
            except sqlite3.IntegrityError as error:
                raise DefectError(f"a response to a prompt not in this run: {error}") from error

    def answered(self, *, target: str, arm: str, settings: str) -> frozenset[RequestKey]:
        """Keys of the requests this target, arm and decoding already answered, or blocked.

        What ended in an error is not answered: a resumed run asks it again.
        """
        rows = self._database.read(
            "SELECT prompt_id, language, variant, sample FROM responses JOIN prompts "
            "ON prompts.id = prompt WHERE target = ? AND arm = ? AND settings = ? "
            "AND status != 'error'",
            (target, arm, settings),
        )
        return frozenset(RequestKey(*row) for row in rows)

    def unjudged_by(
        self, judge: str, *, after: int = 0, limit: int = -1
    ) -> Iterator[tuple[int, Response]]:
        """Answered responses this judge has not seen, by their id in the store.

        Args:
            judge: its name.
            after: only ids above this one.
            limit: at most so many; all of them unless told.
        """
        rows = self._database.read(
            f"SELECT responses.id, {qualified('prompts', PROMPT_COLUMNS)}, "
            f"{qualified('responses', RESPONSE_COLUMNS)} "
            "FROM responses JOIN prompts ON prompts.id = prompt "
            "LEFT JOIN verdicts ON verdicts.response = responses.id AND verdicts.judge = ? "
            "WHERE verdicts.response IS NULL AND status = 'ok' AND responses.id > ? "
            "ORDER BY responses.id LIMIT ?",
            (judge, after, limit),
        )
        for row in rows:
            yield row[0], read_response(row[1:])

    def n_unjudged_by(self, judge: str) -> int:
        """How many answered responses this judge has not seen."""
        rows = self._database.read(
            "SELECT COUNT(*) FROM responses LEFT JOIN verdicts "
            "ON verdicts.response = responses.id AND verdicts.judge = ? "
            "WHERE verdicts.response IS NULL AND status = 'ok'",
            (judge,),
        )
        return rows.fetchone()[0]

    def add_verdicts(
        self, verdicts: Sequence[tuple[int, Verdict]], *, judge: str, instead: bool = False
    ) -> None:
        """Store verdicts under the response ids that `unjudged_by` gave.

        Args:
            verdicts: response id and verdict.
            judge: its name.
            instead: forget all earlier verdicts of this judge, in the same transaction.
        """
        rows = [
            (i, judge, v.outcome, v.correct, storable(v.reason), v.failed, v.n_prompt_tokens,
             v.n_tokens)
            for i, v in verdicts
        ]  # fmt: skip
        marks = ", ".join("?" * 8)
        with self._database.transaction() as db:
            if instead:
                db.execute("DELETE FROM verdicts WHERE judge = ?", (judge,))
            db.executemany(f"INSERT OR IGNORE INTO verdicts VALUES ({marks})", rows)

    def drop_verdicts(self, *, judge: str, which: Literal["failed", "unjudged", "all"]) -> int:
        """Forget verdicts of one judge, so that it is asked again; how many.

        Args:
            judge: its name.
            which: those it ``failed`` to give, all that are ``unjudged``, or ``all``.
        """
        condition = {"failed": "failed", "unjudged": "outcome = 'unjudged'", "all": "TRUE"}[which]
        with self._database.transaction() as db:
            query = f"DELETE FROM verdicts WHERE judge = ? AND {condition}"
            return db.execute(query, (judge,)).rowcount

    def replace_measurements(
        self, area: str, rows: Iterable[Measurement], **only: str | None
    ) -> None:
        """Put ``rows`` in the place of earlier rows of this area.

        Args:
            area: whose rows they are.
            rows: the new ones.
            only: replace just the rows with these values (``target="hf:x", judge="oracle"``), so
                that one run may hold the results of several targets, arms and judges.
        """
        texts = [
            (area, json.dumps(dict(zip(_FIELDS, _values(row), strict=True)), ensure_ascii=True))
            for row in rows
        ]
        paths = [f"json_extract(row, '$.{name}') IS ?" for name in only]
        with self._database.transaction() as db:
            where = " AND ".join(["area = ?", *paths])
            db.execute(f"DELETE FROM measurements WHERE {where}", (area, *only.values()))
            db.executemany("INSERT INTO measurements (area, row) VALUES (?, ?)", texts)

    def measurements(self, area: str | None = None) -> list[Measurement]:
        """Stored rows in the order they were computed."""
        query = "SELECT row FROM measurements WHERE ? IS NULL OR area = ? ORDER BY id"
        known = frozenset(_FIELDS)
        return [
            Measurement(**{k: v for k, v in json.loads(text).items() if k in known})
            for (text,) in self._database.read(query, (area, area))
        ]

    def prompts(self) -> pl.DataFrame:
        """All prompts, a row each, columns as in `Prompt`."""
        return self._database.frame(
            f"SELECT {PROMPT_COLUMNS} FROM prompts ORDER BY {PROMPT_COLUMNS}"
        )

    def prompt_records(self) -> list[Prompt]:
        """All prompts, with their translations' provenance, sorted by key."""
        rows = self._database.read(f"SELECT {PROMPT_COLUMNS} FROM prompts ORDER BY 1, 2, 3")
        return [read_prompt(row) for row in rows]

    def transcripts(self) -> pl.DataFrame:
        """Prompt, response and verdict side by side; unjudged responses have a null judge.

        Columns: those of prompts (``text`` as ``prompt``), of responses (``text`` as ``reply``,
        ``reason`` as ``response_reason``), and ``judge outcome correct verdict_reason``.
        """
        return self._database.frame(
            "SELECT prompt_id, language, variant, prompts.text AS prompt, intent, category, "
            "reference, cluster_id, target, arm, sample, settings, status, "
            "responses.text AS reply, truncated, reply_language, "
            "responses.reason AS response_reason, responses.n_prompt_tokens, responses.n_tokens, "
            "judge, outcome, correct, verdicts.reason AS verdict_reason "
            "FROM responses JOIN prompts ON prompts.id = prompt "
            "LEFT JOIN verdicts ON verdicts.response = responses.id "
            "ORDER BY prompt_id, language, variant, target, arm, sample, settings, judge"
        )

    def results(self, judge: str | None, *, without_flagged: bool = False) -> pl.DataFrame:
        """How many responses ended as what, for every cluster: all that statistics need.

        Args:
            judge: whose verdicts; None where nobody judged.
            without_flagged: leave out prompts whose translation was flagged.

        Columns ``target arm settings variant language intent category cluster_id result correct
        reply_language truncated n``; ``result`` is one of `isogloss.records.RESULTS`.
        """
        return self._database.frame(
            "SELECT target, arm, settings, variant, language, intent, category, cluster_id, "
            f"{RESULT} AS result, correct, reply_language, truncated, COUNT(*) AS n "
            f"{JUDGED} {UNFLAGGED if without_flagged else ''} "
            "GROUP BY target, arm, settings, variant, language, intent, category, cluster_id, "
            "result, correct, reply_language, truncated "
            "ORDER BY target, arm, settings, variant, language, intent, category, cluster_id, "
            "result, correct, reply_language, truncated",
            (judge,),
        )

    def planned(self, *, without_flagged: bool = False) -> pl.DataFrame:
        """How many prompts the run holds: ``variant language intent category n``."""
        return self._database.frame(
            "SELECT variant, language, intent, category, COUNT(*) AS n FROM prompts "
            f"{UNFLAGGED if without_flagged else ''} "
            "GROUP BY variant, language, intent, category "
            "ORDER BY variant, language, intent, category"
        )

    def outcomes(self, *, target: str, arm: str, judge: str | None) -> pl.DataFrame:
        """What every request of one target and arm ended as, a row each; for joins by key.

        Columns ``prompt_id language variant sample intent category cluster_id result correct``.
        """
        return self._database.frame(
            "SELECT prompt_id, language, variant, sample, intent, category, cluster_id, "
            f"{RESULT} AS result, correct {JUDGED} WHERE target = ? AND arm = ? "
            "ORDER BY prompt_id, language, variant, sample",
            (judge, target, arm),
        )

    def sample_transcripts(
        self, *, target: str, arm: str, judge: str | None, per_stratum: int
    ) -> Iterator[dict[str, Any]]:
        """A fixed sample for readers: of each language, variant, intent and result the first
        ``per_stratum`` by a hash of the prompt's id, so that languages show the same prompts.

        Rows have the columns of `transcripts` and ``result stratum place n_stratum`` (place from 1;
        how many the run holds of the stratum); their order never depends on the order of writing.
        """
        self._database.connection.create_function("id_hash", 1, content_hash, deterministic=True)
        stratum = "language, variant, intent, result"
        cursor = self._database.read(
            f"WITH ended AS (SELECT responses.id AS id, prompt_id, sample, settings, language, "
            f"variant, intent, {RESULT} AS result {JUDGED} WHERE target = ? AND arm = ?), "
            f"placed AS (SELECT id, result, ROW_NUMBER() OVER (PARTITION BY {stratum} "
            f"ORDER BY id_hash(prompt_id), prompt_id, sample, settings) AS place, "
            f"COUNT(*) OVER (PARTITION BY {stratum}) AS n_stratum FROM ended) "
            "SELECT prompt_id, language, variant, prompts.text AS prompt, intent, category, "
            "reference, sample, status, responses.text AS reply, truncated, reply_language, "
            "responses.reason AS response_reason, judge, outcome, correct, "
            "verdicts.reason AS verdict_reason, result, "
            "language || ' ' || variant || ' ' || intent || ' ' || result AS stratum, "
            "place, n_stratum FROM placed JOIN responses ON responses.id = placed.id "
            "JOIN prompts ON prompts.id = prompt "
            "LEFT JOIN verdicts ON verdicts.response = responses.id AND verdicts.judge = ? "
            "WHERE place <= ? "
            "ORDER BY id_hash(prompt_id), prompt_id, language, variant, sample, settings",
            (judge, target, arm, judge, per_stratum),
        )
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def sources(self) -> list[tuple[str, str, str]]:
        """Which ``(target, arm, settings)`` have answered something in this run."""
        query = "SELECT DISTINCT target, arm, settings FROM responses ORDER BY 1, 2, 3"
        return [tuple(row) for row in self._database.read(query)]

    def judges(self) -> list[str]:
        """Names of the judges with at least one verdict in this run."""
        rows = self._database.read("SELECT DISTINCT judge FROM verdicts ORDER BY 1")
        return [name for (name,) in rows]

    def failures(self) -> pl.DataFrame:
        """What ended in an error and is asked again next time, the commonest reason first.

        Columns ``role`` (``target``: replies, ``judge``: verdicts) ``name reason n``.
        """
        return self._database.frame(
            "SELECT 'target' AS role, target AS name, reason, COUNT(*) AS n FROM responses "
            "WHERE status = 'error' GROUP BY target, reason "
            "UNION ALL SELECT 'judge', judge, reason, COUNT(*) FROM verdicts WHERE failed "
            "GROUP BY judge, reason ORDER BY role DESC, name, n DESC, reason"
        )

    def usage(self) -> pl.DataFrame:
        """Tokens read and written by everyone who was paid for, or could have been.

        Columns ``role`` (``target``, ``judge``, ``translator``) ``name n n_prompt_tokens
        n_tokens``; ``n`` counts calls with known tokens. Tokens of prompts' own translation are
        not in a run.
        """
        sums = (
            "SUM(n_prompt_tokens IS NOT NULL) AS n, SUM(n_prompt_tokens) AS n_prompt_tokens, "
            "SUM(n_tokens) AS n_tokens"
        )
        sources = {
            "target": ("target", "responses"),
            "judge": ("judge", "verdicts"),
            "translator": ("engine", "reply_translations"),
        }
        parts = [
            f"SELECT '{role}' AS role, {name} AS name, {sums} FROM {table} GROUP BY {name}"
            for role, (name, table) in sources.items()
        ]
        return self._database.frame(" UNION ALL ".join(parts) + " ORDER BY role DESC, name")
