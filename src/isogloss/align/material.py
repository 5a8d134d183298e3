"""What a configuration names, loaded and checked before any step is spent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from isogloss.align.config import AlignConfig
from isogloss.align.example_files import load_examples
from isogloss.align.examples import Example, ExampleSet
from isogloss.align.lab_data import lab_examples
from isogloss.align.leakage import check_unseen
from isogloss.audit.selection import select_prompts
from isogloss.errors import InputError, ModelError, StoreError
from isogloss.lab.build import build_lab
from isogloss.lab.questions import lab_prompt_set
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.languages import (
    DEFAULT_SHARE_TABLE,
    ShareTable,
    load_share_table,
    resolve_among,
)
from isogloss.progress import Progress
from isogloss.prompts import PromptSet, load_prompts
from isogloss.quiet import quiet_transformers
from isogloss.seeds import derive_seed
from isogloss.targets.checkpoint import as_model_error, locate_checkpoint, weights_fingerprint
from isogloss.targets.model import NO_TOKENIZER

LAB = "lab:"
HELD_OUT_SHARE = 0.2
CHECKPOINT_WEIGHTS = 4
"""A checkpoint holds the weights and two moments of each, and the next one is written beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything about one target that its stages need.

    Attributes:
        folder: the model's.
        weights: changes with its weights.
        n_parameters: read from its files.
        examples: to draw training data from.
        held_out: preferences no reward model was trained on; empty where there are none.
        prompts: of the audit.
        source: canonical tag of the source language.
        languages: of the audit.
        lab: the world, for a lab target.
    """

    target: str
    folder: Path
    weights: str
    n_parameters: int
    examples: ExampleSet
    held_out: tuple[Example, ...]
    prompts: PromptSet
    source: str
    languages: tuple[str, ...]
    shares: ShareTable
    lab: Lab | None
    seed: int


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


def load_material(config: AlignConfig, target: str, progress: Progress) -> Material:
    """Load and check what ``config`` names for one target; a lab model is built if need be.

    Raises:
        InputError: data that cannot be used: see `isogloss.align.examples`, or they contain
            prompts of the audit, or lack what a method needs.
        ModelError: the model has no chat template or padding token, or cannot be found.
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
    check_tokenizer(config, target, folder)
    if config.shares is not None:
        shares = load_share_table(config.shares)
    else:
        shares = lab.recipe.share_table() if lab else load_share_table(DEFAULT_SHARE_TABLE)
    return Material(
        target=target,
        folder=folder,
        weights=weights_fingerprint(folder),
        n_parameters=count_parameters(folder),
        examples=examples,
        held_out=held_out,
        prompts=prompts,
        source=source,
        languages=languages,
        shares=shares,
        lab=lab,
        seed=derive_seed(config.seed, "alignment", lab.recipe.seed if lab else 0) % 2**31,
    )


def _prompts(config: AlignConfig, target: str) -> PromptSet:
    whole = load_prompts(config.prompts) if config.prompts else lab_prompt_set(target)
    chosen = select_prompts(whole.prompts, languages=config.languages, limit=None)
    return replace(whole, prompts=tuple(sorted(chosen, key=lambda prompt: prompt.key)))


def _examples(config: AlignConfig, lab: Lab | None) -> tuple[ExampleSet, tuple[Example, ...]]:
    """(to train on, held out)."""
    if config.data is None:
        assert lab is not None
        # Two acts of every test object: what a reward model makes of objects it never saw judged.
        held = lab_examples(lab, split="test", acts=(0, 4)).examples
        return lab_examples(lab, split="train"), held
    whole = load_examples(config.data, language=config.language)
    if config.held_out is not None:
        held = load_examples(config.held_out, language=config.language).examples
        check_apart(whole.examples, held)
        return whole, held
    if any(example.rejected is None for example in whole.examples):
        return whole, ()
    mine = [e for e in whole.examples if _draw(e.cluster_id, config.seed) >= HELD_OUT_SHARE]
    held = tuple(e for e in whole.examples if _draw(e.cluster_id, config.seed) < HELD_OUT_SHARE)
    return replace(whole, examples=tuple(mine)), held


