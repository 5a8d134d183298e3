"""The distribution functions the statistics need, typed (scipy ships no type stubs)."""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, nctdtr, ndtr, ndtri, stdtr, stdtrit
from scipy.stats import binom, rankdata

Array = NDArray[np.float64]


def normal_quantile(probability: float) -> float:
    """Quantile of the standard normal distribution."""
    return float(ndtri(probability))


def t_quantile(probability: float, df: ArrayLike) -> Array:
    """Quantile of Student's t for an array of ``df``; the normal's where ``df`` is infinite."""
    df = np.asarray(df, dtype=np.float64)
    finite = np.isfinite(df)
    of_t = stdtrit(np.where(finite, df, 1.0), probability)
    return np.where(finite, of_t, ndtri(probability)).astype(np.float64)


def beta_quantile(a: ArrayLike, b: ArrayLike, probability: float) -> Array:
    """Quantile of the Beta distribution for arrays of positive parameters."""
    return np.asarray(betaincinv(a, b, probability), dtype=np.float64)


def t_two_sided(statistic: float, df: float) -> float:
    """Two-sided p-value of a t statistic."""
    return float(2 * stdtr(df, -abs(statistic)))


def noncentral_t_power(critical: float, df: float, noncentrality: float) -> float:
    """Chance that a noncentral t exceeds ``critical``.

    Where scipy has no number, far out, it is Johnson and Welch's normal approximation.
    """
    power = float(1 - nctdtr(df, noncentrality, critical))
    if math.isnan(power):
        distance = noncentrality - critical * (1 - 1 / (4 * df))
        return float(ndtr(distance / math.sqrt(1 + critical**2 / (2 * df))))
    return power


def fair_coin(n: int) -> Array:
    """[n + 1] probabilities of 0..n heads in n tosses."""
    return np.asarray(binom.pmf(np.arange(n + 1), n, 0.5), dtype=np.float64)


def ranks(values: ArrayLike) -> Array:
    """Ranks from 1, ties sharing their mean rank."""
    return np.asarray(rankdata(values), dtype=np.float64)


def ranks_by_row(values: ArrayLike) -> Array:
    """`ranks` within each row of [..., N] values."""
    return np.asarray(rankdata(values, axis=-1), dtype=np.float64)
