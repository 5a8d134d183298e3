"""Correlation across languages: few points, so permutation p-values; and association is its name.

Matrices between languages (distances, cosines) enter as unordered pairs i < j, once each. Their
pairs share languages, so p comes from permuting languages, never pairs (Mantel 1967, Cancer
Research 27:209). The partial versions take out a covariate of each language, its *competence*
(held-out bits per character): of a pair, both the mean and the absolute difference of its two.
Partial Mantel permutes the residuals of the second matrix (Legendre 2000, JSCS 67:37, method 3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogloss.errors import InputError
from isogloss.stats import distributions
from isogloss.stats.distributions import Array, normal_quantile
from isogloss.stats.intervals import Estimate, not_measured

N_PERMUTATIONS = 9_999


def spearman(x: ArrayLike, y: ArrayLike, *, seed: int = 0, level: float = 0.95) -> Estimate:
    """Spearman's rank correlation across languages, permutation p, Fisher-z interval.

    The interval's standard error is sqrt((1 + r^2 / 2) / (n - 3)) on the z scale (Bonett and Wright
    2000, Psychometrika 65:23).

    Args:
        x: [L] finite.
        y: [L] finite.
        seed: of the permutations.
        level: two-sided confidence.

    Returns:
        rho in [-1, 1]; ``n`` is the number of languages. Not measured below four languages or
        where one side does not vary.
    """
    a, b = _finite_pair(x, y)
    return _rank_correlation(
        "Spearman, permutation p", distributions.ranks(a), distributions.ranks(b), 0, seed, level
    )


def partial_spearman(
    x: ArrayLike, y: ArrayLike, competence: ArrayLike, *, seed: int = 0, level: float = 0.95
) -> Estimate:
    """Spearman's correlation with a covariate's ranks taken out of both sides.

    Args:
        x: [L].
        y: [L].
        competence: [L] the covariate.
        seed: of the permutations (of x's residuals).
        level: two-sided confidence.
    """
    a, b = _finite_pair(x, y)
    covariate, _ = _finite_pair(competence, x)
    ranks = distributions.ranks(covariate)[:, None]
    return _rank_correlation(
        "partial Spearman, permutation p",
        residuals(distributions.ranks(a), ranks),
        residuals(distributions.ranks(b), ranks),
        1,
        seed,
        level,
    )


def mantel(
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: int = 0,
    known: ArrayLike | None = None,
    ranks: bool = True,
) -> Estimate:
    """Correlation of two symmetric matrices between languages, p by permuting languages.

    Args:
        first: [L, L], for example cosine similarity of two languages' concept vectors.
        second: [L, L], for example linguistic distance. Diagonals are never read.
        seed: of the permutations.
        known: [L, L] booleans; a pair missing in either matrix is False and is left out.
        ranks: Spearman of the pairs; False for Pearson.

    Returns:
        The correlation, ``n`` = pairs used, ``n_clusters`` = languages, ``p_value`` two-sided with
        +1 in numerator and denominator; no interval (pairs are not independent).
    """
    return _mantel("Mantel", first, second, None, seed=seed, known=known, ranks=ranks)


def partial_mantel(
    first: ArrayLike,
    second: ArrayLike,
    competence: ArrayLike,
    *,
    seed: int = 0,
    known: ArrayLike | None = None,
    ranks: bool = True,
) -> Estimate:
    """`mantel` with each language's competence taken out of both matrices.

    Args:
        first: [L, L].
        second: [L, L].
        competence: [L] one number a language, for example held-out bits per character.
        seed: of the permutations.
        known: [L, L] booleans.
        ranks: as in `mantel`.
    """
    c = np.asarray(competence, dtype=np.float64)
    if not np.isfinite(c).all():
        raise InputError("competence must be finite; leave out languages without one")
    return _mantel("partial Mantel", first, second, c, seed=seed, known=known, ranks=ranks)


def residuals(values: Array, covariates: Array) -> Array:
    """What is left of [n] values after least squares on [n, q] covariates and a constant."""
    design = np.column_stack([np.ones(values.size), covariates])
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


def pearson(x: Array, y: Array) -> float | None:
    """Pearson's r of two [n] arrays, or None where one does not vary."""
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt(np.square(x).sum() * np.square(y).sum())
    return float(np.clip(x @ y / size, -1, 1)) if size > 1e-12 else None


def _finite_pair(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise InputError(f"need one number per language on both sides, got {a.shape}, {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("correlations need finite numbers; leave out languages without one")
    return a, b


def _rank_correlation(
    method: str, a: Array, b: Array, n_covariates: int, seed: int, level: float
) -> Estimate:
    n = a.size
    if n < 4 + n_covariates:
        return not_measured(method, f"{n} languages: needs {4 + n_covariates}", n=n, n_clusters=n)
    value = pearson(a, b)
    if value is None:
        return not_measured(method, "one side does not vary", n=n, n_clusters=n)
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(n), (N_PERMUTATIONS, 1)), axis=1)
    centred = b - b.mean()
    size = np.sqrt(np.square(a - a.mean()).sum() * np.square(centred).sum())
    p = _permutation_p(value, (a - a.mean())[order] @ centred / size)
    z, error = np.arctanh(np.clip(value, -1 + 1e-12, 1 - 1e-12)), np.inf
    if n - n_covariates > 3:
        error = np.sqrt((1 + value**2 / 2) / (n - n_covariates - 3))
    half = normal_quantile((1 + level) / 2) * error
    return Estimate(
        estimate=value,
        low=float(np.tanh(z - half)),
        high=float(np.tanh(z + half)),
        n=n,
        k=None,
        n_clusters=n,
        method=method,
        p_value=p,
    )


def _permutation_p(value: float, permuted: Array) -> float:
    """Two-sided; +1 for the observed order, ties within rounding count as hits."""
    hits = int((np.abs(permuted) >= abs(value) - 1e-12).sum())
    return (1 + hits) / (1 + permuted.size)


def _mantel(
    name: str,
    first: ArrayLike,
    second: ArrayLike,
    competence: Array | None,
    *,
    seed: int,
    known: ArrayLike | None,
    ranks: bool,
) -> Estimate:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n = a.shape[0]
    if a.shape != b.shape or a.shape != (n, n):
        raise InputError(f"Mantel needs two [L, L] matrices, got {a.shape} and {b.shape}")
    if competence is not None and competence.shape != (n,):
        raise InputError(f"competence needs one number per language, got {competence.shape}")
    mask = np.ones((n, n), dtype=bool) if known is None else np.asarray(known, dtype=bool)
    mask = mask & mask.T
    i, j = np.triu_indices(n, 1)
    used = mask[i, j]
    i, j = i[used], j[used]
    method = f"{name}, {'Spearman' if ranks else 'Pearson'} of unordered pairs, permuted languages"
    if not (np.isfinite(a[i, j]).all() and np.isfinite(b[i, j]).all()):
        raise InputError("a pair is not finite; mark it False in `known`")
    for matrix in (a, b):
        if not np.allclose(matrix[i, j], matrix[j, i], atol=1e-6):
            raise InputError("Mantel needs symmetric matrices: pairs are unordered")
    if n < 4 or i.size < 5:
        return not_measured(method, f"{n} languages: needs 4", n=int(i.size), n_clusters=n)
    left, right = _pair_values(a, b, (i, j), competence, ranks)
    value = pearson(left, right)
    if value is None:
        return not_measured(method, "one side does not vary", n=int(i.size), n_clusters=n)
    return Estimate(
        estimate=value,
        low=None,
        high=None,
        n=int(i.size),
        k=None,
        n_clusters=n,
        method=method,
        reason="no interval: pairs of languages are not independent",
        p_value=_mantel_p(value, left, right, (i, j), n, seed),
    )


def _pair_values(
    a: Array,
    b: Array,
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]],
    competence: Array | None,
    ranks: bool,
) -> tuple[Array, Array]:
    """The two matrices' pairs as [P] values, ranked and freed of competence where asked."""
    i, j = pairs
    scale = distributions.ranks if ranks else _as_they_are
    left, right = scale(a[i, j]), scale(b[i, j])
    if competence is None:
        return left, right
    covariates = np.column_stack(
        [scale(competence[i] + competence[j]), scale(np.abs(competence[i] - competence[j]))]
    )
    return residuals(left, covariates), residuals(right, covariates)


