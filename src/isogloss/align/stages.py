"""From arms to stages on disk: what each is made of, and the folder that its content names."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from isogloss.align.config import AlignConfig
from isogloss.align.examples import Example, examples_fingerprint, write_examples
from isogloss.align.launch import Job
from isogloss.align.material import Material
from isogloss.align.mixture import draw_examples, parse_mixture
from isogloss.align.mpo import Mpo, parallel_pairs
from isogloss.align.profile import SMALL_MODEL, Profile
from isogloss.align.recipes import ORACLE, Arm
from isogloss.align.rl import Rl
from isogloss.align.stage import MODEL, PARALLEL, SPEC, SPECS, TRAIN, StageSpec, status_of
from isogloss.errors import InputError
from isogloss.seeds import content_hash, derive_seed
from isogloss.targets.model import default_threads, torch_device
from isogloss.translate.base import Translator

STAGES = "stages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One arm of one target, ready to be run.

    Attributes:
        folder: named by all that determines the weights.
        train: what is learned from, in order.
    """

    arm: Arm
    target: str
    folder: Path
    spec: StageSpec
    train: tuple[Example, ...]
    parallel: tuple[Example, ...]
    needs: tuple[Path, ...]

    @property
    def model(self) -> Path:
        """The trained model."""
        return self.folder / MODEL

    @property
    def is_done(self) -> bool:
        return status_of(self.folder) == "done"

    def job(self) -> Job:
        """The stage as a process to run."""
        seed = re.search(r"#\d+$", self.target)
        name = self.arm.name + (f" {seed[0]}" if seed else "")
        return Job(
            name=name, folder=self.folder, needs=self.needs, profile=self.spec.profile,
            prepare=self.write,
        )  # fmt: skip

    def write(self) -> None:
        """Put the stage's files into its folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_examples(self.folder / TRAIN, self.train)
        if self.parallel:
            write_examples(self.folder / PARALLEL, self.parallel)
        (self.folder / SPEC).write_bytes(SPECS.dump_json(self.spec, indent=1))


def choose_profile(config: AlignConfig, n_parameters: int) -> Profile:
    """How stages run here: one thread for a tiny model, bfloat16 on a GPU."""
    device = torch_device(config.options.device).type
    large = n_parameters >= SMALL_MODEL
    bf16 = {"auto": device != "cpu", "bfloat16": True, "float32": False}.get(config.options.dtype)
    if bf16 is None:
        raise InputError(f"training takes bfloat16 or float32, not {config.options.dtype}")
    return Profile(
        device=device,
        bf16=bf16,
        gradient_checkpointing=large and device != "cpu",
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
        InputError: the data lack what an arm needs: a rejected response, a language of its
            mixture, a version in the source language.
    """
    profile = choose_profile(config, material.n_parameters)
    stages: dict[str, Stage] = {}
    for arm in arms:
        stages[arm.name] = _stage(config, material, arm, stages, profile, out, translator)
    return list(stages.values())


def _stage(
    config: AlignConfig,
    material: Material,
    arm: Arm,
    before: dict[str, Stage],
    profile: Profile,
    out: Path,
    translator: Translator | None,
) -> Stage:
    arm = _settled(arm, material)
    _check_batches(arm, profile)
    train = _draw(arm, material)
    if arm.pivot:
        assert translator is not None
        train = translate_examples(train, translator, material.source)
    parallel: tuple[Example, ...] = ()
    if isinstance(arm.method, Mpo):
        versions = parallel_pairs(train, material.source, material.examples.examples)
        parallel = tuple({dominant.example_id: dominant for _, dominant in versions}.values())
    start = before[arm.start] if arm.start else None
    reward = before[arm.reward] if arm.reward not in (None, ORACLE) else None
    spec = StageSpec(
        arm=arm.name,
        method=arm.method,
        start=str((start.model if start else material.folder).resolve()),
        profile=profile,
        seed=derive_seed(material.seed, "stage", arm.method.kind) % 2**31,
        data_hash=content_hash(
            *(f"{example.language} {example.example_id}" for example in train),
            examples_fingerprint(train),
        ),
        reward=str(reward.model.resolve()) if reward else arm.reward,
        judge=_watching(material) if arm.method.kind == "rl" else None,
        tiers={tag: material.shares.tier(tag) for tag in material.languages},
        pad_token=config.pad_token,
        chat_template=config.chat_template.read_text("utf-8") if config.chat_template else None,
    )
    needs = tuple(stage.folder for stage in (start, reward) if stage)
    key = _key(spec, material, needs)
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", f"{material.target} {arm.name}").strip("-.")
    return Stage(
        arm=arm,
        target=material.target,
        folder=(out / STAGES / f"{slug[-80:]}-{key}").resolve(),
        spec=spec,
        train=train,
        parallel=parallel,
        needs=needs,
    )


