"""All arms under all seeds, measured alike; what was in flight when it was killed is repeated.

Seed by seed, so that a cut experiment has whole pairs. Rows of runs that are measured already are
read back unless the recipe, the questions or the tiers are others by now.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.progress import Progress
from isogloss.records import Measurement
from isogloss.seeds import content_hash
from isogloss.store import RunStore
from isogloss.trace.arm_rewards import AREA as REWARDS
from isogloss.trace.arm_rewards import reward_rows
from isogloss.trace.arm_runs import AREA, Asking, measure_run
from isogloss.trace.arms import Arm

MEASURED = "trace arms measured"
"""Meta: area and target → what the rows were made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is trained and measured.

    Attributes:
        arms: each once.
        n_seeds: every arm is trained under the seeds 0 to ``n_seeds`` - 1.
        asking: how runs are measured.
        reward: whether each gets a reward model.
    """

    arms: tuple[Arm, ...]
    n_seeds: int
    asking: Asking
    reward: bool = False


def run_experiment(experiment: Experiment, progress: Progress) -> list[Measurement]:
    """Train and measure what is not measured yet.

    Returns:
        The rows of areas ``trace arm`` and ``trace arm reward`` of these arms and seeds.
    """
    arms, asking = experiment.arms, experiment.asking
    ledger = _Ledger(asking)
    rows: list[Measurement] = []
    n_runs = len(arms) * experiment.n_seeds
    for seed in range(experiment.n_seeds):
        for at, arm in enumerate(arms):
            progress("runs (arms x seeds)", seed * len(arms) + at, n_runs)
            known = ledger.rows(AREA, arm, seed)
            if known is None:
                known = ledger.keep(AREA, arm, seed, measure_run(arm, seed, asking, progress))
            rows += known
        if experiment.reward:
            rows += _rewards(arms, seed, ledger, asking, progress)
    progress("runs (arms x seeds)", n_runs, n_runs)
    return rows


def _rewards(
    arms: Sequence[Arm], seed: int, ledger: _Ledger, asking: Asking, progress: Progress
) -> list[Measurement]:
    missing = [arm for arm in arms if ledger.rows(REWARDS, arm, seed) is None]
    if missing:
        found = reward_rows(missing, seed, asking, progress)
        for arm in missing:
            ledger.keep(REWARDS, arm, seed, found[arm.name])
    return [row for arm in arms for row in ledger.rows(REWARDS, arm, seed) or ()]


class _Ledger:
    """Which runs are measured, from what; their rows."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._rows: dict[tuple[str, str], list[Measurement]] = {}
        with RunStore(asking.folder, create=True) as store:
            self._made: dict[str, str] = store.meta(MEASURED, {})
            for area in (AREA, REWARDS):
                for row in store.measurements(area):
                    self._rows.setdefault((area, row.target), []).append(row)

    def rows(self, area: str, arm: Arm, seed: int) -> list[Measurement] | None:
        target = arm.under(seed).spec
        if self._made.get(f"{area} {target}") != self._made_from(arm, seed):
            return None
        return self._rows.get((area, target))

    def keep(self, area: str, arm: Arm, seed: int, rows: list[Measurement]) -> list[Measurement]:
        target = arm.under(seed).spec
        self._rows[area, target] = rows
        self._made[f"{area} {target}"] = self._made_from(arm, seed)
        with RunStore(self._asking.folder) as store:
            store.replace_measurements(area, rows, target=target)
            store.set_meta(MEASURED, self._made)
        return rows

    def _made_from(self, arm: Arm, seed: int) -> str:
        asking = self._asking
        shares = json.dumps(asking.shares.to_json(), sort_keys=True)
        settings = repr((asking.limit, asking.decoding, asking.options.dtype))
        return content_hash(arm.under(seed).key(), arm.name, settings, shares)
