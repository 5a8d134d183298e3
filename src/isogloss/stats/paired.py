"""Two arms or two languages on the same clusters; and the same claim over several runs.

The difference's interval is `isogloss.stats.contrast`'s for two rates. The p-value is a
randomisation test: exact McNemar where clusters are singletons, else the sign flip over clusters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogloss.errors import InputError
from isogloss.stats.contrast import DETECTABLE_PER_HALF_WIDTH, fixed_language_bounds
from isogloss.stats.distributions import Array, fair_coin, t_quantile, t_two_sided
from isogloss.stats.intervals import (
    Estimate,
    check_level,
    checked_counts,
    not_measured,
)

N_FLIPS = 9_999
LARGEST_EXACT_SUM = 20_000
FLIPPED_AT_ONCE = 4_000_000
"""Signs in memory at a time (32 MB of float64)."""


def rate_difference(
    successes_a: ArrayLike,
    trials_a: ArrayLike,
    successes_b: ArrayLike,
    trials_b: ArrayLike,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Rate of ``a`` minus rate of ``b`` on one cluster axis, paired by cluster.

    Args:
        successes_a: [C].
        trials_a: [C]; 0 where the cluster has no rows in ``a``.
        successes_b: [C].
        trials_b: [C].
        level: two-sided confidence; ``2 * x - 1`` gives the one-sided bounds of confidence ``x``.
        seed: of the sign flips, used where an exact test is out of reach.

    Returns:
        A difference in [-1, 1] whose interval keeps its width at 0 % and 100 %, with ``p_value``
        and ``detectable``.
    """
    check_level(level)
    k_a, n_a = checked_counts(successes_a, trials_a)
    k_b, n_b = checked_counts(successes_b, trials_b)
    if k_a.shape != k_b.shape:
        raise InputError(f"both sides need one cluster axis, got {k_a.shape} and {k_b.shape}")
    method = "MOVER of clustered Wilson limits"
    n_rows, n_clusters = int(n_a.sum() + n_b.sum()), int(((n_a + n_b) > 0).sum())
    if n_a.sum() == 0 or n_b.sum() == 0:
        return not_measured(method, "no rows on one side", n=n_rows, n_clusters=n_clusters)
    k, n = np.column_stack([k_a, k_b]), np.column_stack([n_a, n_b])
    bounds = fixed_language_bounds(k, n, np.array([1.0, -1.0]))
    low, high = bounds(level)
    wide_low, wide_high = bounds(0.95)
    return Estimate(
        estimate=float(k_a.sum() / n_a.sum() - k_b.sum() / n_b.sum()),
        low=float(np.clip(low, -1, 1)),
        high=float(np.clip(high, -1, 1)),
        n=n_rows,
        k=None,
        n_clusters=n_clusters,
        method=method,
        p_value=sign_flip(score_differences(k_a, n_a, k_b, n_b), seed=seed),
        detectable=float(wide_high - wide_low) / 2 * DETECTABLE_PER_HALF_WIDTH,
    )


def score_differences(k_a: Array, n_a: Array, k_b: Array, n_b: Array) -> Array:
    """[C] what swapping ``a`` and ``b`` in a cluster turns into its negative.

    With equal trials this is k_a - k_b; else both are centred at the pooled rate, which no swap
    changes.
    """
    if (n_a == n_b).all():
        return k_a - k_b
    pooled = (k_a.sum() + k_b.sum()) / (n_a.sum() + n_b.sum())
    return (k_a - pooled * n_a) - (k_b - pooled * n_b)


def mcnemar_exact(b: int, c: int) -> float:
    """Two-sided exact McNemar p-value from the two discordant counts.

    Args:
        b: pairs where only the first succeeded.
        c: pairs where only the second did.

    Example:
        >>> round(mcnemar_exact(1, 6), 4)
        0.125
    """
    if b < 0 or c < 0:
        raise InputError(f"discordant counts cannot be negative, got {b} and {c}")
    return min(1.0, 2 * float(fair_coin(b + c)[: min(b, c) + 1].sum())) if b + c else 1.0


