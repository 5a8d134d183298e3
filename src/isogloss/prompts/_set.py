"""The prompt set: what an audit asks, under a fingerprint that does not depend on the order."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from isogloss.errors import InputError
from isogloss.records import Prompt, Translation
from isogloss.seeds import content_hash

COLUMNS: tuple[str, ...] = tuple(
    field.name for field in fields(Prompt) if field.name != "translation"
)
"""What makes a prompt: columns of a long table; only prompt_id, language and text are needed."""

TRANSLATION_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Translation))
"""Columns that say how a translated text came about; written where any prompt has such."""

FLAG_SEPARATOR = ";"
WRITABLE = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


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
    """Sixteen hex digits naming the content of ``prompts``, whatever their order.

    Who translated a text, and what was flagged, is not part of what is asked.
    """
    return content_hash(*sorted(json.dumps(_cells(prompt)) for prompt in prompts))


def _cells(prompt: Prompt) -> dict[str, str | float | None]:
    return {column: getattr(prompt, column) for column in COLUMNS}


def _translation_cells(prompt: Prompt) -> dict[str, str | float | None]:
    if prompt.translation is None:
        return dict.fromkeys(TRANSLATION_COLUMNS)
    cells = {column: getattr(prompt.translation, column) for column in TRANSLATION_COLUMNS}
    return cells | {"flags": FLAG_SEPARATOR.join(prompt.translation.flags)}


def check_format(path: Path) -> None:
    """See that `write_prompts` can write a file of this name, before long work.

    Raises:
        InputError: another suffix.
    """
    if path.suffix.lower() not in WRITABLE:
        raise InputError(
            f"{path}: cannot write {path.suffix or 'a file without suffix'!r}; "
            "use .csv, .tsv, .jsonl or .parquet"
        )


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
    check_format(path)
    prompts = sorted(prompts, key=lambda prompt: prompt.key)
    rows, columns = [_cells(prompt) for prompt in prompts], COLUMNS
    if any(prompt.translation for prompt in prompts):
        columns = COLUMNS + TRANSLATION_COLUMNS
        rows = [row | _translation_cells(prompt) for row, prompt in zip(rows, prompts, strict=True)]
    beside = path.with_name(f".{path.name}.partial")
    try:
        match path.suffix.lower():
            case ".csv" | ".tsv":
                out = io.StringIO(newline="")
                separator = "\t" if path.suffix.lower() == ".tsv" else ","
                # Lines end in \r\n, the csv module's default: with \n it leaves a \r unquoted.
                writer = csv.DictWriter(out, columns, delimiter=separator)
                writer.writeheader()
                writer.writerows(rows)
                beside.write_text(out.getvalue(), "utf-8", newline="")
            case ".jsonl" | ".ndjson":
                lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                beside.write_text("".join(lines), "utf-8", newline="")
            case _:
                import polars as pl

                kinds = {c: pl.Float64 if c == "chrf" else pl.String for c in columns}
                pl.DataFrame(rows, schema=kinds).write_parquet(beside)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
