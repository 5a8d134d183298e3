"""AUROC by hand, with ties; its interval covers, by cluster, and keeps its width at 1."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isogloss.stats.auroc import auroc_bounds, roc_area


def test_by_hand_with_ties() -> None:
    # 3 > 2, 3 > 1; 2 = 2, 2 > 1: (1 + 1 + 0.5 + 1) / 4
    area, influence = roc_area(np.array([[3.0, 2.0]]), np.array([[2.0, 1.0]]))
    assert area.tolist() == [0.875]
    assert influence.sum() == pytest.approx(0)


def test_scores_that_differ_by_rounding_are_ties() -> None:
    area, _ = roc_area(np.array([[1e6, 1e6 + 1e-9]]), np.array([[1e6, 1e6]]))
    assert area.tolist() == [0.5]


def test_no_scale_and_no_shift_of_all_scores_matters() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.5, 1, (1, 40)), rng.normal(0, 1, (1, 40))
    area, influence = roc_area(first, second)
    moved, other = roc_area(7 * first + 100, 7 * second + 100)
    np.testing.assert_allclose(moved, area)
    np.testing.assert_allclose(other, influence, atol=1e-12)
    turned, _ = roc_area(-first, -second)
    np.testing.assert_allclose(turned, 1 - area)


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("per_cluster", [1, 4])
def test_the_interval_covers(distance: float, per_cluster: int) -> None:
    """Pairs of a cluster share half of their variance; so do the two texts of a pair."""
    rng = np.random.default_rng(int(10 * distance) + per_cluster)
    true = (1 + math.erf(distance / 2)) / 2  # Phi(distance / sqrt 2)
    clusters, hits = 40, []
    for _ in range(400):
        common = rng.standard_normal((2, clusters, 1)) * math.sqrt(0.5)
        own = rng.standard_normal((2, clusters, per_cluster)) * math.sqrt(0.5)
        first, second = (common + own).reshape(2, -1)
        area, influence = roc_area(first[None] + distance, second[None])
        by_cluster = influence.reshape(1, clusters, per_cluster).sum(axis=-1)
        low, high = auroc_bounds(area, by_cluster, np.array([float(clusters)]))
        hits.append(low[0] <= true <= high[0])
    assert np.mean(hits) >= 0.93


def test_the_interval_keeps_its_width_at_one() -> None:
    low, high = auroc_bounds(np.array([1.0]), np.zeros((1, 20)), np.array([20.0]))
    assert low[0] == pytest.approx(0.82, abs=0.02)  # Wilson's for 20 of 20, t quantile
    assert high[0] == 1
