"""Recognition: does a concept vector tell the two texts of an unseen pair apart?

The score of a text is its activation's projection s = x · v. A pair is recognised where
s(positive) > s(negative); a tie counts one half (P2 section 3; its code counts ties as right).
Chance is 0.5 whatever the vector. AUROC asks more: any positive against any negative text, so that
a shift of the scores from pair to pair costs.

Counts are kept by cluster, so that every interval, and every difference between two languages'
vectors on the same items, knows which rows rise and fall together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.concepts.parallel import ParallelPairs
from isogloss.concepts.vectors import SourceVectors
from isogloss.errors import InputError
from isogloss.stats.auroc import roc_area
from isogloss.stats.distributions import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recognition:
    """How well S vectors recognise one concept in T languages at L layers.

    Attributes:
        concept, split, method: of what.
        sources: S languages whose vectors are used.
        targets: T languages whose pairs are asked.
        layers: L 0-based block indices.
        clusters: C ids.
        correct: (S, T, L, C) recognised pairs by cluster, ties one half.
        trials: (T, C) pairs by cluster.
        auroc: (S, T, L) area under the ROC curve; NaN where not measured.
        auroc_influence: (S, T, L, C) of each cluster on it (DeLong's components summed).
        source_reasons, target_reasons: why a row or a column is not measured, else None.
    """

    concept: str
    split: str
    method: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    layers: tuple[int, ...]
    clusters: tuple[str, ...]
    correct: Array
    trials: Array
    auroc: Array
    auroc_influence: Array
    source_reasons: tuple[str | None, ...]
    target_reasons: tuple[str | None, ...]

    @property
    def measured(self) -> NDArray[np.bool_]:
        """(S, T) True where the cell is a number."""
        return np.array(
            [[self.reason(s, t) is None for t in range(len(self.targets))]
             for s in range(len(self.sources))]
        )  # fmt: skip

    def reason(self, source: int, target: int) -> str | None:
        """Why a cell is not measured; None where it is."""
        return self.target_reasons[target] or self.source_reasons[source]

    @property
    def accuracy(self) -> Array:
        """(S, T, L) share of recognised pairs in [0, 1]; NaN where not measured."""
        total = self.trials.sum(axis=1)[None, :, None]
        share = self.correct.sum(axis=3) / np.where(total > 0, total, 1.0)
        return np.where(self.measured[:, :, None], share, np.nan)

    @property
    def own(self) -> NDArray[np.int64]:
        """(T,) index of each target's own vector among the sources; −1 where it has none."""
        place = {language: i for i, language in enumerate(self.sources)}
        return np.array([place.get(language, -1) for language in self.targets], dtype=np.int64)

    @property
    def own_accuracy(self) -> Array:
        """(T, L) accuracy of each language's own vector; NaN where not measured."""
        own, accuracy = self.own, self.accuracy
        return np.where((own >= 0)[:, None], accuracy[own, np.arange(len(self.targets))], np.nan)


def recognise(vectors: SourceVectors, pairs: ParallelPairs, *, auroc: bool = True) -> Recognition:
    """Every language's vector on every language's pairs, at every layer.

    Args:
        vectors: of the concept, learned from another split.
        pairs: the validation or test split.
        auroc: False leaves the AUROC out, which choosing a layer does not need.

    Raises:
        InputError: vectors and activations have different layers or width, or are not finite.
    """
    width = vectors.vectors.shape[2]
    if (vectors.layers, width) != (pairs.layers, pairs.width):
        raise InputError(
            f"vectors of {len(vectors.layers)} layers x {width} do not fit activations of "
            f"{len(pairs.layers)} layers x {pairs.width}; they are another model's, or not all "
            "layers were recorded."
        )
    shape = (len(vectors.languages), len(pairs.languages), len(vectors.layers))
    correct = np.zeros((*shape, len(pairs.clusters)))
    influence = np.zeros_like(correct)
    area = np.full(shape, np.nan)
    for target, reason in enumerate(pairs.reasons):
        if reason is not None:
            continue
        gap, first = scores(vectors.vectors, pairs, target)
        correct[:, target] = pairs.by_cluster(target, won(gap))
        if auroc:
            area[:, target], parts = roc_area(first, first - gap)
            influence[:, target] = pairs.by_cluster(target, parts)
    missing = np.array([reason is not None for reason in vectors.reasons])
    area[missing] = np.nan
    return Recognition(
        concept=pairs.concept,
        split=pairs.split,
        method=vectors.method,
        sources=vectors.languages,
        targets=pairs.languages,
        layers=pairs.layers,
        clusters=pairs.clusters,
        correct=correct,
        trials=pairs.trials,
        auroc=area,
        auroc_influence=influence,
        source_reasons=vectors.reasons,
        target_reasons=pairs.reasons,
    )


def scores(directions: Array, pairs: ParallelPairs, target: int) -> tuple[Array, Array]:
    """What (S, L, H) directions score on the pairs of one language.

    Returns:
        (S, L, P) s(positive) − s(negative), exactly 0 where both texts have the same activation,
        and (S, L, P) s(positive).
    """
    shape = (*directions.shape[:2], pairs.rows[target].size)
    gap, first = np.empty(shape), np.empty(shape)
    for column in range(shape[1]):
        positive, difference = pairs.sides(target, column)
        gap[:, column] = directions[:, column] @ difference.T
        first[:, column] = directions[:, column] @ positive.T
    return gap, first


def won(gap: Array) -> Array:
    """1 where the positive text scores higher, 0 where lower, one half at a tie."""
    return (np.sign(gap) + 1) / 2
