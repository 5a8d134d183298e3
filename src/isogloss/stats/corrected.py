"""Corrected rates, gaps and slopes as estimates, and how many labels more would narrow them."""

from __future__ import annotations

from functools import partial
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogloss.errors import InputError
from isogloss.stats.calibrate import (
    TRUTHS,
    VERDICTS,
    Counts,
    Share,
    stratify,
    summarise_corrected,
    with_more_labels,
)
from isogloss.stats.contrast import LanguageScope, contrast_estimate, one_hot
from isogloss.stats.distributions import Array
from isogloss.stats.gaps import slope_weights, tier_weights
from isogloss.stats.intervals import Estimate, check_level, not_measured

MIN_LABELS = 10
"""Fewer labels of a language correct nothing."""
METHOD = "post-stratified by verdict (Dirichlet)"


def checked(verdicts: ArrayLike, labels: ArrayLike, share: Share) -> Counts:
    """Counts of [C, L, 5] replies and [C, L, 5, 3] labels.

    Raises:
        InputError: shapes that do not fit, counts that cannot be, or more labels than replies.
    """
    v, y = np.asarray(verdicts, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if v.ndim != 3 or v.shape[2] != len(VERDICTS) or y.shape != (*v.shape, len(TRUTHS)):
        raise InputError(
            f"need [C, L, {len(VERDICTS)}] verdicts and [C, L, {len(VERDICTS)}, {len(TRUTHS)}] "
            f"labels, got {v.shape} and {y.shape}"
        )
    if not (np.isfinite(v).all() and np.isfinite(y).all()) or (y < 0).any():
        raise InputError("verdicts and labels must be finite counts of 0 or more")
    if (y.sum(axis=-1) > v + 1e-9).any():
        raise InputError("a cluster has more labels than replies with that verdict")
    told = np.array([name != "blocked" for name in VERDICTS])  # what no label can change
    return Counts(verdicts=v, labels=y * told[:, None], share=share)


def corrected_rate(
    verdicts: ArrayLike, labels: ArrayLike, share: Share, *, level: float = 0.95
) -> Estimate:
    """A rate of one language, corrected for the errors of the judge that gave the verdicts.

    Args:
        verdicts: [C, 5] replies by cluster and verdict, in the order of `VERDICTS`.
        labels: [C, 5, 3] the labelled ones by truth as well, in the order of `TRUTHS`; fractions
            where labellers differ. Within a verdict a random sample.
        share: which rate; a conditional one is over the trials.
        level: two-sided confidence.

    Returns:
        A rate in [0, 1]; ``n`` counts labels, ``k`` those that are successes.

    Example:
        >>> v, y = np.zeros((40, 5)), np.zeros((40, 5, 3))
        >>> v[:, 1] = y[:, 1, 1] = 1  # forty times "refused", and forty times true
        >>> e = corrected_rate(v, y, Share(successes=(1, 0, 0)))
        >>> (e.estimate, e.low, round(e.high, 3))
        (0.0, 0.0, 0.061)
    """
    check_level(level)
    counts = checked(
        np.asarray(verdicts)[:, None], np.asarray(labels, dtype=np.float64)[:, None], share
    )
    usable = counts.labels.sum(axis=(0, 1, 2))
    n, k = float(usable.sum()), float(usable @ np.array(share.successes))
    n_trials = float(usable @ np.array(share.trials))
    n_clusters = int((counts.verdicts.sum(axis=(1, 2)) > 0).sum())
    reason = too_few_labels(n, n_trials)
    if reason:
        return not_measured(METHOD, reason, n=round(n), n_clusters=n_clusters)
    summary = summarise_corrected(counts)
    low, high = summary.bounds(level)
    return Estimate(
        estimate=float(summary.rate[0]),
        low=float(low[0]),
        high=float(high[0]),
        n=round(n),
        k=k,
        n_clusters=n_clusters,
        method=METHOD,
    )


def too_few_labels(n: float, n_trials: float) -> str | None:
    """Why labels do not suffice for a correction, or None."""
    if n == 0:
        return "no labels"
    if n < MIN_LABELS:
        return f"{n:.0f} labels; a correction needs {MIN_LABELS}"
    if n_trials < MIN_LABELS:
        return f"{n_trials:.0f} labels of relevant replies; a correction needs {MIN_LABELS}"
    return None


def trial_part(verdicts: ArrayLike, labels: ArrayLike, share: Share) -> float:
    """Part of the replies that a conditional rate is about, for example the relevant ones."""
    counts = checked(
        np.asarray(verdicts)[:, None], np.asarray(labels, dtype=np.float64)[:, None], share
    )
    return float(stratify(counts).base[0])


def labels_to_halve(
    verdicts: ArrayLike, labels: ArrayLike, share: Share, *, level: float = 0.95
) -> Estimate:
    """How many labels more, of the replies there are, would halve the interval of a rate.

    What the draw of prompts leaves uncertain no label shrinks, so that often none do; the reason
    then says how far labels go.

    Args:
        verdicts, labels, share, level: as in `corrected_rate`.

    Returns:
        A count, without an interval.
    """
    method = "the same rates with more labels"
    now = corrected_rate(verdicts, labels, share, level=level)
    if now.estimate is None or now.low is None or now.high is None:
        return not_measured(method, now.reason or "not measured", n=now.n)
    counts = checked(
        np.asarray(verdicts)[:, None], np.asarray(labels, dtype=np.float64)[:, None], share
    )
    summary = summarise_corrected(counts)

    def width(factor: float) -> float:
        low, high = with_more_labels(counts, summary, factor).bounds(level)
        return float(high[0] - low[0])

    wanted, now_labels = (now.high - now.low) / 2, float(counts.labels.sum())
    n_replies = float(counts.verdicts[:, 0, :-1].sum())
    few, many = 1.0, n_replies / now_labels
    if width(many) > wanted:
        reason = (
            f"labels do not reach it: all {n_replies:.0f} replies labelled would leave "
            f"{100 * width(many):.1f} of {200 * wanted:.1f} points; the rest is the prompts'"
        )
        return not_measured(method, reason, n=now.n)
    for _ in range(30):
        middle = (few + many) / 2
        few, many = (few, middle) if width(middle) <= wanted else (middle, many)
    return Estimate(
        estimate=float(ceil((many - 1) * now_labels - 1e-6)),
        low=None,
        high=None,
        n=now.n,
        k=None,
        n_clusters=now.n_clusters,
        method=method,
    )


def corrected_gap(
    verdicts: ArrayLike,
    labels: ArrayLike,
    share: Share,
    is_low: ArrayLike,
    is_high: ArrayLike,
    *,
    scope: LanguageScope,
    level: float = 0.95,
) -> Estimate:
    """`isogloss.stats.gaps.tier_gap` of corrected rates.

    Args:
        verdicts: [C, L, 5].
        labels: [C, L, 5, 3].
        share: which rate.
        is_low, is_high: [L] the tiers; languages without enough labels are left out.
        scope: see `isogloss.stats.contrast`.
        level: two-sided confidence.
    """
    counts = checked(verdicts, labels, share)
    labelled = _labelled(counts)
    low, high = (np.asarray(tier, dtype=bool) & labelled for tier in (is_low, is_high))
    if not low.any() or not high.any():
        empty = "low" if not low.any() else "high"
        return not_measured(METHOD, f"no corrected language in the {empty} tier")
    used = low | high
    return _contrast(counts, used, tier_weights(low, high)[used], one_hot(low[used]), scope, level)


def corrected_slope(
    verdicts: ArrayLike,
    labels: ArrayLike,
    share: Share,
    x: ArrayLike,
    *,
    scope: LanguageScope,
    level: float = 0.95,
) -> Estimate:
    """`isogloss.stats.gaps.slope` of corrected rates on ``x`` = log10(share) [L]."""
    counts = checked(verdicts, labels, share)
    x, used = np.asarray(x, dtype=np.float64), _labelled(counts)
    if used.sum() < 3 or np.ptp(x[used]) <= 0:
        return not_measured(METHOD, "a slope needs three corrected languages with different shares")
    return _contrast(counts, used, *slope_weights(x[used]), scope, level)


def _labelled(counts: Counts) -> NDArray[np.bool_]:
    usable = counts.labels.sum(axis=(0, 2))
    trials = usable @ np.array(counts.share.trials)
    reasons = [too_few_labels(*pair) for pair in zip(usable.sum(axis=-1), trials, strict=True)]
    return np.array([reason is None for reason in reasons], dtype=bool)


def _contrast(
    counts: Counts,
    used: NDArray[np.bool_],
    coefficients: Array,
    design: Array,
    scope: LanguageScope,
    level: float,
) -> Estimate:
    check_level(level)
    part = Counts(
        verdicts=counts.verdicts[:, used], labels=counts.labels[:, used], share=counts.share
    )
    return contrast_estimate(
        partial(summarise_corrected, part),
        coefficients,
        scope=scope,
        design=design,
        level=level,
        n=round(float(part.labels.sum())),
        n_clusters=int((part.verdicts.sum(axis=(1, 2)) > 0).sum()),
        method=METHOD,
    )
