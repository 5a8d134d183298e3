"""How much text brings a language up to others: tokens to parity, with an interval or a bound.

Between two doses every run's figure is interpolated on the log scale of tokens, by a cubic that is
monotone there (Fritsch and Carlson 1980): a straight line would cut the bends of a curve that
levels off. Beyond the smallest and the largest dose nothing is said. The mean curve over runs
reaches the reference at the estimate. The interval has every amount of text at which the mean over
runs may be at the reference (Student's t at each amount, inverted; Fieller 1954): its low end is
the least text at which parity cannot be ruled out, its high end the least from which on it is sure.
An end that lies beyond the doses is open, and said so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.interpolate import PchipInterpolator  # pyright: ignore

from isogloss.stats.distributions import Array, t_quantile

STEPS = 200
"""Amounts of text looked at between two doses."""
ROUNDING = 1e-9
"""A surplus this little below 0 is parity: equal rates are computed from different counts."""
Reached = Literal["reached", "at or below the smallest dose", "beyond the largest dose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Tokens at which a language is on a level with the reference.

    Attributes:
        reached: where the mean curve meets the reference.
        tokens: None unless that is between the doses.
        low, high: ends of the 95 % interval; None where an end lies beyond the doses.
        smallest, largest: tokens of the doses at both ends.
        n_runs: with one run, or runs that all agree, there is no interval.
    """

    reached: Reached
    tokens: float | None
    low: float | None
    high: float | None
    smallest: float
    largest: float
    n_runs: int

    @property
    def reason(self) -> str | None:
        """What is not a number, in words; None where all three are."""
        told: list[str] = []
        if self.reached != "reached":
            at = self.largest if self.reached.startswith("beyond") else self.smallest
            told.append(f"parity {self.reached} ({at:,.0f} tokens)")
        if self.n_runs < 2:
            told.append("one run: no interval over runs")
        elif self.low is None or self.high is None:
            ends = [
                f"{side} end {where} ({at:,.0f} tokens)"
                for side, value, where, at in (
                    ("low", self.low, "at or below the smallest dose", self.smallest),
                    ("high", self.high, "beyond the largest dose", self.largest),
                )
                if value is None
            ]
            told.append(f"of the interval the {' and the '.join(ends)}")
        return "; ".join(told) or None


def tokens_to_parity(log_tokens: Array, surplus: Array, level: float = 0.95) -> Parity:
    """Where runs reach their reference.

    Args:
        log_tokens: [D] rising log2 of the tokens of each dose, the mean over runs.
        surplus: [R, D] figure minus reference, turned so that 0 and above is parity.
        level: two-sided confidence.

    Example:
        >>> doses = np.log2([1000.0, 4000.0, 16000.0])
        >>> found = tokens_to_parity(doses, np.array([[-0.5, -0.1, 0.3], [-0.4, -0.2, 0.2]]))
        >>> round(found.tokens)
        7073
    """
    x, at = _between(log_tokens, surplus + ROUNDING)  # [P], [R, P]
    mean = at.mean(axis=0)
    n_runs = len(surplus)
    low = high = None
    if n_runs > 1:
        error = at.std(axis=0, ddof=1) / math.sqrt(n_runs)
        half = float(t_quantile((1 + level) / 2, n_runs - 1)) * error
        possible = np.flatnonzero(mean + half >= 0)
        unsure = np.flatnonzero(mean - half < 0)
        low = _first_end(x, possible)
        high = _last_end(x, unsure)
    reached, tokens = _crossing(x, mean)
    return Parity(
        reached=reached,
        tokens=tokens,
        low=low,
        high=high,
        smallest=float(2 ** x[0]),
        largest=float(2 ** x[-1]),
        n_runs=n_runs,
    )


def _between(log_tokens: Array, surplus: Array) -> tuple[Array, Array]:
    """Amounts from the smallest to the largest dose, and each run's surplus at them."""
    doses = np.arange(len(log_tokens), dtype=np.float64)
    places = np.linspace(0, len(log_tokens) - 1, STEPS * (len(log_tokens) - 1) + 1)
    x = np.interp(places, doses, log_tokens)
    return x, np.asarray(PchipInterpolator(log_tokens, surplus, axis=1)(x), dtype=np.float64)


def _crossing(x: Array, mean: Array) -> tuple[Reached, float | None]:
    """Where the mean first reaches 0, interpolated between two amounts."""
    there = np.flatnonzero(mean >= 0)
    if not there.size:
        return "beyond the largest dose", None
    i = int(there[0])
    if i == 0:
        return "at or below the smallest dose", None
    part = mean[i - 1] / (mean[i - 1] - mean[i])
    return "reached", float(2 ** (x[i - 1] + part * (x[i] - x[i - 1])))


def _first_end(x: Array, possible: np.ndarray) -> float | None:
    """The least amount at which parity cannot be ruled out; the largest dose where it always is."""
    if not possible.size:
        return float(2 ** x[-1])
    return None if possible[0] == 0 else float(2 ** x[possible[0] - 1])


def _last_end(x: Array, unsure: np.ndarray) -> float | None:
    """The least amount from which on parity is sure; the smallest dose where it always is."""
    if not unsure.size:
        return float(2 ** x[0])
    return None if unsure[-1] == len(x) - 1 else float(2 ** x[unsure[-1] + 1])
