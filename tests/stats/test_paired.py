"""Differences, randomisation tests, Holm and t over runs against published and worked figures."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from isogloss.errors import InputError
from isogloss.stats.paired import holm, mcnemar_exact, rate_difference, sign_flip, t_over_runs


def pairs(both: int, first: int, second: int, neither: int) -> tuple[list[int], list[int]]:
    a = [1] * both + [1] * first + [0] * second + [0] * neither
    b = [1] * both + [0] * first + [1] * second + [0] * neither
    return a, b


def test_singletons_give_newcombes_paired_limits() -> None:
    """Newcombe 1998, Stat. Med. 17:2635, table II: 36, 12, 2, 0 -> 0.2 (0.0569 to 0.3404)."""
    a, b = pairs(36, 12, 2, 0)
    found = rate_difference(a, [1] * 50, b, [1] * 50)
    assert found.estimate == pytest.approx(0.2)
    assert found.low == pytest.approx(0.0569, abs=5e-5)
    assert found.high == pytest.approx(0.3404, abs=5e-5)
    assert found.p_value == pytest.approx(mcnemar_exact(12, 2))


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [
        (1, 6, 2 * 8 / 128),
        (10, 2, 2 * (1 + 12 + 66) / 4096),
        (3, 3, 1.0),
        (0, 0, 1.0),
        (0, 5, 1 / 16),
    ],
)
def test_mcnemar_by_hand(b: int, c: int, p: float) -> None:
    assert mcnemar_exact(b, c) == pytest.approx(p)
    assert mcnemar_exact(c, b) == pytest.approx(p)
    assert sign_flip([1] * b + [-1] * c + [0, 0]) == pytest.approx(p)


@pytest.mark.parametrize(
    "differences", [[3, -1, 2, 2, -4, 1, 1], [0.3, -0.25, 0.7, 0.1, 0.41], [5], [2, 2, 2, 2]]
)
def test_sign_flip_counts_every_pattern(differences: list[float]) -> None:
    d = np.array(differences)
    sums = np.array([abs(np.dot(signs, d)) for signs in product((-1, 1), repeat=d.size)])
    assert sign_flip(d) == pytest.approx((sums >= abs(d.sum()) - 1e-12).mean())


def test_sign_flip_by_chance_agrees_with_the_exact_one_and_keeps_its_seed() -> None:
    rng = np.random.default_rng(3)
    whole = rng.integers(-3, 5, size=40)
    nearly = whole * (1 + 1e-9)  # no longer whole numbers: Monte Carlo
    assert sign_flip(nearly, seed=1) == sign_flip(nearly, seed=1)
    assert sign_flip(nearly, seed=1) == pytest.approx(sign_flip(whole), abs=0.02)
    assert sign_flip(np.full(60, 0.1), seed=0) == pytest.approx(1 / 10_000)


def test_sign_flip_keeps_its_level_without_a_difference() -> None:
    rng = np.random.default_rng(11)
    p = np.array(
        [sign_flip(rng.binomial(4, 0.3, 30) - rng.binomial(4, 0.3, 30)) for _ in range(2000)]
    )
    assert (p <= 0.05).mean() <= 0.06
    assert 0.38 < (p <= 0.5).mean() < 0.52  # below .5: the sums are whole numbers


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, None, 0.4]) == [pytest.approx(0.9), None, pytest.approx(0.8)]
    assert holm([]) == []
    with pytest.raises(InputError):
        holm([1.2])


def test_t_over_runs_by_hand() -> None:
    """mean 2, standard error 1/sqrt(3), t(2; .975) = 4.3027."""
    found = t_over_runs([1.0, 2.0, 3.0])
    assert (found.low, found.high) == pytest.approx((-0.48414, 4.48414), abs=1e-5)
    assert found.p_value == pytest.approx(0.0742, abs=5e-5)
    assert found.n == 3


def test_runs_without_spread_have_no_interval() -> None:
    for values, word in (([], "no runs"), ([0.4], "one run"), ([0.2, 0.2], "do not vary")):
        found = t_over_runs(values)
        assert found.low is None
        assert found.high is None
        assert found.reason is not None
        assert word in found.reason
    assert t_over_runs([]).estimate is None


def test_width_is_kept_where_both_sides_are_zero_or_all() -> None:
    for k in ([0] * 30, [1] * 30):
        found = rate_difference(k, [1] * 30, k, [1] * 30)
        assert found.estimate == 0
        assert found.low is not None
        assert found.high is not None
        assert found.low < -0.05
        assert found.high > 0.05
        assert found.p_value == 1.0


def test_sides_clusters_and_complements_can_be_swapped() -> None:
    rng = np.random.default_rng(5)
    n_a, n_b = rng.integers(0, 5, 25), rng.integers(0, 5, 25)
    k_a, k_b = rng.binomial(n_a, 0.5), rng.binomial(n_b, 0.2)
    plain = rate_difference(k_a, n_a, k_b, n_b)
    swapped = rate_difference(k_b, n_b, k_a, n_a)
    complement = rate_difference(n_b - k_b, n_b, n_a - k_a, n_a)
    order = rng.permutation(25)
    moved = rate_difference(k_a[order], n_a[order], k_b[order], n_b[order])
    assert plain.low is not None
    assert plain.high is not None
    assert (swapped.low, swapped.high) == pytest.approx((-plain.high, -plain.low))
    assert (complement.low, complement.high) == pytest.approx((plain.low, plain.high))
    assert (moved.low, moved.high) == pytest.approx((plain.low, plain.high))
    assert swapped.p_value == pytest.approx(plain.p_value, abs=0.02)


def test_pairing_narrows_and_one_side_without_rows_is_not_measured() -> None:
    rng = np.random.default_rng(2)
    hard = rng.random(200) < 0.4
    noise = rng.random(200) < 0.05
    paired = rate_difference(hard, np.ones(200), hard ^ noise, np.ones(200))
    apart = rate_difference(hard, np.ones(200), np.roll(hard ^ noise, 1), np.ones(200))
    assert (paired.high or 0) - (paired.low or 0) < 0.6 * ((apart.high or 0) - (apart.low or 0))
    missing = rate_difference([1], [1], [0], [0])
    assert missing.estimate is None
    assert missing.reason == "no rows on one side"
