"""Gaps and slopes: worked values, Welch, properties, coverage and false claims on planted truth."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import ttest_ind

from isogloss.errors import InputError
from isogloss.stats.contrast import (
    fixed_language_bounds,
    language_contrast,
    one_hot,
    random_language_bounds,
    satterthwaite_df,
)
from isogloss.stats.gaps import slope, tier_gap
from isogloss.stats.intervals import Estimate, clustered_rate
from isogloss.stats.paired import rate_difference
from isogloss.stats.resample import bootstrap_rates, cluster_weights, percentile_interval

SCOPES = ("these languages", "languages like these")
X = np.log10([6.1, 4.9, 3.8, 3.0, 2.3, 1.5, 1.0, 0.5])


def counts(rates: np.ndarray, n_clusters: int = 100, size: int = 4, seed: int = 0):
    rng = np.random.default_rng(seed)
    k = rng.binomial(size, rates, (n_clusters, len(rates))).astype(float)
    return k, np.full(k.shape, float(size))


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def test_one_language_is_a_rate_and_two_are_a_difference() -> None:
    k, n = counts(np.array([0.3, 0.1]))
    single = language_contrast(k, n, [1, 0], scope="these languages")
    rate = clustered_rate(k[:, 0], n[:, 0])
    assert (single.estimate, single.low, single.high) == pytest.approx(
        (rate.estimate, rate.low, rate.high)
    )
    pair = language_contrast(k, n, [1, -1], scope="these languages")
    difference = rate_difference(k[:, 0], n[:, 0], k[:, 1], n[:, 1])
    assert (pair.low, pair.high) == pytest.approx((difference.low, difference.high))


def test_gap_and_slope_are_means_and_least_squares_over_languages() -> None:
    k, n = counts(np.linspace(0.1, 0.8, 8))
    n[5:, 2] = 0
    k[5:, 2] = 0
    rates = k.sum(axis=0) / n.sum(axis=0)
    low, high = np.arange(8) > 4, np.arange(8) < 3
    for scope in SCOPES:
        gap = tier_gap(k, n, low, high, scope=scope)
        line = slope(k, n, X, scope=scope)
        assert gap.estimate == pytest.approx(rates[5:].mean() - rates[:3].mean())
        assert line.estimate == pytest.approx(np.polyfit(X, rates, 1)[0])


def test_two_tiers_with_many_prompts_are_welch() -> None:
    """With 20,000 rows a language the rates are all but known, so Welch's t on them is the truth.

    The variance is Welch's; the degrees of freedom lie between Welch's and n1 + n2 - 2.
    """
    rates = np.array([0.2, 0.25, 0.28, 0.3, 0.7, 0.5, 0.9, 0.35])
    k, n = rates[None, :] * np.full((200, 8), 100.0), np.full((200, 8), 100.0)
    is_low = np.arange(8) >= 4
    found = tier_gap(k, n, is_low, ~is_low, scope="languages like these")
    welch = ttest_ind(rates[4:], rates[:4], equal_var=False).confidence_interval()
    pooled_df = ttest_ind(rates[4:], rates[:4], equal_var=True).confidence_interval()
    assert found.low is not None
    assert found.high is not None
    assert pooled_df.high - pooled_df.low < found.high - found.low < welch.high - welch.low
    assert (found.low + found.high) / 2 == pytest.approx((welch.low + welch.high) / 2)


def test_satterthwaite_of_two_groups_is_welchs_formula() -> None:
    v, w, n, m = 0.04, 0.01, 3, 5
    is_low = np.arange(8) < 3
    projection = one_hot(is_low) @ np.linalg.pinv(one_hot(is_low))
    c = is_low / n - ~is_low / m
    welch = (v / n + w / m) ** 2 / ((v / n) ** 2 / (n - 1) + (w / m) ** 2 / (m - 1))
    assert satterthwaite_df(np.where(is_low, v, w), c, projection) == pytest.approx(welch)


def test_the_wider_scope_is_never_narrower_and_keeps_width_at_zero() -> None:
    never = (np.zeros((40, 8)), np.ones((40, 8)))
    for k, n in (never, *(counts(np.full(8, 0.3), seed=s) for s in range(5))):
        for estimate in (
            lambda scope, k=k, n=n: slope(k, n, X, scope=scope),
            lambda scope, k=k, n=n: tier_gap(k, n, X < 0.1, X > 0.5, scope=scope),
        ):
            narrow, wide = estimate(SCOPES[0]), estimate(SCOPES[1])
            (low, high), (inner_low, inner_high) = ends(wide), ends(narrow)
            assert low <= inner_low < (narrow.estimate or 0.0) < inner_high <= high


def test_p_value_agrees_with_the_interval() -> None:
    for seed in range(12):
        k, n = counts(np.linspace(0.2, 0.3, 8), n_clusters=60, seed=seed)
        for scope in SCOPES:
            found = slope(k, n, X, scope=scope)
            assert found.low is not None
            assert found.high is not None
            assert found.p_value is not None
            assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)
            again = slope(k, n, X, scope=scope, level=1 - found.p_value)
            assert again.low is not None
            assert again.high is not None
            assert min(abs(again.low), abs(again.high)) == pytest.approx(0, abs=1e-5)


def test_p_values_of_few_clusters_are_on_their_interval_s_side() -> None:
    k, n = (
        np.array([[1, 0, 0, 2, 0, 2], [0, 1, 0, 1, 0, 0]]),
        np.array([[2, 1, 1, 2, 4, 3], [2, 2, 4, 1, 2, 1]]),
    )
    found = language_contrast(k, n, np.array([1, 1, 1, -1, -1, -1]) / 3, scope="these languages")
    assert found.low is not None
    assert found.low < 0 < (found.high or 0)
    assert found.p_value is not None
    assert found.p_value > 0.05  # an end that comes to touch 0 far out once gave 1e-14
    rng = np.random.default_rng(0)
    for _ in range(300):
        trials = rng.integers(1, 5, (rng.integers(2, 7), 6))
        successes = rng.binomial(trials, rng.random(6))
        for scope in SCOPES:
            found = language_contrast(
                successes, trials, np.array([1, 1, 1, -1, -1, -1]) / 3, scope=scope
            )
            if found.p_value is None or found.low is None or found.high is None:
                continue
            assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)


def test_order_of_clusters_and_languages_changes_nothing() -> None:
    k, n = counts(np.linspace(0.1, 0.6, 8))
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(100), rng.permutation(8)
    for scope in SCOPES:
        plain = slope(k, n, X, scope=scope)
        moved = slope(k[rows][:, columns], n[rows][:, columns], X[columns], scope=scope)
        assert (moved.low, moved.high) == pytest.approx((plain.low, plain.high))


def test_too_few_languages_say_so() -> None:
    k, n = counts(np.array([0.2, 0.3, 0.4]))
    tiers = (np.array([True, False, False]), np.array([False, True, True]))
    assert tier_gap(k, n, *tiers, scope="these languages").estimate is not None
    gap = tier_gap(k, n, *tiers, scope="languages like these")
    assert gap.estimate is None
    assert gap.reason == "too few languages to see how languages vary"
    none = tier_gap(k, n, np.zeros(3, bool), tiers[1], scope="these languages")
    assert none.reason == "no measured language in the low tier"
    assert slope(k[:, :2], n[:, :2], [0.0, 1.0], scope="these languages").estimate is None
    n[:, 0] = k[:, 0] = 0
    assert slope(k, n, [0.0, 1.0, 2.0], scope="these languages").estimate is None
    with pytest.raises(InputError, match="scope"):
        slope(*counts(np.full(4, 0.2)), X[:4], scope="everywhere")  # type: ignore[arg-type]


def planted(n: int, sd: float, effect: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[n, 60, 8] counts of 2 with clusters shared by languages, and the languages' true rates."""
    rng = np.random.default_rng(42)
    mean = 0.2 + effect * (X.max() - X)
    strength = mean * (1 - mean) / sd**2 - 1
    rates = rng.beta(mean * strength, (1 - mean) * strength, (n, 8))
    cluster = rng.choice([-0.15, 0.15], (n, 60, 1)) * np.minimum(rates, 1 - rates)[:, None, :]
    k = rng.binomial(2, rates[:, None, :] + cluster).astype(float)
    return k, np.full(k.shape, 2.0), rates


