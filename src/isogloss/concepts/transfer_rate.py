"""Transfer rate: what share of the above-chance recognition survives the crossing.

R = (accuracy(a → b) − ½) / (accuracy(b → b) − ½): 1 is as good as own, 0 is chance, below 0 the
vector points the wrong way. T, P2's difference, is small for every weak concept; R is not. Given
only where the denominator's interval lies above 0, so that its own interval is bounded: MOVER-R
(Donner and Zou 2012, Statistical Methods in Medical Research 21:347), paired by cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.stats.distributions import Array
from isogloss.stats.intervals import summarise_rates

METHOD = "(accuracy - 0.5) / (own accuracy - 0.5), MOVER-R of clustered Wilson limits"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ratios:
    """(S, T) rates with their 95 % interval; NaN where not measured."""

    estimate: Array
    low: Array
    high: Array


def transfer_rates(correct: Array, trials: Array, measured: np.ndarray) -> Ratios:
    """The transfer rate of every direction.

    Args:
        correct: (S, S, C) recognised pairs by cluster at the chosen layers.
        trials: (S, C).
        measured: (S, S) which cells hold a number.
    """
    size = len(trials)
    own = np.arange(size)
    k = np.stack([correct, np.broadcast_to(correct[own, own], correct.shape)], axis=-1)
    n = np.broadcast_to(trials[None, :, :, None], k.shape)
    summary = summarise_rates(k, n)
    low, high = summary.bounds(0.95)
    residual = summary.residual  # (S, S, C, 2)
    joint = residual.prod(axis=-1).sum(axis=-1)
    lengths = np.square(residual).sum(axis=-2).prod(axis=-1)
    correlation = joint / np.sqrt(np.where(lengths > 0, lengths, 1.0))
    rate, low, high = summary.rate - 0.5, low - 0.5, high - 0.5
    usable = measured & measured[own, own][None] & (low[..., 1] > 0) & (own[:, None] != own)
    estimate = rate[..., 0] / np.where(usable, rate[..., 1], np.nan)
    spread = (rate[..., 0] - low[..., 0], high[..., 0] - rate[..., 0])
    down, up = rate[..., 1] - low[..., 1], high[..., 1] - rate[..., 1]
    lower = _limit(rate, spread[0], np.where(low[..., 0] >= 0, up, down), correlation, -1)
    upper = _limit(rate, spread[1], np.where(high[..., 0] >= 0, down, up), correlation, 1)
    return Ratios(
        estimate=estimate,
        low=np.where(usable, lower, np.nan),
        high=np.where(usable, upper, np.nan),
    )


def _limit(rate: Array, spread: Array, below: Array, correlation: Array, side: int) -> Array:
    """The ratio R at which the MOVER limit of numerator − R * denominator is 0.

    ``below`` is the denominator's distance to the limit that matters: which one depends on the sign
    of R.
    """
    top, bottom = rate[..., 0], rate[..., 1]
    square = np.square(bottom) - np.square(below)
    middle = top * bottom - correlation * spread * below
    inside = np.square(middle) - square * (np.square(top) - np.square(spread))
    return (middle + side * np.sqrt(np.maximum(inside, 0.0))) / np.where(square > 0, square, np.nan)
