"""Replies put into English: paid for once, read by judges and by people who label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from isogloss.records import ReplyTranslation, Response
from isogloss.store._database import Database
from isogloss.store._schema import (
    PROMPT_COLUMNS,
    RESPONSE_COLUMNS,
    qualified,
    read_response,
    storable,
)


class ReplyTranslationTable:
    """Translations of the replies of one run, by engine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, translations: Sequence[tuple[int, ReplyTranslation]], *, engine: str) -> None:
        """Store translations under response ids; what the engine failed at before is replaced."""
        rows = [
            (response, engine, storable(made.text), storable(made.reason), made.n_prompt_tokens,
             made.n_tokens)
            for response, made in translations
        ]  # fmt: skip
        with self._database.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO reply_translations VALUES (?, ?, ?, ?, ?, ?)", rows
            )

    def missing(
        self, engine: str, *, after: int = 0, limit: int = -1
    ) -> Iterator[tuple[int, Response]]:
        """Answered responses without a translation by ``engine``, by id in the store.

        One that the engine could not translate counts as missing: it is asked again.
        """
        rows = self._database.read(
            f"SELECT responses.id, {qualified('prompts', PROMPT_COLUMNS)}, "
            f"{qualified('responses', RESPONSE_COLUMNS)} "
            "FROM responses JOIN prompts ON prompts.id = prompt "
            "LEFT JOIN reply_translations AS made "
            "ON made.response = responses.id AND made.engine = ? "
            "WHERE made.text IS NULL AND status = 'ok' AND responses.id > ? "
            "ORDER BY responses.id LIMIT ?",
            (engine, after, limit),
        )
        for row in rows:
            yield row[0], read_response(row[1:])

    def texts(self, engine: str, responses: Sequence[int]) -> dict[int, str]:
        """Response id → its translation, for those of ``responses`` that have one."""
        found: dict[int, str] = {}
        for response in responses:
            rows = self._database.read(
                "SELECT text FROM reply_translations WHERE response = ? AND engine = ? "
                "AND text IS NOT NULL",
                (response, engine),
            )
            found.update((response, text) for (text,) in rows)
        return found

    def engines(self) -> list[str]:
        """Names of the engines that translated replies of this run."""
        rows = self._database.read("SELECT DISTINCT engine FROM reply_translations ORDER BY 1")
        return [name for (name,) in rows]
