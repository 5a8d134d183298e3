"""Train in every language, test in every language, and say what tells who benefits.

A run folder is that of an alignment (`isogloss.align.run`: stages, replies, changes), and holds the
rows of areas ``trace grid`` and ``trace grid over runs`` besides. The model is measured before
anything is trained. The same command again does what is not done and computes all rows anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isogloss.align.config import AlignConfig
from isogloss.align.material import Material
from isogloss.align.prepare import Prepared, prepare
from isogloss.align.run import run_align
from isogloss.progress import Progress, silent
from isogloss.records import Measurement, RunResult
from isogloss.seeds import content_hash
from isogloss.store import RunStore
from isogloss.targets.options import LocalOptions
from isogloss.trace.grid_cells import cell_rows
from isogloss.trace.grid_config import GridArms, GridConfig, align_config, plan_arms
from isogloss.trace.grid_findings import find_predictors
from isogloss.trace.grid_matrices import AREA, MEASURED, read_grids
from isogloss.trace.grid_over_runs import OVER_RUNS, over_runs_rows
from isogloss.trace.grid_rows import finding_rows
from isogloss.trace.predictor_sources import check_files, predictors_key
from isogloss.trace.predictors import predictor_rows

KEYS = "trace grid predictors"
"""Meta: what the rows measured before training were made from, by target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridResult(RunResult):
    """What a grid wrote.

    Attributes:
        folder: the run folder.
        arms: what was trained, and on which languages.
        measurements: rows of areas ``trace grid`` and ``trace grid over runs``.
    """

    arms: GridArms


def run_grid(config: GridConfig, *, progress: Progress | None = None) -> GridResult:
    """Measure, train every run, audit before and after, and compare; or finish what was begun.

    Raises:
        UserError: something in the configuration, the data, the machine or the folder must change;
            found before any step is spent, wherever it can be.
        WorkerError: a stage failed; the same call again continues.

    Example:
        >>> run_grid(GridConfig(target="lab:tiny", seeds=3))  # doctest: +SKIP
    """
    report = progress or silent
    arms, prepared = prepare_grid(config, report)
    for material in prepared.materials:
        _measure_before(config, prepared.folder, material, report)
    run_align(_align(config, arms, prepared.folder), progress=report)
    trained: dict[str, str | None] = {**arms.by_arm, arms.everywhere: None}
    rows: list[Measurement] = []
    with RunStore(prepared.folder) as store:
        before = [row for row in store.measurements(AREA) if row.metric in MEASURED]
    for target in arms.targets:
        rows += [row for row in before if row.target == target]
        rows += cell_rows(prepared.folder, target=target, arms=trained, method=config.method)
    rows, over = _compare(rows)
    with RunStore(prepared.folder) as store:
        store.replace_measurements(AREA, rows)
        store.replace_measurements(OVER_RUNS, over)
        store.set_meta(AREA, _meta(config, arms))
    return GridResult(folder=prepared.folder, arms=arms, measurements=(*rows, *over))


def prepare_grid(config: GridConfig, progress: Progress) -> tuple[GridArms, Prepared]:
    """Check everything that can be refused before a step is spent; lab models are built."""
    arms = plan_arms(config)
    check_files(config, arms.languages)
    prepared = prepare(_align(config, arms, config.out or _default_folder(config, arms)), progress)
    return arms, prepared


def _compare(rows: Sequence[Measurement]) -> tuple[list[Measurement], list[Measurement]]:
    """The rows with what they say of predictors, and figures over runs."""
    grids = read_grids(rows)
    findings = {grid.target: find_predictors(grid) for grid in grids}
    whole = [*rows, *(row for grid in grids for row in finding_rows(grid, findings[grid.target]))]
    return whole, over_runs_rows(whole, findings)


def _align(config: GridConfig, arms: GridArms, out: Path) -> AlignConfig:
    methods = (*arms.by_arm, arms.everywhere)
    return align_config(
        config, targets=arms.targets, methods=methods, source=arms.train[0], out=out
    )


def _measure_before(
    config: GridConfig, folder: Path, material: Material, progress: Progress
) -> None:
    """The predictors of one model, unless they were measured from the same things before."""
    key = predictors_key(config, material)
    with RunStore(folder, create=True) as store:
        keys: dict[str, str] = store.meta(KEYS, {})
        stored = {row.target for row in store.measurements(AREA) if row.metric in MEASURED}
    if keys.get(material.target) == key and material.target in stored:
        return
    shares = material.shares
    languages = sorted(material.languages, key=lambda tag: (-(shares.share(tag) or 0.0), tag))
    rows = predictor_rows(config, material, languages, progress)
    with RunStore(folder) as store:
        kept = [row for row in store.measurements(AREA) if row.target != material.target]
        store.replace_measurements(AREA, [*kept, *rows])
        store.set_meta(KEYS, store.meta(KEYS, {}) | {material.target: key})


def _meta(config: GridConfig, arms: GridArms) -> dict[str, Any]:
    return {
        "targets": list(arms.targets),
        "method": config.method,
        "languages": list(arms.languages),
        "train": list(arms.train),
        "everywhere": arms.everywhere,
        "seed": config.seed,
    }


def _default_folder(config: GridConfig, arms: GridArms) -> Path:
    """By target and method, and by a hash of whatever else is not as it comes."""
    machine = {"options": LocalOptions(), "workers": None, "out": None, "seeds": None}
    mine = replace(config, **machine)
    parts = ["grid", arms.targets[0].rpartition("#")[0] or arms.targets[0], config.method]
    if mine != GridConfig(target=config.target, method=config.method):
        parts.append(content_hash(repr(mine))[:6])
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(parts)).strip("-.")
    return Path("runs") / slug[-120:]
