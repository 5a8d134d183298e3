"""From the activations of one concept in all its languages to everything measured about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from isogloss.concepts.activations import Activations
from isogloss.concepts.baseline_rows import baseline_rows
from isogloss.concepts.baselines import (
    N_DRAWS,
    Splits,
    not_assessable,
    permutation_p,
    random_directions,
    shuffled_labels,
)
from isogloss.concepts.consistency import Consistency, measure_consistency
from isogloss.concepts.consistency_rows import consistency_rows
from isogloss.concepts.layer_choice import (
    LayerChoice,
    LayerRule,
    choose_layer,
    fixed_layer,
    paper_layers,
)
from isogloss.concepts.linguistic_rows import linguistic_rows
from isogloss.concepts.linguistics import linguistic_correlations
from isogloss.concepts.parallel import parallel_pairs
from isogloss.concepts.recognition import Recognition, recognise
from isogloss.concepts.recognition_rows import curve_rows, layer_row, recognition_rows
from isogloss.concepts.similarity import Similarities
from isogloss.concepts.training_size import training_curve
from isogloss.concepts.transfer import Transfer, measure_transfer
from isogloss.concepts.transfer_rows import transfer_rows
from isogloss.concepts.vectors import Method, SourceVectors, learn_vectors
from isogloss.records import Measurement
from isogloss.stats.distributions import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureOptions:
    """How a concept is measured.

    Attributes:
        method: of the vectors, a name of `isogloss.concepts.vectors.METHODS`.
        rule: how the layer is chosen: ``validation``, ``fixed`` (then ``layer`` says which) or
            ``paper`` (the maximum on the test pairs, as in the code of Xu et al.; optimistic).
        layer: 0-based block index for ``fixed``.
        n_draws: of either baseline.
        seed: of baselines, halvings and permutations.
    """

    method: Method = "mean_difference"
    rule: LayerRule = "validation"
    layer: int | None = None
    n_draws: int = N_DRAWS
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredConcept:
    """What came of one concept.

    Attributes:
        vectors: of every language, at every layer.
        choice: the layer; None where none could be chosen, and the rows say why.
        consistency, transfer: None with ``choice``.
        rows: of area ``concepts``.
    """

    concept: str
    vectors: SourceVectors
    choice: LayerChoice | None
    consistency: Consistency | None
    transfer: Transfer | None
    rows: tuple[Measurement, ...]


def measure_concept(
    activations: Sequence[Activations], options: MeasureOptions, common: Mapping[str, Any]
) -> MeasuredConcept:
    """Vectors, recognition, baselines, consistency and transfer of one concept.

    Args:
        activations: of one concept, a language each.
        options: how.
        common: fields of every row (target, seed, …).

    Raises:
        InputError: activations that do not belong together, or a layer that was not recorded.
    """
    splits = Splits(
        train=parallel_pairs(activations, "train"),
        validation=parallel_pairs(activations, "validation"),
        test=parallel_pairs(activations, "test"),
    )
    concept = splits.train.concept
    vectors = learn_vectors(splits.train, options.method)
    test = recognise(vectors, splits.test)
    choice = _choose(options, vectors, splits, test)
    rows = [layer_row(concept, choice, common)]
    if isinstance(choice, str):
        return MeasuredConcept(
            concept=concept,
            vectors=vectors,
            choice=None,
            consistency=None,
            transfer=None,
            rows=tuple(rows),
        )
    draws = {"n_draws": options.n_draws, "seed": options.seed}
    shuffled = shuffled_labels(splits, choice, method=options.method, **draws)
    unassessable = not_assessable(test, choice, shuffled)
    p_values = permutation_p(test, choice, shuffled)
    rows += recognition_rows(test, choice, unassessable, p_values, common)
    rows += baseline_rows(shuffled, common)
    rows += baseline_rows(random_directions(splits, choice, **draws), common)
    consistency = measure_consistency(splits.train, vectors, seed=options.seed)
    rows += consistency_rows(consistency, choice, common)
    transfer = measure_transfer(test, choice, unassessable)
    rows += transfer_rows(transfer, common)
    if choice.layer is not None:
        curve = training_curve(splits, choice.layer, method=options.method, seed=options.seed)
        rows += curve_rows(curve, common)
    return MeasuredConcept(
        concept=concept,
        vectors=vectors,
        choice=choice,
        consistency=consistency,
        transfer=transfer,
        rows=tuple(rows),
    )


def relate_to_languages(
    measured: Sequence[MeasuredConcept],
    similarities: Similarities,
    *,
    target: str,
    high_resource: Sequence[str],
    competence: Mapping[str, float],
    seed: int = 0,
) -> list[Measurement]:
    """How consistency and transfer go with the likeness of languages, by concept and on average.

    Rows without a concept are about the mean matrix over concepts, which Xu et al. 2024 (section 4)
    correlate.

    Args:
        measured: all concepts.
        similarities: at least of their languages.
        target: whose model.
        high_resource: the languages the paper keeps apart in its design ``split``.
        competence: bits per character by language, to be partialled out.
        seed: of the permutations.
    """
    rows: list[Measurement] = []
    for of in ("consistency", "transfer"):
        matrices: dict[tuple[str | None, int | None], Array] = {
            (found.concept, found.choice.layer): _ordered(*matrix, similarities.languages)
            for found in measured
            if found.choice is not None and (matrix := _matrix_of(found, of)) is not None
        }
        if len(matrices) > 1:
            matrices[None, None] = _mean(list(matrices.values()))
        for (concept, layer), values in matrices.items():
            found = linguistic_correlations(
                values,
                similarities,
                high_resource=high_resource,
                competence=competence,
                seed=seed,
            )
            rows += linguistic_rows(
                found, target=target, of=of, concept=concept, layer=layer, seed=seed
            )
    return rows


def _matrix_of(
    found: MeasuredConcept, of: Literal["consistency", "transfer"]
) -> tuple[Array, Sequence[str]] | None:
    """A matrix between languages at the chosen layer, and its axis."""
    if found.choice is None or found.consistency is None or found.transfer is None:
        return None
    if of == "transfer":
        return found.transfer.matrix.estimate, found.transfer.test.targets
    return found.choice.at(found.consistency.cosine), found.consistency.languages


def _mean(matrices: Sequence[Array]) -> Array:
    """Mean over concepts where all of them are measured; NaN elsewhere."""
    return np.mean(matrices, axis=0)


def _choose(
    options: MeasureOptions, vectors: SourceVectors, splits: Splits, test: Recognition
) -> LayerChoice | str:
    if options.rule == "paper":
        return paper_layers(test)
    if options.rule == "fixed":
        return fixed_layer(test, options.layer if options.layer is not None else -1)
    return choose_layer(recognise(vectors, splits.validation, auroc=False))


def _ordered(values: Array, given: Sequence[str], wanted: Sequence[str]) -> Array:
    """The matrix on another language axis; languages it does not have are NaN."""
    place = {language: index for index, language in enumerate(given)}
    rows = np.array([place.get(language, -1) for language in wanted])
    known = (rows >= 0)[:, None] & (rows >= 0)[None, :]
    return np.where(known, values[np.ix_(rows, rows)], np.nan)
