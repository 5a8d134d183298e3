"""Rank correlation over ordered pairs against scipy, enumeration and simulated nulls."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

from isogloss.errors import InputError
from isogloss.stats.ordered_pairs import (
    PermutedStatistic,
    language_orders,
    ordered_correlation,
    pooled,
)

Array = NDArray[np.float64]


def spearman(x: Array, y: Array) -> float:
    return float(spearmanr(x, y).statistic)  # type: ignore[attr-defined]


def others(n: int) -> NDArray[np.bool_]:
    return ~np.eye(n, dtype=bool)


def correlated(
    x: Array, y: Array, *, seed: int = 0, n: int = 99, covariate: Array | None = None
) -> PermutedStatistic:
    found = ordered_correlation(x, y, language_orders(len(x), n=n, seed=seed), covariate=covariate)
    assert isinstance(found, PermutedStatistic)
    return found


def test_both_directions_of_a_pair_count() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 7)), rng.normal(size=(7, 7))
    found = correlated(x, y)
    assert found.value == pytest.approx(spearman(x[others(7)], y[others(7)]))
    assert (found.n_pairs, found.n_languages) == (42, 7)


def test_p_is_the_share_of_all_orders_of_the_languages() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6, 6))
    y = x + rng.normal(size=(6, 6))
    own = abs(spearman(x[others(6)], y[others(6)]))
    every = [
        abs(spearman(x[np.ix_(order, order)][others(6)], y[others(6)])) >= own - 1e-12
        for order in permutations(range(6))
    ]
    assert correlated(x, y, n=4_999).p_two_sided == pytest.approx(np.mean(every), abs=0.015)


def test_a_grid_may_lack_rows_and_pairs_and_none_of_them_is_zero() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(7, 7)), rng.normal(size=(7, 7))
    y[3:] = np.nan
    x[0, 5] = np.nan
    used = others(7) & np.isfinite(x) & np.isfinite(y)
    found = correlated(x, y)
    assert found.value == pytest.approx(spearman(x[used], y[used]))
    assert found.n_pairs == used.sum() == 17
    assert found.value != pytest.approx(correlated(np.nan_to_num(x), y).value)


def test_the_partial_correlation_is_that_of_residuals_of_ranks() -> None:
    rng = np.random.default_rng(3)
    c = rng.normal(size=7)
    x, y = rng.normal(size=(7, 7)) + c, rng.normal(size=(7, 7)) - c
    i, j = np.nonzero(others(7))
    design = np.column_stack([np.ones(42), rankdata(c[i]), rankdata(c[j])])
    left, right = (
        v - design @ np.linalg.lstsq(design, v, rcond=None)[0]
        for v in (rankdata(x[i, j]), rankdata(y[i, j]))
    )
    found = correlated(x, y, covariate=c)
    assert found.value == pytest.approx(np.corrcoef(left, right)[0, 1])
    x[1, 2] = np.nan  # the same, once it is solved order by order
    assert correlated(x, y, covariate=c).n_pairs == 41


def test_what_cannot_be_told_has_a_reason() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(6, 6))
    orders = language_orders(6, n=9)
    assert "languages" in str(ordered_correlation(x[:3, :3], x[:3, :3], language_orders(3, n=9)))
    assert ordered_correlation(np.ones((6, 6)), x, orders) == "one side does not vary"
    c = rng.normal(size=6)
    node = np.tile(c, (6, 1))
    assert "beyond the covariate" in str(ordered_correlation(node, x, orders, covariate=c))
    c[2] = np.nan
    assert "no covariate" in str(ordered_correlation(x, x, orders, covariate=c))


@pytest.mark.parametrize("is_partial", [False, True])
def test_nothing_is_found_in_five_percent_where_nothing_is(is_partial: bool) -> None:
    """Languages differ in what they give and take, and both sides go with competence."""
    n, hits, told = 250, 0, 0
    for seed in range(n):
        rng = np.random.default_rng(seed)
        c, give, take, other = rng.normal(size=(4, 8))
        y = np.tile(take - c * is_partial, (8, 1)) + give[:, None] + rng.normal(size=(8, 8)) / 5
        x = np.tile(other + c, (8, 1))
        orders = language_orders(8, n=99, seed=seed)
        found = ordered_correlation(x, y, orders, covariate=c if is_partial else None)
        if isinstance(found, PermutedStatistic):
            told += 1
            hits += found.p_two_sided <= 0.05
    assert told > 0.95 * n
    assert hits / told <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / told)


def test_what_is_detectable_is_found_in_four_of_five() -> None:
    """A planted correlation of the size named, over 200 draws of eight languages."""
    rng = np.random.default_rng(5)
    found = correlated(rng.normal(size=(8, 8)), rng.normal(size=(8, 8)), n=999)
    size = found.detectable(0.05)
    assert 0.2 < size < 0.6
    weight = 2 * np.sin(np.pi * size / 6)  # Pearson's r of normals with this Spearman's rho
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x, noise = rng.normal(size=(2, 8, 8))
        y = weight * x + np.sqrt(1 - weight**2) * noise
        hits += correlated(x, y, seed=seed).p_two_sided <= 0.05
    assert hits / 200 == pytest.approx(0.8, abs=0.1)


def test_runs_are_pooled_under_the_same_names() -> None:
    rng = np.random.default_rng(6)
    y = rng.normal(size=(6, 6))
    runs = [correlated(y + rng.normal(size=(6, 6)), y) for _ in range(3)]
    whole = pooled(runs)
    assert whole.value == pytest.approx(np.mean([run.value for run in runs]))
    assert whole.permuted[4] == pytest.approx(np.mean([run.permuted[4] for run in runs]))
    with pytest.raises(InputError, match="same permutations"):
        pooled([runs[0], correlated(y, y, n=9)])