def sign_flip(differences: ArrayLike, *, seed: int = 0) -> float:
    """Two-sided p-value of a zero mean under random signs of the clusters' differences.

    Whole-numbered differences get the exact distribution of the signed sum (for singletons this is
    exact McNemar); others all 2^C sign patterns up to 12 clusters, beyond that Monte Carlo with
    ``(1 + hits) / (1 + flips)``.

    Args:
        differences: [C], one per cluster.
        seed: of the Monte Carlo flips.
    """
    d = np.abs(np.asarray(differences, dtype=np.float64))
    if not np.isfinite(d).all():
        raise InputError("differences must be finite")
    observed = abs(float(np.asarray(differences, dtype=np.float64).sum()))
    d = d[d > 0]
    if d.size == 0:
        return 1.0
    if (d == np.round(d)).all() and d.sum() <= LARGEST_EXACT_SUM:
        return _exact_whole(d.astype(np.int64), round(observed))
    if d.size <= 12:
        signs = np.array(list(product((-1.0, 1.0), repeat=d.size)))
        sums = np.abs(signs @ d)
        return float((sums >= observed - 1e-12 * d.sum()).mean())
    return (1 + _n_extreme(d, observed, seed)) / (1 + N_FLIPS)


def _n_extreme(sizes: Array, observed: float, seed: int) -> int:
    """How many random sign patterns give a sum at least as far from zero as the observed one."""
    rng = np.random.default_rng(seed)
    n_bytes, total = -(-sizes.size // 8), sizes.sum()
    block = max(1, FLIPPED_AT_ONCE // sizes.size)
    hits = 0
    for start in range(0, N_FLIPS, block):
        shape = (min(block, N_FLIPS - start), n_bytes)
        drawn = rng.integers(0, 256, size=shape, dtype=np.uint8)
        bits = np.unpackbits(drawn, axis=1, count=sizes.size)
        sums = np.abs(2 * (bits.astype(np.float64) @ sizes) - total)
        hits += int((sums >= observed - 1e-12 * total).sum())
    return hits


def _exact_whole(sizes: NDArray[np.int64], observed: int) -> float:
    """Exact tail of the signed sum of whole numbers, by convolution over distinct sizes."""
    chances = np.ones(1)
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        step = np.zeros(int(size * count) + 1)
        step[:: int(size)] = fair_coin(int(count))
        chances = np.convolve(chances, step)
    sums = np.abs(2 * np.arange(chances.size) - int(sizes.sum()))
    return float(min(1.0, chances[sums >= observed].sum()))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjusted p-values, in the given order; None stays None and is not counted.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    known = [(p, i) for i, p in enumerate(p_values) if p is not None]
    if any(not 0 <= p <= 1 for p, _ in known):
        raise InputError("p-values must lie in [0, 1]")
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, i) in enumerate(sorted(known)):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        adjusted[i] = largest
    return adjusted


def t_over_runs(values: Sequence[float], level: float = 0.95) -> Estimate:
    """Mean over runs (give differences paired by seed) with Student's t interval.

    Args:
        values: one per run, for example the slope of each seed; five or more for a headline.
        level: two-sided confidence.

    Returns:
        In the unit of the values; without an interval below two runs or where runs do not vary.
    """
    check_level(level)
    v = np.asarray(values, dtype=np.float64)
    method = "t over runs"
    if v.size == 0:
        return not_measured(method, "no runs")
    if not np.isfinite(v).all():
        raise InputError("values over runs must be finite; leave out runs that were not measured")
    mean = float(v.mean())
    spread = float(v.std(ddof=1)) if v.size > 1 else 0.0
    low = high = p = detectable = reason = None
    if v.size < 2:
        reason = "one run: no interval over runs"
    elif spread <= 1e-15:
        reason = "the runs do not vary: no interval over runs"
    else:
        error, df = spread / math.sqrt(v.size), v.size - 1
        half = float(t_quantile((1 + level) / 2, df)) * error
        low, high = mean - half, mean + half
        p = t_two_sided(mean / error, df)
        detectable = float(t_quantile(0.975, df) + t_quantile(0.8, df)) * error
    return Estimate(
        estimate=mean,
        low=low,
        high=high,
        n=int(v.size),
        k=None,
        n_clusters=int(v.size),
        method=method,
        reason=reason,
        p_value=p,
        detectable=detectable,
    )
