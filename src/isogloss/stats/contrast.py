"""Contrasts between languages: tier gaps, slopes on log10(share), any weighted sum of rates.

Two scopes, both to be printed:

- ``these languages``: the languages are fixed, another draw of prompts would be asked. The sum is
  one weighted average of rates minus another; each gets its clustered Wilson limits (languages
  share clusters), and MOVER (Zou and Donner 2008, Stat. Med. 27:1693) joins the two with the
  correlation of the clusters' influences. It keeps its width where rates are 0 % or 100 %. For two
  languages with singleton clusters this is Newcombe's (1998, Stat. Med. 17:2635) paired method.
- ``languages like these``: the languages are a sample too. Residuals of the languages' rates around
  the design (tier means, or the fitted line) carry the variance: HC2 (MacKinnon and White 1985),
  which for tiers is Welch's; plus what shared clusters add (two-way clustering: Cameron, Gelbach
  and Miller 2011, JBES 29:238); never narrower than ``these languages``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogloss.errors import InputError
from isogloss.stats.distributions import Array, t_quantile
from isogloss.stats.intervals import (
    Estimate,
    check_level,
    checked_counts,
    not_measured,
    summarise_rates,
)
from isogloss.stats.roots import root_between

LanguageScope = Literal["these languages", "languages like these"]
Bounds = Callable[[float], tuple[Array, Array]]
"""Ends of an interval at a confidence level."""


class Summary(Protocol):
    """What a contrast needs of G estimated rates: `isogloss.stats.intervals.RateSummary`'s part.

    Attributes:
        rate: [..., G].
        residual: [..., C, G] influence of each cluster on each rate.
    """

    @property
    def rate(self) -> Array: ...
    @property
    def residual(self) -> Array: ...
    def bounds(self, level: float) -> tuple[Array, Array]:
        """Ends of the interval of every rate."""
        ...


Summarise = Callable[[Array | None], Summary]
"""Given [L, G] weights (columns sum to 1): the G weighted averages; None: the L rates."""

METHODS: dict[LanguageScope, str] = {
    "these languages": "MOVER of clustered Wilson limits",
    "languages like these": "t over languages (HC2), shared clusters added",
}


def fixed_language_bounds(successes: Array, trials: Array, coefficients: Array) -> Bounds:
    """Interval of ``sum(coefficients * rate)`` for fixed languages, at any level.

    Args:
        successes: [..., C, L].
        trials: [..., C, L].
        coefficients: [L]; languages with coefficient 0 take no part.
    """
    return fixed_bounds(partial(summarise_rates, successes, trials), coefficients)


def fixed_bounds(summarise: Summarise, coefficients: Array) -> Bounds:
    """`fixed_language_bounds` for rates estimated in any way."""
    sides = [np.maximum(coefficients, 0.0), np.maximum(-coefficients, 0.0)]
    size = np.array([side.sum() for side in sides])
    weights = np.column_stack(sides)[:, size > 0] / size[size > 0]
    factors = np.array([1.0, -1.0])[size > 0] * size[size > 0]
    summary = summarise(weights)
    value = summary.rate @ factors
    residual = summary.residual
    product = np.square(residual).sum(axis=-2).prod(axis=-1)
    correlation = np.zeros_like(value)
    if factors.size == 2:
        joint = (residual[..., 0] * residual[..., 1]).sum(axis=-1)
        correlation = joint / np.sqrt(np.where(product > 0, product, 1.0))

    def bounds(level: float) -> tuple[Array, Array]:
        low, high = summary.bounds(level)
        down, up = summary.rate - low, high - summary.rate
        lower = factors * np.where(factors > 0, down, up)
        upper = factors * np.where(factors > 0, up, down)
        return value - _joint(lower, correlation), value + _joint(upper, correlation)

    return bounds


def _joint(parts: Array, correlation: Array) -> Array:
    """Root of the summed squares of signed [..., 1 or 2] parts that are correlated."""
    square = np.square(parts).sum(axis=-1)
    if parts.shape[-1] == 2:
        square = square + 2 * correlation * parts.prod(axis=-1)
    return np.sqrt(np.maximum(square, 0.0))


def random_language_bounds(
    successes: Array, trials: Array, coefficients: Array, design: Array
) -> Bounds:
    """Interval of the same sum where the languages are a sample, at any level.

    Args:
        successes: [..., C, L].
        trials: [..., C, L]; every language needs rows.
        coefficients: [L]; must be an estimable function of ``design``.
        design: [L, q] what the languages' expected rates depend on.
    """
    return random_bounds(partial(summarise_rates, successes, trials), coefficients, design)


def random_bounds(summarise: Summarise, coefficients: Array, design: Array) -> Bounds:
    """`random_language_bounds` for rates estimated in any way."""
    summary = summarise(None)
    value = summary.rate @ coefficients
    projection = design @ np.linalg.pinv(design)
    leverage = np.clip(np.diag(projection), 0.0, 1 - 1e-9)
    residual = summary.rate - summary.rate @ projection
    squared = np.square(residual) / (1 - leverage)
    between = squared @ np.square(coefficients)
    df = language_df(squared, coefficients, projection)
    shared = np.maximum(shared_cluster_variance(summary, coefficients, projection), 0.0)
    variance = between + shared
    fixed = fixed_bounds(summarise, coefficients)

    def bounds(level: float) -> tuple[Array, Array]:
        half = t_quantile((1 + level) / 2, df) * np.sqrt(variance)
        low, high = fixed(level)
        return np.minimum(low, value - half), np.maximum(high, value + half)

    return bounds


def language_df(squared: Array, coefficients: Array, projection: Array) -> Array:
    """Degrees of freedom of the HC2 variance.

    The harmonic mean of Satterthwaite's at the observed variances (for tiers: Welch's; alone it
    over-covers) and at equal ones (Bell and McCaffrey 2002; alone it under-covers where one tier
    varies more).
    """
    smooth = np.maximum(squared @ projection, 0.0)
    observed = satterthwaite_df(smooth, coefficients, projection)
    equal = satterthwaite_df(np.ones(coefficients.size), coefficients, projection)
    return np.where(smooth.sum(axis=-1) > 0, 2 / (1 / observed + 1 / equal), equal)


def satterthwaite_df(variances: Array, coefficients: Array, projection: Array) -> Array:
    """2 mean^2 / variance of the HC2 quadratic form for independent [..., L] ``variances``."""
    annihilator = np.eye(projection.shape[0]) - projection
    leverage = np.clip(np.diag(projection), 0.0, 1 - 1e-9)
    scale = np.abs(coefficients) / np.sqrt(1 - leverage)
    inner = np.sqrt(variances)[..., :, None] * annihilator * scale[None, :]
    gram = np.swapaxes(inner, -1, -2) @ inner
    trace = np.trace(gram, axis1=-2, axis2=-1)
    square = np.square(gram).sum(axis=(-2, -1))
    return np.maximum(np.square(trace) / np.where(square > 0, square, 1.0), 1.0)


def shared_cluster_variance(summary: Summary, coefficients: Array, projection: Array) -> Array:
    """What clusters shared by languages add beyond the spread of the residuals; may be negative."""
    residual = summary.residual
    clusters = residual.shape[-2]
    covariance = np.swapaxes(residual, -1, -2) @ residual * clusters / max(clusters - 1, 1)
    covariance = covariance * (1 - np.eye(covariance.shape[-1]))
    true = np.einsum("i,...ij,j->...", coefficients, covariance, coefficients)
    annihilator = np.eye(projection.shape[0]) - projection
    seen = np.einsum("li,...ij,lj->...l", annihilator, covariance, annihilator)
    leverage = np.clip(np.diag(projection), 0.0, 1 - 1e-9)
    return true - (seen / (1 - leverage)) @ np.square(coefficients)


def invert_level(bounds: Bounds) -> float:
    """Two-sided p-value: 1 minus the level at which the interval begins to hold 0.

    Below .05 if and only if the 95 % interval leaves out 0; an end that touches 0 holds it. Of few
    clusters an interval can leave out 0 at several ranges of levels: then one end of the range that
    .05 lies in is told.
    """

    def beyond_zero(exponent: float) -> float:
        """How far the interval at p = 10^exponent lies beyond 0; negative where it holds 0."""
        low, high = bounds(1 - 10**exponent)
        return float(max(low, -high)) - TOUCHING

    smallest, nominal, largest = -14.0, float(np.log10(0.05)), float(np.log10(1 - 1e-6))
    if beyond_zero(nominal) > 0:  # below the smallest, 1 - p is 1 in float64
        if beyond_zero(smallest) > 0:
            return float(10**smallest)
        return float(10 ** root_between(beyond_zero, smallest, nominal, within=1e-9))
    if not beyond_zero(largest) > 0:
        return 1.0
    return float(10 ** root_between(beyond_zero, nominal, largest, within=1e-9))


TOUCHING = float(np.finfo(np.float64).tiny)
"""Ends nearer to 0 than this touch it."""


def language_contrast(
    successes: ArrayLike,
    trials: ArrayLike,
    coefficients: ArrayLike,
    *,
    scope: LanguageScope,
    design: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """A weighted sum of the languages' rates, with its interval.

    Args:
        successes: [C, L] per cluster and language.
        trials: [C, L]; 0 where a cluster is absent. Languages without any row are left out only by
            `tier_gap` and `slope`; here they are an error.
        coefficients: [L], for example +1/3 for three low and -1/4 for four high languages.
        scope: see the module.
        design: [L, q] for ``languages like these``: what expected rates depend on (one-hot tiers;
            ones and log10 share). Default: the sign of the coefficients.
        level: two-sided confidence.

    Returns:
        In rate units per unit of coefficient, with ``p_value`` (by inverting the interval) and
        ``detectable``.
    """
    check_level(level)
    k, n = checked_counts(successes, trials)
    c = np.asarray(coefficients, dtype=np.float64)
    if k.ndim != 2 or c.shape != (k.shape[1],):
        raise InputError(f"need [C, L] counts and [L] coefficients, got {k.shape} and {c.shape}")
    if scope not in METHODS:
        raise InputError(f"unknown scope {scope!r}; use one of {', '.join(METHODS)}")
    n_rows, n_clusters = int(n.sum()), int((n.sum(axis=1) > 0).sum())
    if not (n.sum(axis=0) > 0).all():
        return not_measured(METHODS[scope], "a language has no rows", n=n_rows)
    return contrast_estimate(
        partial(summarise_rates, k, n),
        c,
        scope=scope,
        design=None if design is None else np.asarray(design, dtype=np.float64),
        level=level,
        n=n_rows,
        n_clusters=n_clusters,
    )


def contrast_estimate(
    summarise: Summarise,
    coefficients: Array,
    *,
    scope: LanguageScope,
    design: Array | None,
    level: float,
    n: int,
    n_clusters: int,
    method: str | None = None,
) -> Estimate:
    """`language_contrast` for rates estimated in any way.

    Args:
        summarise: gives the rates of all L languages, and averages of them.
        coefficients: [L].
        scope, design, level: as there.
        n, n_clusters: what the estimate is to say it rests on.
        method: as the estimate is to name it; by default the scope's.
    """
    c = coefficients
    method = method or METHODS[scope]
    if scope == "these languages":
        bounds = fixed_bounds(summarise, c)
    else:
        x = one_hot(np.sign(c)) if design is None else design
        alone = single_languages(x)
        if (alone & (c != 0)).any():
            reason = "too few languages to see how languages vary"
            return not_measured(method, reason, n=n, n_clusters=n_clusters)
        bounds = random_bounds(summarise, c, x)
    attainable = (c[c < 0].sum(), c[c > 0].sum())
    low, high = (float(np.clip(end, *attainable)) for end in bounds(level))
    wide_low, wide_high = bounds(0.95)
    return Estimate(
        estimate=float(summarise(None).rate @ c),
        low=low,
        high=high,
        n=n,
        k=None,
        n_clusters=n_clusters,
        method=method,
        p_value=invert_level(bounds),
        detectable=float(wide_high - wide_low) / 2 * DETECTABLE_PER_HALF_WIDTH,
    )


DETECTABLE_PER_HALF_WIDTH = 1 + 0.8416 / 1.9600
"""(z.975 + z.80) / z.975: a 95 % half-width times this is found with 80 % power."""


def one_hot(groups: ArrayLike) -> Array:
    """[L, G] indicator columns of group labels."""
    groups = np.asarray(groups)
    return (groups[:, None] == np.unique(groups)[None, :]).astype(np.float64)


def single_languages(design: Array) -> NDArray[np.bool_]:
    """[L] languages the design fits exactly, so that nothing tells how such languages vary."""
    return np.diag(design @ np.linalg.pinv(design)) > 1 - 1e-9
