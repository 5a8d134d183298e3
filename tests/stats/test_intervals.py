"""Wilson against published figures; the clustered interval by hand, by property and by coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import InputError
from isogloss.stats.intervals import clustered_rate, summarise_rates, wilson

COUNTS = st.lists(
    st.integers(0, 8).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=1,
    max_size=30,
).filter(lambda pairs: sum(n for _, n in pairs) > 0)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [  # Newcombe 1998, Stat. Med. 17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_limits(k: int, n: int, low: float, high: float) -> None:
    found = wilson(k, n)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_no_rows_is_not_measured_and_never_zero() -> None:
    for found in (wilson(0, 0), clustered_rate([], []), clustered_rate([0, 0], [0, 0])):
        assert found.estimate is None
        assert found.low is None
        assert found.high is None
        assert found.n == 0
        assert found.reason == "no rows"


def test_singleton_clusters_are_wilson() -> None:
    found, plain = clustered_rate([1] * 3 + [0] * 47, [1] * 50), wilson(3, 50)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))
    assert found.method == "Wilson"


def test_effective_sample_size_by_hand() -> None:
    """Ten clusters of four, five all successes and five all failures: icc is 1 up to the prior.

    rate 1/2; residuals +-2/40; observed variance 10/9 * 10 * (1/20)^2 = 1/36; independent rows
    (1/4)/40 = 1/160; ratio 160/36 > 4, so icc is clipped to 1; five clusters of the rarer kind
    weigh (5/2)^2 = 6.25 against the prior 0.4: icc = (6.25 + 0.4) / 7.25; deff = 1 + 3 icc.
    """
    k = np.array([[4.0]] * 5 + [[0.0]] * 5)
    summary = summarise_rates(k, np.full((10, 1), 4.0))
    icc = 6.65 / 7.25
    assert summary.n_effective[0] == pytest.approx(40 / (1 + 3 * icc))
    assert summary.df[0] == 9


def test_average_of_two_languages_by_hand() -> None:
    """Singletons, each language on clusters of its own: n is 1 / (sum of w^2 / n_l) in effect.

    rates 0.5 of 10 and 0.5 of 30, weights 1/2: variance 0.25 (0.25/10 + 0.25/30) = 1/120; the worth
    is 0.25 / (1/120) = 30 rows.
    """
    k, n = np.zeros((40, 2)), np.zeros((40, 2))
    n[:10, 0] = n[10:, 1] = 1
    k[:5, 0] = k[10:25, 1] = 1
    summary = summarise_rates(k, n, np.array([[0.5], [0.5]]))
    assert summary.rate[0] == pytest.approx(0.5)
    assert summary.n_effective[0] == pytest.approx(30)


@given(COUNTS)
@settings(max_examples=80, deadline=None)
def test_bounds_hold_the_estimate_inside_the_unit_interval(pairs: list[tuple[int, int]]) -> None:
    k, n = (np.array(x, dtype=float) for x in zip(*pairs, strict=True))
    found = clustered_rate(k, n)
    assert found.estimate is not None
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.high - found.low > 0.01


@given(COUNTS, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_order_of_clusters_and_absent_clusters_change_nothing(pairs, random) -> None:
    k, n = (np.array(x, dtype=float) for x in zip(*pairs, strict=True))
    order = list(range(len(pairs)))
    random.shuffle(order)
    plain, moved = clustered_rate(k, n), clustered_rate(k[order], n[order])
    padded = clustered_rate(np.append(k, 0.0), np.append(n, 0.0))
    for other in (moved, padded):
        assert (other.low, other.high) == pytest.approx((plain.low, plain.high), abs=1e-12)
        assert (other.n, other.k, other.n_clusters) == (plain.n, plain.k, plain.n_clusters)


@given(COUNTS)
@settings(max_examples=50, deadline=None)
def test_failures_mirror_successes(pairs: list[tuple[int, int]]) -> None:
    k, n = (np.array(x, dtype=float) for x in zip(*pairs, strict=True))
    found, mirror = clustered_rate(k, n), clustered_rate(n - k, n)
    assert found.low is not None
    assert found.high is not None
    assert (1 - found.high, 1 - found.low) == pytest.approx((mirror.low, mirror.high), abs=1e-9)


def test_zero_events_on_clusters_stay_wider_than_on_rows_and_narrow_with_clusters() -> None:
    widths = [clustered_rate([0] * c, [8] * c).high or math.nan for c in (5, 20, 80, 320)]
    assert widths == sorted(widths, reverse=True)
    assert widths[1] > (wilson(0, 160).high or math.nan)
    assert widths[1] > 0.05


def test_higher_levels_are_wider() -> None:
    k, n = [3, 0, 1, 0, 2, 0], [4] * 6
    widths = [
        (e.high or 0) - (e.low or 0)
        for e in (clustered_rate(k, n, level) for level in (0.8, 0.95, 0.99))
    ]
    assert widths == sorted(widths)
    assert len(set(widths)) == 3


@pytest.mark.parametrize(
    ("k", "n"), [([3], [2]), ([-1], [2]), ([math.nan], [2]), ([1, 1], [2]), (1, 2)]
)
def test_what_cannot_be_counts_is_refused(k: object, n: object) -> None:
    with pytest.raises(InputError):
        clustered_rate(k, n)  # type: ignore[arg-type]


@pytest.mark.parametrize(("rate", "icc"), [(0.02, 0.3), (0.1, 0.6), (0.5, 0.0), (0.5, 0.6)])
def test_coverage_on_clusters(rate: float, icc: float) -> None:
    """4,000 simulated audits of 40 clusters of 8; Wilson on rows misses where clusters matter."""
    rng = np.random.default_rng(7)
    shape = (40, 4000)
    strength = (1 - icc) / icc if icc else math.inf
    chance = rng.beta(rate * strength, (1 - rate) * strength, shape) if icc else rate
    k = rng.binomial(8, chance, shape).astype(float)
    low, high = summarise_rates(k, np.full(shape, 8.0)).bounds(0.95)
    assert 0.915 < ((low <= rate) & (rate <= high)).mean() < 0.995
    as_rows = [wilson(int(total), 320) for total in k.sum(axis=0)[:1000]]
    naive = np.mean([(e.low or 0) <= rate <= (e.high or 1) for e in as_rows])
    assert (naive < 0.85) == (icc > 0)
