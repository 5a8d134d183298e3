"""A ratio of two sums over the same units, such as bits over characters of texts."""

from __future__ import annotations

import math

import numpy as np

from isogloss.stats.distributions import Array, t_quantile


def ratio_half_width(above: Array, below: Array) -> float | None:
    """Half of the 95 % interval of sum(above) / sum(below): linearised variance over units, t.

    Args:
        above, below: (N,) of each unit; ``below`` is positive.

    Returns:
        None for fewer than two units.
    """
    n = len(above)
    if n < 2:
        return None
    ratio = above.sum() / below.sum()
    residuals = above - ratio * below
    error = math.sqrt(n / (n - 1) * float(np.square(residuals).sum())) / float(below.sum())
    return float(t_quantile(0.975, n - 1)) * error
