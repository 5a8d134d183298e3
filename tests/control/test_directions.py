"""Directions: learned, random, shuffled; their lengths, and the gate a few examples set."""

from __future__ import annotations

import numpy as np
import pytest

from control.planted import EN, FR, LAYERS, WIDTH, planted_pairs
from isogloss.control.directions import (
    Direction,
    calibrate_gate,
    check_directions,
    learned_directions,
    random_directions,
    shuffled_directions,
)
from isogloss.control.settings import Setting
from isogloss.errors import InputError

AXIS = np.eye(WIDTH)[0]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_planted_direction_is_learned_and_pushed_as_far_as_asked() -> None:
    found, reasons = learned_directions(planted_pairs(gap=20.0), "mean_difference")
    assert set(found) == {EN, FR}
    assert reasons == {}
    assert all(cosine(vector, AXIS) > 0.99 for vector in found[EN].vectors)
    edit = found[EN].edit(Setting(layers=(1, 2), strength=0.5), toward="comply", adding="comply")
    assert edit.strength == 0.5
    assert set(edit.vectors) == {1, 2}
    for layer, vector in edit.vectors.items():
        assert np.linalg.norm(vector) == pytest.approx(found[EN].residual[layer], rel=1e-5)
    own = found[EN].edit(
        Setting(layers=(1,), strength=2, unit="vector"), toward="refuse", adding="comply"
    )
    assert own.strength == -2
    assert np.linalg.norm(own.vectors[1]) == pytest.approx(20, rel=0.1)


def test_typical_length_is_the_mean_over_both_poles() -> None:
    pairs = planted_pairs(gap=6.0)
    (found, _), rows = learned_directions(pairs, "mean_difference"), pairs.rows[0]
    both = np.vstack([pairs.positive[0][rows, 1], pairs.negative[0][rows, 1]])
    assert found[EN].residual[1] == pytest.approx(np.linalg.norm(both, axis=1).mean())


def test_placebos_are_as_long_and_mean_nothing() -> None:
    pairs = planted_pairs(gap=4.0, n=200)
    like = learned_directions(pairs, "mean_difference")[0][EN]
    drawn = random_directions(like, 40, seed=1)
    shuffled = shuffled_directions(pairs, like, 40, method="mean_difference", seed=1)
    for placebo in (*drawn, *shuffled):
        lengths = np.linalg.norm(placebo.vectors, axis=1)
        assert lengths == pytest.approx(np.linalg.norm(like.vectors, axis=1))
    for placebos in (drawn, shuffled):
        cosines = [cosine(p.vectors[0], like.vectors[0]) for p in placebos]
        assert abs(np.mean(cosines)) < 3 / np.sqrt(40 * WIDTH) + 0.05
        assert len({p.fingerprint for p in placebos}) == 40
    assert drawn[0].fingerprint == random_directions(like, 1, seed=1)[0].fingerprint
    assert drawn[0].fingerprint != random_directions(like, 1, seed=2)[0].fingerprint


def test_a_gate_lies_midway_between_the_poles_of_its_examples() -> None:
    pairs = planted_pairs(gap=10.0)
    direction = learned_directions(pairs, "mean_difference")[0][EN]
    gate = calibrate_gate(direction, pairs, FR, n_examples=4, adding="comply")
    unit = direction.vectors[2] / np.linalg.norm(direction.vectors[2])
    both = [side[1][:4, 2] @ unit for side in (pairs.positive, pairs.negative)]
    assert gate.thresholds[2] == pytest.approx(np.mean(both))
    condition = gate.condition(direction, 2)
    assert (condition.layer, condition.side) == (2, "below")
    assert calibrate_gate(direction, pairs, FR, n_examples=1, adding="refuse").side == "above"


def test_a_gate_looks_at_the_lowest_layer_that_is_edited() -> None:
    pairs = planted_pairs()
    direction = learned_directions(pairs, "mean_difference")[0][EN]
    gate = calibrate_gate(direction, pairs, EN, n_examples=4, adding="comply")
    edit = direction.edit(
        Setting(layers=(1, 2), strength=1), toward="refuse", adding="comply", gate=gate
    )
    assert edit.condition is not None
    assert edit.condition.layer == 1
    assert edit.condition.threshold == pytest.approx(gate.thresholds[1])


def test_what_is_not_there_is_refused() -> None:
    pairs = planted_pairs(n=3)
    found, reasons = learned_directions(pairs, "mean_difference")
    direction = Direction(name=EN, layers=LAYERS, vectors=np.ones((3, WIDTH)), residual=np.ones(3))
    with pytest.raises(InputError, match="has no layer 7; it has 0, 1, 2"):
        direction.edit(Setting(layers=(7,), strength=1), toward="comply", adding="comply")
    with pytest.raises(InputError, match="needs 4 labelled examples a class"):
        calibrate_gate(direction, pairs, FR, n_examples=4, adding="comply")
    with pytest.raises(InputError, match=r"no direction of sw \(too few\)"):
        check_directions(found, ["sw"], "too few")
    del reasons
