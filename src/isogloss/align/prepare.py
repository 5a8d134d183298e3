"""Everything of an alignment that can fail before a step is spent, and the plan of its stages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.align.config import AlignConfig, Scheme, check_config
from isogloss.align.launch import command_line
from isogloss.align.material import Material, canonical_target, check_disk, load_material
from isogloss.align.outcomes import AREA
from isogloss.align.recipes import LAB, PUBLISHED, Arm, plan_arms, settle
from isogloss.align.stages import Stage, make_stages
from isogloss.errors import InputError, StoreError
from isogloss.progress import Progress
from isogloss.seeds import content_hash
from isogloss.targets.model import default_threads
from isogloss.translate.base import Translator
from isogloss.translate.load import load_translator


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
class Prepared:
    """What a configuration comes to: checked, loaded, nothing written."""

    scheme: Scheme
    folder: Path
    materials: tuple[Material, ...]
    stages: tuple[Stage, ...]
    translator: Translator | None


def prepare(config: AlignConfig, progress: Progress) -> Prepared:
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
    return Prepared(
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


def default_workers(prepared: Prepared) -> int:
    """Tiny models share the cores, a thread each; others take the machine in turn."""
    profile = prepared.stages[0].spec.profile
    if profile.device != "cpu" or profile.threads > 1:
        return 1
    return default_threads(10**9)


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
        learning_rate=size.learning_rate,
        steps=size.steps,
        batch_size=size.batch_size,
        folder=stage.folder,
        command=command_line(stage.folder, stage.spec.profile),
        is_done=stage.is_done,
    )


def _default_folder(config: AlignConfig, targets: Sequence[str]) -> Path:
    """By target and methods, and by a hash where data of one's own are named."""
    groups = dict.fromkeys(target.rpartition("#")[0] or target for target in targets)
    parts = [AREA, *groups, *config.methods]
    if config.data is not None:
        parts.append(content_hash(str(config.data), str(config.prompts))[:6])
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(parts)).strip("-.")
    return Path("runs") / slug[-120:]
