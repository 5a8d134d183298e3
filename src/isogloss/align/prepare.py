"""Everything of an alignment that can fail before a step is spent, and the plan of its stages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from isogloss.align.config import AlignConfig, check_config
from isogloss.align.earlier import check_earlier
from isogloss.align.launch import command_line
from isogloss.align.material import Material, canonical_target, load_material
from isogloss.align.outcomes import AREA
from isogloss.align.profile import Profile
from isogloss.align.recipes import PUBLISHED, Arm, check_used, lab_settings, plan_arms, settle
from isogloss.align.stages import Stage, make_stages
from isogloss.align.start import check_disk
from isogloss.audit.preflight import check_folder
from isogloss.errors import InputError
from isogloss.judges.load import check_judge
from isogloss.lab.recipe import parse_spec
from isogloss.progress import Progress
from isogloss.seeds import content_hash
from isogloss.targets.guard import load_guard
from isogloss.targets.model import usable_cores
from isogloss.targets.options import LocalOptions
from isogloss.translate.base import Translator
from isogloss.translate.load import load_translator


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """One stage of a plan.

    Attributes:
        languages: trained on, with how many examples each.
        too_long: language → examples left out because they exceed the method's ``max_length``.
        command: to run it by hand, on several devices where the plan says so.
    """

    target: str
    arm: str
    method: str
    start: str
    languages: dict[str, int]
    too_long: dict[str, int]
    learning_rate: float
    steps: int
    batch_size: int
    folder: Path
    command: str
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a configuration comes to: checked, loaded, nothing written."""

    folder: Path
    materials: tuple[Material, ...]
    stages: tuple[Stage, ...]
    translator: Translator | None
    workers: int


def prepare(config: AlignConfig, progress: Progress) -> Prepared:
    """Check and load everything that can fail before a step is spent.

    A lab model that is not in the cache is built, and a tokenizer that lacks something completed in
    the run folder; nothing else is written.
    """
    scheme = check_config(config)
    targets = [canonical_target(target) for target in config.targets]
    if len(set(targets)) < len(targets):
        raise InputError(f"a target comes twice: {', '.join(targets)}")
    base = lab_settings(parse_spec(targets[0]).preset) if scheme == "lab" else PUBLISHED
    settings = settle(base, config.settings)
    warm_up = (scheme == "lab") if config.warm_up is None else config.warm_up
    arms = plan_arms(config.methods, settings, source=config.source, warm_up=warm_up)
    check_used(config.settings, arms)
    folder = (config.out or _default_folder(config, targets)).resolve()
    check_folder(folder)
    if config.guard is not None:
        load_guard(config.guard)
    if config.judge is not None:
        check_judge(config.judge, target=targets[0], local=config.options)
    translator = _translator(config, targets[0], arms)
    materials = [load_material(config, target, out=folder, progress=progress) for target in targets]
    stages = [
        stage
        for material in materials
        for stage in make_stages(config, material, arms, out=folder, translator=translator)
    ]
    check_earlier(folder, config, materials, stages)
    profile = stages[0].spec.profile
    workers = config.workers or _workers(profile)
    check_disk(
        folder,
        n_parameters=materials[0].n_parameters,
        n_stages=sum(not stage.is_done for stage in stages),
        at_once=workers,
        bytes_each=2 if profile.bf16 else 4,
        full=profile.lora is None,
    )
    return Prepared(
        folder=folder,
        materials=tuple(materials),
        stages=tuple(stages),
        translator=translator,
        workers=workers,
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


def _workers(profile: Profile) -> int:
    """Tiny models share the cores, a thread each; others take the machine in turn."""
    if profile.device != "cpu" or profile.threads > 1:
        return 1
    return usable_cores()


def planned_stage(stage: Stage) -> PlannedStage:
    """The stage as a plan shows it."""
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
        too_long=stage.too_long,
        learning_rate=size.learning_rate,
        steps=size.steps,
        batch_size=size.batch_size,
        folder=stage.folder,
        command=command_line(stage.folder, stage.spec.profile),
        is_done=stage.is_done,
    )


def _default_folder(config: AlignConfig, targets: Sequence[str]) -> Path:
    """By target and methods, and by a hash of whatever else is not as it comes."""
    groups = dict.fromkeys(target.rpartition("#")[0] or target for target in targets)
    parts = [AREA, *groups, *config.methods]
    machine = {"options": LocalOptions(), "workers": None, "out": None, "checkpoint_seconds": 30.0}
    plain = AlignConfig(targets=config.targets, methods=config.methods)
    mine = replace(config, **machine)
    if mine != plain:
        parts.append(content_hash(repr(mine))[:6])
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(parts)).strip("-.")
    return Path("runs") / slug[-120:]
