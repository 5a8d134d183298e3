"""What is measured of the model before any training, to predict who will benefit.

All of it is cheap: no training, a forward pass over some hundred sentences a language. Rows of area
``trace grid``:

- ``linguistic_similarity``: by kind (`isogloss.concepts.similarity`);
- ``consistency_cosine``: of the harmfulness vectors of two languages, learned and with a layer
  chosen as in `isogloss.concepts.measure`;
- ``retrieval_accuracy``: `isogloss.concepts.retrieval`, on the prompts of the audit as sentences;
- ``tokens_per_sentence``: of the same sentences in every language, so that no word needs to be
  defined; the ratio of two languages is the premium of Petrov et al. 2023 (arXiv 2305.15425);
- ``share``: of pre-training text;
- ``competence_bits_per_character``: `isogloss.concepts.competence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.align.material import Material
from isogloss.align.measuring import N_COMPETENCE_TEXTS
from isogloss.concepts.competence import competence_rows, measure_competence
from isogloss.concepts.consistency import measure_consistency
from isogloss.concepts.consistency_rows import consistency_rows
from isogloss.concepts.held_out import lab_texts, load_texts
from isogloss.concepts.layer_choice import choose_layer
from isogloss.concepts.linguistic_rows import similarity_rows
from isogloss.concepts.load import load_pairs
from isogloss.concepts.pairs import PairSet, lab_pair_set
from isogloss.concepts.parallel import parallel_pairs
from isogloss.concepts.recognition import recognise
from isogloss.concepts.recognition_rows import layer_row
from isogloss.concepts.record import PairRecorder, RecordOptions, record_pair_set
from isogloss.concepts.retrieval import (
    SentenceStates,
    choose_retrieval_layer,
    read_sentences,
    retrieval_rows,
    retrieve,
)
from isogloss.concepts.similarity import (
    Similarities,
    lab_similarities,
    shipped_similarities,
)
from isogloss.concepts.similarity_file import load_similarities
from isogloss.concepts.templates import PromptTemplate
from isogloss.concepts.vectors import learn_vectors
from isogloss.lab.questions import lab_prompts
from isogloss.lab.setting import Lab
from isogloss.progress import Progress
from isogloss.records import ORIGINAL, Measurement, Prompt
from isogloss.seeds import content_hash, derive_seed
from isogloss.targets.model import LocalModel
from isogloss.trace.grid_config import GridConfig
from isogloss.trace.grid_matrices import AREA, COSINE, SHARE, TOKENS

CONCEPT = "harmfulness"


def load_predictor_pairs(config: GridConfig, lab: Lab | None) -> PairSet | None:
    """Pairs of harmfulness: the file's, else the lab's own; None where there are neither.

    Raises:
        InputError: a file that cannot be used, or without that concept.
    """
    if config.pairs is not None:
        return load_pairs(config.pairs, concepts=(CONCEPT,), seed=config.seed)
    if lab is None:
        return None
    return lab_pair_set(lab).select(concepts=(CONCEPT,))


def load_predictor_texts(config: GridConfig, lab: Lab | None) -> dict[str, list[str]]:
    """Held-out text by language; empty where there is none.

    Raises:
        InputError: a file that cannot be used.
    """
    if config.texts is not None:
        return load_texts(config.texts)
    return {} if lab is None else lab_texts(lab, n=N_COMPETENCE_TEXTS)


def load_predictor_similarities(
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
        load_predictor_pairs(config, None)
    if config.texts is not None:
        load_predictor_texts(config, None)
    if config.similarities is not None:
        load_predictor_similarities(config, None, languages)


def predictors_key(config: GridConfig, material: Material) -> str:
    """Changes with all that the rows are made from."""
    pairs = load_predictor_pairs(config, material.lab)
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


def predictor_rows(
    config: GridConfig, material: Material, languages: Sequence[str], progress: Progress
) -> list[Measurement]:
    """All rows of one model, the languages in the order given.

    Raises:
        UserError: a file, or a model that cannot be read.
    """
    model = LocalModel(str(material.folder), config.options)
    validation, test = _sentences(config, material, languages)
    read = read_sentences(model, test, batch_tokens=config.options.batch_tokens, progress=progress)
    chosen = read_sentences(
        model, validation, batch_tokens=config.options.batch_tokens, progress=progress
    )
    texts = load_predictor_texts(config, material.lab)
    spoken = measure_competence(
        model, {tag: texts.get(tag, []) for tag in languages}, progress=progress
    )
    similarities = load_predictor_similarities(config, material.lab, languages)
    layer = choose_retrieval_layer(retrieve(chosen))
    rows = [
        *_token_rows(read, languages, material.target),
        *_share_rows(material, languages),
        *competence_rows(spoken, target=material.target),
        *similarity_rows(similarities, target=material.target),
        *retrieval_rows(retrieve(read), layer, target=material.target),
        *_cosine_rows(config, material, model, languages, progress),
    ]
    tier = material.shares.tier
    return [
        replace(
            row, area=AREA, tier=tier(row.language) if row.language else None,
            seed=None if material.lab is None else material.lab.recipe.seed,
        )
        for row in rows
    ]  # fmt: skip


def _sentences(
    config: GridConfig, material: Material, languages: Sequence[str]
) -> tuple[list[Prompt], list[Prompt]]:
    """(to choose the layer on, to measure on), in the order of the languages.

    In a lab questions about validation and about test objects; else halves of the audit's prompts,
    by cluster.
    """
    order = {tag: at for at, tag in enumerate(languages)}
    prompts = sorted(
        (p for p in material.prompts.prompts if p.variant == ORIGINAL and p.language in order),
        key=lambda prompt: (order[prompt.language], prompt.prompt_id),
    )
    if material.lab is not None and config.prompts is None:
        return lab_prompts(material.lab, split="validation", languages=languages), prompts
    halves: tuple[list[Prompt], list[Prompt]] = ([], [])
    for prompt in prompts:
        halves[derive_seed(config.seed, "retrieval layer", prompt.cluster_id) % 2].append(prompt)
    return halves


def _token_rows(
    read: Sequence[SentenceStates], languages: Sequence[str], target: str
) -> list[Measurement]:
    """Mean tokens of the sentences that every language has."""
    shared = set.intersection(*(set(one.ids) for one in read)) if read else set[str]()
    counted: Mapping[str, SentenceStates] = {one.language: one for one in read}
    rows: list[Measurement] = []
    for tag in languages:
        row = Measurement(
            area=AREA, metric=TOKENS, target=target, language=tag, n=len(shared), unit="ratio",
            method="mean over the sentences that all languages have",
        )  # fmt: skip
        if tag not in counted or not shared:
            reason = "no sentence that all languages have"
            rows.append(replace(row, n=0, reason=reason, verdict="not measured"))
            continue
        one = counted[tag]
        sizes = [n for name, n in zip(one.ids, one.n_tokens, strict=True) if name in shared]
        rows.append(replace(row, estimate=float(np.mean(sizes))))
    return rows


def _share_rows(material: Material, languages: Sequence[str]) -> list[Measurement]:
    rows: list[Measurement] = []
    for tag in languages:
        percent = material.shares.share(tag)
        row = Measurement(
            area=AREA, metric=SHARE, target=material.target, language=tag, n=1,
            method=f"share table {material.shares.name}",
        )  # fmt: skip
        if percent is None:
            reason = f"no share in {material.shares.name}, or only a bound"
            rows.append(replace(row, n=0, reason=reason, verdict="not measured"))
        else:
            rows.append(replace(row, estimate=percent / 100))
    return rows


def _cosine_rows(
    config: GridConfig,
    material: Material,
    model: LocalModel,
    languages: Sequence[str],
    progress: Progress,
) -> list[Measurement]:
    """Cosines of the harmfulness vectors, and the layer they are of."""
    common: dict[str, Any] = {"target": material.target}
    whole = load_predictor_pairs(config, material.lab)
    mine = [tag for tag in languages if whole is not None and tag in whole.languages]
    if whole is None or len(mine) < 2:
        reason = f"no pairs of {CONCEPT} in two of the languages; --pairs names a file"
        return [
            Measurement(
                area=AREA, metric=COSINE, concept=CONCEPT, unit="cosine", reason=reason,
                verdict="not measured", **common,
            )
        ]  # fmt: skip
    recorder = PairRecorder(
        model,
        RecordOptions(
            template=PromptTemplate(kind="chat"), batch_tokens=config.options.batch_tokens
        ),
    )
    recorded = list(record_pair_set(recorder, whole.select(languages=mine), progress=progress))
    train = parallel_pairs(recorded, "train")
    vectors = learn_vectors(train)
    choice = choose_layer(recognise(vectors, parallel_pairs(recorded, "validation"), auroc=False))
    rows = [layer_row(CONCEPT, choice, common)]
    if isinstance(choice, str):
        return rows
    found = consistency_rows(measure_consistency(train, vectors, seed=config.seed), choice, common)
    return rows + [row for row in found if row.metric == COSINE]
