"""Spearman and Mantel against enumeration and formulas worked apart from the code."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import rankdata

from isogloss.errors import InputError
from isogloss.stats.correlation import mantel, partial_mantel, partial_spearman, spearman


def rank_r(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def symmetric(rng: np.random.Generator, n: int) -> np.ndarray:
    half = np.triu(rng.normal(size=(n, n)), 1)
    return half + half.T


def test_spearman_by_hand_and_by_scipy() -> None:
    """Ranks 1..5 against 2 1 4 3 5: 1 - 6 * 4 / (5 * 24) = 0.8."""
    assert spearman([1, 2, 3, 4, 5], [20, 10, 40, 30, 50]).estimate == pytest.approx(0.8)
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, 16), rng.integers(0, 6, 16)
    assert spearman(x, y).estimate == pytest.approx(rank_r(x, y))


def test_spearman_p_is_the_share_of_permutations() -> None:
    x, y = np.arange(6), np.array([2, 1, 4, 3, 6, 5])
    own = abs(np.corrcoef(x, y)[0, 1])
    every = [abs(np.corrcoef(x, np.array(p))[0, 1]) >= own - 1e-12 for p in permutations(y)]
    assert spearman(x, y, seed=3).p_value == pytest.approx(np.mean(every), abs=0.01)


def test_partial_spearman_is_the_textbook_formula() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=20)
    x, y = z + rng.normal(size=20), z + rng.normal(size=20)
    xy, xz, yz = (rank_r(a, b) for a, b in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_spearman(x, y, z).estimate == pytest.approx(expected)


def test_mantel_uses_every_pair_once_and_permutes_languages() -> None:
    rng = np.random.default_rng(2)
    a, b = symmetric(rng, 6), symmetric(rng, 6)
    i, j = np.triu_indices(6, 1)
    own = np.corrcoef(a[i, j], b[i, j])[0, 1]
    every = []
    for order in permutations(range(6)):
        moved = b[np.ix_(order, order)]
        every.append(abs(np.corrcoef(a[i, j], moved[i, j])[0, 1]) >= abs(own) - 1e-12)
    found = mantel(a, b, ranks=False, seed=1)
    assert found.estimate == pytest.approx(own)
    assert found.p_value == pytest.approx(np.mean(every), abs=0.015)
    assert (found.n, found.n_clusters) == (15, 6)
    assert found.low is None
    ranked = mantel(a, b)
    assert ranked.estimate == pytest.approx(rank_r(a[i, j], b[i, j]))


def test_a_matrix_with_itself_is_one_and_off_by_one_is_not() -> None:
    """A released script compared shifted cells: a true correlation of 1 came out as 0.1."""
    a = symmetric(np.random.default_rng(3), 16)
    assert mantel(a, a).estimate == pytest.approx(1.0)
    assert mantel(a, a).p_value == pytest.approx(1e-4)
    shifted = np.roll(np.roll(a, 1, axis=0), 1, axis=1)
    assert abs(mantel(a, shifted).estimate or 0) < 0.5


def test_missing_pairs_are_masked_and_never_read() -> None:
    rng = np.random.default_rng(4)
    a, b = symmetric(rng, 8), symmetric(rng, 8)
    known = np.ones((8, 8), dtype=bool)
    known[2, 5] = False
    b[2, 5] = b[5, 2] = np.nan
    i, j = np.triu_indices(8, 1)
    used = ~((i == 2) & (j == 5))
    expected = rank_r(a[i, j][used], b[i, j][used])
    found = mantel(a, b, known=known)
    assert found.estimate == pytest.approx(expected)
    assert found.n == 27
    with pytest.raises(InputError, match="known"):
        mantel(a, b)


def test_competence_alone_makes_a_mantel_and_leaves_no_partial_one() -> None:
    """Both matrices follow the two languages' competence and nothing else."""
    rng = np.random.default_rng(5)
    claims = {"plain": 0, "partial": 0}
    for seed in range(20):
        c = rng.normal(size=14)
        mean = c[:, None] + c[None, :]
        a, b = mean + 0.7 * symmetric(rng, 14), mean + 0.7 * symmetric(rng, 14)
        claims["plain"] += (mantel(a, b, seed=seed).p_value or 1) < 0.05
        claims["partial"] += (partial_mantel(a, b, c, seed=seed).p_value or 1) < 0.05
    assert claims["plain"] >= 18
    assert claims["partial"] <= 4


def test_partial_mantel_is_the_correlation_of_residuals() -> None:
    rng = np.random.default_rng(6)
    a, b, c = symmetric(rng, 7), symmetric(rng, 7), rng.normal(size=7)
    i, j = np.triu_indices(7, 1)
    z = np.column_stack([np.ones(21), rankdata(c[i] + c[j]), rankdata(np.abs(c[i] - c[j]))])
    hat = z @ np.linalg.inv(z.T @ z) @ z.T
    left, right = (rankdata(m[i, j]) - hat @ rankdata(m[i, j]) for m in (a, b))
    found = partial_mantel(a, b, c)
    assert found.estimate == pytest.approx(np.corrcoef(left, right)[0, 1])


def test_what_cannot_be_measured_says_why() -> None:
    assert spearman([1, 2, 3], [1, 2, 3]).reason == "3 languages: needs 4"
    assert spearman([1, 1, 1, 1], [1, 2, 3, 4]).reason == "one side does not vary"
    assert mantel(np.zeros((3, 3)), np.zeros((3, 3))).estimate is None
    with pytest.raises(InputError, match="symmetric"):
        mantel(np.arange(25).reshape(5, 5), np.zeros((5, 5)))
    with pytest.raises(InputError, match="finite"):
        spearman([1, 2, 3, np.nan], [1, 2, 3, 4])
