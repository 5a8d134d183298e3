"""What predictors of a grid are measured on: pairs, texts, sentences and distances of languages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isogloss.align.material import Material
from isogloss.concepts.held_out import lab_texts, load_texts
from isogloss.concepts.load import load_pairs
from isogloss.concepts.pairs import PairSet, lab_pair_set
from isogloss.concepts.similarity import (
    Similarities,
    lab_similarities,
    shipped_similarities,
)
from isogloss.concepts.similarity_file import load_similarities
from isogloss.lab.setting import Lab
from isogloss.records import ORIGINAL, Prompt
from isogloss.seeds import content_hash, derive_seed
from isogloss.trace.grid_config import GridConfig

CONCEPT = "harmfulness"


def predictor_pairs(config: GridConfig, lab: Lab | None) -> PairSet | None:
    """Pairs of harmfulness: the file's, else the lab's own; None where there are neither.

    Raises:
        InputError: a file that cannot be used, or without that concept.
    """
    if config.pairs is not None:
        return load_pairs(config.pairs, concepts=(CONCEPT,), seed=config.seed)
    if lab is None:
        return None
    return lab_pair_set(lab).select(concepts=(CONCEPT,))


def predictor_texts(config: GridConfig, lab: Lab | None) -> dict[str, list[str]]:
    """Held-out text by language; empty where there is none.

    Raises:
        InputError: a file that cannot be used.
    """
    if config.texts is not None:
        return load_texts(config.texts)
    return {} if lab is None else lab_texts(lab)


def predictor_similarities(
    config: GridConfig, lab: Lab | None, languages: Sequence[str]
) -> Similarities:
    """The file's, else a lab's truth, else the shipped facts.

    Raises:
        InputError: a file that cannot be used.
    """
    if config.similarities is not None:
        return load_similarities(config.similarities, languages)
    if lab is not None:
        return lab_similarities(lab.lexicon, languages)
    return shipped_similarities(languages)


def check_files(config: GridConfig, languages: Sequence[str]) -> None:
    """Read the files that are named, so that a bad one is refused before anything is built.

    Raises:
        InputError: a file that cannot be used.
    """
    if config.pairs is not None:
        predictor_pairs(config, None)
    if config.texts is not None:
        predictor_texts(config, None)
    if config.similarities is not None:
        predictor_similarities(config, None, languages)


def predictors_key(config: GridConfig, material: Material) -> str:
    """Changes with all that the rows are made from."""
    pairs = predictor_pairs(config, material.lab)
    files: list[Path | None] = [config.texts, config.similarities]
    return content_hash(
        material.weights,
        material.tokenizer_hash,
        material.prompts.fingerprint,
        ",".join(material.languages),
        str(material.shares.to_json()),
        pairs.fingerprint if pairs else "",
        *(content_hash(path.read_bytes().hex()) if path else "" for path in files),
        f"{config.seed} {config.options.batch_tokens} {config.options.dtype}",
    )


def parallel_sentences(
    config: GridConfig, material: Material, languages: Sequence[str]
) -> tuple[list[Prompt], list[Prompt]]:
    """(to choose a layer on, to measure on): halves by cluster, in the order of the languages.

    A lab's are its held-out documents, of three sentences each: its questions are so short and so
    alike that no layer of a small model tells them apart. Else they are the prompts of the audit.
    """
    halves: tuple[list[Prompt], list[Prompt]] = ([], [])
    order = {tag: at for at, tag in enumerate(languages)}
    whole = _documents(material.lab) if material.lab else material.prompts.prompts
    for one in sorted(
        (one for one in whole if one.variant == ORIGINAL and one.language in order),
        key=lambda one: (order[one.language], one.prompt_id),
    ):
        halves[derive_seed(config.seed, "retrieval layer", one.cluster_id) % 2].append(one)
    return halves


def _documents(lab: Lab) -> list[Prompt]:
    return [
        Prompt(
            prompt_id=f"document:{at}", cluster_id=f"document:{at}", language=tag, text=text,
            intent="benign",
        )
        for tag, texts in lab_texts(lab).items()
        for at, text in enumerate(texts)
    ]  # fmt: skip
