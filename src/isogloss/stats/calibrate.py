"""Rates corrected for a judge's errors, from human labels on a random part of what it judged.

Post-stratification: the judge's verdict is a stratum, and nothing more is believed of it. All
replies tell how often each verdict falls, the labelled ones what is true where it fell:
rate = sum over verdicts of P(verdict) P(true | verdict). ``unjudged`` is a stratum as any other;
what a filter blocked is known to be refused. A poor judge so costs width, not truth.

Truth given verdict is Dirichlet with the labels as counts; for one rate that is a Beta a verdict
(for the harmful rate: of complied among relevant, independent of how many are relevant). Each limit
has prior mass on its own adverse side only, so that it keeps its width at 0 % and 100 % as Clopper
and Pearson's (1934, Biometrika 26:404) does: `ADVERSE` labels in all, in the verdict where they
matter most, after Fay and Feuer's (1997, Stat. Med. 16:791) limits for weighted sums of rare
counts. The weighted sum of Betas is read as the Beta with its mean and variance. The draw of
prompts is in the variance, and clusters inflate it as in `isogloss.stats.intervals`.
``bench/calibration.py`` measures what this covers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from isogloss.stats.distributions import Array, beta_quantile, normal_quantile, t_quantile
from isogloss.stats.intervals import PRIOR_CLUSTERS, PRIOR_ICC

TRUTHS = ("complied", "refused", "irrelevant")
VERDICTS = (*TRUTHS, "unjudged", "blocked")
"""The strata; what was blocked is refused without a judge or a label."""

ADVERSE = 0.5
"""Prior labels on the adverse side of each limit; chosen by simulation (docs/statistics.md)."""
_KNOWN = np.array([name == "blocked" for name in VERDICTS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A rate by the truth of a reply: which truths count above the line and which below.

    Attributes:
        successes: [3] 0 or 1 in the order of `TRUTHS`.
        trials: [3] the same; all ones unless the rate is conditional.
    """

    successes: tuple[float, float, float]
    trials: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def columns(self) -> tuple[Array, Array]:
        """``successes`` and ``trials`` as [3] arrays."""
        return np.array(self.successes, np.float64), np.array(self.trials, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedSummary:
    """G corrected rates, as `isogloss.stats.contrast` reads them.

    Attributes:
        rate: [..., G] in [0, 1].
        residual: [..., C, G] influence of each cluster on each rate; sums to 0 over clusters.
        low, high: mean and variance [..., G, S] of what either limit is a quantile of, the adverse
            labels put into each verdict in turn; the outermost quantile counts.
        df: [..., G] degrees of freedom; infinite where all clusters are singletons.
        deff: [..., G] design effect.
    """

    rate: Array
    residual: Array
    low: tuple[Array, Array]
    high: tuple[Array, Array]
    df: Array
    deff: Array

    def bounds(self, level: float) -> tuple[Array, Array]:
        """Ends of the interval of every rate."""
        tail = (1 - level) / 2
        widen = np.square(t_quantile(1 - tail, self.df) / normal_quantile(1 - tail))[..., None]
        low = quantile_of_moments(self.low[0], self.low[1] * widen, tail).min(axis=-1)
        high = quantile_of_moments(self.high[0], self.high[1] * widen, 1 - tail).max(axis=-1)
        return np.minimum(low, self.rate), np.maximum(high, self.rate)


def quantile_of_moments(mean: Array, variance: Array, probability: float) -> Array:
    """Quantile of the Beta with this mean and variance; the mean itself at 0, 1 and variance 0."""
    spread = mean * (1 - mean)
    inner = (spread > 1e-12) & (variance > 1e-15)
    strength = np.where(inner, spread / np.where(inner, variance, 1.0) - 1, 1.0)
    strength = np.maximum(strength, 1e-3)
    a, b = np.where(inner, mean * strength, 1.0), np.where(inner, (1 - mean) * strength, 1.0)
    return np.where(inner, beta_quantile(a, b, probability), mean)


def beta_variance(a: Array, b: Array) -> Array:
    """Variance of a Beta; 0 where both parameters are 0."""
    total = np.where(a + b > 0, a + b, 1.0)
    return a * b / (np.square(total) * (total + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Replies and labels of one rate.

    Attributes:
        verdicts: [..., C, L, 5] replies by cluster, language and verdict (`VERDICTS`).
        labels: [..., C, L, 5, 3] the labelled ones by truth as well (`TRUTHS`); fractions where
            labellers differ; none of blocked replies. A random sample of those of each verdict.
        share: which rate.
    """

    verdicts: Array
    labels: Array
    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """What the counts say by language and verdict.

    Attributes:
        m, t, k: [..., L, S] labels, of them trials, of them successes.
        relevant: [..., L, S] P(trial | verdict).
        success: [..., L, S] P(success | trial, verdict).
        part: [..., L, S] P(verdict).
        base: [..., L] P(trial).
        rate: [..., L] P(success) / P(trial).
        n: [..., L] replies; 1 where there are none.
        all_trials: every reply is a trial: the rate is not conditional.
    """

    m: Array
    t: Array
    k: Array
    relevant: Array
    success: Array
    part: Array
    base: Array
    rate: Array
    n: Array
    all_trials: bool

    @property
    def weight(self) -> Array:
        """[..., L, S] P(verdict | trial): what ``success`` is averaged with."""
        return ratio(self.part * self.relevant, self.base[..., None], 0.0)

    @property
    def pull(self) -> Array:
        """[..., L, S] how far a reply with this verdict draws the rate from where it is."""
        return ratio(self.relevant * (self.success - self.rate[..., None]), self.base[..., None], 0)

    @property
    def per_label(self) -> Array:
        """[..., L, S] how many replies, as a part of the trials, one label speaks for."""
        return ratio(ratio(self.part, self.base[..., None], 0.0), self.m, 0.0)


def ratio(above: Array, below: Array, otherwise: ArrayLike) -> Array:
    """``above / below``, and ``otherwise`` where ``below`` is 0."""
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), otherwise)


def stratify(counts: Counts) -> Strata:
    """Estimates by verdict; without a label the judge's word, for ``unjudged`` the others' mean."""
    above, below = counts.share.columns
    by_truth = counts.labels.sum(axis=-4)
    n = counts.verdicts.sum(axis=-3)
    m, t, k = by_truth.sum(axis=-1), by_truth @ below, by_truth @ above
    word = [*range(len(TRUTHS)), 1, 1]
    trial = np.broadcast_to(below[word], m.shape).copy()
    success = np.broadcast_to(above[word], m.shape).copy()
    trial[..., 3] = ratio(t.sum(axis=-1), m.sum(axis=-1), 0.5)
    success[..., 3] = ratio(k.sum(axis=-1), t.sum(axis=-1), 0.5)
    relevant, success = ratio(t, m, trial), ratio(k, t, success)
    part = ratio(n, n.sum(axis=-1, keepdims=True), 0.0)
    base = (part * relevant).sum(axis=-1)
    rate = ratio((part * relevant * success).sum(axis=-1), base, 0.0)
    return Strata(
        m=m, t=t, k=k, relevant=relevant, success=success, part=part, base=base, rate=rate,
        n=np.maximum(n.sum(axis=-1), 1.0), all_trials=bool(below.all()),
    )  # fmt: skip


def summarise_corrected(counts: Counts, weights: Array | None = None) -> CorrectedSummary:
    """Corrected rates of languages, or weighted averages of them.

    Args:
        counts: of L languages.
        weights: [L, G] non-negative columns that sum to 1; None gives the languages themselves.
    """
    s = stratify(counts)
    mix = np.eye(s.n.shape[-1]) if weights is None else weights
    residual = _influence(counts, s) @ mix
    of_prompts = (s.part * np.square(s.pull)).sum(axis=-1) / s.n @ np.square(mix)
    away = np.square(s.success - s.rate[..., None])
    spread = s.relevant * s.success * (1 - s.success) + s.relevant * (1 - s.relevant) * away
    of_labels = (np.square(s.per_label) * s.m * spread).sum(axis=-1) @ np.square(mix)
    deff, df = _design_effect(counts, s, mix, residual, of_prompts, of_labels)
    low, high = (_limit(s, mix, deff, of_prompts, upper=upper) for upper in (False, True))
    return CorrectedSummary(
        rate=s.rate @ mix, residual=residual, low=low, high=high, df=df, deff=deff
    )


def with_more_labels(counts: Counts, summary: CorrectedSummary, factor: float) -> CorrectedSummary:
    """The languages' summary as it would be with ``factor`` times the labels and the same rates."""
    s = stratify(counts)
    more = (factor - 1) * s.m.sum(axis=-1, keepdims=True) * s.part
    m = np.where(s.m > 0, factor * s.m, np.where(_KNOWN, 0.0, more))
    t = np.where(s.m > 0, factor * s.t, m * s.relevant)
    k = np.where(s.m > 0, factor * s.k, t * s.success)
    scaled = replace(s, m=m, t=t, k=k)
    mix = np.eye(s.n.shape[-1])
    of_prompts = (s.part * np.square(s.pull)).sum(axis=-1) / s.n
    low, high = (_limit(scaled, mix, summary.deff, of_prompts, upper=u) for u in (False, True))
    return replace(summary, low=low, high=high)


def _influence(counts: Counts, s: Strata) -> Array:
    """[..., C, L] what each cluster's verdicts and labels do to each rate."""
    above, below = counts.share.columns
    of_verdicts = np.einsum("...cls,...ls->...cl", counts.verdicts, s.pull / s.n[..., None])
    value = above - s.rate[..., None] * below
    surprise = value[..., None, :] - (s.pull * s.base[..., None])[..., None]
    factor = s.per_label[..., None] * surprise
    return of_verdicts + np.einsum("...clst,...lst->...cl", counts.labels, factor)


def _design_effect(
    counts: Counts, s: Strata, mix: Array, residual: Array, of_prompts: Array, of_labels: Array
) -> tuple[Array, Array]:
    """[..., G] variance over that of independent replies, and its degrees of freedom.

    As in `isogloss.stats.intervals.summarise_rates`: between 1 and what it would be if a cluster's
    replies were all alike, in verdict and in label; with few events drawn to the same prior.
    """
    above, below = counts.share.columns
    member, squared = (mix > 0).astype(np.float64), np.square(mix)
    labels, replies = counts.labels, np.einsum("...cls->...cl", counts.verdicts)
    said = np.einsum("...clst,...ls->...cl", labels, s.per_label)
    alike_replies = np.square((replies / s.n[..., None, :]) @ mix).sum(axis=-2)
    alike_labels = np.square(said @ mix).sum(axis=-2)
    apart_labels = (np.square(s.per_label) * s.m).sum(axis=-1) @ squared
    independent = of_prompts + of_labels
    part = ratio(of_labels, independent, 1.0)
    most = (1 - part) * ratio(alike_replies, (1 / s.n) @ squared, 1.0)
    most = np.maximum(most + part * ratio(alike_labels, apart_labels, 1.0), 1.0)
    rows = replies @ member
    n_clusters = (rows > 0).sum(axis=-2).astype(np.float64)
    observed = ratio(n_clusters, n_clusters - 1, 1.0) * np.square(residual).sum(axis=-2)
    icc = (ratio(observed, independent, 1.0) - 1) / np.maximum(most - 1, 1e-9)
    hits, trials = (np.einsum("...clst,t->...cl", labels, x) @ member for x in (above, below))
    seen = np.minimum((hits > 0).sum(axis=-2), (hits < trials).sum(axis=-2))
    trust = np.square(seen / PRIOR_CLUSTERS)
    icc = (trust * np.clip(icc, 0.0, 1.0) + PRIOR_ICC) / (trust + 1)
    singletons = rows.max(axis=-2, initial=0.0) <= 1
    labelled = (said @ member > 0).sum(axis=-2)
    df = np.where(singletons, np.inf, np.maximum(labelled - 1, 1))
    return np.where(singletons, 1.0, 1 + (most - 1) * icc), df


def _limit(
    s: Strata, mix: Array, deff: Array, of_prompts: Array, *, upper: bool
) -> tuple[Array, Array]:
    """[..., G, S] mean and variance of the averages, the adverse label put into each verdict."""
    blank = (s.m == 0) & ~_KNOWN
    # Nothing is known of a verdict without labels: all of it may be a trial and on either side.
    reach = ratio(s.part, s.base[..., None], 0.0)
    weight = np.where(blank, reach, s.weight)
    fixed = np.where(blank, float(upper), s.success)
    tilt = np.square(reach * (s.success - s.rate[..., None]))
    means: list[Array] = []
    variances: list[Array] = []
    for g in range(mix.shape[1]):
        w, d = mix[:, g][:, None], deff[..., g][..., None, None]
        # For a conditional rate, how much of a verdict is relevant is not known either.
        share = beta_variance(s.t / d + 0.5, (s.m - s.t) / d + 0.5)
        share = tilt * np.where(blank | _KNOWN | s.all_trials, 0.0, share)
        sides: list[tuple[Array, Array]] = []
        for adverse in (0.0, ADVERSE * w):
            a, b = s.k / d, (s.t - s.k) / d
            a, b = (a + adverse, b) if upper else (a, b + adverse)
            mean = np.where(blank | _KNOWN, fixed, ratio(a, a + b, 0.5))
            variance = np.where(blank | _KNOWN, 0.0, beta_variance(a, b))
            variance = np.square(w) * (np.square(weight) * variance + share)
            sides.append(((w * weight * mean).sum(axis=-2), variance.sum(axis=-2)))
        (mean, variance), (mean_with, variance_with) = sides
        prompts = (deff[..., g] * of_prompts[..., g])[..., None]
        means.append(mean.sum(axis=-1, keepdims=True) + mean_with - mean)
        variances.append(variance.sum(axis=-1, keepdims=True) + variance_with - variance + prompts)
    return np.clip(np.stack(means, axis=-2), 0.0, 1.0), np.stack(variances, axis=-2)
