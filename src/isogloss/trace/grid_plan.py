"""What a grid would train, and about how long that takes on this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.align.prepare import PlannedStage, Prepared, planned_stage
from isogloss.align.stage import MANIFEST
from isogloss.align.stages import Stage
from isogloss.progress import Progress, silent
from isogloss.trace.grid import prepare_grid
from isogloss.trace.grid_config import GridArms, GridConfig

FLOPS = {"sft": 6, "dpo": 16}
"""A parameter and token: forward and backward; for DPO of two responses, with a reference."""
THREAD_FLOPS = 2e10
"""Of a thread that trains a model of lab size; measured on `lab:tiny`, within a factor of two."""
STAGE_SECONDS = 20.0
"""Starting the stage's process, and the audit after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGrid:
    """A grid before it is run.

    Attributes:
        stages: in the order of training; for DPO warm-ups among them.
        minutes: for what is not done yet; None where nothing tells.
        basis: what the minutes are estimated from.
    """

    arms: GridArms
    stages: tuple[PlannedStage, ...]
    minutes: float | None
    basis: str


def plan_grid(config: GridConfig, *, progress: Progress | None = None) -> PlannedGrid:
    """Check everything and say what would be trained; only a lab model that is missing is built.

    Raises:
        UserError: as `isogloss.trace.grid.run_grid`.
    """
    arms, prepared = prepare_grid(config, progress or silent)
    minutes, basis = _minutes(prepared)
    return PlannedGrid(
        arms=arms,
        stages=tuple(planned_stage(stage) for stage in prepared.stages),
        minutes=minutes,
        basis=basis,
    )


def _minutes(prepared: Prepared) -> tuple[float | None, str]:
    """Of the stages that are not done, several at once where the machine allows."""
    todo = [stage for stage in prepared.stages if not stage.is_done]
    if not todo:
        return 0.0, "everything is trained"
    done = [stage for stage in prepared.stages if stage.is_done]
    if all(any(_alike(stage, other) for other in done) for stage in todo):
        seconds = [
            _mean([_seconds(other) for other in done if _alike(stage, other)]) for stage in todo
        ]
        basis = "by the stages that are done"
    elif todo[0].spec.profile.device == "cpu":
        seconds = [_work(stage, prepared) / _speed(stage) for stage in todo]
        basis = f"at {THREAD_FLOPS / 1e9:.0f} GFLOP/s a thread"
    else:
        return None, "run one stage, then plan again: nothing is known of this device's speed"
    at_once = min(prepared.workers, len(todo))
    total = sum(seconds) / at_once + STAGE_SECONDS * len(todo)
    return total / 60, f"{basis}, {at_once} at once, {STAGE_SECONDS:.0f} s a stage around it"


def _alike(stage: Stage, other: Stage) -> bool:
    one, two = stage.arm.method, other.arm.method
    return (one.kind, one.optimisation.steps) == (two.kind, two.optimisation.steps)


def _seconds(stage: Stage) -> float:
    return float(json.loads((stage.folder / MANIFEST).read_text())["seconds"])


def _speed(stage: Stage) -> float:
    return THREAD_FLOPS * stage.spec.profile.threads


def _work(stage: Stage, prepared: Prepared) -> float:
    """Floating-point operations of its training."""
    (material,) = [one for one in prepared.materials if one.target == stage.target]
    tokens = sum(material.n_tokens(example) for example in stage.train)
    return FLOPS[stage.arm.method.kind] * material.n_parameters * tokens


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
