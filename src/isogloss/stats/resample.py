"""The cluster bootstrap as a matrix of weights: one multiplication resamples every language.

Used for statistics without a closed interval of their own (products, ratios of differences). For
rates, differences, gaps and slopes prefer `isogloss.stats.intervals` and `.contrast`: a percentile
bootstrap has width zero at 0 % and 100 % (see docs/statistics.md for what it covered).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from isogloss.errors import InputError
from isogloss.stats.intervals import Array, check_level, checked_counts


def cluster_weights(n_clusters: int, n_resamples: int, seed: int) -> Array:
    """How often each cluster occurs in each bootstrap sample.

    Args:
        n_clusters: C.
        n_resamples: B.
        seed: of the resampling.

    Returns:
        [B, C] non-negative whole numbers; each row sums to C.
    """
    if n_clusters < 1 or n_resamples < 1:
        raise InputError(
            f"resampling needs at least one cluster and one resample, got {n_clusters} and "
            f"{n_resamples}"
        )
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, n_clusters, size=(n_resamples, n_clusters))
    drawn += np.arange(n_resamples)[:, None] * n_clusters
    counts = np.bincount(drawn.ravel(), minlength=n_resamples * n_clusters)
    return counts.reshape(n_resamples, n_clusters).astype(np.float64)


def bootstrap_rates(successes: ArrayLike, trials: ArrayLike, weights: Array) -> Array:
    """Rates of every language in every bootstrap sample, clusters shared across languages.

    Args:
        successes: [C, L].
        trials: [C, L].
        weights: [B, C] of `cluster_weights`.

    Returns:
        [B, L]; a rate without rows in a sample takes the rate of all clusters.
    """
    k, n = checked_counts(successes, trials)
    total = n.sum(axis=0)
    whole = k.sum(axis=0) / np.where(total > 0, total, 1.0)
    drawn = weights @ n
    return np.where(drawn > 0, weights @ k / np.where(drawn > 0, drawn, 1.0), whole)


def percentile_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """The two quantiles of bootstrap values that enclose ``level`` of them."""
    check_level(level)
    low, high = np.quantile(np.asarray(values, float), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
