"""How well a judge agrees with people, and people with each other: Youden's J and Cohen's kappa."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from isogloss.errors import InputError
from isogloss.stats.contrast import fixed_language_bounds
from isogloss.stats.distributions import Array, t_quantile
from isogloss.stats.intervals import (
    Estimate,
    check_level,
    not_measured,
    summarise_rates,
    wilson_bounds,
)

MIN_J = 0.3
"""A judge with a smaller J is not corrected: its verdicts tell too little."""
PRIOR = 3.0
"""Labels spread evenly over the table where only the variance of kappa is asked for."""
MIN_OF_A_KIND = 5
"""Labels needed of either kind before J may speak against a judge."""


def youden_j(confusion: ArrayLike, classes: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Sensitivity + specificity - 1 of a judge for some classes against the rest.

    It is a difference of two rates, P(said | true) - P(said | not true), and has that difference's
    interval (Youden 1950, Cancer 3:32): 1 for a perfect judge, 0 for a coin, below 0 for one that
    has it backwards.

    Args:
        confusion: [C, 3, 3] labelled replies by cluster, verdict and truth, of those the judge gave
            a verdict on. Where verdicts were sampled unequally, weighted to the replies they
            stand for.
        classes: [3] True for the positive classes.
        level: two-sided confidence.

    Returns:
        In [-1, 1]; ``n`` counts labels, ``k`` the truly positive ones.
    """
    table, positive = _checked(confusion), np.asarray(classes, dtype=bool)
    said = table[:, positive].sum(axis=1)
    n = np.column_stack([table[:, :, part].sum(axis=(1, 2)) for part in (positive, ~positive)])
    k = np.column_stack([said[:, part].sum(axis=1) for part in (positive, ~positive)])
    total, n_positive = float(n.sum()), float(n[:, 0].sum())
    method = "sensitivity + specificity - 1, MOVER of Wilson limits"
    if not (n.sum(axis=0) > 0).all():
        kind = "positive" if n_positive == 0 else "negative"
        reason = f"no label is {kind}" if total else "the judge gave no verdict on a labelled reply"
        return not_measured(method, reason, n=round(total))
    check_level(level)
    low, high = fixed_language_bounds(k, n, np.array([1.0, -1.0]))(level)
    rates = k.sum(axis=0) / n.sum(axis=0)
    return Estimate(
        estimate=float(rates[0] - rates[1]),
        low=float(np.clip(low, -1, 1)),
        high=float(np.clip(high, -1, 1)),
        n=round(total),
        k=n_positive,
        n_clusters=int((n.sum(axis=1) > 0).sum()),
        method=method,
    )


def too_poor(j: Estimate) -> str | None:
    """Why a judge with this J is not to be corrected, or None.

    Fewer than `MIN_OF_A_KIND` labels of either kind prove nothing against a judge: the correction
    then rests on the labels more than on its verdicts, and its interval says so.
    """
    if j.estimate is None or j.k is None or min(j.k, j.n - j.k) < MIN_OF_A_KIND:
        return None
    if j.estimate >= MIN_J:
        return None
    return f"Youden's J is {j.estimate:.2f}; under {MIN_J} a judge says too little to correct by"


def cohen_kappa(table: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Agreement of two raters beyond chance (Cohen 1960, Educ. Psychol. Meas. 20:37).

    Kappa is 1 - observed / chance disagreement. The limits are Wilson's of the observed
    disagreement at the sample size at which its variance is that of kappa's linearisation (Fleiss,
    Cohen and Everitt 1969, Psychol. Bull. 72:323), clusters included: perfect agreement keeps a
    width.

    Args:
        table: [C, K, K] replies by cluster and the two raters' classes.
        level: two-sided confidence.

    Returns:
        At most 1; 0 where raters agree as chance would have them.

    Example:
        >>> round(cohen_kappa([[[20, 5], [10, 15]]]).estimate, 6)
        0.4
    """
    check_level(level)
    counts = _checked(table)
    method, n = "Cohen's kappa, Wilson at effective n", float(counts.sum())
    if n == 0:
        return not_measured(method, "no reply that both classified")
    cells = counts.sum(axis=0) / n
    first, second = cells.sum(axis=1), cells.sum(axis=0)
    differ = 1 - np.trace(cells)
    chance = 1 - float(first @ second)
    if chance <= 0:
        return not_measured(method, "both say the same of every reply", n=round(n))
    apart = 1.0 - np.eye(cells.shape[0])
    worth = _worth((n * cells + PRIOR / cells.size) / (n + PRIOR))
    of_rows = np.column_stack([(counts * apart).sum(axis=(1, 2)), counts.sum(axis=(1, 2))])
    summary = summarise_rates(of_rows[:, :1], of_rows[:, 1:])
    quantile = t_quantile((1 + level) / 2, summary.df)
    low, high = wilson_bounds(summary.rate, summary.n_effective * worth, quantile)
    return Estimate(
        estimate=float(1 - differ / chance),
        low=float(1 - high[0] / chance),
        high=float(1 - low[0] / chance),
        n=round(n),
        k=None,
        n_clusters=int(summary.n_clusters[0]),
        method=method,
    )


def _worth(cells: Array) -> float:
    """Variance of the disagreement over that of its ratio to chance, times chance squared."""
    first, second = cells.sum(axis=1), cells.sum(axis=0)
    differ, agree = 1 - float(np.trace(cells)), float(first @ second)
    pull = 1.0 - np.eye(cells.shape[0]) - differ
    pull = pull + differ / (1 - agree) * (second[:, None] + first[None, :] - 2 * agree)
    return differ * (1 - differ) / float((cells * np.square(pull)).sum())


def _checked(table: ArrayLike) -> Array:
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 3 or counts.shape[1] != counts.shape[2]:
        raise InputError(f"need [C, K, K] counts, got {counts.shape}")
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise InputError("counts must be finite and 0 or more")
    return counts
