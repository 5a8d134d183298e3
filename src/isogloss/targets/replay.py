"""Recorded responses as a target: a user's own replies, judged and counted like any others.

Records join requests by key (prompt_id, language, variant, sample) and never by position: P1's
early public scripts joined by list position after a lexicographic sort and judged the wrong answer
in 99 % of rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from isogloss.errors import LanguageError
from isogloss.languages import resolve_language
from isogloss.prompts.rows import Row, Table, read_table
from isogloss.records import Decoding, Outcome, Request, RequestKey, Response, ResponseStatus

logger = logging.getLogger(__name__)

REPLY_COLUMNS = ("response", "reply", "completion", "output", "text")
"""Names of the column with the reply; the first one that is there is read.

In a table with the column ``intent``, ``text`` is the prompt's and never read as a reply.
"""


def _optional(value: object) -> object:
    """In CSV an empty cell is a missing one."""
    return None if isinstance(value, str) and not value.strip() else value


def _word(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) and value.strip() else _optional(value)


def _name(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if number else _optional(value.strip() if isinstance(value, str) else value)


class _RecordRow(BaseModel):
    """One recorded response as it comes in; other columns are ignored and logged."""

    model_config = ConfigDict(extra="ignore")

    prompt_id: Annotated[str, BeforeValidator(_name)]
    language: Annotated[str, BeforeValidator(_name)]
    reply: str | None = None
    variant: Annotated[str | None, BeforeValidator(_name)] = None
    sample: Annotated[int | None, BeforeValidator(_optional)] = None
    status: Annotated[ResponseStatus | None, BeforeValidator(_word)] = None
    outcome: Annotated[Outcome | None, BeforeValidator(_word)] = None
    correct: Annotated[bool | None, BeforeValidator(_optional)] = None
    reason: Annotated[str | None, BeforeValidator(_optional)] = None
    truncated: Annotated[bool | None, BeforeValidator(_optional)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What was recorded for one request."""

    status: ResponseStatus
    text: str
    truncated: bool
    reason: str | None
    outcome: Outcome | None
    correct: bool | None


class ReplayTarget:
    """Answers with what a file recorded; ``replay:FILE`` on the command line.

    The file (CSV, TSV, JSONL, Parquet) has a row a response: ``prompt_id``, ``language`` and the
    reply (one of `REPLY_COLUMNS`); and where it is known ``variant`` (``original``), ``sample``
    (0), ``status`` (``ok``, ``blocked``, ``error``), ``outcome`` and ``correct`` (for the judge
    ``recorded``), ``reason``, ``truncated``. A request without a record, and a record with neither
    a reply nor an outcome, is a response with status ``error``: what was not recorded is never
    counted as an answer.

    Args:
        path: the file of recorded responses.

    Raises:
        InputError: the file, a row or a cell cannot be used, or two rows give one request
            different answers.

    Example:
        >>> target = ReplayTarget("responses.jsonl")  # doctest: +SKIP
    """

    def __init__(self, path: str | Path) -> None:
        table = read_table(path)
        self._name = f"replay:{path}"
        self._fingerprint = table.fingerprint
        self._records = _read_records(table)

    @property
    def name(self) -> str:
        return self._name

    @property
    def template(self) -> str:
        """The fingerprint of the records: answers of a changed file never mix with the old ones."""
        return self._fingerprint

    def complete(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        skip: AbstractSet[RequestKey] = frozenset(),
    ) -> Iterator[Response]:
        """One response a request, by key; ``decoding`` was settled when they were recorded."""
        n_unused = len(self._records.keys() - {request.key for request in requests})
        if n_unused:
            logger.info("%s: %d recorded responses answer no request", self._name, n_unused)
        for request in requests:
            if request.key not in skip:
                yield self._answer(request)

    def _answer(self, request: Request) -> Response:
        record = self._records.get(request.key)
        if record is None:
            prompt_id, language, variant, sample = request.key
            reason = (
                f"no recorded response for prompt_id={prompt_id}, language={language}, "
                f"variant={variant}, sample={sample}"
            )
            return Response(request=request, status="error", text="", reason=reason)
        return Response(
            request=request,
            status=record.status,
            text=record.text,
            truncated=record.truncated,
            reason=record.reason,
            recorded_outcome=record.outcome,
            recorded_correct=record.correct,
        )


