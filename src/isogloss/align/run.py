"""Train every method, audit each before and after, and say what changed and for whom.

A run folder holds the stages (``stages/…``: data, manifest, curve, model), the replies of every
arm to the same held-out prompts with their verdicts, and the rows of areas ``audit`` (each arm),
``align`` (changes), ``align reward`` (reward models) and ``align over runs``. The same command
again does what is not done.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.align.across import AREA as ACROSS
from isogloss.align.across import across_rows
from isogloss.align.config import AlignConfig
from isogloss.align.earlier import mark_begun
from isogloss.align.measuring import measure_target
from isogloss.align.outcomes import AREA
from isogloss.align.prepare import PlannedStage, Prepared, planned_stage, prepare
from isogloss.align.recipes import RECIPES
from isogloss.align.reward_accuracy import AREA as REWARDS
from isogloss.align.stage import CURVE, MANIFEST
from isogloss.errors import InputError
from isogloss.processes import run_jobs
from isogloss.progress import Progress, silent
from isogloss.records import RunResult
from isogloss.store import RunStore
from isogloss.store.lines import whole_lines

META = "align"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignResult(RunResult):
    """What an alignment wrote.

    Attributes:
        folder: the run folder.
        models: (target, arm) → folder of the trained model.
        measurements: rows of areas ``align``, ``align reward`` and ``align over runs``.
    """

    models: dict[tuple[str, str], Path]


def plan_align(
    config: AlignConfig, *, progress: Progress | None = None
) -> tuple[PlannedStage, ...]:
    """What `run_align` would train; the stages' files are written, nothing is trained.

    Raises:
        UserError: as `run_align`.
    """
    prepared = prepare(config, progress or silent)
    for stage in prepared.stages:
        if not stage.is_done:
            stage.write()
    return tuple(planned_stage(stage) for stage in prepared.stages)


def run_align(config: AlignConfig, *, progress: Progress | None = None) -> AlignResult:
    """Train, audit and compare; or finish what was begun.

    Raises:
        UserError: something in the configuration, the data, the machine or the folder must
            change; found before any step is spent, wherever it can be.
        WorkerError: a stage failed; the same call again continues.

    Example:
        >>> run_align(AlignConfig(targets=("lab:tiny",), methods=("xsft",)))  # doctest: +SKIP
    """
    report = progress or silent
    prepared = prepare(config, report)
    _check_devices(config)
    todo = [stage.job() for stage in prepared.stages if not stage.is_done]
    run_jobs(todo, workers=prepared.workers, progress=report)
    mark_begun(prepared.folder, config, prepared.materials, prepared.stages)
    for material in prepared.materials:
        measure_target(config, prepared, material, progress=report)
    targets = {material.target for material in prepared.materials}
    with RunStore(prepared.folder) as store:
        stored = [*store.measurements(AREA), *store.measurements(REWARDS)]
        rows = [row for row in stored if row.target in targets]
        over = across_rows(rows)
        store.replace_measurements(ACROSS, over)
        store.set_meta(META, _meta(config, prepared))
    return AlignResult(
        folder=prepared.folder,
        models={(stage.target, stage.arm.name): stage.model for stage in prepared.stages},
        measurements=(*rows, *over),
    )


def _check_devices(config: AlignConfig) -> None:
    """That this machine has as many devices as processes; a plan may be for another one."""
    if config.n_processes == 1:
        return
    import torch

    found = torch.cuda.device_count()
    if found < config.n_processes:
        raise InputError(
            f"--processes {config.n_processes} needs as many CUDA devices, and this machine has "
            f"{found}; --plan prints the commands for another one"
        )


def _meta(config: AlignConfig, prepared: Prepared) -> dict[str, Any]:
    """What the report tells beside the rows: settings, seconds, curves."""
    stages: list[dict[str, Any]] = []
    for stage in prepared.stages:
        manifest = json.loads((stage.folder / MANIFEST).read_text())
        plan = planned_stage(stage)
        recipe = RECIPES.get(stage.arm.name.partition(":")[0])
        stages.append(
            {
                "target": stage.target,
                "arm": stage.arm.name,
                "words": recipe.words if recipe else "a few steps of fine-tuning to start from",
                "kind": stage.arm.method.kind,
                "start": plan.start,
                "languages": plan.languages,
                "too_long": plan.too_long,
                "asked_for": stage.arm.asked_for,
                "method": manifest["method"],
                "profile": manifest["profile"],
                "seconds": manifest["seconds"],
                "seed": manifest["seed"],
                "data_hash": manifest["data_hash"],
                "versions": manifest["versions"],
                "folder": str(stage.folder.relative_to(prepared.folder)),
                "curve": [json.loads(line) for line in whole_lines(stage.folder / CURVE)],
            }
        )
    material = prepared.materials[0]
    return {
        "targets": [one.target for one in prepared.materials],
        "methods": list(config.methods),
        "source": material.source,
        "data": {
            "source": material.examples.source,
            "fingerprint": material.examples.fingerprint,
            "n": len(material.examples.examples),
            "n_held_out": len(material.held_out),
            "notes": list(material.examples.notes),
            "n_with_provenance": sum(bool(e.provenance) for e in material.examples.examples),
        },
        "max_skill_loss": config.max_skill_loss,
        "stages": stages,
        "seed": config.seed,
    }
