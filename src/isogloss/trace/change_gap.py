"""How much more a stage changed one tier than another: a difference in differences.

With d = rate after minus rate before: the mean of d over the weaker tier minus its mean over the
stronger one. Both rungs answered the same prompts
and both tiers share their clusters, so clusters count jointly over all four cells.

- ``these languages``: one weighted average of rates minus another (`isogloss.stats.contrast`).
- ``languages like these``: a language with its d is the unit. Its limits are MOVER's of the two
  clustered Wilson intervals (Zou and Donner 2008), paired by cluster; how the d of a tier scatter
  carries the variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from isogloss.stats.contrast import (
    DETECTABLE_PER_HALF_WIDTH,
    METHODS,
    Bounds,
    LanguageScope,
    fixed_language_bounds,
    invert_level,
    one_hot,
    random_bounds,
    single_languages,
)
from isogloss.stats.distributions import Array
from isogloss.stats.gaps import tier_weights
from isogloss.stats.intervals import Estimate, RateSummary, not_measured, summarise_rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """One rate at one rung.

    Attributes:
        successes, trials: [..., C, L].
    """

    successes: Array
    trials: Array

    def of(self, used: np.ndarray) -> Counts:
        """The same in some languages."""
        return Counts(successes=self.successes[..., used], trials=self.trials[..., used])


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSummary:
    """Rates after minus before as one figure a language: `isogloss.stats.contrast.Summary`."""

    before: RateSummary
    after: RateSummary

    @property
    def rate(self) -> Array:
        """[..., G] change in [-1, 1]."""
        return self.after.rate - self.before.rate

    @property
    def residual(self) -> Array:
        """[..., C, G] influence of each cluster."""
        return self.after.residual - self.before.residual

    def bounds(self, level: float) -> tuple[Array, Array]:
        """Ends of the interval of every change, paired by cluster."""
        a, b = self.before, self.after
        low_a, high_a = a.bounds(level)
        low_b, high_b = b.bounds(level)
        joint = (a.residual * b.residual).sum(axis=-2)
        lengths = np.square(a.residual).sum(axis=-2) * np.square(b.residual).sum(axis=-2)
        correlation = joint / np.sqrt(np.where(lengths > 0, lengths, 1.0))
        down = _mover(b.rate - low_b, high_a - a.rate, correlation)
        up = _mover(high_b - b.rate, a.rate - low_a, correlation)
        return self.rate - down, self.rate + up


def _mover(one: Array, other: Array, correlation: Array) -> Array:
    square = np.square(one) + np.square(other) - 2 * correlation * one * other
    return np.sqrt(np.maximum(square, 0.0))


def change_gap_bounds(
    before: Counts, after: Counts, weak: np.ndarray, strong: np.ndarray, scope: LanguageScope
) -> Bounds:
    """Interval of the change in the weaker tier minus that in the stronger, at any level.

    Args:
        before, after: [..., C, L] of the same clusters; every used language needs rows in both.
        weak, strong: [L] members of the two tiers.
        scope: see the module.
    """
    used = weak | strong
    weights = tier_weights(weak, strong)[used]
    a, b = (counts.of(used) for counts in (before, after))
    if scope == "these languages":
        return fixed_language_bounds(
            np.concatenate([b.successes, a.successes], axis=-1),
            np.concatenate([b.trials, a.trials], axis=-1),
            np.concatenate([weights, -weights]),
        )
    return random_bounds(partial(_changes, a, b), weights, one_hot(weak[used]))


def change_gap(
    before: Counts, after: Counts, weak: np.ndarray, strong: np.ndarray, *, scope: LanguageScope
) -> Estimate:
    """The change in the weaker tier minus the change in the stronger one, in [-2, 2].

    Args:
        before, after: [C, L].
        weak, strong: [L] members of the tiers that are measured at both rungs.
        scope: see the module.

    Returns:
        With ``p_value`` (by inverting the interval) and ``detectable``.

    Example:
        >>> low, high = np.array([True, False]), np.array([False, True])
        >>> four = np.full((4, 2), 5.0)
        >>> base = Counts(successes=np.tile([2.0, 1.0], (4, 1)), trials=four)
        >>> chat = Counts(successes=np.tile([4.0, 1.0], (4, 1)), trials=four)
        >>> round(change_gap(base, chat, low, high, scope="these languages").estimate, 3)
        0.4
    """
    method = METHODS[scope]
    if not weak.any() or not strong.any():
        return not_measured(method, "no language of a tier is measured at both rungs")
    used = weak | strong
    a, b = (counts.of(used) for counts in (before, after))
    n = int(a.trials.sum() + b.trials.sum())
    n_clusters = int(((a.trials + b.trials).sum(axis=1) > 0).sum())
    if scope == "languages like these" and single_languages(one_hot(weak[used])).any():
        reason = "too few languages to see how languages vary"
        return not_measured(method, reason, n=n, n_clusters=n_clusters)
    bounds = change_gap_bounds(before, after, weak, strong, scope)
    low, high = (float(end) for end in bounds(0.95))
    change = _changes(a, b, None).rate
    return Estimate(
        estimate=float(change @ tier_weights(weak, strong)[used]),
        low=max(low, -2.0),
        high=min(high, 2.0),
        n=n,
        k=None,
        n_clusters=n_clusters,
        method=method,
        p_value=invert_level(bounds),
        detectable=(high - low) / 2 * DETECTABLE_PER_HALF_WIDTH,
    )


def _changes(before: Counts, after: Counts, weights: Array | None) -> ChangeSummary:
    return ChangeSummary(
        before=summarise_rates(before.successes, before.trials, weights),
        after=summarise_rates(after.successes, after.trials, weights),
    )
