"""Edits as data: what they say, and what is refused before any model is there."""

from __future__ import annotations

import pickle
from typing import Any, get_args

import numpy as np
import pytest

from isogloss.errors import InputError
from isogloss.targets.edits import Condition, Edit, OperatorName, Positions, parse_positions
from isogloss.targets.operators import OPERATORS


def edit(**fields: Any) -> Edit:
    settings = {"vectors": {1: np.ones(4, np.float32)}, "strength": 1.0, "operator": "add"}
    return Edit(**{**settings, **fields})


def condition(**fields: Any) -> Condition:
    settings = {"layer": 1, "direction": np.ones(4), "threshold": 0.0, "side": "above"}
    return Condition(**{**settings, **fields})


@pytest.mark.parametrize(
    ("text", "prompt_tokens", "generated"),
    [
        ("all", None, True),
        ("prompt", None, False),
        ("generated", 0, True),
        ("last:1", 1, False),
        ("last:12+generated", 12, True),
    ],
)
def test_positions_have_one_spelling(text: str, prompt_tokens: int | None, generated: bool) -> None:
    positions = Positions(prompt_tokens=prompt_tokens, generated=generated)
    assert parse_positions(text) == positions
    assert str(positions) == text


@pytest.mark.parametrize(
    "text", ["", "last", "last:0", "last:-1", "last:2+prompt", "All", "last:²"]
)
def test_other_spellings_are_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(InputError, match=r"names no positions; use all, prompt, generated, last:K"):
        parse_positions(text)


@pytest.mark.parametrize(("prompt_tokens", "generated"), [(0, False), (-1, True), (-1, False)])
def test_positions_name_a_token(prompt_tokens: int, generated: bool) -> None:
    with pytest.raises(InputError, match="no token to edit"):
        Positions(prompt_tokens=prompt_tokens, generated=generated)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"vectors": {}}, "no vectors"),
        ({"vectors": {2: np.zeros(4)}}, "vector of layer 2 is zero everywhere"),
        ({"vectors": {2: [1.0, np.nan, np.inf, 1.0]}}, "layer 2 has 2 of 4 values .* not finite"),
        ({"vectors": {2: np.ones((1, 4))}}, r"layer 2 has the shape \(1, 4\)"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"strength": float("-inf")}, "strength is -inf"),
        (
            {"operator": "subtract"},
            "'subtract' is not an operator; use add, project_out, piecewise",
        ),
        ({"condition": condition(layer=2)}, "edit of layer 1 .* condition at layer 2"),
    ],
)
def test_what_no_model_could_use_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        edit(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"direction": np.zeros(4)}, "direction is zero everywhere"),
        ({"direction": np.array([np.nan])}, "direction has 1 of 1 values"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"side": "left"}, "side is 'left'; use below or above"),
    ],
)
def test_a_condition_that_cannot_be_decided_is_refused(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        condition(**fields)


def test_a_condition_at_the_lowest_edited_layer_is_in_time() -> None:
    vectors = {layer: np.ones(4) for layer in (5, 2)}
    assert edit(vectors=vectors, condition=condition(layer=2)).lowest_layer == 2
    with pytest.raises(InputError, match="too late"):
        edit(vectors=vectors, condition=condition(layer=3))


def test_only_projecting_out_forgets_a_vectors_length() -> None:
    vector = np.array([3.0, 0.0, 4.0])
    for operator in ("add", "piecewise"):
        np.testing.assert_array_equal(
            edit(vectors={0: vector}, operator=operator).direction(0), vector
        )
    projecting = edit(vectors={0: vector}, operator="project_out")
    np.testing.assert_allclose(projecting.direction(0), [0.6, 0, 0.8], rtol=1e-6)
    np.testing.assert_allclose(condition(direction=vector * 1e-30).unit, [0.6, 0, 0.8], rtol=1e-6)


def test_a_vector_changed_afterwards_changes_no_edit() -> None:
    vector = np.ones(4, np.float32)
    made = edit(vectors={0: vector})
    vector[:] = 7
    np.testing.assert_array_equal(made.direction(0), np.ones(4))


def test_rows_that_share_an_edit_still_do_in_another_process() -> None:
    made = edit(condition=condition())
    first, second = pickle.loads(pickle.dumps((made, made)))
    assert first is second
    assert made != first
    np.testing.assert_array_equal(first.vectors[1], made.vectors[1])


def test_every_operator_has_its_name() -> None:
    assert tuple(OPERATORS) == get_args(OperatorName)
