"""The sixteen micro-languages: the tree and its distances."""

from __future__ import annotations

import itertools

import pytest

from isogloss.lab.tongues import TONGUES, genetic_distance, word_order_distance


def _lab(code: str) -> str:
    return f"{code}-x-lab"


def test_sixteen_in_the_order_of_resource() -> None:
    codes = "en fr zh es pt vi ca id ja ko fi hu ta te sw ny"
    assert list(TONGUES) == [_lab(code) for code in codes.split(" ")]
    assert all(tongue.tag == tag for tag, tongue in TONGUES.items())


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("fr", "fr", 0),
        ("fr", "ca", 1 / 3),
        ("fi", "hu", 1 / 3),
        ("sw", "ny", 1 / 3),
        ("en", "fr", 2 / 3),
        ("ja", "ko", 1),
        ("zh", "vi", 1),
        ("en", "ny", 1),
    ],
)
def test_genetic_distance(one: str, other: str, distance: float) -> None:
    assert genetic_distance(_lab(one), _lab(other)) == pytest.approx(distance)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("en", "zh", 0),  # both SVO, before, free
        ("en", "fi", 2 / 3),  # SVO both; fi has endings, hence after and fused
        ("ja", "ta", 1 / 3),  # both SOV, after; ta fuses
        ("en", "ja", 2 / 3),
        ("en", "ta", 1),
    ],
)
def test_word_order_distance(one: str, other: str, distance: float) -> None:
    assert word_order_distance(_lab(one), _lab(other)) == pytest.approx(distance)


@pytest.mark.parametrize("distance", [genetic_distance, word_order_distance])
def test_distances_are_symmetric_and_bounded(distance) -> None:
    for one, other in itertools.product(TONGUES, repeat=2):
        assert distance(one, other) == distance(other, one)
        assert 0 <= distance(one, other) <= 1
        assert one != other or distance(one, other) == 0


def test_families() -> None:
    sisters: dict[str, set[str]] = {}
    for tag, tongue in TONGUES.items():
        sisters.setdefault(tongue.family, set()).add(tag.split("-")[0])
    assert sisters["Romance"] == {"fr", "es", "pt", "ca"}
    assert sisters["Finno-Ugric"] == {"fi", "hu"}
    assert sisters["Southern"] == {"ta", "te"}
    assert sisters["Bantu"] == {"sw", "ny"}
    assert len(sisters) == 10


def test_endings_come_only_where_the_adposition_is_after() -> None:
    assert all(t.adposition == "after" for t in TONGUES.values() if t.fused)
    assert all(t.adposition == "after" for t in TONGUES.values() if t.order == "SOV")
