"""What people said of stored responses: the truth that judges are measured against."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from isogloss.errors import DefectError
from isogloss.records import Label, Response
from isogloss.store._database import Database
from isogloss.store._schema import (
    PROMPT_COLUMNS,
    RESPONSE_COLUMNS,
    RESULT,
    qualified,
    read_response,
    storable,
)

_RESPONSE_KEY = (
    "prompt_id, language, variant, intent, category, cluster_id, target, arm, settings, sample"
)


class LabelTable:
    """The labels of one run; a labeller has one label a response, and the last one counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, labels: Sequence[Label]) -> None:
        """Store labels, each in the place of an earlier one by the same labeller.

        Raises:
            DefectError: a response that is not in this run.
        """
        rows = [
            (label.response, label.labeller, label.outcome, label.correct, storable(label.note))
            for label in labels
        ]
        with self._database.transaction() as db:
            stored = db.executemany(
                "INSERT INTO labels SELECT id, ?2, ?3, ?4, ?5 FROM responses WHERE id = ?1 "
                "ON CONFLICT (response, labeller) DO UPDATE SET outcome = excluded.outcome, "
                "correct = excluded.correct, note = excluded.note",
                rows,
            )
            if stored.rowcount != len(rows):
                n_lost = len(rows) - stored.rowcount
                raise DefectError(f"{n_lost} labels are about responses not in this run")

    def remove(self, response: int, *, labeller: str) -> bool:
        """Take one label back; whether there was one."""
        with self._database.transaction() as db:
            query = "DELETE FROM labels WHERE response = ? AND labeller = ?"
            return db.execute(query, (response, labeller)).rowcount > 0

    def texts(self, responses: Sequence[int]) -> dict[int, Response]:
        """Response id → prompt and reply, for people to read; unknown ids are left out."""
        query = (
            f"SELECT {qualified('prompts', PROMPT_COLUMNS)}, "
            f"{qualified('responses', RESPONSE_COLUMNS)} "
            "FROM responses JOIN prompts ON prompts.id = prompt WHERE responses.id = ?"
        )
        found: dict[int, Response] = {}
        for response in responses:
            for row in self._database.read(query, (response,)):
                found[response] = read_response(row)
        return found

    def frame(self) -> pl.DataFrame:
        """All labels, a row each, with the key of the response they are about.

        Columns ``response labeller outcome correct note prompt_id language variant intent category
        cluster_id target arm settings sample``.
        """
        return self._database.frame(
            f"SELECT response, labeller, outcome, correct, note, {_RESPONSE_KEY} FROM labels "
            "JOIN responses ON responses.id = labels.response JOIN prompts ON prompts.id = prompt "
            "ORDER BY response, labeller"
        )

    def responses(self, *, target: str, arm: str, judge: str | None = None) -> pl.DataFrame:
        """Everything that was asked of one target and arm, a row a response.

        Columns ``response``, those of the key (see `frame`), ``status``, ``result`` (as in
        `RunStore.results`, by ``judge``) and ``correct``. Only ``status == "ok"`` can be labelled.
        """
        return self._database.frame(
            f"SELECT responses.id AS response, {_RESPONSE_KEY}, status, {RESULT} AS result, "
            "correct FROM responses JOIN prompts ON prompts.id = prompt "
            "LEFT JOIN verdicts ON verdicts.response = responses.id AND verdicts.judge = ? "
            "WHERE target = ? AND arm = ? ORDER BY responses.id",
            (judge, target, arm),
        )
