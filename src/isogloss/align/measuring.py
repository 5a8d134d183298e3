"""What an alignment is judged by: audits of every arm, changes, reward models put to the test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from isogloss.align.config import AlignConfig
from isogloss.align.material import Material
from isogloss.align.outcomes import AREA, NONE, change_rows, gate_row, tier_gap_rows
from isogloss.align.prepare import Prepared
from isogloss.align.reward_accuracy import AREA as REWARDS
from isogloss.align.reward_accuracy import association_rows, reward_rows, scored_pairs
from isogloss.align.reward_model import RewardModel
from isogloss.align.stages import Stage, translate_examples
from isogloss.audit.run import AuditConfig, run_audit
from isogloss.concepts.competence import measure_competence
from isogloss.concepts.held_out import lab_texts
from isogloss.control.baselines import safety_line
from isogloss.progress import Progress
from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.targets.local import LocalTarget
from isogloss.targets.model import LocalModel
from isogloss.targets.options import LocalOptions
from isogloss.translate.base import Translator

SAFETY_LINE, GUARD = "safety line", "guard"
N_COMPETENCE_TEXTS = 60


def measure_target(
    config: AlignConfig,
    prepared: Prepared,
    material: Material,
    stages: Sequence[Stage],
    progress: Progress,
) -> None:
    """Audits, changes and reward models of one target; its rows replace earlier ones."""
    judge = ""
    for arm, target in _arms(config, material, stages):
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
        result = run_audit(
            audit, target=target, prompts=material.prompts if config.prompts else None,
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
    rewards = _reward_rows(material, stages, prepared.translator, progress)
    with RunStore(prepared.folder) as store:
        for area, mine in ((AREA, rows), (REWARDS, rewards)):
            kept = [row for row in store.measurements(area) if row.target != material.target]
            store.replace_measurements(area, [*kept, *mine])


def _arms(
    config: AlignConfig, material: Material, stages: Sequence[Stage]
) -> Iterator[tuple[str, LocalTarget]]:
    """(arm, who answers): before, the defences without training, then every trained policy."""
    plain = LocalTarget(material.folder, name=material.target, options=config.options)
    yield NONE, plain
    yield SAFETY_LINE, plain
    if config.guard is not None:
        options = replace(config.options, guard=config.guard)
        yield GUARD, LocalTarget(material.folder, name=material.target, options=options)
    for stage in stages:
        if stage.arm.is_policy:
            yield (
                stage.arm.name,
                LocalTarget(stage.model, name=material.target, options=config.options),
            )


def _decoding(config: AlignConfig, material: Material, arm: str) -> Any:
    if arm != SAFETY_LINE:
        return config.decoding
    return replace(config.decoding, system_prompt=safety_line(material.target))


def _comparisons(
    config: AlignConfig, stages: Sequence[Stage]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(before, after, languages trained on): since the start of all, and since a stage's own."""
    yield NONE, SAFETY_LINE, ()
    if config.guard is not None:
        yield NONE, GUARD, ()
    for stage in stages:
        if not stage.arm.is_policy:
            continue
        trained_on = tuple(sorted({example.language for example in stage.train}))
        yield NONE, stage.arm.name, trained_on
        if stage.arm.start is not None:
            yield stage.arm.start, stage.arm.name, trained_on


def _reward_rows(
    material: Material,
    stages: Sequence[Stage],
    translator: Translator | None,
    progress: Progress,
) -> list[Measurement]:
    models = [stage for stage in stages if not stage.arm.is_policy]
    if not models or not material.held_out:
        return []
    competence = _competence(material, progress)
    held_out = [e for e in material.held_out if e.language in material.languages]
    rows: list[Measurement] = []
    for done, stage in enumerate(models):
        progress("reward models (tested)", done, len(models))
        model = RewardModel(stage.model, device=stage.spec.profile.device)
        asked = held_out
        if stage.arm.pivot and translator is not None:
            asked = list(translate_examples(held_out, translator, material.source))
        better = model.scores([(e.prompt, e.chosen) for e in asked])
        worse = model.scores([(e.prompt, e.rejected or "") for e in asked])
        mine = reward_rows(
            scored_pairs(held_out, better - worse),
            target=material.target,
            arm=stage.arm.name,
            shares=material.shares,
            trained_on=sorted({example.language for example in stage.train}),
        )
        rows += [*mine, *association_rows(mine, material.shares, competence)]
    progress("reward models (tested)", len(models), len(models))
    return rows


def _competence(material: Material, progress: Progress) -> Mapping[str, float]:
    """Bits per character of held-out text before alignment; a lab writes its own."""
    if material.lab is None:
        return {}
    model = LocalModel(str(material.folder), LocalOptions())
    texts = lab_texts(material.lab, n=N_COMPETENCE_TEXTS)
    found = measure_competence(model, texts, progress=progress)
    return {
        one.language: one.bits_per_character for one in found if one.bits_per_character is not None
    }
