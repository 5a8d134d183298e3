"""Intervals for one rate: Wilson's score interval, and its form for clustered rows.

A cluster is a source prompt (in the lab: an object): its rows rise and fall together, so that 400
rows on 50 objects may tell little more than 50. The clustered interval is Wilson's (Wilson 1927,
JASA 22:209) at the *effective* sample size ``n / deff`` and with a t quantile, after Korn and
Graubard (1998, Survey Methodology 24:193) and Franco et al. (2019, JSSAM 7:334); where few events
leave the design effect unknown it is drawn towards a cautious prior, so that the interval keeps
its width at 0 % and 100 %. ``bench/coverage.py`` measures what all of this covers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from isogloss.errors import InputError
from isogloss.stats.distributions import Array, normal_quantile, t_quantile

PRIOR_ICC = 0.4
"""Intra-cluster correlation assumed where events are too few to estimate one."""
PRIOR_CLUSTERS = 2.0
"""Clusters of the rarer kind (with a success, or with a failure) at which data weigh as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its interval, or None with the reason why there is none.

    Attributes:
        estimate: in the unit of the function that returns it; None where not measured.
        low, high: ends of the interval; None where there is none (``reason`` says why).
        n: rows (for a correlation: languages or pairs; for runs: runs).
        k: successes, where the estimate is one rate.
        n_clusters: clusters with at least one row.
        method: what was computed, in words for a methods section.
        detectable: the smallest difference such a design shows with 80 % power.
        p_value: two-sided, uncorrected.
    """

    estimate: float | None
    low: float | None
    high: float | None
    n: int
    k: float | None
    n_clusters: int
    method: str
    reason: str | None = None
    detectable: float | None = None
    p_value: float | None = None


def not_measured(method: str, reason: str, *, n: int = 0, n_clusters: int = 0) -> Estimate:
    """An `Estimate` without a number: missing is not zero."""
    return Estimate(
        estimate=None,
        low=None,
        high=None,
        n=n,
        k=None,
        n_clusters=n_clusters,
        method=method,
        reason=reason,
    )


def wilson_bounds(rate: ArrayLike, n: ArrayLike, quantile: ArrayLike) -> tuple[Array, Array]:
    """Ends of Wilson's score interval for arrays; [0, 1] where ``n`` is 0.

    Args:
        rate: observed rates in [0, 1].
        n: sample sizes, whole or effective.
        quantile: of the normal or of t, for example 1.96.
    """
    # A mean of rates may round to a hair above 1, and then its variance to a hair below 0.
    rate = np.clip(np.asarray(rate, float), 0.0, 1.0)
    n, z2 = np.asarray(n, float), np.square(quantile)
    total = n + z2
    centre = (n * rate + z2 / 2) / total
    half = np.sqrt(z2 * (n * rate * (1 - rate) + z2 / 4)) / total
    low = np.where(rate <= 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(rate >= 1, 1.0, np.minimum(centre + half, 1.0))
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def wilson(k: float, n: int, level: float = 0.95) -> Estimate:
    """Wilson's score interval of one rate from independent rows.

    Args:
        k: successes.
        n: rows; 0 gives an `Estimate` that says "not measured".
        level: two-sided confidence.

    Example:
        >>> e = wilson(0, 10)
        >>> (e.low, round(e.high, 4))
        (0.0, 0.2775)
    """
    check_level(level)
    if n == 0:
        return not_measured("Wilson", "no rows")
    if not 0 <= k <= n:
        raise InputError(f"wilson: k must lie in 0..n, got k={k} and n={n}")
    low, high = wilson_bounds(k / n, n, normal_quantile((1 + level) / 2))
    return Estimate(
        estimate=k / n,
        low=float(low),
        high=float(high),
        n=int(n),
        k=float(k),
        n_clusters=int(n),
        method="Wilson",
    )


def check_level(level: float) -> None:
    """Raise unless ``level`` is a confidence level in (0, 1)."""
    if not 0 < level < 1:
        raise InputError(f"the confidence level must lie between 0 and 1, got {level}")


def checked_counts(successes: ArrayLike, trials: ArrayLike) -> tuple[Array, Array]:
    """Both as float64 of one shape; raises on anything that cannot be counts."""
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if k.shape != n.shape or k.ndim == 0:
        raise InputError(
            f"successes and trials need one shape with a cluster axis, got {k.shape} and {n.shape}"
        )
    if not (np.isfinite(k).all() and np.isfinite(n).all()):
        raise InputError("successes and trials must be finite; a cluster without rows is 0 of 0")
    if (k < 0).any() or (k > n).any():
        raise InputError("every cluster needs 0 <= successes <= trials")
    return k, n


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSummary:
    """What the intervals need of cluster counts, for G rates on one cluster axis.

    Attributes:
        rate: [..., G] in [0, 1]; 0 where there are no trials.
        n: [..., G] rows.
        n_clusters: [..., G] clusters with rows.
        n_effective: [..., G] independent rows that would be worth as much.
        df: [..., G] degrees of freedom; infinite where all clusters are singletons.
        residual: [..., C, G] influence of each cluster on each rate; sums to 0 over clusters.
    """

    rate: Array
    n: Array
    n_clusters: Array
    n_effective: Array
    df: Array
    residual: Array

    def bounds(self, level: float) -> tuple[Array, Array]:
        """Ends of the clustered Wilson interval of every rate."""
        return wilson_bounds(self.rate, self.n_effective, t_quantile((1 + level) / 2, self.df))


def summarise_rates(successes: Array, trials: Array, weights: Array | None = None) -> RateSummary:
    """Rates, effective sample sizes and cluster influences of ``[..., C, L]`` counts.

    Args:
        successes: [..., C, L].
        trials: [..., C, L].
        weights: [L, G] non-negative columns that sum to 1: G weighted averages of the L rates
            instead of the rates themselves. Every language of a column needs rows.

    The design effect is 1 + (m - 1) icc: m is the largest it could be (all rows of a cluster
    alike, also across languages), icc comes from the linearised variance of the ratio
    sum(k_i) / sum(n_i) (denominators may vary by cluster) over the variance of independent rows.
    """
    mix = np.eye(trials.shape[-1]) if weights is None else weights
    total = trials.sum(axis=-2)
    safe = np.where(total > 0, total, 1.0)
    single = successes.sum(axis=-2) / safe
    residual = ((successes - single[..., None, :] * trials) / safe[..., None, :]) @ mix
    member = (mix > 0).astype(np.float64)
    rows, hits = trials @ member, successes @ member
    n_clusters = (rows > 0).sum(axis=-2).astype(np.float64)
    rate = single @ mix
    independent = (single * (1 - single) / safe) @ np.square(mix)
    alike = np.square((trials / safe[..., None, :]) @ mix).sum(axis=-2)  # rate * (1 - rate) * alike
    apart = (1 / safe) @ np.square(mix)  # is the variance where icc = 1; * apart where icc = 0
    observed = n_clusters / np.maximum(n_clusters - 1, 1) * np.square(residual).sum(axis=-2)
    most = np.maximum(alike / apart, 1.0)
    icc = observed / np.where(independent > 0, independent, 1.0) - 1
    icc = np.clip(icc / np.maximum(most - 1, 1e-9), 0.0, 1.0)
    seen = np.minimum((hits > 0).sum(axis=-2), (hits < rows).sum(axis=-2))
    trust = np.square(seen / PRIOR_CLUSTERS)
    icc = np.where(n_clusters < 2, 1.0, (trust * icc + PRIOR_ICC) / (trust + 1))
    singletons = rows.max(axis=-2, initial=0.0) <= 1
    deff = np.where(singletons, 1.0, 1 + (most - 1) * icc)
    varies = independent > 0
    worth = np.where(varies, rate * (1 - rate) / np.where(varies, independent, 1.0), 1 / apart)
    n = total @ member
    return RateSummary(
        rate=rate,
        n=n,
        n_clusters=n_clusters,
        n_effective=np.where(n > 0, worth / deff, 0.0),
        df=np.where(singletons, np.inf, np.maximum(n_clusters - 1, 1)),
        residual=residual,
    )


def clustered_rate(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> Estimate:
    """A rate and its interval from per-cluster counts; Wilson's where clusters are singletons.

    Serves ratio rates too: for the harmful rate give complied and complied + refused.

    Args:
        successes: [C] per cluster.
        trials: [C] rows per cluster; clusters with 0 rows are left out.
        level: two-sided confidence.

    Returns:
        The pooled rate sum(successes) / sum(trials), in [0, 1].

    Example:
        >>> clustered_rate([0, 0, 0], [8, 8, 8]).high > wilson(0, 24).high
        True
    """
    check_level(level)
    k, n = checked_counts(successes, trials)
    summary = summarise_rates(k[:, None], n[:, None])
    total = int(summary.n[0])
    method = "Wilson" if np.isinf(summary.df[0]) else "Wilson at effective n, t quantile"
    if total == 0:
        return not_measured(method, "no rows")
    low, high = summary.bounds(level)
    return Estimate(
        estimate=float(summary.rate[0]),
        low=float(low[0]),
        high=float(high[0]),
        n=total,
        k=float(k.sum()),
        n_clusters=int(summary.n_clusters[0]),
        method=method,
    )
