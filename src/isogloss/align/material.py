"""What a configuration names, loaded and checked before any step is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isogloss.align.config import AlignConfig
from isogloss.align.example_files import load_examples
from isogloss.align.examples import Example, ExampleSet
from isogloss.align.lab_data import lab_examples
from isogloss.align.leakage import check_unseen, near_duplicates, normalised
from isogloss.align.start import (
    complete_start,
    conversation_lengths,
    count_parameters,
    load_start_tokenizer,
    tokenizer_hash,
)
from isogloss.audit.selection import select_prompts
from isogloss.errors import InputError
from isogloss.lab.build import build_lab
from isogloss.lab.questions import lab_prompt_set
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.languages import DEFAULT_SHARE_TABLE, ShareTable, load_share_table, resolve_among
from isogloss.progress import Progress
from isogloss.prompts import PromptSet, load_prompts
from isogloss.seeds import derive_seed
from isogloss.targets.checkpoint import locate_checkpoint, weights_fingerprint

LAB = "lab:"
HELD_OUT_SHARE = 0.2
HELD_OUT_ACTS = (0, 4)
"""Of every test object of a lab: what a reward model makes of objects it never saw judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything about one target that its stages need.

    Attributes:
        folder: the model's, its tokenizer made whole.
        weights: changes with its weights.
        tokenizer_hash: changes with its chat template and padding.
        n_parameters: read from its files.
        examples: to draw training data from.
        lengths: (language, id) → tokens of the longer of an example's two conversations.
        held_out: preferences no reward model was trained on; empty where there are none.
        prompts: of the audit.
        source: canonical tag of the source language.
        languages: of the audit.
        lab: the world, for a lab target.
    """

    target: str
    folder: Path
    weights: str
    tokenizer_hash: str
    n_parameters: int
    examples: ExampleSet
    lengths: Mapping[tuple[str, str], int]
    held_out: tuple[Example, ...]
    prompts: PromptSet
    source: str
    languages: tuple[str, ...]
    shares: ShareTable
    lab: Lab | None
    seed: int

    def n_tokens(self, example: Example) -> int:
        """Of the longer of its two conversations."""
        return self.lengths[example.language, example.example_id]


def canonical_target(target: str) -> str:
    """A lab target that names no stage means the one before alignment.

    Example:
        >>> canonical_target("lab:tiny#1")
        'lab:tiny:english@helpful#1'
    """
    if not target.startswith(LAB):
        return target.rstrip("/")
    recipe = parse_spec(target)
    return (recipe if "@" in target else replace(recipe, stage="helpful")).spec


def load_material(config: AlignConfig, target: str, *, out: Path, progress: Progress) -> Material:
    """Load and check what ``config`` names for one target; a lab model is built if need be.

    Args:
        out: the run folder, for a tokenizer that must be completed.

    Raises:
        InputError: data that cannot be used: see `isogloss.align.example_files`, or they contain
            prompts of the audit, or lack what a method needs.
        ModelError: the model cannot be found or trained: see `isogloss.align.start`.
    """
    lab = Lab(parse_spec(target)) if target.startswith(LAB) else None
    prompts = _prompts(config, target)
    languages = tuple(dict.fromkeys(prompt.language for prompt in prompts.prompts))
    source = resolve_among(config.source, languages)
    if source not in languages:
        raise InputError(
            f"the source language {source} has no prompts; there are {', '.join(languages)}"
        )
    examples, held_out = _examples(config, lab)
    check_unseen(examples.examples, prompts.prompts)
    if lab is None:
        check_unseen(held_out, prompts.prompts)
        folder = locate_checkpoint(target.removeprefix("hf:"), config.options)
    else:
        folder = build_lab(lab.recipe, progress=progress)
    tokenizer = load_start_tokenizer(config, target, folder)
    if config.shares is not None:
        shares = load_share_table(config.shares)
    else:
        shares = lab.recipe.share_table() if lab else load_share_table(DEFAULT_SHARE_TABLE)
    return Material(
        target=target,
        folder=complete_start(config, folder, tokenizer, out),
        weights=weights_fingerprint(folder),
        tokenizer_hash=tokenizer_hash(tokenizer),
        n_parameters=count_parameters(folder),
        examples=examples,
        lengths=_lengths(tokenizer, examples.examples),
        held_out=held_out,
        prompts=prompts,
        source=source,
        languages=languages,
        shares=shares,
        lab=lab,
        seed=derive_seed(config.seed, "alignment", lab.recipe.seed if lab else 0) % 2**31,
    )


def check_apart(examples: Sequence[Example], held_out: Sequence[Example]) -> None:
    """That no reward model is tested on what it learned from.

    Raises:
        InputError: the two share a cluster, or prompts that are all but the same.
    """
    clusters = {e.cluster_id for e in examples} & {e.cluster_id for e in held_out}
    seen = sorted({normalised(example.prompt) for example in examples})
    asked = sorted({normalised(example.prompt) for example in held_out})
    alike = set(asked) & set(seen) | set(near_duplicates(seen, asked))
    if clusters or alike:
        raise InputError(
            f"--data and --held-out share {len(clusters)} clusters and {len(alike)} prompts, word "
            "for word or nearly; a reward model is tested on pairs it has not seen in any language"
        )


def _prompts(config: AlignConfig, target: str) -> PromptSet:
    whole = load_prompts(config.prompts) if config.prompts else lab_prompt_set(target)
    chosen = select_prompts(whole.prompts, languages=config.languages, limit=None)
    return replace(whole, prompts=tuple(sorted(chosen, key=lambda prompt: prompt.key)))


def _examples(config: AlignConfig, lab: Lab | None) -> tuple[ExampleSet, tuple[Example, ...]]:
    """(to train on, held out)."""
    if config.data is None:
        assert lab is not None
        held = lab_examples(lab, split="test", acts=HELD_OUT_ACTS).examples
        return lab_examples(lab, split="train"), held
    whole = load_examples(config.data, language=config.language)
    if config.held_out is not None:
        held = load_examples(config.held_out, language=config.language).examples
        check_apart(whole.examples, held)
        return whole, held
    if any(example.rejected is None for example in whole.examples):
        return whole, ()
    kept = tuple(e for e in whole.examples if _draw(e.cluster_id, config.seed) >= HELD_OUT_SHARE)
    held = tuple(e for e in whole.examples if _draw(e.cluster_id, config.seed) < HELD_OUT_SHARE)
    return replace(whole, examples=kept), held


def _draw(cluster_id: str, seed: int) -> float:
    """In [0, 1), from the cluster's name alone."""
    return derive_seed(seed, "held-out preferences", cluster_id) % 10_000 / 10_000


def _lengths(tokenizer: Any, examples: Sequence[Example]) -> dict[tuple[str, str], int]:
    chosen = conversation_lengths(tokenizer, [(e.prompt, e.chosen) for e in examples])
    rejected = conversation_lengths(tokenizer, [(e.prompt, e.rejected or "") for e in examples])
    return {
        (example.language, example.example_id): max(pair)
        for example, *pair in zip(examples, chosen, rejected, strict=True)
    }
