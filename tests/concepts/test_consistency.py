"""Consistency: cosines, their interval, the noise ceiling, and the cosine without noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from concepts.planted_activations import planted, unit
from isogloss.concepts.activations import Activations
from isogloss.concepts.consistency import Consistency, half_vectors, measure_consistency
from isogloss.concepts.consistency_rows import consistency_rows
from isogloss.concepts.layer_choice import LayerChoice
from isogloss.concepts.parallel import ParallelPairs, parallel_pairs
from isogloss.concepts.vectors import SourceVectors, learn_vectors
from isogloss.errors import InputError

COMMON = {"target": "planted"}
SIZES = {"train": 80, "validation": 6, "test": 6}


def measured(
    activations: list[Activations], *, n_splits: int = 10
) -> tuple[ParallelPairs, SourceVectors, Consistency]:
    train = parallel_pairs(activations, "train")
    vectors = learn_vectors(train)
    return train, vectors, measure_consistency(train, vectors, n_splits=n_splits)


def at_layer(n: int, layer: int = 0) -> LayerChoice:
    columns = np.full((n, n), layer, dtype=np.int64)
    return LayerChoice(rule="fixed", layer=layer, columns=columns, layers=columns)


def test_cosines_are_the_papers() -> None:
    _, vectors, found = measured(
        planted(np.random.default_rng(0), {"fi": unit(8, 1), "sw": unit(8, 1, 1)})
    )
    a, b = vectors.vectors[:, 0]
    assert found.cosine[0, 1, 0] == pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)))
    np.testing.assert_allclose(np.diagonal(found.cosine[..., 0]), 1)
    np.testing.assert_allclose(found.cosine, found.cosine.transpose(1, 0, 2))


@pytest.mark.parametrize("strength", [2.0, 4.0])
def test_the_cosine_without_noise_is_recovered(strength: float) -> None:
    """True cosine 0.6; the plain one is far below it, at the ceiling times 0.6."""
    rng = np.random.default_rng(1)
    directions = {"fi": strength * unit(100, 1), "sw": strength * unit(100, 3, 4)}
    plain, clean, ceiling = [], [], []
    for _ in range(20):
        _, _, found = measured(planted(rng, directions, sizes=SIZES))
        plain.append(found.cosine[0, 1, 0])
        clean.append(found.disattenuated_cosine[0, 1, 0])
        ceiling.append(found.noise_ceiling[0, 1, 0])
    # A mean difference of n pairs has noise of variance 2 / n a coordinate.
    share = strength**2 / (strength**2 + 100 * 2 / 80)
    assert np.mean(ceiling) == pytest.approx(share, abs=0.04)
    assert np.mean(plain) == pytest.approx(0.6 * share, abs=0.05)
    assert np.mean(clean) == pytest.approx(0.6, abs=0.08)


def test_accidents_shared_by_parallel_pairs_do_not_count_as_agreement() -> None:
    """Two concepts at right angles, asked about with the same items, whose differences carry the
    same noise in both languages: the plain cosine is large, the disattenuated one is not."""
    rng = np.random.default_rng(2)
    plain, clean = [], []
    for _ in range(20):
        activations = planted(rng, {"fi": 5 * unit(60, 1), "sw": 5 * unit(60, 0, 1)}, sizes=SIZES)
        item = 2 * rng.standard_normal(activations[0].positive.shape)
        shared = [
            replace(a, positive=a.positive + item, negative=a.negative - item) for a in activations
        ]
        _, _, found = measured(shared)
        plain.append(found.cosine[0, 1, 0])
        clean.append(found.disattenuated_cosine[0, 1, 0])
    assert np.mean(plain) > 0.25
    assert abs(np.mean(clean)) < 0.1


def test_the_interval_covers() -> None:
    """Of the cosine of mean differences, over draws of parallel clusters of three pairs."""
    rng = np.random.default_rng(3)
    directions = {"fi": 2 * unit(20, 1), "sw": 2 * unit(20, 3, 4)}
    exact = measured(planted(rng, directions, sizes={"train": 4000, "validation": 6, "test": 6}))
    found = [
        measured(planted(rng, directions, sizes=SIZES, per_cluster=3), n_splits=2)[2]
        for _ in range(120)
    ]
    centre = np.mean([f.cosine[0, 1, 0] for f in found])
    covered = np.mean([f.low[0, 1, 0] <= centre <= f.high[0, 1, 0] for f in found])
    assert covered >= 0.9
    assert centre < exact[2].cosine[0, 1, 0]  # noise only takes away
    width = np.mean([f.high[0, 1, 0] - f.low[0, 1, 0] for f in found])
    spread = np.std([f.cosine[0, 1, 0] for f in found])
    assert width == pytest.approx(2 * 1.99 * spread, rel=0.25)


def test_halves_are_disjoint_and_alike_in_all_languages() -> None:
    activations = planted(np.random.default_rng(4), {"fi": unit(8, 1), "sw": unit(8, 1)})
    train = parallel_pairs(activations, "train")
    member = np.zeros((1, len(train.clusters)))
    member[0, ::2] = 1
    fast = half_vectors(train, "mean_difference", member)
    for half, keep in zip(fast, (member[0], 1 - member[0]), strict=True):
        slow = learn_vectors(train, member=keep).vectors
        ratio = half[0] / slow  # sums and means: one factor
        np.testing.assert_allclose(ratio, 30, rtol=1e-4)


def test_rows_have_each_pair_once_with_ceiling_and_reasons() -> None:
    rng = np.random.default_rng(5)
    fi, sw, te, ta = planted(
        rng,
        {"fi": 3 * unit(8, 1), "sw": 3 * unit(8, 1), "te": unit(8, 1), "ta": np.zeros(8)},
        strength_by_layer=(0.5, 1),
    )
    te = te.of_split("test")
    train, vectors, found = measured([fi, sw, te, ta])
    rows = consistency_rows(found, at_layer(4, 1), COMMON)
    cells = {
        (r.metric, r.source_language, r.language): r
        for r in rows
        if not r.metric.endswith("_by_layer")
    }
    assert len(cells) == 6 * 3 + 4
    plain = cells["consistency_cosine", "fi", "sw"]
    assert plain.layer == 1
    assert plain.low is not None
    assert plain.estimate is not None
    assert plain.low < plain.estimate
    assert plain.unit == "cosine"
    assert cells["noise_ceiling_cosine", "fi", "sw"].estimate == pytest.approx(1, abs=0.1)
    missing = cells["consistency_cosine", "fi", "te"]
    assert missing.reason == "no train pairs of harmfulness in te"
    assert (missing.estimate, missing.low, missing.verdict) == (None, None, "not measured")
    noise = cells["disattenuated_cosine", "fi", "ta"]
    assert noise.estimate is None
    assert noise.reason is not None
    assert noise.reason.startswith("half-vectors do not repeat")
    assert cells["split_half_cosine", "te", "te"].estimate is None
    curve = [r for r in rows if r.metric == "consistency_cosine_by_layer"]
    assert [(r.layer, r.n) for r in curve] == [(0, 3), (1, 3)]
    assert train.reasons == vectors.reasons


def test_a_zero_vector_has_no_cosine() -> None:
    (fi, sw) = planted(np.random.default_rng(6), {"fi": unit(8, 1), "sw": unit(8, 1)})
    same = replace(sw, negative=sw.positive)
    _, _, found = measured([fi, same])
    rows = consistency_rows(found, at_layer(2), COMMON)
    told = [r for r in rows if r.metric == "consistency_cosine"]
    assert [(r.estimate, r.reason) for r in told] == [
        (None, "a vector is zero at this layer: its poles do not differ")
    ]
    curve = [r for r in rows if r.metric == "consistency_cosine_by_layer"]
    assert [(r.estimate, r.verdict) for r in curve] == [(None, "not measured")]


@pytest.mark.parametrize("method", ["pca", "logistic"])
def test_other_methods_have_a_ceiling_and_say_they_have_no_interval(method: str) -> None:
    activations = planted(np.random.default_rng(7), {"fi": 3 * unit(8, 1), "sw": 3 * unit(8, 1)})
    train = parallel_pairs(activations, "train")
    vectors = learn_vectors(train, method)  # pyright: ignore[reportArgumentType]
    found = measure_consistency(train, vectors, n_splits=2)
    rows = consistency_rows(found, at_layer(2), COMMON)
    plain = next(r for r in rows if r.metric == "consistency_cosine")
    assert plain.estimate == pytest.approx(1, abs=0.2)
    assert (plain.low, plain.reason) == (None, f"no interval for {method} vectors")
    with pytest.raises(InputError, match="at least 2 halvings, got 1"):
        measure_consistency(train, vectors, n_splits=1)
