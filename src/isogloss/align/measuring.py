"""What an alignment is judged by: audits of every arm, changes, reward models put to the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from isogloss.align.config import AlignConfig
from isogloss.align.material import Material
from isogloss.align.outcomes import AREA, NONE, change_rows, gate_row, tier_gap_rows
from isogloss.align.pivot import translate_examples
from isogloss.align.prepare import Prepared
from isogloss.align.reward_accuracy import AREA as REWARDS
from isogloss.align.reward_accuracy import association_rows, reward_rows, scored_pairs
from isogloss.align.reward_model import RewardModel
from isogloss.align.stages import Stage
from isogloss.audit.run import AuditConfig, run_audit
from isogloss.concepts.competence import measure_competence
from isogloss.concepts.held_out import lab_texts
from isogloss.control.baselines import safety_line
from isogloss.progress import Progress
from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.targets.local import LocalTarget
from isogloss.targets.model import LocalModel
from isogloss.translate.base import Translator

SAFETY_LINE, GUARD = "safety line", "guard"
N_COMPETENCE_TEXTS = 60


def measure_target(
    config: AlignConfig, prepared: Prepared, material: Material, *, progress: Progress
) -> None:
    """Audits, changes and reward models of one target; its rows replace earlier ones."""
    stages = [stage for stage in prepared.stages if stage.target == material.target]
    judge = ""
    for arm, load in _arms(config, material, stages):
        audit = AuditConfig(
            target=material.target,
            prompts=config.prompts,
            out=prepared.folder,
            judges=None if config.judge is None else (config.judge,),
            shares=config.shares,
            languages=config.languages,
            decoding=_decoding(config, material, arm),
            arm=arm,
            options=config.options,
        )
        # Loaded here and dropped with the call: two models of billions need not fit at once.
        result = run_audit(
            audit, target=load(), prompts=material.prompts if config.prompts else None,
            progress=progress,
        )  # fmt: skip
        judge = result.judges[0]
    rows: list[Measurement] = []
    for before, after, trained_on in _comparisons(config, stages):
        found, comparison = change_rows(
            prepared.folder, target=material.target, before=before, after=after,
            trained_on=trained_on, judge=judge,
        )  # fmt: skip
        rows += found
        rows += tier_gap_rows(comparison, target=material.target, before=before, after=after)
        if before == NONE:
            rows.append(
                gate_row(
                    comparison, target=material.target, after=after, judge=judge,
                    points=config.max_skill_loss,
                )
            )  # fmt: skip
    rewards = _reward_rows(config, material, stages, prepared.translator, progress)
    with RunStore(prepared.folder) as store:
        for area, mine in ((AREA, rows), (REWARDS, rewards)):
            kept = [row for row in store.measurements(area) if row.target != material.target]
            store.replace_measurements(area, [*kept, *mine])


def _arms(
    config: AlignConfig, material: Material, stages: Sequence[Stage]
) -> Iterator[tuple[str, Callable[[], LocalTarget]]]:
    """(arm, loads who answers): before, the defences without training, then every policy."""

    def load(folder: Path, guard: Path | None = None) -> LocalTarget:
        options = replace(config.options, guard=guard)
        return LocalTarget(folder, name=material.target, options=options)

    yield NONE, partial(load, material.folder)
    yield SAFETY_LINE, partial(load, material.folder)
    if config.guard is not None:
        yield GUARD, partial(load, material.folder, config.guard)
    for stage in stages:
        if stage.arm.is_policy:
            yield stage.arm.name, partial(load, stage.model)


def _decoding(config: AlignConfig, material: Material, arm: str) -> Any:
    if arm != SAFETY_LINE:
        return config.decoding
    return replace(config.decoding, system_prompt=safety_line(material.target))


def _comparisons(
    config: AlignConfig, stages: Sequence[Stage]
) -> Iterator[tuple[str, str, frozenset[str]]]:
    """(before, after, languages trained on): since the start of all, and since a stage's own."""
    yield NONE, SAFETY_LINE, frozenset()
    if config.guard is not None:
        yield NONE, GUARD, frozenset()
    for stage in stages:
        if not stage.arm.is_policy:
            continue
        yield NONE, stage.arm.name, stage.trained_on
        if stage.arm.start is not None:
            yield stage.arm.start, stage.arm.name, stage.trained_on


def _reward_rows(
    config: AlignConfig,
    material: Material,
    stages: Sequence[Stage],
    translator: Translator | None,
    progress: Progress,
) -> list[Measurement]:
    models = [stage for stage in stages if not stage.arm.is_policy]
    if not models or not material.held_out:
        return []
    competence = _competence(config, material, progress)
    rows: list[Measurement] = []
    for done, stage in enumerate(models):
        progress("reward models (tested)", done, len(models))
        mine = reward_model_rows(stage, material, translator)
        rows += [*mine, *association_rows(mine, material.shares, competence)]
    progress("reward models (tested)", len(models), len(models))
    return rows


def reward_model_rows(
    stage: Stage, material: Material, translator: Translator | None = None
) -> list[Measurement]:
    """Accuracy of one reward model on the held-out preferences, as rows of area ``align reward``.

    Args:
        stage: a reward model's, done.
        material: of its target, with held-out preferences.
        translator: of a reward model that reads translations into the source language.
    """
    held_out = [e for e in material.held_out if e.language in material.languages]
    profile = stage.spec.profile
    model = RewardModel(
        stage.model, device=profile.device, trust_remote_code=profile.trust_remote_code
    )
    asked = held_out
    if stage.arm.pivot and translator is not None:
        asked = list(translate_examples(held_out, translator, material.source))
    better = model.scores([(e.prompt, e.chosen) for e in asked])
    worse = model.scores([(e.prompt, e.rejected or "") for e in asked])
    return reward_rows(
        scored_pairs(held_out, better - worse),
        target=material.target,
        arm=stage.arm.name,
        shares=material.shares,
        trained_on=stage.trained_on,
    )


def _competence(config: AlignConfig, material: Material, progress: Progress) -> Mapping[str, float]:
    """Bits per character of held-out text before alignment; a lab writes its own."""
    if material.lab is None:
        return {}
    model = LocalModel(str(material.folder), config.options)
    texts = lab_texts(material.lab, n=N_COMPETENCE_TEXTS)
    found = measure_competence(model, texts, progress=progress)
    return {
        one.language: one.bits_per_character for one in found if one.bits_per_character is not None
    }
