"""What a grid is asked to do, and what of it can be refused at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.align.config import AlignConfig
from isogloss.align.config import check_config as check_align
from isogloss.align.example_files import load_examples
from isogloss.align.material import canonical_target
from isogloss.align.profile import Lora
from isogloss.align.recipes import RECIPES
from isogloss.audit.selection import select_prompts
from isogloss.errors import InputError
from isogloss.lab.questions import lab_prompt_set
from isogloss.lab.recipe import parse_spec
from isogloss.languages import resolve_among
from isogloss.prompts import load_prompts
from isogloss.records import Decoding
from isogloss.targets.options import LocalOptions

METHODS = ("sft", "dpo")
"""Policies that learn from one language's examples and from nothing else."""
LAB = "lab:"


@dataclass(frozen=True, slots=True, kw_only=True)
class GridConfig:
    """Train in every language, test in every language; the flags of ``isogloss trace grid``.

    Attributes:
        target: ``lab:…`` (stage ``helpful`` unless another is named) or ``hf:…``.
        method: one of `METHODS`.
        train: languages trained on, one a run; None is every language that is audited and has
            examples.
        seeds: lab only: the whole grid under seeds 0 to N-1, each from pre-training on.
        data, prompts, judge, settings, shares, lora, pad_token, chat_template, device_batch,
            workers, decoding: as in `isogloss.align.config.AlignConfig`.
        languages: tested; None is all of the prompts'.
        pairs: pairs of harmfulness for the concept vectors; None is the lab's own.
        texts: held-out text for competence; None is the lab's own.
        similarities: a table of distances between languages; None is the lab's truth, else the
            shipped facts.
        out: run folder.
        seed: of the draw of examples and of training; combined with that of a lab model.
        options: how models are run.
    """

    target: str
    method: str = "sft"
    train: tuple[str, ...] | None = None
    seeds: int | None = None
    data: Path | None = None
    prompts: Path | None = None
    judge: str | None = None
    languages: tuple[str, ...] | None = None
    settings: tuple[str, ...] = ()
    shares: str | None = None
    pairs: Path | None = None
    texts: Path | None = None
    similarities: Path | None = None
    lora: Lora | None = None
    pad_token: str | None = None
    chat_template: Path | None = None
    device_batch: int | None = None
    workers: int | None = None
    out: Path | None = None
    decoding: Decoding = field(default_factory=Decoding)
    seed: int = 0
    options: LocalOptions = field(default_factory=LocalOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridArms:
    """The runs of a grid.

    Attributes:
        targets: the model under every seed.
        languages: tested, in the order of the prompts.
        train: trained on.
        by_arm: name of the arm of `isogloss.align` → the language it is trained on.
        everywhere: the arm that is trained on all of ``train`` alike.
    """

    targets: tuple[str, ...]
    languages: tuple[str, ...]
    train: tuple[str, ...]
    by_arm: dict[str, str]
    everywhere: str


def plan_arms(config: GridConfig) -> GridArms:
    """Check what needs no model, and say what would be trained.

    Raises:
        UserError: a method that is no policy of one language's examples, seeds of what has none,
            files that the target needs and nobody named, or languages that are not audited or have
            no examples, or fewer than two of them.
    """
    if config.method not in METHODS:
        known = "" if config.method.partition(":")[0] in RECIPES else ", and is no method at all"
        raise InputError(
            f"a grid trains one language at a time with {' or '.join(METHODS)}; "
            f"{config.method!r} is neither{known}. Languages stand in --train"
        )
    targets = _targets(config)
    check_align(align_config(config, targets=targets, methods=(config.method,)))
    languages = _tested(config)
    train = _trained(config, languages)
    everywhere = "all" if set(train) == set(languages) else ",".join(train)
    return GridArms(
        targets=targets,
        languages=languages,
        train=train,
        by_arm={f"{config.method}:{tag}": tag for tag in train},
        everywhere=f"{config.method}:{everywhere}",
    )


def align_config(
    config: GridConfig,
    *,
    targets: Sequence[str],
    methods: Sequence[str],
    source: str = "en",
    out: Path | None = None,
) -> AlignConfig:
    """The alignment that a grid is made of; ``source`` only has to be one that is tested."""
    return AlignConfig(
        targets=tuple(targets),
        methods=tuple(methods),
        data=config.data,
        prompts=config.prompts,
        judge=config.judge,
        source=source,
        languages=config.languages,
        settings=config.settings,
        lora=config.lora,
        shares=config.shares,
        pad_token=config.pad_token,
        chat_template=config.chat_template,
        device_batch=config.device_batch,
        workers=config.workers,
        out=out,
        decoding=config.decoding,
        seed=config.seed,
        options=config.options,
    )


def _targets(config: GridConfig) -> tuple[str, ...]:
    """The model under every seed."""
    if config.seeds is None:
        return (canonical_target(config.target),)
    if config.seeds < 1:
        raise InputError(f"--seeds must be 1 or more, not {config.seeds}")
    if not config.target.startswith(LAB) or "#" in config.target:
        raise InputError(
            f"--seeds trains a lab's grid under the seeds 0 to {config.seeds - 1}; "
            f"{config.target} is not a lab model without a seed of its own"
        )
    plain = canonical_target(config.target).rpartition("#")[0]
    return tuple(f"{plain}#{seed}" for seed in range(config.seeds))


def _tested(config: GridConfig) -> tuple[str, ...]:
    whole = load_prompts(config.prompts) if config.prompts else lab_prompt_set(config.target)
    chosen = select_prompts(whole.prompts, languages=config.languages)
    present = {prompt.language for prompt in chosen}
    return tuple(tag for tag in dict.fromkeys(p.language for p in whole.prompts) if tag in present)


def _trained(config: GridConfig, languages: Sequence[str]) -> tuple[str, ...]:
    if config.data is None:
        there, source = parse_spec(config.target).languages, "the lab"
    else:
        found = load_examples(config.data)
        there, source = found.languages, found.source
    if config.train is None:
        train = [tag for tag in languages if tag in there]
    else:
        train = [resolve_among(code, languages) for code in config.train]
    if absent := [tag for tag in train if tag not in languages]:
        raise InputError(
            f"--train names {', '.join(absent)}, which the audit does not ask in; it asks in "
            f"{', '.join(languages)}"
        )
    if absent := [tag for tag in train if tag not in there]:
        raise InputError(
            f"--train names {', '.join(absent)}, and {source} has no examples in it; there are "
            f"some in {', '.join(there)}"
        )
    if twice := sorted({tag for tag in train if train.count(tag) > 1}):
        raise InputError(f"--train names {', '.join(twice)} twice; name every language once")
    if len(train) < 2:
        raise InputError(
            f"a grid needs two languages to train on or more, got {', '.join(train) or 'none'}; "
            f"to train on one, see `isogloss align {config.method}:{train[0] if train else 'sw'}`"
        )
    return tuple(train)
