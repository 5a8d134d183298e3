"""The SQLite file of a run folder: opened or refused, written in transactions, read as tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from isogloss.errors import StoreError
from isogloss.store._schema import NUMBERS, SCHEMA, SCHEMA_VERSION, WHOLE_NUMBERS, connect


class Database:
    """An open ``run.db``.

    Args:
        folder: the run folder.
        create: make the folder and the file where they do not exist yet.

    Raises:
        StoreError: not a run folder, made by another version, read-only, or the disk is full.
    """

    def __init__(self, folder: Path, *, create: bool) -> None:
        self.folder = folder
        path = self.folder / "run.db"
        if not create and not path.is_file():
            raise StoreError(
                f"{self.folder} is not a run folder: it has no run.db. "
                "Name a folder written by `isogloss audit --out FOLDER`."
            )
        try:
            if create:
                self.folder.mkdir(parents=True, exist_ok=True)
            self.connection = connect(path, create=create)
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise StoreError(
                f"cannot open the run folder {self.folder}: {reason}; choose another --out folder"
            ) from error
        try:
            self._prepare(create=create)
        except sqlite3.Error as error:
            self.connection.close()
            raise StoreError(
                f"cannot use {path} as a run database: {error}; choose another folder, or move "
                "that file away"
            ) from error
        except StoreError:
            self.connection.close()
            raise

    def _prepare(self, *, create: bool) -> None:
        self.connection.execute("PRAGMA busy_timeout = 10000")
        # A kill of the process loses nothing that was committed; only a power cut may lose the last
        # commits (never the file), and those answers are asked again.
        self.connection.execute("PRAGMA synchronous = NORMAL")
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version == SCHEMA_VERSION:
            return
        if version:
            raise StoreError(
                f"{self.folder} was written by another version of Isogloss (schema {version}, this "
                f"one reads {SCHEMA_VERSION}); run again into a new folder."
            )
        if self.connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()[0]:
            raise StoreError(
                f"{self.folder}/run.db is the database of another program; choose another folder"
            )
        if not create:
            raise StoreError(
                f"{self.folder} holds no run yet: its run.db is empty. Name a folder written by "
                "`isogloss audit --out FOLDER`."
            )
        self.connection.execute("PRAGMA journal_mode = WAL")
        script = f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        self.connection.executescript(script)

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """All or nothing; a full disk or a lock becomes a `StoreError` that says what is kept."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise StoreError(
                f"cannot write to {self.folder}/run.db: {error}. What was stored before is kept; "
                "free some space or choose another folder, then run the same command again."
            ) from error
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def read(self, query: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run a query that changes nothing."""
        try:
            return self.connection.execute(query, parameters)
        except sqlite3.Error as error:
            raise StoreError(f"cannot read {self.folder}/run.db: {error}") from error

    def frame(self, query: str, parameters: tuple[Any, ...] = ()) -> pl.DataFrame:
        """The rows of a query as a table: text, but for `WHOLE_NUMBERS` and `NUMBERS`."""
        cursor = self.read(query, parameters)
        schema: dict[str, type[pl.DataType]] = {
            column[0]: _kind(column[0]) for column in cursor.description
        }
        parts = [pl.DataFrame(schema=schema)]
        while rows := cursor.fetchmany(100_000):
            parts.append(pl.DataFrame(rows, schema=schema, orient="row"))
        return pl.concat(parts)


def _kind(column: str) -> type[pl.DataType]:
    if column in WHOLE_NUMBERS:
        return pl.Int64
    return pl.Float64 if column in NUMBERS else pl.String
