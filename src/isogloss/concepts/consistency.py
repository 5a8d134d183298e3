"""Consistency: do two languages' vectors of one concept point the same way?

P2 section 4: the cosine of the two mean differences. A vector of few pairs is signal plus noise,
so that even one language's concept, learned twice, has a cosine below 1: the *noise ceiling*. It is
measured by learning from random halves of the training clusters: the cosine r of the two halves of
a language estimates how much of a half is signal; two vectors of full size would have 2 r / (1 + r)
(Spearman-Brown). The ceiling of a pair of languages is the geometric mean of theirs.

The *disattenuated cosine* estimates what the cosine would be without noise: the mean cosine of
language 1's one half with language 2's *other* half, over the square root of r1 r2. Halves are cut
alike in all languages and compared crosswise, since parallel pairs share their accidents, which the
plain cosine counts as agreement. It may exceed 1 by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.concepts.parallel import ParallelPairs
from isogloss.concepts.vectors import Method, SourceVectors, learn_vectors
from isogloss.errors import InputError
from isogloss.seeds import derive_seed
from isogloss.stats.distributions import Array, t_quantile

N_SPLITS = 10
LEAST_REPEATABLE = 0.2
"""Half-vectors whose mean cosine is below this are mostly noise: nothing is divided by it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Consistency:
    """Cosines of S languages' vectors at L layers; NaN where not measured.

    Attributes:
        cosine: (S, S, L) in [-1, 1].
        low, high: (S, S, L) 95 % interval over training clusters; NaN where there is none.
        half: (S, L) mean cosine of a language's own half-vectors.
        cross: (S, S, L) mean cosine of one language's half with the other's other half.
        n_pairs, n_clusters: (S,) training pairs and clusters.
        reasons: of each language, why it has no vector.
    """

    concept: str
    method: Method
    languages: tuple[str, ...]
    layers: tuple[int, ...]
    cosine: Array
    low: Array
    high: Array
    half: Array
    cross: Array
    n_splits: int
    n_pairs: tuple[int, ...]
    n_clusters: tuple[int, ...]
    reasons: tuple[str | None, ...]

    @property
    def split_half_cosine(self) -> Array:
        """(S, L) cosine to expect of two samples of this size of the same language."""
        positive = np.maximum(self.half, 0.0)
        return 2 * positive / (1 + positive)

    @property
    def noise_ceiling(self) -> Array:
        """(S, S, L) cosine to expect of two languages whose true directions are the same."""
        root = np.sqrt(self.split_half_cosine)
        return root[:, None] * root[None]

    @property
    def disattenuated_cosine(self) -> Array:
        """(S, S, L) what the cosine would be without noise; NaN below `LEAST_REPEATABLE`."""
        sound = np.where(self.half >= LEAST_REPEATABLE, self.half, np.nan)
        return self.cross / np.sqrt(sound[:, None] * sound[None])


def measure_consistency(
    train: ParallelPairs, vectors: SourceVectors, *, n_splits: int = N_SPLITS, seed: int = 0
) -> Consistency:
    """Cosines of all pairs of languages at all layers, with interval and ceiling.

    Args:
        train: the pairs the vectors were learned from.
        vectors: of every language.
        n_splits: random halvings of the training clusters.
        seed: of the halvings.

    Raises:
        InputError: fewer than two halvings, or vectors that are not of these pairs.
    """
    if n_splits < 2:
        raise InputError(f"the noise ceiling needs at least 2 halvings, got {n_splits}")
    if (vectors.languages, vectors.layers) != (train.languages, train.layers):
        raise InputError("the vectors and the training pairs have different languages or layers")
    cosine = cosines(vectors.vectors)
    error = _standard_error(train, vectors, cosine)
    low, high = _fisher_interval(cosine, error, np.array(vectors.n_clusters))
    half, cross = _halves(train, vectors.method, n_splits, seed)
    return Consistency(
        concept=train.concept,
        method=vectors.method,
        languages=train.languages,
        layers=train.layers,
        cosine=cosine,
        low=low,
        high=high,
        half=half,
        cross=cross,
        n_splits=n_splits,
        n_pairs=vectors.n_pairs,
        n_clusters=vectors.n_clusters,
        reasons=vectors.reasons,
    )


def cosines(vectors: Array, others: Array | None = None) -> Array:
    """(S, S, L) cosines of (S, L, H) vectors with others, by default themselves."""
    first = _units(vectors)
    second = first if others is None else _units(others)
    product = first.transpose(1, 0, 2) @ second.transpose(1, 2, 0)  # (L, S, S)
    return product.transpose(1, 2, 0)


