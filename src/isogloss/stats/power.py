"""Sample sizes before an audit: what a design could see, and how many prompts a question needs.

The usual normal formulas for two proportions, two-sided 5 % and 80 % power unless said otherwise,
with the variance of a clustered rate: p (1 - p) / rows * (1 + (m - 1) icc). Clusters are shared by
languages and arms (``pairing``: the correlation of their rates). In the scope ``languages like
these`` every language adds its own variance ``language_sd ** 2``: no number of prompts removes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from isogloss.errors import InputError
from isogloss.stats.distributions import noncentral_t_power, normal_quantile, t_quantile
from isogloss.stats.intervals import Estimate

Question = Literal["difference", "gap", "non-inferiority"]
MOST_CLUSTERS = 10_000_000
MOST_RUNS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What an audit would ask.

    Attributes:
        n_clusters: source prompts per language.
        cluster_size: rows per source prompt and language (samples, variants, acts on an object).
        icc: correlation of rows of one source prompt in one language; 0 to 1.
        rate: expected rate in the better language, arm or tier; 0 to 1.
        pairing: correlation of two languages' (arms') rates through shared prompts; 0 is cautious.
        n_low, n_high: languages in the low and in the high tier (only for a gap).
        language_sd: how much true rates vary between languages of a tier; None means the scope
            ``these languages``, a number ``languages like these``.
        n_comparisons: claims made together (for example 15 languages against English): Bonferroni,
            the first step of Holm.
        level, power: two-sided confidence and power.
    """

    n_clusters: int
    cluster_size: float = 1.0
    icc: float = 0.0
    rate: float = 0.1
    pairing: float = 0.0
    n_low: int = 5
    n_high: int = 5
    language_sd: float | None = None
    n_comparisons: int = 1
    level: float = 0.95
    power: float = 0.8

    def __post_init__(self) -> None:
        for name, low, high in (
            ("icc", 0.0, 1.0),
            ("rate", 0.0, 1.0),
            ("pairing", 0.0, 0.99),
            ("level", 0.5, 0.9999),
            ("power", 0.05, 0.9999),
        ):
            if not low <= getattr(self, name) <= high:
                raise InputError(
                    f"{name} must lie between {low:g} and {high:g}, got {getattr(self, name):g}"
                )
        for name in ("n_clusters", "cluster_size", "n_low", "n_high", "n_comparisons"):
            if not getattr(self, name) >= 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name):g}")
        if self.language_sd is not None and not 0 <= self.language_sd <= 0.5:
            raise InputError(f"language_sd must lie between 0 and 0.5, got {self.language_sd:g}")

    @property
    def design_effect(self) -> float:
        """Rows that are worth one independent row."""
        return 1 + (self.cluster_size - 1) * self.icc

    def rate_variance(self, rate: float) -> float:
        """Variance of one language's measured rate; a rate of 0 is read as half an event."""
        rows = self.n_clusters * self.cluster_size
        floor = 0.5 / (rows + 1)
        rate = min(max(rate, floor), 1 - floor)
        return rate * (1 - rate) * self.design_effect / rows


def detectable_difference(design: Design, question: Question = "difference") -> float | None:
    """Smallest true difference the design finds with the asked-for power.

    Args:
        design: what would be asked.
        question: ``difference`` (a language against English, or two arms), ``gap`` (mean of the low
            tier minus mean of the high tier) or ``non-inferiority`` (the smallest worsening that
            is ruled out when there is none; one-sided at ``level``).

    Returns:
        A rate difference in (0, 1]; None where even the largest possible one would be missed.

    Example:
        >>> round(detectable_difference(Design(n_clusters=300, rate=0.1)), 3)
        0.079
    """
    if question == "non-inferiority":
        margin = multiplier(design, question) * math.sqrt(_variance(design, question, design.rate))
        return margin if margin <= 1 else None
    most = 1 - design.rate
    small, large = 0.0, most
    if _lacking(design, question, most):
        return None
    for _ in range(60):
        middle = (small + large) / 2
        if _lacking(design, question, middle):
            small = middle
        else:
            large = middle
    return large


def _lacking(design: Design, question: Question, difference: float) -> bool:
    variance = _variance(design, question, design.rate + difference)
    return difference < multiplier(design, question) * math.sqrt(variance)


def _variance(design: Design, question: Question, other_rate: float) -> float:
    """Variance of the measured difference between ``rate`` and ``other_rate``."""
    a, b = design.rate_variance(design.rate), design.rate_variance(other_rate)
    if question != "gap":
        return a + b - 2 * design.pairing * math.sqrt(a * b)
    between = (design.language_sd or 0.0) ** 2
    # what languages share through the prompts cancels in the gap; what is left varies by language
    own = 1 - design.pairing
    return (a * own + between) / design.n_high + (b * own + between) / design.n_low


