"""Many claims at once: p-values from many intervals together, and the share of false claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from isogloss.errors import InputError
from isogloss.stats.contrast import Bounds
from isogloss.stats.distributions import Array

Flags = NDArray[np.bool_]
SMALLEST_P = 1e-14
"""Below, 1 - p is 1 in float64."""


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values, in the given order; None stays None and is not counted.

    Claiming all with an adjusted p of at most q keeps the expected share of false claims among the
    claims at q, for independent p-values and for the positively dependent ones of comparisons on
    shared items (Benjamini and Hochberg 1995, JRSS B 57:289; Benjamini and Yekutieli 2001, Annals
    of Statistics 29:1165). Where nothing is there to find it keeps the chance of *any* claim at q.

    Example:
        >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03])]
        [0.03, 0.04, 0.04]
    """
    known = [(p, i) for i, p in enumerate(p_values) if p is not None]
    if any(not 0 <= p <= 1 for p, _ in known):
        raise InputError("p-values must lie in [0, 1]")
    adjusted: list[float | None] = [None] * len(p_values)
    smallest = 1.0
    for rank, (p, i) in reversed(list(enumerate(sorted(known), start=1))):
        smallest = min(smallest, p * len(known) / rank)
        adjusted[i] = smallest
    return adjusted


def p_above(bounds: Bounds, threshold: float, shape: tuple[int, ...]) -> Array:
    """One-sided p-values of "the value is above ``threshold``", by inverting intervals.

    Args:
        bounds: of `isogloss.stats.contrast.fixed_bounds` for values of ``shape``.
        threshold: what is to be exceeded.
        shape: of the values.

    Returns:
        The smallest alpha whose (1 - 2 alpha) interval lies above the threshold; 1 where not even
        the value itself does.
    """
    return _p_beyond(bounds, shape, lambda low, high: low > threshold)


def p_below(bounds: Bounds, threshold: float, shape: tuple[int, ...]) -> Array:
    """One-sided p-values of "the value is below ``threshold``"; see `p_above`."""
    return _p_beyond(bounds, shape, lambda low, high: high < threshold)


def _p_beyond(
    bounds: Bounds, shape: tuple[int, ...], beyond: Callable[[Array, Array], Flags]
) -> Array:
    at = cast("Callable[[Array], tuple[Array, Array]]", bounds)  # levels broadcast over values

    def shown(alpha: Array) -> Flags:
        return beyond(*at((1 - 2 * alpha)[..., None]))

    small, large = np.full(shape, np.log10(SMALLEST_P)), np.full(shape, np.log10(0.5 - 1e-6))
    never = ~shown(10**large)
    for _ in range(24):
        middle = (small + large) / 2
        hit = shown(10**middle)
        large, small = np.where(hit, middle, large), np.where(hit, small, middle)
    return np.where(never, 1.0, 10**large)
