"""From arms to stages on disk: what each is made of, and the folder that its content names."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from isogloss.align.config import AlignConfig
from isogloss.align.draw import draw_training_data
from isogloss.align.examples import Example, examples_fingerprint, write_examples
from isogloss.align.launch import environment_of, stage_command
from isogloss.align.material import Material
from isogloss.align.mpo import Mpo, parallel_pairs
from isogloss.align.pivot import translate_examples
from isogloss.align.profile import Profile
from isogloss.align.recipes import ORACLE, Arm
from isogloss.align.rl import Rl
from isogloss.align.stage import MODEL, PARALLEL, SPEC, SPECS, TRAIN, StageSpec, status_of
from isogloss.errors import InputError
from isogloss.processes import Job
from isogloss.seeds import content_hash, derive_seed
from isogloss.targets.model import SMALL_MODEL, default_threads, torch_device
from isogloss.translate.base import Translator

STAGES = "stages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One arm of one target, ready to be run.

    Attributes:
        folder: named by all that determines the weights.
        train: what is learned from, in order.
        parallel: where other versions of an example are looked up.
        too_long: language → examples left out for their length.
        trained_on: languages of this stage and of those it starts from.
    """

    arm: Arm
    target: str
    folder: Path
    spec: StageSpec
    train: tuple[Example, ...]
    parallel: tuple[Example, ...]
    too_long: dict[str, int]
    trained_on: frozenset[str]
    needs: tuple[Path, ...]

    @property
    def model(self) -> Path:
        """The trained model."""
        return self.folder / MODEL

    @property
    def key(self) -> str:
        """Changes with all that determines the weights."""
        return self.folder.name.rpartition("-")[2]

    @property
    def is_done(self) -> bool:
        return status_of(self.folder) == "done"

    def job(self) -> Job:
        """The stage as a process to run."""
        seed = re.search(r"#\d+$", self.target)
        name = self.arm.name + (f" {seed[0]}" if seed else "")
        return Job(
            name=name,
            folder=self.folder,
            command=tuple(stage_command(self.folder, self.spec.profile)),
            needs=self.needs,
            environment=environment_of(self.spec.profile),
            prepare=self.write,
        )

    def write(self) -> None:
        """Put the stage's files into its folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_examples(self.folder / TRAIN, self.train)
        if self.parallel:
            write_examples(self.folder / PARALLEL, self.parallel)
        (self.folder / SPEC).write_bytes(SPECS.dump_json(self.spec, indent=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """What all stages of a target share, and those that stand already."""

    material: Material
    profile: Profile
    out: Path
    translator: Translator | None
    stages: dict[str, Stage]


def choose_profile(config: AlignConfig, n_parameters: int) -> Profile:
    """How stages run here: one thread for a tiny model, bfloat16 for a large one on a GPU.

    Raises:
        InputError: a number format that nothing is trained in.
    """
    device = torch_device(config.options.device)
    large = n_parameters >= SMALL_MODEL
    on_gpu = device.type != "cpu"
    bf16 = {"auto": on_gpu and large, "bfloat16": True, "float32": False}.get(config.options.dtype)
    if bf16 is None:
        raise InputError(f"training takes bfloat16 or float32, not {config.options.dtype}")
    return Profile(
        device=str(device),
        bf16=bf16,
        gradient_checkpointing=large and on_gpu,
        device_batch=config.device_batch or (8 if large else 64),
        n_processes=config.n_processes,
        threads=config.options.threads or default_threads(n_parameters),
        lora=config.lora,
        checkpoint_seconds=config.checkpoint_seconds,
        trust_remote_code=config.options.trust_remote_code,
    )


def make_stages(
    config: AlignConfig,
    material: Material,
    arms: Sequence[Arm],
    *,
    out: Path,
    translator: Translator | None,
) -> list[Stage]:
    """Every arm's stage, in the order of ``arms``; nothing is written.

    Raises:
        InputError: the data lack what an arm needs (see `draw_training_data`), or a batch cannot
            be cut as the machine or the method needs it.
    """
    bench = _Bench(
        material=material,
        profile=choose_profile(config, material.n_parameters),
        out=out,
        translator=translator,
        stages={},
    )
    for arm in arms:
        bench.stages[arm.name] = _stage(arm, bench)
    return list(bench.stages.values())


def _stage(arm: Arm, bench: _Bench) -> Stage:
    material = bench.material
    if isinstance(arm.method, Mpo):
        arm = replace(arm, method=replace(arm.method, dominant=material.source))
    _check_batches(arm, bench.profile)
    drawn = draw_training_data(arm, material)
    arm, train = replace(arm, method=drawn.method), drawn.examples
    trained_on = {example.language for example in train}
    if arm.pivot:
        assert bench.translator is not None
        train = translate_examples(train, bench.translator, material.source)
    parallel: tuple[Example, ...] = ()
    if isinstance(arm.method, Mpo):
        versions = parallel_pairs(train, material.source, material.examples.examples)
        parallel = tuple({dominant.example_id: dominant for _, dominant in versions}.values())
        trained_on.add(material.source)
    start = bench.stages[arm.start] if arm.start else None
    reward = bench.stages[arm.reward] if arm.reward not in (None, ORACLE) else None
    spec = StageSpec(
        arm=arm.name,
        method=arm.method,
        start=str((start.model if start else material.folder).resolve()),
        profile=bench.profile,
        seed=derive_seed(material.seed, "stage", arm.method.kind) % 2**31,
        data_hash=content_hash(
            *(f"{example.language} {example.example_id}" for example in train),
            examples_fingerprint(train),
        ),
        reward=str(reward.model.resolve()) if reward else arm.reward,
        judge=_watching(material) if arm.method.kind == "rl" else None,
        tiers={tag: material.shares.tier(tag) for tag in material.examples.languages},
    )
    needs = tuple(stage.folder for stage in (start, reward) if stage)
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", f"{material.target} {arm.name}").strip("-.")
    return Stage(
        arm=arm,
        target=material.target,
        folder=(bench.out / STAGES / f"{slug[-80:]}-{_key(spec, material, needs)}").resolve(),
        spec=spec,
        train=train,
        parallel=parallel,
        too_long=drawn.too_long,
        trained_on=frozenset(trained_on) | (start.trained_on if start else frozenset()),
        needs=needs,
    )


def _check_batches(arm: Arm, profile: Profile) -> None:
    size = arm.method.optimisation.batch_size
    profile.accumulation(size)
    if isinstance(arm.method, Rl) and size % arm.method.n_generations:
        raise InputError(
            f"{arm.name}: a batch of {size} completions does not hold whole groups of "
            f"{arm.method.n_generations}; choose rl.n_generations as a divisor of rl.batch_size"
        )


def _watching(material: Material) -> str:
    """Who judges completions during training: the oracle of a lab, else rules."""
    return f"oracle:{material.target}" if material.lab else "rules"


def _key(spec: StageSpec, material: Material, needs: Sequence[Path]) -> str:
    """Of all that determines the weights, and of nothing else: not of where the folder lies."""
    profile = spec.profile
    return content_hash(
        json.dumps(asdict(spec.method), sort_keys=True),
        material.weights,
        material.tokenizer_hash,
        *(need.name.rpartition("-")[2] for need in needs),
        str(spec.reward == ORACLE),
        spec.data_hash,
        str(spec.seed),
        json.dumps(asdict(profile.lora) if profile.lora else None),
        f"{profile.bf16} {profile.n_processes} {profile.device_batch}",
    )