def multiplier(design: Design, question: Question) -> float:
    """Standard errors a true difference must measure: z of the level plus z of the power.

    A gap in ``languages like these`` takes t with n_low + n_high - 2 degrees of freedom (noncentral
    for the power); non-inferiority is one-sided at ``level``.
    """
    if question == "non-inferiority":
        confidence = 1 - (1 - design.level) / design.n_comparisons
    else:
        confidence = 1 - (1 - design.level) / 2 / design.n_comparisons
    if question == "gap" and design.language_sd is not None:
        df = design.n_low + design.n_high - 2
        if df < 1 or min(design.n_low, design.n_high) < 2:
            raise InputError(
                "'languages like these' needs at least two languages in each tier, got "
                f"{design.n_low} low and {design.n_high} high"
            )
        return noncentrality(float(t_quantile(confidence, df)), df, design.power)
    return normal_quantile(confidence) + normal_quantile(design.power)


def noncentrality(critical: float, df: float, power: float) -> float:
    """Noncentrality at which a t statistic exceeds ``critical`` with probability ``power``."""
    small, large = 0.0, 10 * critical + 20
    for _ in range(80):
        middle = (small + large) / 2
        if noncentral_t_power(critical, df, middle) < power:
            small = middle
        else:
            large = middle
    return large


def needed_n(design: Design, difference: float, question: Question = "difference") -> int | None:
    """Fewest clusters per language that find ``difference``; ``design.n_clusters`` is ignored.

    Args:
        design: everything but the number of clusters.
        difference: the true difference to find, or the margin to rule out; in (0, 1).
        question: see `detectable_difference`.

    Returns:
        Clusters per language, or None where no number suffices (languages vary too much for so few
        of them, or the rate leaves no room).

    Example:
        >>> needed_n(Design(n_clusters=1, rate=0.1), 0.05)
        683
    """
    if not 0 < difference < 1:
        raise InputError(f"the difference must lie between 0 and 1, got {difference:g}")
    if question != "non-inferiority" and design.rate + difference > 1:
        return None

    def enough(n_clusters: int) -> bool:
        found = detectable_difference(replace(design, n_clusters=n_clusters), question)
        return found is not None and found <= difference * (1 + 1e-12)

    if not enough(MOST_CLUSTERS):
        return None
    large = 2
    while not enough(large):
        large *= 2
    small = max(1, large // 2)
    while large - small > 1:
        middle = (small + large) // 2
        small, large = (small, middle) if enough(middle) else (middle, large)
    return large


def needed_clusters(estimate: Estimate, difference: float) -> int | None:
    """Clusters at which an estimate's ``detectable`` would shrink to ``difference``.

    For the words "underpowered, needs n": the width of a within-language difference falls with the
    square root of its clusters. None where the estimate has no ``detectable``.
    """
    if not 0 < difference <= 1:
        raise InputError(f"the difference must lie in (0, 1], got {difference:g}")
    if estimate.detectable is None or estimate.n_clusters == 0:
        return None
    return math.ceil(estimate.n_clusters * (estimate.detectable / difference) ** 2)


def needed_runs(estimate: float, low: float, high: float, n: int, *, null: float) -> int | None:
    """Runs at which a mean over runs would be told from ``null``, if it and its spread stay.

    Args:
        estimate: mean over ``n`` runs.
        low, high: its 95 % t interval.
        n: runs behind it, 2 or more.
        null: the value it is to be told from.

    Returns:
        The fewest runs with 80 % power at two-sided 5 %; None where 10,000 are too few.

    Example:
        >>> needed_runs(0.1, -0.1, 0.3, 5, null=0.0)
        23
    """
    if n < 2 or not low < high:
        raise InputError(f"the spread of {n} runs from {low:g} to {high:g} is not known")
    spread = (high - low) / 2 * math.sqrt(n) / float(t_quantile(0.975, n - 1))
    effect = abs(estimate - null) / spread

    def enough(runs: int) -> bool:
        critical = float(t_quantile(0.975, runs - 1))
        return noncentral_t_power(critical, runs - 1, effect * math.sqrt(runs)) >= 0.8

    if not enough(MOST_RUNS):
        return None
    small, large = 1, MOST_RUNS
    while large - small > 1:
        middle = (small + large) // 2
        small, large = (small, middle) if enough(middle) else (middle, large)
    return large
