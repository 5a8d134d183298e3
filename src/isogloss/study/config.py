"""What a study is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyConfig:
    """Both papers in one run; the flags of ``isogloss study`` are these fields.

    Attributes:
        extent: ``quick`` or ``full``; see `isogloss.study.plan.EXTENTS`.
        only: kinds of experiments, with the models they need; empty is all.
        workers: steps at once; None is by the machine.
        out: the study's folder; None is ``runs/study-EXTENT``.
    """

    extent: str = "quick"
    only: tuple[str, ...] = ()
    workers: int | None = None
    out: Path | None = None

    @property
    def folder(self) -> Path:
        return (self.out or Path("runs") / f"study-{self.extent}").resolve()
