"""Lab recipes of one preset against the first: data, architectures, sizes, candidate mixes.

A run folder holds the replies of every run (a target each), the rows of area ``audit``, those of
areas ``trace arm`` and ``trace arm reward`` (each run's figures by language) and ``trace mixes``
(over runs). The same command again does what is not done.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from isogloss.audit.preflight import preflight
from isogloss.errors import InputError
from isogloss.progress import Progress, silent
from isogloss.records import RunResult
from isogloss.seeds import content_hash
from isogloss.store import RunStore
from isogloss.targets.options import LocalOptions
from isogloss.trace.arm_rewards import check_rewards
from isogloss.trace.arm_runs import Asking
from isogloss.trace.arms import (
    Arm,
    PlannedArm,
    check_arms,
    differences,
    other_tokenizers,
    plan_arms,
    read_arm,
)
from isogloss.trace.experiment import Experiment, run_experiment
from isogloss.trace.mix_figures import MixFigures
from isogloss.trace.mix_rows import AREA, mix_rows
from isogloss.trace.outcomes import Outcomes

LONGEST_NAME = 100
"""Of a folder named after its arms; what is longer ends in a hash of all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixesConfig:
    """Recipes to be compared; the flags of ``isogloss trace mixes`` are these fields.

    Attributes:
        arms: ``lab:PRESET[:MIX]``, all of one preset and with the same languages.
        reference: the one the others are set against, and whose shares make the tiers; None is the
            first.
        seeds: every arm is trained under the seeds 0 to ``seeds`` - 1, from pre-training on.
        other_tokenizers: allow arms whose tokenizers differ; rows then say so.
        reward: also a reward model for every run.
        limit: at most so many prompts of each intent.
        out: run folder.
        options: how models are run.
    """

    arms: tuple[str, ...]
    reference: str | None = None
    seeds: int = 5
    other_tokenizers: bool = False
    reward: bool = False
    limit: int | None = None
    out: Path | None = None
    options: LocalOptions = field(default_factory=LocalOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixesResult(RunResult):
    """What a comparison wrote.

    Attributes:
        folder: the run folder.
        arms: the reference first.
        measurements: rows of areas ``trace arm``, ``trace arm reward`` and ``trace mixes``.
    """

    arms: tuple[Arm, ...]


def plan_mixes(config: MixesConfig) -> tuple[PlannedArm, ...]:
    """What `run_mixes` would train; nothing is written.

    Raises:
        UserError: as `run_mixes`.
    """
    return plan_arms(resolve_mixes(config), config.seeds)


def run_mixes(config: MixesConfig, *, progress: Progress | None = None) -> MixesResult:
    """Train and measure every arm under every seed, then compare; or finish what was begun.

    Raises:
        UserError: something in the configuration, the machine or the folder must change; found
            before anything is trained, wherever it can be.

    Example:
        >>> run_mixes(MixesConfig(arms=("lab:tiny", "lab:tiny:english+neox")))  # doctest: +SKIP
    """
    arms = resolve_mixes(config)
    folder = config.out or _default_folder(arms)
    asking = Asking(
        folder=folder,
        shares=arms[0].recipe.share_table(),
        limit=config.limit,
        options=config.options,
    )
    experiment = Experiment(arms=arms, n_seeds=config.seeds, asking=asking, reward=config.reward)
    runs = run_experiment(experiment, progress or silent)
    rows = mix_rows(MixFigures(arms, Outcomes(runs)))
    if other := other_tokenizers(arms):
        note = f"tokenizers differ from that of {arms[0].name}: {', '.join(other)}"
        rows = [replace(row, method=f"{row.method}; {note}") for row in rows]
    with RunStore(folder) as store:
        store.replace_measurements(AREA, rows)
        store.set_meta(AREA, _meta(config, arms))
    return MixesResult(folder=folder, arms=arms, measurements=(*runs, *rows))


def resolve_mixes(config: MixesConfig) -> tuple[Arm, ...]:
    """The arms that ``config`` names, the reference first; nothing is trained.

    Raises:
        ModelError: an arm that is no lab recipe.
        InputError: what `check_arms` refuses, a reference that is no arm, or other tokenizers.
        MissingExtraError: reward models are asked for, and what trains them is not installed.
    """
    arms = [read_arm(spec) for spec in config.arms]
    if config.reference is not None:
        chosen = read_arm(config.reference)
        same = [arm for arm in arms if arm.recipe.key() == chosen.recipe.key()]
        if not same:
            raise InputError(
                f"--reference {config.reference} is none of the arms: {', '.join(config.arms)}"
            )
        arms = [same[0], *(arm for arm in arms if arm is not same[0])]
    check_arms(arms, n_seeds=config.seeds)
    preflight(config.out or _default_folder(arms), limit=config.limit, options=config.options)
    if (other := other_tokenizers(arms)) and not config.other_tokenizers:
        raise InputError(
            f"{arms[0].name} and {', '.join(other)} have other tokenizers, each trained on its own "
            "mix, so what looks like data may be the tokenizer; add +fixed to every arm, or "
            "--other-tokenizers to go on with a note in every row"
        )
    if config.reward:
        check_rewards(arms)
    return tuple(arms)


def _meta(config: MixesConfig, arms: Sequence[Arm]) -> dict[str, Any]:
    return {
        "reference": arms[0].name,
        "arms": {arm.name: arm.group for arm in arms},
        "differences": {arm.name: list(differences(arm, arms[0])) for arm in arms[1:]},
        "seeds": config.seeds,
    }


def _default_folder(arms: Sequence[Arm]) -> Path:
    mixes = " ".join(arm.recipe.mix for arm in arms)
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", f"mixes {arms[0].recipe.preset} {mixes}").strip("-.")
    if len(slug) > LONGEST_NAME:
        slug = f"{slug[:LONGEST_NAME]}-{content_hash(mixes)[:6]}"
    return Path("runs") / slug