def _read_records(table: Table) -> dict[RequestKey, _Record]:
    column = _reply_column(table)
    kept: dict[RequestKey, tuple[_Record, str]] = {}
    n_twice = 0
    for row in table.rows:
        key, record = _record(table, row, column)
        if key not in kept:
            kept[key] = record, row.place
        elif kept[key][0] == record:
            n_twice += 1
        else:
            table.refuse(
                row.place,
                f"another response than {kept[key][1]} for the same prompt_id {key.prompt_id!r}, "
                f"language {key.language!r}, variant {key.variant!r} and sample {key.sample}; "
                "number repeated answers in the column sample",
            )
    if n_twice:
        logger.info("%s: %d rows that repeat another one were dropped", table.path, n_twice)
    return {key: record for key, (record, _) in kept.items()}


def _reply_column(table: Table) -> str | None:
    """The column with the replies; None where only outcomes were recorded."""
    names = set(table.columns)
    if "prompt_id" not in names and "id" in names:
        names = names - {"id"} | {"prompt_id"}
    if missing := [name for name in ("prompt_id", "language") if name not in names]:
        table.refuse("header", f"recorded responses need the column {' and '.join(missing)}")
    replies = names - {"text"} if "intent" in names else names
    found = next((name for name in REPLY_COLUMNS if name in replies), None)
    if found is None and "outcome" not in names:
        table.refuse(
            "header", f"no column with the replies ({', '.join(REPLY_COLUMNS)}), and no outcome"
        )
    if ignored := sorted(names - _RecordRow.model_fields.keys() - {found}):
        logger.info("%s: columns ignored: %s", table.path, ", ".join(ignored))
    return found


def _record(table: Table, row: Row, column: str | None) -> tuple[RequestKey, _Record]:
    cells: dict[str, Any] = {"prompt_id": row.cells.get("id"), **row.cells}
    cells["reply"] = row.cells.get(column) if column else None
    try:
        found = _RecordRow.model_validate(cells)
        language = resolve_language(found.language)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        table.refuse(
            row.place,
            _in_words(cells, name, first["msg"]),
            column or name if name == "reply" else name,
        )
    except LanguageError as error:
        table.refuse(row.place, str(error), "language")
    if found.sample is not None and found.sample < 0:
        table.refuse(row.place, f"{found.sample} is not a sample number (0, 1, …)", "sample")
    key = RequestKey(found.prompt_id, language, found.variant or "original", found.sample or 0)
    record = _Record(
        status=found.status or "ok",
        text=found.reply or "",
        truncated=bool(found.truncated),
        reason=found.reason,
        outcome=found.outcome,
        correct=found.correct,
    )
    if _lacks_reply(found, table.path):
        reason = found.reason or "the record has no reply (an empty one needs the status ok)"
        record = replace(record, status="error", reason=reason)
    return key, record


def _in_words(cells: dict[str, Any], name: str, message: str) -> str:
    """pydantic's message for people; what may be harmful, a reply or a reason, stays out of it."""
    if _optional(cells.get(name)) is None:
        return "is empty or missing"
    shown = name in ("sample", "status", "outcome", "correct", "truncated")
    return f"{message}, found {str(cells[name])[:40]!r}" if shown else message


def _lacks_reply(row: _RecordRow, path: Path) -> bool:
    """Whether nothing was recorded, as against an empty reply.

    CSV cannot tell the two apart, so there only an explicit status ``ok`` makes it a reply. An
    outcome without its reply is a record: a reply may be withheld for what is in it.
    """
    if row.status in ("blocked", "error") or row.outcome is not None:
        return False
    if path.suffix.lower() in (".csv", ".tsv"):
        return not row.reply and row.status is None
    return row.reply is None
