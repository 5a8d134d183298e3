"""Area under the ROC curve, with an interval that knows clusters and keeps its width at 1.

Each item is a pair: one score that should be high and one that should be low.
"""

from __future__ import annotations

import numpy as np

from isogloss.stats.distributions import Array, ranks_by_row, t_quantile
from isogloss.stats.intervals import wilson_bounds

TIE = 1e-10
"""Scores this close, in units of the largest of their row, are one score and a rounding."""


def roc_area(positive: Array, negative: Array) -> tuple[Array, Array]:
    """AUROC of every row, and what each pair contributes to its error.

    Args:
        positive: [..., P] scores.
        negative: [..., P] scores of the same pairs.

    Returns:
        [...] chance that a positive scores above a negative, ties one half; and [..., P] the
        influence of each pair: DeLong's components of both its scores (DeLong et al. 1988,
        Biometrics 44:837), added since they share a pair (Obuchowski 1997, Biometrics 53:567).

    Example:
        >>> float(roc_area(np.array([[3.0, 1.0]]), np.array([[2.0, 0.0]]))[0][0])
        0.75
    """
    n = positive.shape[-1]
    both = np.concatenate([positive, negative], axis=-1)
    largest = np.abs(both).max(axis=-1, keepdims=True)
    both = np.round(both / np.where(largest > 0, largest, 1.0) / TIE)
    pooled = ranks_by_row(both)
    above = (pooled[..., :n] - ranks_by_row(both[..., :n])) / n  # share of negatives below it
    below = 1 - (pooled[..., n:] - ranks_by_row(both[..., n:])) / n  # share of positives above it
    area = above.mean(axis=-1)
    return area, (above + below - 2 * area[..., None]) / n


def auroc_bounds(
    area: Array, influence: Array, n_clusters: Array, level: float = 0.95
) -> tuple[Array, Array]:
    """Ends of the interval of an AUROC: Wilson's at the sample size its variance is worth.

    That size is area * (1 - area) over the variance of the clusters' influences, at least 1 and at
    most twice the clusters (what independent texts are worth near an area of 1, Hanley and McNeil
    1982, Radiology 143:29); where the variance is 0, the number of clusters.

    Args:
        area: [...] in [0, 1].
        influence: [..., C] of each cluster.
        n_clusters: [...] clusters with pairs.
        level: two-sided confidence.
    """
    correction = n_clusters / np.maximum(n_clusters - 1, 1)
    variance = correction * np.square(influence).sum(axis=-1)
    binomial = area * (1 - area)
    known = (variance > 0) & (binomial > 0)
    worth = np.where(known, binomial / np.where(known, variance, 1.0), n_clusters)
    worth = np.clip(worth, np.minimum(n_clusters, 1.0), 2 * n_clusters)
    return wilson_bounds(area, worth, t_quantile((1 + level) / 2, np.maximum(n_clusters - 1, 1)))