def test_coverage_and_false_claims_where_languages_vary() -> None:
    """Prompts alone cannot speak for languages like these: their interval must fail here."""
    centred = X - X.mean()
    weights = centred / np.square(centred).sum()
    design = np.column_stack([np.ones(8), centred])
    for effect in (0.0, 0.15):
        k, n, rates = planted(2000, 0.1, effect)
        truth = -effect
        fixed = fixed_language_bounds(k, n, weights)(0.95)
        wide = random_language_bounds(k, n, weights, design)(0.95)
        own = rates @ weights
        assert 0.93 < ((fixed[0] <= own) & (own <= fixed[1])).mean() < 0.98
        assert 0.93 < ((wide[0] <= truth) & (truth <= wide[1])).mean() < 0.99
        assert ((fixed[0] <= truth) & (truth <= fixed[1])).mean() < 0.7
        if effect == 0:
            assert (wide[1] < 0).mean() <= 0.05
            assert (wide[0] > 0).mean() <= 0.05
            assert (fixed[1] < 0).mean() > 0.1


def test_bootstrap_agrees_with_the_closed_form_away_from_the_ends_and_is_quick() -> None:
    k, n = counts(np.linspace(0.3, 0.6, 16), n_clusters=500)
    c = np.where(np.arange(16) < 8, -1 / 8, 1 / 8)
    started = time.perf_counter()
    drawn = bootstrap_rates(k, n, cluster_weights(500, 2000, 1))
    low, high = percentile_interval(drawn @ c)
    assert time.perf_counter() - started < 1.0
    closed = language_contrast(k, n, c, scope="these languages")
    assert (closed.low, closed.high) == pytest.approx((low, high), abs=0.003)


def test_weights_resample_clusters_and_keep_their_seed() -> None:
    weights = cluster_weights(30, 400, 9)
    assert weights.shape == (400, 30)
    assert (weights.sum(axis=1) == 30).all()
    assert weights.var() == pytest.approx(1 - 1 / 30, abs=0.05)
    assert (weights == cluster_weights(30, 400, 9)).all()
    assert (weights != cluster_weights(30, 400, 10)).any()
    with pytest.raises(InputError):
        cluster_weights(0, 10, 0)
