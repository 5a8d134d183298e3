"""What an anatomy is asked to do, and what of it can be refused at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from isogloss.errors import InputError, ModelError
from isogloss.lab.recipe import parse_spec
from isogloss.records import Decoding
from isogloss.targets.load import check_spec
from isogloss.targets.options import LocalOptions

LAB, HF = "lab", "hf"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatomyConfig:
    """One model, or one lab under several seeds; the flags of ``isogloss trace anatomy``.

    Attributes:
        target: ``lab:…`` or ``hf:…``.
        seeds: lab only: seeds 0 to N-1, each from pre-training on.
        prompts: harmful prompts and their benign twins (the same ``cluster_id``); None is the
            lab's own questions.
        judge: None is the oracle for a lab.
        languages: only these; None is all of the prompts'.
        limit: at most so many test prompts of each intent.
        shares: share table; None is the lab's mix, else ``cc-2026-04``.
        n_placebos: shuffled directions.
        out: run folder.
        seed: of placebos, draws of examples, corruptions, and the split of a user's prompts.
        decoding: how the model is asked.
        options: how it is run.
    """

    target: str
    seeds: int | None = None
    prompts: Path | None = None
    judge: str | None = None
    languages: tuple[str, ...] | None = None
    limit: int | None = None
    shares: str | None = None
    n_placebos: int = 10
    out: Path | None = None
    seed: int = 0
    decoding: Decoding = field(default_factory=Decoding)
    options: LocalOptions = field(default_factory=LocalOptions)

    @property
    def targets(self) -> tuple[str, ...]:
        """Canonical; one a seed."""
        if not self.target.startswith("lab:"):
            return (self.target.rstrip("/"),)
        recipe = parse_spec(self.target)
        if self.seeds is None:
            return (recipe.spec,)
        return tuple(replace(recipe, seed=seed).spec for seed in range(self.seeds))

    @property
    def folder(self) -> Path:
        """``out``, or one under ``runs/`` from the target."""
        if self.out is not None:
            return self.out
        first = self.targets[0]
        name = first if self.seeds is None else first.rpartition("#")[0]
        if self.prompts is not None:
            name += f" {self.prompts.stem}"
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", f"anatomy {name}").strip("-.")
        return Path("runs") / slug[:120]


def check_config(config: AnatomyConfig) -> None:
    """Refuse what cannot work, before anything is loaded or trained.

    Raises:
        ModelError: a target without hidden states.
        InputError: a lab's base model, seeds that do not fit, numbers that are none, files that the
            target needs and nobody named.
    """
    scheme = check_spec(config.target)
    if scheme not in (LAB, HF):
        raise ModelError(
            f"{config.target} has no hidden states to read; use lab:PRESET or hf:PATH_OR_ID"
        )
    if config.n_placebos < 1:
        raise InputError(f"placebo directions are 1 or more, not {config.n_placebos}")
    if config.judge == "recorded":
        raise InputError(
            "judge 'recorded' knows replies that were recorded; an anatomy makes new ones"
        )
    if config.seeds is not None:
        _check_seeds(config, scheme)
    if scheme == LAB:
        _check_lab(config)
        return
    missing = [
        flag
        for flag, value in (
            ("--prompts FILE (harmful prompts and their benign twins)", config.prompts),
            ("--judge JUDGE", config.judge),
        )
        if value is None
    ]
    if missing:
        raise InputError(f"{config.target} needs {' and '.join(missing)}; see docs/trace.md")


def _check_seeds(config: AnatomyConfig, scheme: str) -> None:
    assert config.seeds is not None
    if config.seeds < 1:
        raise InputError(f"--seeds must be 1 or more, not {config.seeds}")
    if scheme != LAB or "#" in config.target:
        raise InputError(
            f"--seeds takes a lab model under the seeds 0 to {config.seeds - 1}; {config.target} "
            "is not a lab model without a seed of its own"
        )


def _check_lab(config: AnatomyConfig) -> None:
    recipe = parse_spec(config.target)
    if recipe.stage == "base":
        raise InputError(
            f"{config.target} has learned no chat template, in which every instrument asks; use "
            "@helpful or @chat"
        )
    if config.prompts is not None:
        raise InputError(
            "a lab's anatomy needs answers known to be right, so it asks the lab's own questions; "
            "leave out --prompts"
        )
    if config.judge not in (None, "oracle"):
        raise InputError(
            f"the lab's own questions have an exact judge, not {config.judge!r}; leave out --judge"
        )
