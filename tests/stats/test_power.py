"""Sample sizes against textbook figures, scipy's noncentral t and a simulation."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import nct, t

from isogloss.errors import InputError
from isogloss.stats.distributions import noncentral_t_power
from isogloss.stats.intervals import Estimate, clustered_rate
from isogloss.stats.paired import rate_difference
from isogloss.stats.power import (
    Design,
    detectable_difference,
    multiplier,
    needed_clusters,
    needed_n,
    needed_runs,
)


@pytest.mark.parametrize(
    ("rate", "difference", "n"),
    # (1.95996 + 0.84162)^2 (p1 q1 + p2 q2) / d^2, rounded up
    [(0.10, 0.05, 683), (0.50, 0.10, 385), (0.05, 0.15, 73)],
)
def test_two_proportions_by_hand(rate: float, difference: float, n: int) -> None:
    other = rate + difference
    by_hand = 7.8489 * (rate * (1 - rate) + other * (1 - other)) / difference**2
    assert by_hand == pytest.approx(n, abs=1)
    assert needed_n(Design(n_clusters=1, rate=rate), difference) == n


def test_detectable_and_needed_are_each_others_inverse() -> None:
    base = Design(n_clusters=1, rate=0.2, cluster_size=4, icc=0.3, language_sd=0.02)
    for question in ("difference", "gap", "non-inferiority"):
        n = needed_n(base, 0.08, question)
        assert n is not None
        at = detectable_difference(replace(base, n_clusters=n), question)
        below = detectable_difference(replace(base, n_clusters=n - 1), question)
        assert at is not None
        assert below is not None
        assert at <= 0.08 < below


def test_more_of_everything_sees_smaller_differences() -> None:
    base = Design(n_clusters=100, rate=0.2, cluster_size=4, icc=0.4)
    seen = detectable_difference(base)
    assert seen is not None
    better = (
        {"n_clusters": 200},
        {"cluster_size": 8},
        {"icc": 0.1},
        {"pairing": 0.5},
        {"power": 0.7},
        {"level": 0.9},
    )
    for change in better:
        assert (detectable_difference(replace(base, **change)) or 1) < seen
    assert (detectable_difference(replace(base, n_comparisons=15)) or 0) > seen
    # rows of one prompt that are all alike are worth one
    alike = replace(base, icc=1.0)
    assert detectable_difference(alike) == pytest.approx(
        detectable_difference(replace(base, cluster_size=1)), rel=0.01
    )


def test_languages_that_vary_put_a_floor_no_prompts_lift() -> None:
    base = Design(n_clusters=300, rate=0.1, language_sd=0.1)
    assert needed_n(base, 0.10, "gap") is None
    assert needed_n(replace(base, language_sd=None), 0.10, "gap") is not None
    assert needed_n(replace(base, n_low=20, n_high=20), 0.10, "gap") is not None
    many = detectable_difference(replace(base, n_clusters=1_000_000), "gap")
    delta = multiplier(base, "gap")
    assert 1 - nct.cdf(t.ppf(0.975, 8), 8, delta) == pytest.approx(0.8, abs=1e-6)
    assert many == pytest.approx(delta * 0.1 * (2 / 5) ** 0.5, rel=0.01)


def test_the_planned_power_is_had_by_the_difference_that_is_reported() -> None:
    n = needed_n(Design(n_clusters=1, rate=0.2), 0.12)
    assert n is not None
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(600):
        a, b = rng.random(n) < 0.32, rng.random(n) < 0.2
        found += (rate_difference(a, np.ones(n), b, np.ones(n)).low or 0) > 0
    assert found / 600 == pytest.approx(0.8, abs=0.06)


def test_needed_clusters_from_an_estimate() -> None:
    estimate = Estimate(
        estimate=0.0, low=-0.1, high=0.1, n=100, k=None, n_clusters=50, method="m", detectable=0.14
    )
    assert needed_clusters(estimate, 0.07) == 200
    assert needed_clusters(clustered_rate([1], [2]), 0.07) is None
    with pytest.raises(InputError):
        needed_clusters(estimate, 0.0)


@pytest.mark.parametrize(
    "change",
    [{"icc": 2.0}, {"rate": -0.1}, {"n_clusters": 0}, {"language_sd": 0.9}, {"power": 1.0}],
)
def test_values_out_of_range_name_themselves(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        replace(Design(n_clusters=10), **change)
    with pytest.raises(InputError, match="two languages"):
        multiplier(Design(n_clusters=10, n_low=1, language_sd=0.1), "gap")


def test_needed_runs_are_the_fewest_with_the_power() -> None:
    """Simulated: at that many runs 80 % of t tests tell, at two fewer less do."""
    rng = np.random.default_rng(0)
    mean, spread, n = 0.3, 0.4, 5
    half = t.ppf(0.975, n - 1) * spread / np.sqrt(n)
    runs = needed_runs(mean, mean - half, mean + half, n, null=0.0)
    assert runs is not None
    told: list[float] = []
    for m in (runs, runs - 2):
        values = rng.normal(mean, spread, size=(20_000, m))
        error = values.std(axis=1, ddof=1) / np.sqrt(m)
        told.append(float((np.abs(values.mean(axis=1)) > t.ppf(0.975, m - 1) * error).mean()))
    assert told[0] == pytest.approx(0.8, abs=0.03)
    assert told[1] < told[0]


def test_power_far_out_is_a_number_and_rises() -> None:
    """At an effect of 1.546 spreads scipy has no number for 625 runs and more."""
    far = [
        noncentral_t_power(float(t.ppf(0.975, n - 1)), n - 1, 1.546 * n**0.5)
        for n in range(600, 700)
    ]
    assert min(far) > 1 - 1e-9
    near = [noncentral_t_power(2.0, 600, distance) for distance in np.linspace(0, 40, 200)]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(near))
    assert needed_runs(0.18, -0.11, 0.46, 3, null=0.0) == 6


def test_needed_runs_have_a_null_and_a_bound() -> None:
    assert needed_runs(0.55, 0.45, 0.65, 5, null=0.5) == needed_runs(0.05, -0.05, 0.15, 5, null=0.0)
    assert needed_runs(0.0, -0.1, 0.1, 5, null=0.0) is None
    with pytest.raises(InputError, match="is not known"):
        needed_runs(0.0, -0.1, 0.1, 1, null=0.0)
    with pytest.raises(InputError, match="is not known"):
        needed_runs(0.0, 0.0, 0.0, 5, null=0.0)