def _units(vectors: Array) -> Array:
    """Unit vectors; NaN where the length is 0."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, np.nan)


def _halves(train: ParallelPairs, method: Method, n_splits: int, seed: int) -> tuple[Array, Array]:
    """(S, L) own and (S, S, L) crosswise cosines of half-vectors, mean over halvings."""
    rng = np.random.default_rng(derive_seed(seed, "halves", train.concept))
    n = len(train.clusters)
    members = np.zeros((n_splits, n))
    for row in members:
        row[rng.permutation(n)[: n // 2]] = 1.0
    first, second = half_vectors(train, method, members)  # (R, S, L, H)
    cross = np.zeros((len(train.languages), len(train.languages), len(train.layers)))
    for one, other in zip(first, second, strict=True):
        product = cosines(one, other)
        cross += (product + product.transpose(1, 0, 2)) / 2 / n_splits
    own = np.arange(len(train.languages))
    return cross[own, own], cross


def half_vectors(train: ParallelPairs, method: Method, members: Array) -> tuple[Array, Array]:
    """Vectors of both halves: (R, S, L, H) of the clusters where (R, C) is 1, and of the others."""
    if method != "mean_difference":
        halves = [
            [learn_vectors(train, method, member=m).vectors for m in (row, 1 - row)]
            for row in members
        ]
        return np.stack([h[0] for h in halves]), np.stack([h[1] for h in halves])
    shape = (len(members), len(train.languages), len(train.layers), train.width)
    first, second = np.zeros(shape), np.zeros(shape)
    for index, reason in enumerate(train.reasons):
        if reason is not None:
            continue
        taken = members[:, train.cluster_of[index]]  # (R, P)
        for column in range(len(train.layers)):
            difference = train.sides(index, column)[1]
            part = taken @ difference
            first[:, index, column] = part
            second[:, index, column] = difference.sum(axis=0) - part
    return first, second  # sums, not means: a cosine does not mind


def _standard_error(train: ParallelPairs, vectors: SourceVectors, cosine: Array) -> Array:
    """(S, S, L) of the cosine over training clusters, by its influence function; else NaN.

    Moving vector a by da moves the cosine by (u_b − cos u_a) · da / |a|; a cluster moves the mean
    difference by its sum of (difference − mean) over the number of pairs. Clusters two languages
    share move both, which is how parallel pairs come in. Exact for mean differences only.
    """
    if vectors.method != "mean_difference":
        return np.full_like(cosine, np.nan)
    units = _units(vectors.vectors)
    n_languages, n_layers, _ = units.shape
    error = np.full_like(cosine, np.nan)
    length = np.linalg.norm(vectors.vectors, axis=-1)
    used = [i for i, reason in enumerate(vectors.reasons) if reason is None]
    for column in range(n_layers):
        moved = np.zeros((n_languages, n_languages, len(train.clusters)))
        for index in used:
            difference = train.sides(index, column)[1]
            pull = units[:, column] @ (difference - difference.mean(axis=0)).T  # (S, P)
            pull = pull - cosine[:, index, column, None] * pull[index]
            scale = length[index, column] * len(difference)
            if scale > 0:
                moved[index] = train.by_cluster(index, pull / scale)  # (S, C)
        both = moved + moved.transpose(1, 0, 2)
        shared = np.minimum.outer(np.array(vectors.n_clusters), np.array(vectors.n_clusters))
        error[:, :, column] = np.sqrt(
            np.square(both).sum(axis=2) * shared / np.maximum(shared - 1, 1)
        )
    return error


def _fisher_interval(cosine: Array, error: Array, n_clusters: Array) -> tuple[Array, Array]:
    """Limits on the scale of atanh, with t quantiles; NaN where either is."""
    inside = np.clip(cosine, -1 + 1e-12, 1 - 1e-12)
    smaller = np.minimum.outer(n_clusters, n_clusters)
    t = t_quantile(0.975, np.maximum(smaller - 1, 1))[:, :, None]
    half = t * error / (1 - np.square(inside))
    low, high = np.tanh(np.arctanh(inside) - half), np.tanh(np.arctanh(inside) + half)
    diagonal = np.eye(len(cosine), dtype=bool)
    low[diagonal] = high[diagonal] = np.nan
    return low, high
