"""Benjamini-Hochberg by hand and against scipy; p-values by inverting many intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from isogloss.errors import InputError
from isogloss.stats.contrast import fixed_language_bounds, invert_level
from isogloss.stats.discovery import benjamini_hochberg, p_above, p_below


def test_adjusted_by_hand() -> None:
    """Sorted .005 .02 .03 .5: times 4/1, 4/2, 4/3, 4/4, then the running minimum from the end."""
    assert benjamini_hochberg([0.5, 0.02, None, 0.005, 0.03]) == pytest.approx(
        [0.5, 0.04, None, 0.02, 0.04]
    )
    assert benjamini_hochberg([]) == []
    assert benjamini_hochberg([None]) == [None]
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        benjamini_hochberg([1.2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_as_scipy_does(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values).tolist())


def test_false_discoveries_are_held() -> None:
    """Sixteen true nulls among twenty: the expected share of false claims is 0.05 * 16 / 20."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(2000):
        p = rng.random(20)
        p[:4] = rng.random(4) * 1e-4
        claimed = np.array(benjamini_hochberg(p.tolist()), dtype=float) <= 0.05
        shares.append(claimed[4:].sum() / max(claimed.sum(), 1))
    assert np.mean(shares) == pytest.approx(0.04, abs=0.006)


def test_many_inverted_intervals_agree_with_one() -> None:
    rng = np.random.default_rng(1)
    k = rng.integers(0, 4, (20, 30, 2)).astype(float)
    k[..., 1] *= rng.random((20, 1)) < 0.5
    n = np.full_like(k, 3)
    signs = np.array([1.0, -1.0])
    bounds = fixed_language_bounds(k, n, signs)
    above, below = p_above(bounds, 0, (20,)), p_below(bounds, 0, (20,))
    for i in range(20):
        two_sided = invert_level(fixed_language_bounds(k[i], n[i], signs))
        assert min(1.0, 2 * min(above[i], below[i])) == pytest.approx(
            two_sided, rel=1e-3, abs=1e-12
        )


def test_the_interval_at_twice_p_ends_at_the_threshold() -> None:
    k = np.array([[[1.0, 0.0]] * 7 + [[1.0, 1.0]] * 12 + [[0.0, 1.0]] * 3])
    bounds = fixed_language_bounds(k, np.ones_like(k), np.array([1.0, -1.0]))
    p = float(p_above(bounds, -0.1, (1,))[0])
    assert float(bounds(1 - 2 * p)[0][0]) == pytest.approx(-0.1, abs=1e-4)
    assert float(p_above(bounds, 0.9, (1,))[0]) == 1.0
