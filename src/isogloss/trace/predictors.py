"""What is measured of the model before any training, to predict who will benefit.

All of it is cheap: no training, a forward pass over some hundred sentences a language. Rows of area
``trace grid``:

- ``linguistic_similarity``: by kind (`isogloss.concepts.similarity`);
- ``consistency_cosine``: of the harmfulness vectors of two languages, learned and with a layer
  chosen as in `isogloss.concepts.measure`;
- ``retrieval_accuracy``: `isogloss.concepts.retrieval`, of parallel sentences (see
  `isogloss.trace.predictor_sources.parallel_sentences`);
- ``tokens_per_sentence``: of the same sentences in every language, so that no word needs to be
  defined; the ratio of two languages is the premium of Petrov et al. 2023 (arXiv 2305.15425);
- ``share``: of pre-training text;
- ``competence_bits_per_character``: `isogloss.concepts.competence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from isogloss.align.material import Material
from isogloss.concepts.competence import competence_rows, measure_competence
from isogloss.concepts.consistency import measure_consistency
from isogloss.concepts.consistency_rows import consistency_rows
from isogloss.concepts.layer_choice import choose_layer
from isogloss.concepts.linguistic_rows import similarity_rows
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
from isogloss.concepts.templates import PromptTemplate
from isogloss.concepts.vectors import learn_vectors
from isogloss.progress import Progress
from isogloss.records import Measurement
from isogloss.targets.model import LocalModel
from isogloss.trace.grid_config import GridConfig
from isogloss.trace.grid_matrices import AREA, COSINE, SHARE, TOKENS
from isogloss.trace.predictor_sources import (
    CONCEPT,
    parallel_sentences,
    predictor_pairs,
    predictor_similarities,
    predictor_texts,
)


def predictor_rows(
    config: GridConfig, material: Material, languages: Sequence[str], progress: Progress
) -> list[Measurement]:
    """All rows of one model, the languages in the order given.

    Raises:
        UserError: a file, or a model that cannot be read.
    """
    model = LocalModel(str(material.folder), config.options)
    validation, test = parallel_sentences(config, material, languages)
    read = read_sentences(model, test, batch_tokens=config.options.batch_tokens, progress=progress)
    chosen = read_sentences(
        model, validation, batch_tokens=config.options.batch_tokens, progress=progress
    )
    texts = predictor_texts(config, material.lab)
    spoken = measure_competence(
        model, {tag: texts.get(tag, []) for tag in languages}, progress=progress
    )
    similarities = predictor_similarities(config, material.lab, languages)
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
    whole = predictor_pairs(config, material.lab)
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