def _as_they_are(values: Array) -> Array:
    return values


def _mantel_p(
    value: float,
    left: Array,
    right: Array,
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]],
    n: int,
    seed: int,
) -> float:
    i, j = pairs
    square, there = np.zeros((n, n)), np.zeros((n, n))
    square[i, j] = square[j, i] = right
    there[i, j] = there[j, i] = 1.0  # a permuted pair may not be known: left out there
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(n), (N_PERMUTATIONS, 1)), axis=1)
    moved = square[order[:, i], order[:, j]]  # [B, P]
    if i.size == n * (n - 1) // 2:  # every pair known: only the products change
        size = np.sqrt(np.square(left - left.mean()).sum() * np.square(right - right.mean()).sum())
        return _permutation_p(value, moved @ (left - left.mean()) / size)
    weight = there[order[:, i], order[:, j]]
    total = np.maximum(weight.sum(axis=1), 1.0)
    mean_left = weight @ left / total
    mean_right = (weight * moved).sum(axis=1) / total
    covariance = (weight * moved) @ left / total - mean_left * mean_right
    spread_left = weight @ np.square(left) / total - np.square(mean_left)
    spread_right = (weight * np.square(moved)).sum(axis=1) / total - np.square(mean_right)
    size = np.sqrt(np.maximum(spread_left * spread_right, 1e-300))
    return _permutation_p(value, covariance / size)
