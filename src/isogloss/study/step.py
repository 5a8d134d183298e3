"""One step of a study: what is run with which settings, after which others; named by its content.

A step's folder bears a hash of its kind, its settings and the steps it needs. So equal steps are
one step, whatever asked for them; a finished one is never run again; and a study begun in a folder
with other settings finds there what both have in common.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.errors import StoreError
from isogloss.seeds import content_hash

STEPS = "steps"
SPEC, DONE = "step.json", "done.json"
VERSION = 1
"""Part of every step's key: raised when the same settings would give other rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        kind: a name of `isogloss.study.kinds.KINDS`.
        name: for people, and in the folder's name.
        settings: what the kind's configuration gets, as JSON; all that determines the rows.
        needs: steps whose work it uses.
        minutes: how long it may take alone; a guess, for the plan and for the time that remains.
    """

    kind: str
    name: str
    settings: Mapping[str, Any]
    needs: tuple[Step, ...] = ()
    minutes: float = 1.0

    @property
    def key(self) -> str:
        """Changes with everything that determines what the step leaves."""
        settings = json.dumps(self.settings, sort_keys=True)
        return content_hash(str(VERSION), self.kind, settings, *(step.key for step in self.needs))

    def folder(self, study: Path) -> Path:
        """Where the step works, below the study's folder."""
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", self.name).strip("-.")[:80]
        return study / STEPS / f"{slug}-{self.key[:12]}"

    def is_done(self, study: Path) -> bool:
        return (self.folder(study) / DONE).is_file()

    def seconds(self, study: Path) -> float | None:
        """How long it took; None where it is not done.

        Raises:
            StoreError: nobody wrote that record.
        """
        path = self.folder(study) / DONE
        if not path.is_file():
            return None
        try:
            return float(json.loads(path.read_text("utf-8"))["seconds"])
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{path} is no record of a finished step; delete it, and the step is run again"
            ) from error

    def write(self, study: Path) -> None:
        """Put what `isogloss.study.worker` reads into the step's folder."""
        folder = self.folder(study)
        folder.mkdir(parents=True, exist_ok=True)
        told = {"kind": self.kind, "name": self.name, "settings": self.settings}
        (folder / SPEC).write_text(json.dumps(told, indent=1), encoding="utf-8")


def mark_done(folder: Path, seconds: float) -> None:
    """Say that a step is done; the last thing that is put into its folder."""
    partial = folder / f"{DONE}.partial"
    partial.write_text(json.dumps({"seconds": round(seconds, 1)}), encoding="utf-8")
    os.replace(partial, folder / DONE)


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Every step and all that it needs, each once and after what it needs.

    Example:
        >>> model = Step(kind="model", name="model", settings={})
        >>> two = [Step(kind="audit", name=n, settings={"n": n}, needs=(model,)) for n in "ab"]
        >>> [step.name for step in in_order(two)]
        ['model', 'a', 'b']
    """
    found: dict[str, Step] = {}

    def add(step: Step) -> None:
        if step.key in found:
            return
        for need in step.needs:
            add(need)
        found[step.key] = step

    for step in steps:
        add(step)
    return list(found.values())
