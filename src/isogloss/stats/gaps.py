"""The two contrasts an audit is about: the gap between tiers, and the slope on log10(share).

How their intervals come about is in `isogloss.stats.contrast`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogloss.stats.contrast import METHODS, LanguageScope, language_contrast, one_hot
from isogloss.stats.distributions import Array
from isogloss.stats.intervals import Estimate, checked_counts, not_measured


def tier_weights(low: NDArray[np.bool_], high: NDArray[np.bool_]) -> Array:
    """[L] weights of the mean of the ``low`` languages minus that of the ``high`` ones."""
    return low / low.sum() - high / high.sum()


def slope_weights(x: Array) -> tuple[Array, Array]:
    """[L] weights of the least-squares slope on ``x`` [L], and its design [L, 2]."""
    centred = x - x.mean()
    return centred / np.square(centred).sum(), np.column_stack([np.ones(centred.size), centred])


def tier_gap(
    successes: ArrayLike,
    trials: ArrayLike,
    is_low: ArrayLike,
    is_high: ArrayLike,
    *,
    scope: LanguageScope,
    level: float = 0.95,
) -> Estimate:
    """Mean rate of the low-resource languages minus that of the high-resource ones.

    Args:
        successes: [C, L].
        trials: [C, L].
        is_low: [L] the low tier.
        is_high: [L] the high tier; English is in neither.
        scope: see `isogloss.stats.contrast`.
        level: two-sided confidence.

    Returns:
        A rate difference in [-1, 1]; languages without rows are left out. Above 0 the low tier has
        the higher rate.
    """
    k, n = checked_counts(successes, trials)
    present = n.sum(axis=0) > 0
    low, high = (np.asarray(tier, dtype=bool) & present for tier in (is_low, is_high))
    if not low.any() or not high.any():
        empty = "low" if not low.any() else "high"
        return not_measured(METHODS[scope], f"no measured language in the {empty} tier")
    used = low | high
    return language_contrast(
        k[:, used],
        n[:, used],
        tier_weights(low, high)[used],
        scope=scope,
        design=one_hot(low[used]),
        level=level,
    )


def slope(
    successes: ArrayLike,
    trials: ArrayLike,
    x: ArrayLike,
    *,
    scope: LanguageScope,
    level: float = 0.95,
) -> Estimate:
    """Least-squares slope of the languages' rates on ``x`` = log10(share), each weighing alike.

    Args:
        successes: [C, L].
        trials: [C, L].
        x: [L] finite; leave out languages whose share is censored.
        scope: see `isogloss.stats.contrast`.
        level: two-sided confidence.

    Returns:
        Rate per decade of share; below 0 a rate rises as share falls.
    """
    k, n = checked_counts(successes, trials)
    x = np.asarray(x, dtype=np.float64)
    used = n.sum(axis=0) > 0
    if used.sum() < 3 or np.ptp(x[used]) <= 0:
        return not_measured(
            METHODS[scope], "a slope needs three measured languages with different shares"
        )
    weights, design = slope_weights(x[used])
    return language_contrast(
        k[:, used],
        n[:, used],
        weights,
        scope=scope,
        design=design,
        level=level,
    )
