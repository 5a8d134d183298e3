"""The prompt set: what an audit asks, under a fingerprint that does not depend on the order."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from isogloss.errors import InputError
from isogloss.records import Prompt
from isogloss.seeds import content_hash

COLUMNS: tuple[str, ...] = tuple(
    field.name for field in fields(Prompt) if field.name != "translation"
)
"""Columns of a long table; only prompt_id, language and text are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """Prompts, sorted by key, and where they come from.

    Attributes:
        prompts: sorted by (prompt_id, language, variant), each key once.
        fingerprint: of the prompts' content; shuffled files have the same.
        licence: what the caller or a file beside the set says; None where nobody does.
        source: the file.
        notes: what loading did not take over as it was (skipped empty cells, duplicates, …).
    """

    prompts: tuple[Prompt, ...]
    fingerprint: str
    licence: str | None
    source: str
    notes: tuple[str, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """Canonical tags, sorted."""
        return tuple(sorted({prompt.language for prompt in self.prompts}))


def prompts_fingerprint(prompts: Iterable[Prompt]) -> str:
    """Sixteen hex digits naming the content of ``prompts``, whatever their order."""
    return content_hash(*sorted(json.dumps(_cells(prompt)) for prompt in prompts))


def _cells(prompt: Prompt) -> dict[str, str | None]:
    return {column: getattr(prompt, column) for column in COLUMNS}


def write_prompts(prompts: Iterable[Prompt], path: str | Path) -> None:
    """Write a long table that `load_prompts` reads back to the same prompts.

    Args:
        prompts: in any order; rows are written sorted by key.
        path: ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet``. Written beside and
            renamed, so that a kill leaves the old file or the new one.

    Raises:
        InputError: another suffix, or the file cannot be written.
    """
    path = Path(path)
    rows = [_cells(prompt) for prompt in sorted(prompts, key=lambda prompt: prompt.key)]
    beside = path.with_name(f".{path.name}.partial")
    try:
        match path.suffix.lower():
            case ".csv" | ".tsv":
                out = io.StringIO(newline="")
                separator = "\t" if path.suffix.lower() == ".tsv" else ","
                # Lines end in \r\n, the csv module's default: with \n it leaves a \r unquoted.
                writer = csv.DictWriter(out, COLUMNS, delimiter=separator)
                writer.writeheader()
                writer.writerows(rows)
                beside.write_text(out.getvalue(), "utf-8", newline="")
            case ".jsonl" | ".ndjson":
                lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                beside.write_text("".join(lines), "utf-8", newline="")
            case ".parquet":
                import polars as pl

                pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String)).write_parquet(beside)
            case suffix:
                raise InputError(
                    f"{path}: cannot write {suffix or 'a file without suffix'!r}; "
                    "use .csv, .tsv, .jsonl or .parquet"
                )
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
