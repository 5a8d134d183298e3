"""Training examples: what one is, and the lines in which a stage keeps its own.

Files of a user's are read by `isogloss.align.example_files`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.errors import InputError
from isogloss.records import Intent
from isogloss.seeds import content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One instruction, or one preference where ``rejected`` is there.

    Attributes:
        example_id: the same in every language; unique within a language.
        language: canonical tag of prompt and responses.
        chosen: the response to learn.
        rejected: the response it is preferred to.
        intent: of the prompt; None where the file does not say.
        cluster_id: what it shares with examples of the same source; ``example_id`` unless given.
        provenance: how the texts came to be (translation engine, …), as the file has it.
    """

    example_id: str
    language: str
    prompt: str
    chosen: str
    rejected: str | None = None
    intent: Intent | None = None
    cluster_id: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    def __post_init__(self) -> None:
        if not self.cluster_id:
            object.__setattr__(self, "cluster_id", self.example_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSet:
    """Examples in the order of their file: all of them preferences, or none.

    Attributes:
        source: the file.
        fingerprint: sixteen hex digits of all but the provenance; the same for shuffled files.
        notes: what loading did not take over as it was.
    """

    examples: tuple[Example, ...]
    source: str
    fingerprint: str
    notes: tuple[str, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """Canonical tags in the order of first sight."""
        return tuple(dict.fromkeys(example.language for example in self.examples))


class _StoredRow(BaseModel):
    """A line of `write_examples`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    example_id: str
    language: str
    prompt: str
    chosen: str
    rejected: str | None
    intent: Intent | None
    cluster_id: str
    provenance: dict[str, str]


def examples_fingerprint(examples: Iterable[Example]) -> str:
    """Sixteen hex digits naming what is trained on, whatever the order; without provenance."""
    rows = ({**row, "provenance": None} for row in example_rows(examples))
    return content_hash(*sorted(json.dumps(row) for row in rows))


def example_rows(examples: Iterable[Example]) -> list[dict[str, Any]]:
    """One dictionary an example, with all of its fields."""
    names = tuple(_StoredRow.model_fields)
    rows = [{name: getattr(example, name) for name in names} for example in examples]
    return [row | {"provenance": dict(row["provenance"])} for row in rows]


def write_examples(path: str | Path, examples: Iterable[Example]) -> None:
    """Write JSONL that `read_examples` reads back to equal examples in the same order.

    Written beside and renamed, so that a kill leaves the old file or the new one.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.partial")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            for row in example_rows(examples):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def read_examples(path: str | Path) -> tuple[Example, ...]:
    """What `write_examples` wrote.

    Raises:
        InputError: no such file, or a line that is not an example.
    """
    try:
        lines = Path(path).read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if lines.pop():
        raise InputError(f"{path}: line {len(lines) + 1}: is cut off; make the file again")
    examples: list[Example] = []
    for number, line in enumerate(lines, start=1):
        try:
            examples.append(Example(**_StoredRow.model_validate_json(line).model_dump()))
        except ValidationError:  # its message would show the text
            raise InputError(
                f"{path}: line {number}: not an example as isogloss writes it; make the file again"
            ) from None
    return tuple(examples)
