"""What an experiment's configuration names: value pairs, prompts, clean text, shares."""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.concepts.held_out import lab_texts, load_texts
from isogloss.concepts.load import load_pairs
from isogloss.concepts.pairs import PairSet, lab_pair_set
from isogloss.control.config import ControlConfig
from isogloss.control.prompts import ControlPrompts, lab_control_prompts, load_control_prompts
from isogloss.errors import InputError
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.languages import DEFAULT_SHARE_TABLE, ShareTable, load_share_table, resolve_among
from isogloss.seeds import derive_seed

LAB = "lab:"
N_TEXTS = 12
"""Clean texts a language in the search; as many others when the arms are measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the configuration names, loaded before the model is."""

    pairs: PairSet
    prompts: ControlPrompts
    texts: dict[str, list[str]]
    shares: ShareTable
    source: str


def load_material(config: ControlConfig) -> Material:
    lab = Lab(parse_spec(config.target)) if config.target.startswith(LAB) else None
    if config.prompts is not None:
        prompts = load_control_prompts(
            config.prompts, config.validation, languages=config.languages, seed=config.seed
        )
    else:
        assert lab is not None
        prompts = lab_control_prompts(lab, config.languages)
    source = resolve_among(config.source, prompts.languages)
    if source not in prompts.languages:
        raise InputError(
            f"the source language {source} has no prompts; there are {', '.join(prompts.languages)}"
        )
    if config.pairs is not None:
        pairs = load_pairs(
            config.pairs, flip=config.flip, concepts=(config.concept,), seed=config.seed
        )
    else:
        assert lab is not None
        pairs = lab_pair_set(lab, n_per_object=config.per_object, seed=config.seed)
    kept = [tag for tag in prompts.languages if tag in pairs.languages]
    pairs = pairs.select(concepts=(config.concept,), languages=kept)
    _check_not_asked(pairs, prompts)
    if config.texts is not None:
        texts = load_texts(config.texts)
    elif lab is not None:
        # Another seed than the text competence is measured on.
        texts = lab_texts(lab, n=2 * N_TEXTS, seed=derive_seed(config.seed, "control texts"))
    else:
        texts = {}
    if config.shares is not None:
        shares = load_share_table(config.shares)
    else:
        shares = lab.recipe.share_table() if lab else load_share_table(DEFAULT_SHARE_TABLE)
    return Material(
        pairs=pairs,
        prompts=prompts,
        texts={tag: found for tag, found in texts.items() if tag in prompts.languages},
        shares=shares,
        source=source,
    )


def _check_not_asked(pairs: PairSet, prompts: ControlPrompts) -> None:
    """That no direction is learned from a text that is asked in the test."""
    asked = {" ".join(prompt.text.split()).casefold() for prompt in prompts.test.prompts}
    shared = [
        pair.pair_id
        for pair in pairs.pairs
        if pair.split == "train"
        for text in (pair.positive, pair.negative)
        if " ".join(text.split()).casefold() in asked
    ]
    if shared:
        raise InputError(
            f"{len(shared)} training texts of value pairs are test prompts too, such as a pole of "
            f"{shared[0]!r}: directions would be learned from what they are measured on"
        )
