"""Characters, words and the distance between sequences of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.variants.units import edit_distance, graphemes, latin_share, words, writes_spaces


def by_definition(one: str, other: str, *, transpositions: bool) -> int:
    """The recursion as the textbooks write it."""
    if not one or not other:
        return len(one) + len(other)
    best = min(
        by_definition(one[:-1], other, transpositions=transpositions) + 1,
        by_definition(one, other[:-1], transpositions=transpositions) + 1,
        by_definition(one[:-1], other[:-1], transpositions=transpositions) + (one[-1] != other[-1]),
    )
    if transpositions and one[-2:] == other[-2:][::-1] and len(one) > 1 and len(other) > 1:
        best = min(best, by_definition(one[:-2], other[:-2], transpositions=transpositions) + 1)
    return best


@pytest.mark.parametrize(
    ("one", "other", "swaps", "distance"),
    [
        ("kitten", "sitting", False, 3),
        ("ab", "ba", False, 2),
        ("ab", "ba", True, 1),
        ("ca", "abc", True, 3),  # optimal string alignment; true Damerau-Levenshtein would be 2
        ("", "abc", True, 3),
        ("same", "same", True, 0),
    ],
)
def test_known_distances(one: str, other: str, swaps: bool, distance: int) -> None:
    assert edit_distance(one, other, transpositions=swaps) == distance


@settings(max_examples=200, deadline=None)
@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.booleans())
def test_bit_vectors_give_the_distance_of_the_definition(one: str, other: str, swaps: bool) -> None:
    truth = by_definition(one, other, transpositions=swaps)
    assert edit_distance(one, other, transpositions=swaps) == truth


def test_a_book_is_measured_too() -> None:
    book = "na so was " * 4000
    assert edit_distance(book, book[:20_000] + "x" + book[20_003:], transpositions=True) == 3


def test_a_letter_keeps_its_marks() -> None:
    assert graphemes("กำที่") == ["กำ", "ที่"]
    assert graphemes("e\u0301a") == ["e\u0301", "a"]


def test_words_leave_punctuation_out() -> None:
    found = [word.text for word in words("Where's the ‘low-income’ flat, no. 7?")]
    assert found == ["Where's", "the", "low-income", "flat", "no", "7"]
    assert [word.text for word in words("हिन्दी में")] == ["हिन्दी", "में"]


def test_scripts() -> None:
    assert [tag for tag in ("en", "zh", "ja", "th", "km", "ko", "zh-Hant", "fi-x-lab", "my")
            if not writes_spaces(tag)] == ["zh", "ja", "th", "km", "zh-Hant", "my"]  # fmt: skip
    assert latin_share("Привет ok") == pytest.approx(0.25)
    assert latin_share("12 !") is None