def _settled(arm: Arm, material: Material) -> Arm:
    """With its numbers of steps: 0 is one pass over the languages of the mixture."""
    steps = arm.method.optimisation.steps
    if steps == 0:
        mixture = parse_mixture(arm.mixture, material.languages)
        sizes = _sizes(material)
        n = sum(
            count for tag, count in _counts(material).items() if mixture.weights(sizes).get(tag)
        )
        steps = max(1, int(n) // arm.method.optimisation.batch_size)
    method = replace(arm.method, optimisation=replace(arm.method.optimisation, steps=steps))
    if isinstance(method, Mpo):
        method = replace(method, dominant=material.source)
    return replace(arm, method=method)


def _check_batches(arm: Arm, profile: Profile) -> None:
    size = arm.method.optimisation.batch_size
    profile.accumulation(size)
    if isinstance(arm.method, Rl) and size % arm.method.n_generations:
        raise InputError(
            f"{arm.name}: a batch of {size} completions does not hold whole groups of "
            f"{arm.method.n_generations}; choose rl.n_generations as a divisor of rl.batch_size"
        )


def _counts(material: Material) -> dict[str, float]:
    found: dict[str, float] = {}
    for example in material.examples.examples:
        found[example.language] = found.get(example.language, 0.0) + 1
    return found


def _sizes(material: Material) -> dict[str, float]:
    """What "proportional" is to: the number of examples, or a lab's shares of pre-training."""
    if material.lab is not None:
        return dict(material.lab.recipe.shares)
    return _counts(material)


def _draw(arm: Arm, material: Material) -> tuple[Example, ...]:
    if arm.method.kind != "sft" and any(e.rejected is None for e in material.examples.examples):
        raise InputError(
            f"{arm.name} learns from preferences, and {material.examples.source} has no rejected "
            "responses; add a column 'rejected', or choose sft or xsft"
        )
    size = arm.method.optimisation
    n = size.n_examples
    if isinstance(arm.method, Rl):
        n //= arm.method.n_generations
    pool = material.examples.examples
    mixture = parse_mixture(arm.mixture, material.languages)
    if isinstance(arm.method, Mpo):
        pool = tuple(e for e in pool if e.language != material.source)
        others = [tag for tag in material.languages if tag != material.source]
        mixture = parse_mixture(arm.mixture, others)
    return tuple(
        draw_examples(
            pool,
            mixture,
            n=n,
            seed=derive_seed(material.seed, "data", arm.method.kind),
            sizes=_sizes(material),
        )
    )


def translate_examples(
    examples: Sequence[Example], translator: Translator, source: str
) -> tuple[Example, ...]:
    """Prompts and responses put into the source language; the language stays that of the original.

    Raises:
        InputError: the engine left a text untranslated.
    """
    texts: dict[str, list[str]] = {}
    for example in examples:
        if example.language != source:
            found = texts.setdefault(example.language, [])
            found += [example.prompt, example.chosen, example.rejected or ""]
    said: dict[tuple[str, str], str] = {}
    for language, mine in texts.items():
        wanted = [text for text in dict.fromkeys(mine) if text]
        for text, got in zip(wanted, translator.translate(wanted, language, source), strict=True):
            if got.text is None:
                raise InputError(
                    f"{translator.name} left a training text in {language} untranslated "
                    f"({got.reason}); leave the language out of the mixture, or use another engine"
                )
            said[language, text] = got.text

    def put(example: Example, text: str) -> str:
        return text if example.language == source else said[example.language, text]

    return tuple(
        replace(
            example,
            prompt=put(example, example.prompt),
            chosen=put(example, example.chosen),
            rejected=put(example, example.rejected) if example.rejected else None,
            provenance={**example.provenance, "pivot": translator.name},
        )
        for example in examples
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
        *(need.name.rpartition("-")[2] for need in needs),
        str(spec.reward == ORACLE),
        spec.data_hash,
        str(spec.seed),
        json.dumps(asdict(profile.lora) if profile.lora else None),
        f"{profile.bf16} {profile.n_processes} {profile.device_batch}",
        spec.pad_token or "",
        spec.chat_template or "",
    )
