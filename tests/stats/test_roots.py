"""A root between two ends."""

from __future__ import annotations

import math

import pytest

from isogloss.stats.roots import root_between


@pytest.mark.parametrize(("one", "other"), [(0.0, 2.0), (2.0, 0.0)])
def test_it_is_found_from_either_side(one: float, other: float) -> None:
    found = root_between(lambda x: x * x - 2, one, other, within=1e-9)
    assert found == pytest.approx(math.sqrt(2), abs=1e-8)


def test_ends_of_one_sign_are_an_error() -> None:
    with pytest.raises(ValueError, match="different signs"):
        root_between(lambda x: x * x + 1, 0.0, 2.0, within=1e-9)
