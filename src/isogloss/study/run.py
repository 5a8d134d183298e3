"""Run a study's steps in processes of their own, then gather, and write everything up.

The folder holds a run folder for every experiment (``steps/…``), each with a page of its own; and,
for the whole, ``run.db`` (the claims, area ``study``), ``report.html``, ``findings.md`` and
``questions.md``. The same command again runs what is not done and writes everything up anew.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from isogloss.audit.environment import describe_environment
from isogloss.audit.preflight import check_folder
from isogloss.errors import InputError, WorkerError
from isogloss.lab.build import is_built
from isogloss.lab.recipe import parse_spec
from isogloss.processes import Job, run_jobs
from isogloss.progress import Progress, silent
from isogloss.records import RunResult
from isogloss.report.page import build_report
from isogloss.report.walk import AREA
from isogloss.store import RunStore
from isogloss.study.config import StudyConfig
from isogloss.study.evidence import gather_claims
from isogloss.study.plan import EXTENTS, plan_study
from isogloss.study.step import DONE, Step, mark_done
from isogloss.study.write_up import write_up
from isogloss.targets.model import usable_cores

MODULE = "isogloss.study.worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One step as a plan shows it.

    Attributes:
        minutes: a guess, unless it is done.
        wait: minutes until it is done where as many steps run at once as can.
    """

    kind: str
    name: str
    minutes: float
    wait: float
    state: Literal["done", "in the cache", "to do"]
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult(RunResult):
    """What a study wrote.

    Attributes:
        report: the page that walks through both papers.
        measurements: the claims, rows of area ``study``.
    """

    report: Path
    findings: Path
    questions: Path


def plan_steps(config: StudyConfig) -> list[PlannedStep]:
    """The steps in the order of starting, and which are done; nothing is run or written.

    Raises:
        UserError: as `run_study`.
    """
    study = config.folder
    check_folder(study)
    steps = plan_study(config.extent, only=config.only)
    lost = _lost(steps, study)
    found: dict[str, PlannedStep] = {}
    for step in steps:
        seconds = None if step.key in lost else step.seconds(study)
        minutes, state = step.minutes, "to do"
        if seconds is not None:
            minutes, state = seconds / 60, "done"
        elif _in_cache(step):
            minutes, state = 0.0, "in the cache"
        before = max((found[need.key].wait for need in step.needs), default=0.0)
        found[step.key] = PlannedStep(
            kind=step.kind, name=step.name, minutes=minutes, state=state, folder=step.folder(study),
            wait=before + minutes if state == "to do" else 0.0,
        )  # fmt: skip
    return list(found.values())


def run_study(config: StudyConfig, *, progress: Progress | None = None) -> StudyResult:
    """Run the steps asked for that are not done, then write up what all done ones found.

    A step that fails stops those that need it; the others are finished and written up first.

    Raises:
        UserError: something in the configuration must change; nothing has been run.
        WorkerError: steps failed; the same call again runs them and what they kept waiting.

    Example:
        >>> run_study(StudyConfig(extent="quick"))  # doctest: +SKIP
    """
    if config.workers is not None and config.workers < 1:
        raise InputError(f"--workers must be 1 or more, not {config.workers}")
    report = progress or silent
    folder = config.folder
    check_folder(folder)
    steps = plan_study(config.extent, only=config.only)
    _look_into_cache(steps, folder)
    failure: WorkerError | None = None
    try:
        run_jobs(
            [_job(step, folder) for step in steps if not step.is_done(folder)],
            workers=config.workers or usable_cores(),
            progress=_Overall(steps, folder, report),
            keep_going=True,
        )
    except WorkerError as error:
        failure = error
    every = plan_study(config.extent)
    experiments = [s for s in every if s.kind != "model" and s.is_done(folder)]
    if failure is not None and not experiments:
        raise failure
    claims = gather_claims(folder, experiments)
    with RunStore(folder, create=True) as store:
        store.replace_measurements(AREA, claims)
        store.set_meta(AREA, _meta(config, every, folder))
        store.set_meta("environment", describe_environment(seed=0))
    for at, step in enumerate(experiments):
        report("pages", at, len(experiments))
        build_report(step.folder(folder))
    report("pages", len(experiments), len(experiments))
    findings, questions = write_up(folder)
    page = build_report(folder)
    if failure is not None:
        raise failure
    return StudyResult(
        folder=folder,
        report=page,
        findings=findings,
        questions=questions,
        measurements=tuple(claims),
    )


def _look_into_cache(steps: Sequence[Step], study: Path) -> None:
    """Models that lie in the lab's cache need no process to say so; lost ones are made again."""
    lost = _lost(steps, study)
    for step in steps:
        if step.key in lost:
            (step.folder(study) / DONE).unlink()
        elif _in_cache(step) and not step.is_done(study):
            step.write(study)
            mark_done(step.folder(study), 0.0)


def _lost(steps: Sequence[Step], study: Path) -> set[str]:
    """Keys of models that were done, have gone from the cache, and that a step to do needs."""
    needed = {need.key for step in steps if not step.is_done(study) for need in step.needs}
    return {
        step.key
        for step in steps
        if step.kind == "model" and step.key in needed and step.is_done(study)
        and not _in_cache(step)
    }  # fmt: skip


def _in_cache(step: Step) -> bool:
    """Whether it is a model that lies in the lab's cache."""
    return step.kind == "model" and is_built(parse_spec(step.settings["spec"]))


def _job(step: Step, study: Path) -> Job:
    folder = step.folder(study)
    return Job(
        name=step.name,
        folder=folder,
        command=(sys.executable, "-m", MODULE, str(folder)),
        needs=tuple(need.folder(study) for need in step.needs),
        environment={"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
        prepare=lambda: step.write(study),
    )


class _Overall:
    """Passes progress on, and beside it the minutes of work that are done, of all."""

    def __init__(self, steps: Sequence[Step], study: Path, report: Progress) -> None:
        self._steps, self._study, self._report = steps, study, report
        self._tell()

    def __call__(self, stage: str, done: int, total: int) -> None:
        self._tell()
        self._report(stage, done, total)

    def _tell(self) -> None:
        done = sum(step.minutes for step in self._steps if step.is_done(self._study))
        total = sum(step.minutes for step in self._steps)
        self._report("study (minutes of work)", round(done), round(total))


def _meta(config: StudyConfig, steps: Sequence[Step], folder: Path) -> dict[str, Any]:
    extent = EXTENTS[config.extent]
    return {
        "extent": config.extent,
        "words": extent.words,
        "preset": extent.preset,
        "seeds": list(range(extent.seeds)),
        "mixes": list(extent.mixes),
        "steps": [
            {
                "kind": step.kind,
                "name": step.name,
                "folder": str(step.folder(folder).relative_to(folder)),
                "seconds": step.seconds(folder),
            }
            for step in steps
        ],
    }
