"""Rank correlation over ordered pairs of languages, p by permuting languages.

For quantities that have a direction, such as what training in one language does to another: both
(A, B) and (B, A) count, and a matrix need not have a row for every language. As in Mantel's test
(Mantel 1967, Cancer Research 27:209) pairs share languages, so it is languages that are permuted:
the first matrix is put under other names, the second stays. The partial version takes the ranks of
a covariate of both languages out of both sides, anew in every permutation (Legendre 2000, JSCS
67:37, method 1). For symmetric matrices see `isogloss.stats.correlation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import InputError
from isogloss.stats.distributions import Array, normal_quantile, ranks, ranks_by_row

N_PERMUTATIONS = 1_999
MIN_LANGUAGES = 4
MIN_PAIRS = 5
Orders = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PermutedStatistic:
    """A statistic, and what it is under other names of the languages.

    Attributes:
        value: as observed.
        permuted: [R] one a permutation.
        n_pairs, n_languages: what it rests on.
    """

    value: float
    permuted: Array
    n_pairs: int
    n_languages: int

    @property
    def p_two_sided(self) -> float:
        """Share of permutations at least as far from 0; the observed order counts as one."""
        hits = (np.abs(self.permuted) >= abs(self.value) - 1e-12).sum()
        return float(1 + hits) / (1 + self.permuted.size)

    @property
    def p_low(self) -> float:
        """Share of permutations at least as low."""
        hits = (self.permuted <= self.value + 1e-12).sum()
        return float(1 + hits) / (1 + self.permuted.size)

    def detectable(self, level: float) -> float:
        """The smallest absolute value found with 80 % power in a two-sided test at ``level``.

        The quantile of the permuted values that is to be passed, and z.80 of their standard
        deviations above it, at most 1: a bound on correlations.
        """
        critical = float(np.quantile(np.abs(self.permuted), 1 - level))
        return min(1.0, critical + normal_quantile(0.8) * float(self.permuted.std()))


def pooled(found: Sequence[PermutedStatistic]) -> PermutedStatistic:
    """The mean over runs, each under the same names of the languages.

    Raises:
        InputError: no runs, or runs under different permutations.
    """
    if len({one.permuted.size for one in found}) != 1:
        raise InputError("runs to be pooled need the same permutations of the same languages")
    return PermutedStatistic(
        value=float(np.mean([one.value for one in found])),
        permuted=np.mean([one.permuted for one in found], axis=0),
        n_pairs=min(one.n_pairs for one in found),
        n_languages=min(one.n_languages for one in found),
    )


def language_orders(n_languages: int, *, n: int = N_PERMUTATIONS, seed: int = 0) -> Orders:
    """[n + 1, L] orders of the languages: the first is their own, the others are drawn."""
    rng = np.random.default_rng(seed)
    own = np.arange(n_languages)
    return np.vstack([own, rng.permuted(np.tile(own, (n, 1)), axis=1)])


def measured_pairs(outcome: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the known entries of [L, L], the diagonal left out."""
    known = np.isfinite(outcome) & ~np.eye(len(outcome), dtype=bool)
    i, j = np.nonzero(known)
    return i, j


def under_orders(
    predictor: Array, pairs: tuple[NDArray[np.intp], NDArray[np.intp]], orders: Orders
) -> Array:
    """[R, P] what [L, L] says of each pair when its languages have the names of each order."""
    i, j = pairs
    return predictor[orders[:, i], orders[:, j]]


def ordered_correlation(
    predictor: Array, outcome: Array, orders: Orders, *, covariate: Array | None = None
) -> PermutedStatistic | str:
    """Spearman's correlation of two [L, L] matrices over their ordered pairs.

    Args:
        predictor: NaN where missing; such pairs are left out. The diagonal is never read.
        outcome: NaN where not measured, for example all of a row.
        orders: see `language_orders`.
        covariate: [L] its ranks, of both languages of a pair, are taken out of both sides.

    Returns:
        The correlation under the own order and under the others; or why there is none: fewer than
        `MIN_LANGUAGES` languages or `MIN_PAIRS` pairs, a side that does not vary, a language
        without the covariate.
    """
    i, j = measured_pairs(outcome)
    x = under_orders(predictor, (i, j), orders)
    known = np.isfinite(x)
    n_languages = np.unique(np.concatenate([i[known[0]], j[known[0]]])).size
    n_pairs = int(known[0].sum())
    if n_languages < MIN_LANGUAGES or n_pairs < MIN_PAIRS:
        return f"{n_languages} languages and {n_pairs} pairs: needs {MIN_LANGUAGES} and {MIN_PAIRS}"
    if known.all():
        known = known[:1]  # one mask for all permutations, so that one side is ranked once
    weight = known.astype(np.float64)
    design = np.ones((i.size, 1))
    if covariate is not None:
        if not np.isfinite(covariate[np.union1d(i, j)]).all():
            return "a language has no covariate to take out"
        design = np.column_stack([design, _scaled(covariate[i]), _scaled(covariate[j])])
    left = _residuals(_ranks(x, known), weight, design)
    right = _residuals(_ranks(np.broadcast_to(outcome[i, j], known.shape), known), weight, design)
    size = np.sqrt(np.square(left).sum(axis=1) * np.square(right).sum(axis=1))
    if size[0] < 1e-9 * n_pairs:
        return "one side does not vary" + (" beyond the covariate" if covariate is not None else "")
    product = (left * right).sum(axis=1)
    values = np.clip(product / np.where(size > 1e-9 * n_pairs, size, np.inf), -1, 1)
    return PermutedStatistic(
        value=float(values[0]), permuted=values[1:], n_pairs=n_pairs, n_languages=n_languages
    )


def _scaled(values: Array) -> Array:
    """[P] ranks with mean 0 and variance 1; 0 where they do not vary."""
    centred = ranks(values) - (values.size + 1) / 2
    return centred / (float(centred.std()) or 1.0)


def _ranks(values: Array, known: NDArray[np.bool_]) -> Array:
    """[R, P] ranks among the known of each row; unknown ones stand last and are not looked at."""
    return ranks_by_row(np.where(known, values, np.inf))


def _residuals(values: Array, weight: Array, design: Array) -> Array:
    """[R, P] what least squares on [P, q] leaves, row by row; 0 where the weight is 0."""
    gram: Array = np.einsum("rp,pa,pb->rab", weight, design, design)
    gram = gram + 1e-12 * len(design) * np.eye(design.shape[1])
    moment: Array = (values * weight) @ design
    fitted = np.linalg.solve(gram, moment[..., None]).astype(np.float64)
    return weight * (values - fitted[..., 0] @ design.T)