def check_apart(examples: Sequence[Example], held_out: Sequence[Example]) -> None:
    """That no reward model is tested on what it learned from.

    Raises:
        InputError: the two share a cluster.
    """
    shared = {e.cluster_id for e in examples} & {e.cluster_id for e in held_out}
    if shared:
        raise InputError(
            f"{len(shared)} clusters are in --data and in --held-out, such as {min(shared)!r}; a "
            "reward model is tested on pairs it has not seen in any language"
        )


def _draw(cluster_id: str, seed: int) -> float:
    """In [0, 1), from the cluster's name alone."""
    return derive_seed(seed, "held-out preferences", cluster_id) % 10_000 / 10_000


def check_tokenizer(config: AlignConfig, target: str, folder: Path) -> None:
    """That the model can be put a conversation, and batches be filled up.

    Raises:
        ModelError: no chat template or no padding token, and none was named; or a template that
            does not end an answer.
    """
    with quiet_transformers(), as_model_error(target, NO_TOKENIZER):
        tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=config.options.trust_remote_code
        )
    if tokenizer.chat_template is None and config.chat_template is None:
        raise ModelError(
            f"{target} has no chat template, so there is no telling where an answer begins; name "
            "one with --chat-template FILE.jinja, or start from an instruction-tuned model"
        )
    _check_ending(config, target, tokenizer)
    if config.pad_token is not None and config.pad_token not in tokenizer.get_vocab():
        raise ModelError(
            f"{target} has no token {config.pad_token!r}; --pad-token names one it has"
        )
    if tokenizer.pad_token is None and config.pad_token is None:
        spare = [
            token for token in tokenizer.get_vocab()
            if "pad" in token.lower() or "reserved_special" in token
        ]  # fmt: skip
        hint = f", such as {sorted(spare)[0]!r}" if spare else f", such as {tokenizer.unk_token!r}"
        raise ModelError(
            f"{target} has no padding token; name one of its tokens with --pad-token TOKEN{hint} "
            "(not the one that ends an answer: it would be learned as padding)"
        )


def _check_ending(config: AlignConfig, target: str, tokenizer: Any) -> None:
    """A model trained on answers that nothing ends does not stop."""
    if config.chat_template is not None:
        tokenizer.chat_template = config.chat_template.read_text("utf-8")
    said = "an answer"
    conversation = [{"role": "user", "content": "?"}, {"role": "assistant", "content": said}]
    with as_model_error(target, "the chat template of {what} cannot be used ({why})"):
        rendered: str = tokenizer.apply_chat_template(conversation, tokenize=False)
    if rendered.rstrip().endswith(said):
        raise ModelError(
            f"the chat template of {target} puts nothing after an answer, so a model trained on it "
            "would not stop; name one that does with --chat-template FILE.jinja"
        )


def count_parameters(folder: Path) -> int:
    """Of a checkpoint, from the heads of its safetensors files."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        for name, entry in head.items():
            if name != "__metadata__":
                size = 1
                for side in entry["shape"]:
                    size *= side
                total += size
    return total


def check_disk(out: Path, *, n_parameters: int, n_stages: int, bytes_each: int, full: bool) -> None:
    """That the models and one checkpoint fit.

    Args:
        n_stages: stages still to be trained.
        bytes_each: of a parameter in a saved model.
        full: all weights are trained, so that checkpoints hold all of them and their moments.

    Raises:
        StoreError: too little space.
    """
    place = out
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    model = n_parameters * bytes_each
    needed = n_stages * model + model + (CHECKPOINT_WEIGHTS * 4 * n_parameters * 2 if full else 0)
    if n_stages and free < needed:
        raise StoreError(
            f"{n_stages} stages need about {needed / 1e9:,.1f} GB in {place} (their models, and "
            f"room for checkpoints), and {free / 1e9:,.1f} GB are free; free some, choose another "
            "--out folder, or ask for fewer methods"
        )
