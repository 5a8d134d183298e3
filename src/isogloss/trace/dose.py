"""More and less text of a language, the rest alike: what does it change, and how much is enough?

A run folder holds the replies of every run (a target each), the rows of area ``audit``, those of
areas ``trace arm`` and ``trace arm reward`` (each run's figures by language) and ``trace dose``
(over runs). The same command again does what is not done.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.audit.preflight import preflight
from isogloss.progress import Progress, silent
from isogloss.records import RunResult
from isogloss.store import RunStore
from isogloss.trace.arm_rewards import check_rewards
from isogloss.trace.arm_runs import Asking
from isogloss.trace.arms import PlannedArm, check_arms, plan_arms
from isogloss.trace.dose_config import DoseConfig
from isogloss.trace.dose_design import DoseDesign, design_doses
from isogloss.trace.dose_figures import DoseFigures
from isogloss.trace.dose_rows import AREA, dose_rows
from isogloss.trace.experiment import Experiment, run_experiment
from isogloss.trace.outcomes import Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseResult(RunResult):
    """What a dose-response wrote.

    Attributes:
        folder: the run folder.
        design: its arms.
        measurements: rows of areas ``trace arm``, ``trace arm reward`` and ``trace dose``.
    """

    design: DoseDesign


def plan_dose(config: DoseConfig) -> tuple[PlannedArm, ...]:
    """What `run_dose` would train; the mixes of a table are written, nothing else.

    Raises:
        UserError: as `run_dose`.
    """
    return plan_arms(_checked(config, _folder(config)).arms, config.seeds)


def run_dose(config: DoseConfig, *, progress: Progress | None = None) -> DoseResult:
    """Train and measure every arm under every seed, then compare; or finish what was begun.

    Raises:
        UserError: something in the configuration, the machine or the folder must change; found
            before anything is trained, wherever it can be.

    Example:
        >>> run_dose(DoseConfig(mix="lab:tiny", languages=("sw",)))  # doctest: +SKIP
    """
    folder = _folder(config)
    design = _checked(config, folder)
    asking = Asking(
        folder=folder,
        shares=design.shares,
        limit=config.limit,
        options=config.options,
    )
    experiment = Experiment(
        arms=design.arms, n_seeds=config.seeds, asking=asking, reward=config.reward
    )
    runs = run_experiment(experiment, progress or silent)
    rows = dose_rows(DoseFigures(design, Outcomes(runs)))
    with RunStore(folder) as store:
        store.replace_measurements(AREA, rows)
        store.set_meta(AREA, _meta(config, design))
    return DoseResult(folder=folder, design=design, measurements=(*runs, *rows))


def _checked(config: DoseConfig, folder: Path) -> DoseDesign:
    preflight(folder, limit=config.limit, options=config.options)
    design = design_doses(config, folder)
    check_arms(design.arms, n_seeds=config.seeds)
    if config.reward:
        check_rewards(design.arms)
    return design


def _meta(config: DoseConfig, design: DoseDesign) -> dict[str, Any]:
    return {
        "dosed": list(design.dosed),
        "doses": [arm.name for arm in design.doses],
        "undosed": design.undosed.name,
        "arms": {arm.name: arm.group for arm in design.arms},
        "contrasts": [contrast._asdict() for contrast in design.contrasts],
        "seeds": config.seeds,
    }


def _folder(config: DoseConfig) -> Path:
    if config.out is not None:
        return config.out
    parts = ["dose", config.mix, config.tier or " ".join(config.languages or ())]
    if config.table is not None:
        parts.append(config.table.stem)
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(parts)).strip("-.")
    return Path("runs") / slug[:120]
