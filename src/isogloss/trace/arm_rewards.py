"""Reward models of the arms of one seed: trained in all languages, each from its own arm.

As `isogloss align xreward` trains and tests them: from the ``helpful`` stage, on preferences about
train objects in all languages alike, asked about test objects (P1, section 5.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from isogloss.align.config import AlignConfig, check_config
from isogloss.align.measuring import reward_model_rows
from isogloss.align.prepare import prepare
from isogloss.align.reward_accuracy import ACCURACY
from isogloss.processes import run_jobs
from isogloss.progress import Progress
from isogloss.records import Measurement
from isogloss.trace.arm_runs import Asking, in_arm
from isogloss.trace.arms import Arm

AREA = "trace arm reward"
METHOD = "xreward"


def check_rewards(arms: Sequence[Arm]) -> None:
    """Refuse before anything is trained what reward models could not be trained with.

    Raises:
        MissingExtraError: the libraries that train are not installed.
    """
    check_config(AlignConfig(targets=(_helpful(arms[0], 0),), methods=(METHOD,)))


def reward_rows(
    arms: Sequence[Arm], seed: int, asking: Asking, progress: Progress
) -> dict[str, list[Measurement]]:
    """Train what is not trained, test all: arm's name → its rows by language (area ``AREA``)."""
    by_target = {_helpful(arm, seed): arm for arm in arms}
    config = AlignConfig(
        targets=tuple(by_target), methods=(METHOD,), out=asking.folder, options=asking.options
    )
    prepared = prepare(config, progress)
    jobs = [
        replace(stage.job(), name=f"reward model {by_target[stage.target].name} #{seed}")
        for stage in prepared.stages
        if not stage.is_done
    ]
    run_jobs(jobs, workers=prepared.workers, progress=progress)
    found: dict[str, list[Measurement]] = {}
    for stage, material in zip(prepared.stages, prepared.materials, strict=True):
        arm = by_target[stage.target]
        found[arm.name] = [
            replace(in_arm(row, arm, seed, asking.shares), area=AREA)
            for row in reward_model_rows(stage, material)
            if row.metric == ACCURACY and row.language is not None and row.category is None
        ]
    return found


def _helpful(arm: Arm, seed: int) -> str:
    return replace(arm.under(seed), stage="helpful").spec
