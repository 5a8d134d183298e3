"""Train every method, audit each before and after, and say what changed and for whom.

A run folder holds the stages (``stages/…``: data, manifest, curve, model), the replies of every
arm to the same held-out prompts with their verdicts, and the rows of areas ``audit`` (each arm),
``align`` (changes), ``align reward`` (reward models) and ``align over runs``. The same command
again does what is not done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isogloss.align.across import AREA as ACROSS
from isogloss.align.across import across_rows
from isogloss.align.config import AlignConfig, Scheme, check_config
from isogloss.align.launch import command_line, run_jobs
from isogloss.align.material import Material, canonical_target, check_disk, load_material
from isogloss.align.outcomes import AREA, NONE, change_rows, gate_row, tier_gap_rows
from isogloss.align.recipes import LAB, PUBLISHED, RECIPES, Arm, plan_arms, settle
from isogloss.align.reward_accuracy import AREA as REWARDS
from isogloss.align.reward_accuracy import (
    association_rows,
    reward_rows,
    scored_pairs,
)
from isogloss.align.stage import CURVE, MANIFEST
from isogloss.align.stages import Stage, make_stages, translate_examples
from isogloss.audit.run import AuditConfig, run_audit
from isogloss.concepts.competence import measure_competence
from isogloss.concepts.held_out import lab_texts
from isogloss.control.baselines import safety_line
from isogloss.errors import InputError, StoreError
from isogloss.progress import Progress, silent
from isogloss.records import Measurement
from isogloss.seeds import content_hash
from isogloss.store import RunStore
from isogloss.store.lines import whole_lines
from isogloss.targets.local import LocalTarget
from isogloss.targets.model import LocalModel
from isogloss.translate.base import Translator
from isogloss.translate.load import load_translator

META = "align"
SAFETY_LINE, GUARD = "safety line", "guard"
N_COMPETENCE_TEXTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """One stage of a plan.

    Attributes:
        languages: trained on, with how many examples each.
        command: to run it by hand, on several devices where the plan says so.
    """

    target: str
    arm: str
    method: str
    start: str
    languages: dict[str, int]
    learning_rate: float
    steps: int
    batch_size: int
    folder: Path
    command: str
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignResult:
    """What an alignment wrote.

    Attributes:
        models: (target, arm) → folder of the trained model.
        measurements: rows of areas ``align``, ``align reward`` and ``align over runs``.
    """

    folder: Path
    models: dict[tuple[str, str], Path]
    measurements: tuple[Measurement, ...]


def plan_align(
    config: AlignConfig, *, progress: Progress | None = None
) -> tuple[PlannedStage, ...]:
    """What `run_align` would train; the stages' files are written, nothing is trained.

    Raises:
        UserError: as `run_align`.
    """
    prepared = _prepare(config, progress or silent)
    for stage in prepared.stages:
        if not stage.is_done:
            stage.write()
    return tuple(_planned(stage) for stage in prepared.stages)


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
    prepared = _prepare(config, report)
    todo = [stage.job() for stage in prepared.stages if not stage.is_done]
    workers = config.workers or _workers(prepared)
    run_jobs(todo, workers=workers, progress=report)
    for material in prepared.materials:
        mine = [stage for stage in prepared.stages if stage.target == material.target]
        _measure_target(config, prepared, material, mine, report)
    with RunStore(prepared.folder) as store:
        rows = [*store.measurements(AREA), *store.measurements(REWARDS)]
        over = across_rows(rows)
        store.replace_measurements(ACROSS, over)
        store.set_meta(META, _meta(config, prepared))
    return AlignResult(
        folder=prepared.folder,
        models={(stage.target, stage.arm.name): stage.model for stage in prepared.stages},
        measurements=(*rows, *over),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    scheme: Scheme
    folder: Path
    materials: tuple[Material, ...]
    stages: tuple[Stage, ...]
    translator: Translator | None


def _prepare(config: AlignConfig, progress: Progress) -> _Prepared:
    """Everything that can fail before a step is spent."""
    scheme = check_config(config)
    targets = [canonical_target(target) for target in config.targets]
    if len(set(targets)) < len(targets):
        raise InputError(f"a target comes twice: {', '.join(targets)}")
    settings = settle(LAB if scheme == "lab" else PUBLISHED, config.settings)
    warm_up = (scheme == "lab") if config.warm_up is None else config.warm_up
    arms = plan_arms(config.methods, settings, source=config.source, warm_up=warm_up)
    folder = (config.out or _default_folder(config, targets)).resolve()
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file; choose another --out folder")
    materials = [load_material(config, target, progress) for target in targets]
    translator = _translator(config, targets[0], arms)
    stages = [
        stage
        for material in materials
        for stage in make_stages(config, material, arms, out=folder, translator=translator)
    ]
    profile = stages[0].spec.profile
    check_disk(
        folder,
        n_parameters=materials[0].n_parameters,
        n_stages=sum(not stage.is_done for stage in stages),
        bytes_each=2 if profile.bf16 else 4,
        full=profile.lora is None,
    )
    return _Prepared(
        scheme=scheme,
        folder=folder,
        materials=tuple(materials),
        stages=tuple(stages),
        translator=translator,
    )


def _translator(config: AlignConfig, target: str, arms: Sequence[Arm]) -> Translator | None:
    if not any(arm.pivot for arm in arms):
        return None
    engine = config.translator
    if engine is None:
        if not target.startswith("lab:"):
            raise InputError("xreward-pivot needs an engine: --translator hf:ID or openai:MODEL")
        engine = f"lab:{target.removeprefix('lab:').partition(':')[0]}"
    return load_translator(engine)


def _workers(prepared: _Prepared) -> int:
    """Tiny models share the cores, a thread each; others take the machine in turn."""
    profile = prepared.stages[0].spec.profile
    if profile.device != "cpu" or profile.threads > 1:
        return 1
    from isogloss.targets.model import default_threads

    return default_threads(10**9)


def _measure_target(
    config: AlignConfig,
    prepared: _Prepared,
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
    from isogloss.align.reward_model import RewardModel

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
    from isogloss.targets.options import LocalOptions

    model = LocalModel(str(material.folder), LocalOptions())
    texts = lab_texts(material.lab, n=N_COMPETENCE_TEXTS)
    found = measure_competence(model, texts, progress=progress)
    return {
        one.language: one.bits_per_character for one in found if one.bits_per_character is not None
    }


def _planned(stage: Stage) -> PlannedStage:
    counts: dict[str, int] = {}
    for example in stage.train:
        counts[example.language] = counts.get(example.language, 0) + 1
    size = stage.arm.method.optimisation
    return PlannedStage(
        target=stage.target,
        arm=stage.arm.name,
        method=stage.arm.method.kind,
        start=stage.arm.start or stage.target,
        languages=dict(sorted(counts.items(), key=lambda item: -item[1])),
        learning_rate=size.learning_rate,
        steps=size.steps,
        batch_size=size.batch_size,
        folder=stage.folder,
        command=command_line(stage.folder, stage.spec.profile),
        is_done=stage.is_done,
    )


def _meta(config: AlignConfig, prepared: _Prepared) -> dict[str, Any]:
    """What the report tells beside the rows: settings, seconds, curves."""
    stages: list[dict[str, Any]] = []
    for stage in prepared.stages:
        manifest = json.loads((stage.folder / MANIFEST).read_text())
        plan = _planned(stage)
        recipe = RECIPES.get(stage.arm.name.partition(":")[0])
        stages.append(
            {
                "target": stage.target,
                "arm": stage.arm.name,
                "words": recipe.words if recipe else "a few steps of fine-tuning to start from",
                "kind": stage.arm.method.kind,
                "start": plan.start,
                "languages": plan.languages,
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
            "translated": sum(bool(e.provenance) for e in material.examples.examples),
        },
        "max_skill_loss": config.max_skill_loss,
        "stages": stages,
        "seed": config.seed,
    }


def _default_folder(config: AlignConfig, targets: Sequence[str]) -> Path:
    """By target and methods, and by a hash where data of one's own are named."""
    groups = dict.fromkeys(target.rpartition("#")[0] or target for target in targets)
    parts = [AREA, *groups, *config.methods]
    if config.data is not None:
        parts.append(content_hash(str(config.data), str(config.prompts))[:6])
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(parts)).strip("-.")
    return Path("runs") / slug[-120:]
