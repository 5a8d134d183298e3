"""What is searched, and which way a setting pushes."""

from __future__ import annotations

import math

import pytest

from isogloss.control.settings import (
    SearchGrid,
    Setting,
    default_layers,
    polarity,
    read_grid,
    settings_of,
    signed_strength,
)
from isogloss.errors import InputError


@pytest.mark.parametrize(
    ("operator", "toward", "adding", "sign"),
    [
        ("add", "comply", "comply", 1),
        ("add", "refuse", "comply", -1),
        ("add", "refuse", "refuse", 1),
        ("add", "comply", "refuse", -1),
        ("piecewise", "refuse", "comply", 1),
        ("piecewise", "refuse", "refuse", 1),
        ("piecewise", "comply", "comply", -1),
        ("project_out", "comply", "comply", 1),
        ("project_out", "refuse", "comply", 1),
    ],
)
def test_the_sign_follows_from_what_is_wanted(
    operator: str, toward: str, adding: str, sign: int
) -> None:
    setting = Setting(layers=(1,), strength=0.5, operator=operator)  # type: ignore[arg-type]
    assert signed_strength(setting, toward, adding) == sign * 0.5  # type: ignore[arg-type]


def test_adding_harmlessness_makes_a_model_comply_and_others_must_be_said() -> None:
    assert polarity("harmfulness", None) == "comply"
    assert polarity("toxicity", "refuse") == "refuse"
    with pytest.raises(InputError, match="--adding comply or --adding refuse"):
        polarity("toxicity", None)


def test_every_setting_has_a_name_of_its_own() -> None:
    found = settings_of(SearchGrid(), 4)
    assert len({setting.name for setting in found}) == len(found) == 6 * (5 + 1 + 5)
    assert Setting(layers=(2, 3), strength=0.3).name == "add 0.3 residual at 2,3 (all)"


@pytest.mark.parametrize(("n_layers", "singles"), [(1, 1), (2, 2), (4, 4), (12, 8), (32, 8)])
def test_layers_by_depth(n_layers: int, singles: int) -> None:
    found = default_layers(n_layers)
    assert sum(len(layers) == 1 for layers in found) == singles
    assert tuple(range(n_layers)) in found
    assert all(0 <= layer < n_layers for layers in found for layer in layers)


def test_what_is_typed() -> None:
    grid = read_grid(
        layers="3;4;4,3", strengths="0.3,0.1", operators="add", unit="vector", positions="last:2"
    )
    assert grid.layers == ((3,), (4,), (3, 4))
    assert grid.strengths == (0.1, 0.3)
    assert [s.positions for s in settings_of(grid, 5)] == ["last:2"] * 6


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"layers": "a"}, "sets parted by semicolons"),
        ({"strengths": "0.1;0.2"}, "strengths 0.1,0.3"),
        ({"operators": "push"}, "choose from add"),
        ({"layers": "9"}, "there is no layer 9: the model has the layers 0 to 4"),
        ({"strengths": "nan"}, "a number above 0"),
        ({"strengths": "-1"}, "--toward says which way"),
        ({"positions": "first"}, "names no positions"),
        ({"layers": "-1"}, "from 0 on"),
    ],
)
def test_what_cannot_be_searched_is_refused(typed: dict[str, str], told: str) -> None:
    asked = {"layers": None, "strengths": None, "operators": None, "positions": "all"} | typed
    with pytest.raises(InputError, match=told):
        settings_of(read_grid(unit="residual", **asked), 5)  # type: ignore[arg-type]


def test_a_strength_that_is_no_number_is_no_setting() -> None:
    for strength in (0.0, math.inf, math.nan):
        with pytest.raises(InputError, match="above 0"):
            Setting(layers=(0,), strength=strength)
