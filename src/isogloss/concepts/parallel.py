"""One split of one concept, its languages side by side: rows meet by cluster id, never by position.

Pairs are parallel across languages, so what two languages are asked shares clusters; every interval
of a difference between them needs to know which. This is the one place that joins them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import InputError
from isogloss.stats.distributions import Array

if TYPE_CHECKING:
    from isogloss.concepts.activations import Activations

MIN_CLUSTERS = 6
"""Fewer clusters than this are not measured: five cannot reach p < 0.05 however they fall (a sign
test of five has 2 / 2**5 = 0.06 at best), and a vector of so few is mostly their noise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParallelPairs:
    """The pairs of one concept and split in T languages, read from their store layer by layer.

    Attributes:
        concept: the value.
        split: ``train``, ``validation`` or ``test``.
        languages: T tags.
        layers: L 0-based block indices, of the columns of the arrays.
        clusters: C ids, sorted: the union over languages.
        rows: of each language, the P rows of its arrays that are in the split.
        cluster_of: of each language, (P,) index into ``clusters``.
        reasons: of each language, why nothing is measured in it; None where it has enough pairs.
        positive, negative: of each language, its whole (N, L, H) array, perhaps memory-mapped.
    """

    concept: str
    split: str
    languages: tuple[str, ...]
    layers: tuple[int, ...]
    clusters: tuple[str, ...]
    rows: tuple[NDArray[np.int64], ...]
    cluster_of: tuple[NDArray[np.int64], ...]
    reasons: tuple[str | None, ...]
    positive: tuple[NDArray[np.floating], ...]
    negative: tuple[NDArray[np.floating], ...]

    @property
    def width(self) -> int:
        return self.positive[0].shape[2]

    @property
    def trials(self) -> Array:
        """(T, C) pairs by language and cluster."""
        n = len(self.clusters)
        return np.array([np.bincount(c, minlength=n) for c in self.cluster_of], dtype=np.float64)

    def sides(self, index: int, column: int) -> tuple[Array, Array]:
        """(P, H) positives and (P, H) positive minus negative, of one language and column.

        Subtracted in float64 (the paper's code: in float16), so that equal texts differ by 0.

        Raises:
            InputError: an activation is NaN or infinite.
        """
        rows = self.rows[index]
        positive = self.positive[index][rows, column].astype(np.float64)
        difference = self.negative[index][rows, column].astype(np.float64)
        np.subtract(positive, difference, out=difference)
        if not np.isfinite(difference.sum()):
            raise InputError(
                f"the activations of {self.concept} in {self.languages[index]} at layer "
                f"{self.layers[column]} are not finite (NaN or infinite; 16-bit weights can "
                "overflow): record them again with --dtype float32."
            )
        return positive, difference

    def by_cluster(self, index: int, values: Array) -> Array:
        """(..., C) sums over the pairs of each cluster of (..., P) values of one language."""
        member = np.zeros((self.cluster_of[index].size, len(self.clusters)))
        member[np.arange(member.shape[0]), self.cluster_of[index]] = 1.0
        return values @ member


def parallel_pairs(activations: Sequence[Activations], split: str) -> ParallelPairs:
    """The pairs of one split of one concept, in the order of the languages given.

    Raises:
        InputError: nothing given, several concepts, a language twice, or shapes that do not agree.
    """
    if not activations:
        raise InputError("no activations given; record at least one language of the concept first.")
    concepts = sorted({a.concept for a in activations})
    languages = tuple(a.language for a in activations)
    if len(concepts) > 1:
        raise InputError(f"one concept at a time, got {', '.join(concepts)}")
    if len(set(languages)) < len(languages):
        raise InputError(f"a language is given twice: {', '.join(languages)}")
    kinds = {(a.layers, a.positive.shape[2]) for a in activations}
    if len(kinds) > 1:
        raise InputError(f"languages were recorded with different layers or widths: {kinds}")
    rows = tuple(np.flatnonzero(np.array(a.splits) == split).astype(np.int64) for a in activations)
    taken = [[a.cluster_ids[i] for i in r] for a, r in zip(activations, rows, strict=True)]
    clusters = tuple(sorted({c for ids in taken for c in ids}))
    place = {cluster: i for i, cluster in enumerate(clusters)}
    return ParallelPairs(
        concept=concepts[0],
        split=split,
        languages=languages,
        layers=activations[0].layers,
        clusters=clusters,
        rows=rows,
        cluster_of=tuple(np.array([place[c] for c in ids], dtype=np.int64) for ids in taken),
        reasons=tuple(_reason(a, split, ids) for a, ids in zip(activations, taken, strict=True)),
        positive=tuple(a.positive for a in activations),
        negative=tuple(a.negative for a in activations),
    )


def _reason(activations: Activations, split: str, clusters: Sequence[str]) -> str | None:
    """Why one language is not measured in a split."""
    n, n_clusters = len(clusters), len(set(clusters))
    if n_clusters >= MIN_CLUSTERS:
        return None
    whose = f"{split} pairs of {activations.concept} in {activations.language}"
    if n == 0:
        return f"no {whose}"
    few = f"only {n} {whose}, in {n_clusters} clusters"
    return f"{few}; at least {MIN_CLUSTERS} clusters are needed"
