"""Mixes of a few dominant languages, and the parts of a mix's string."""

from __future__ import annotations

import pytest

from isogloss.errors import InputError
from isogloss.lab.mix import find_language, without_modifiers
from isogloss.lab.recipe import PRESETS, parse_spec


def test_named_languages_have_their_percent_and_the_others_share_the_rest() -> None:
    shares = dict(parse_spec("lab:tiny:en=40").shares)
    assert shares.pop("en-x-lab") == pytest.approx(40)
    assert list(shares.values()) == pytest.approx([60 / 7] * 7)
    shares = dict(parse_spec("lab:small:zh=20,en=30.5").shares)
    assert shares.pop("en-x-lab") == pytest.approx(30.5)
    assert shares.pop("zh-x-lab") == pytest.approx(20)
    assert list(shares.values()) == pytest.approx([49.5 / 14] * 14)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("mix", ["en=40", "en=30,zh=20", "sw=.5", "fr=33,es=33,zh=33"])
def test_they_add_up_to_a_hundred(preset: str, mix: str) -> None:
    assert sum(parse_spec(f"lab:{preset}:{mix}").shares.values()) == pytest.approx(100)


def test_they_go_with_everything_else() -> None:
    recipe = parse_spec("lab:tiny:en=40~reversed*fr=2+fixed+apart@base#4")
    assert recipe.spec == "lab:tiny:en=40~reversed*fr=2+fixed+apart@base#4"
    assert (recipe.tokenizer, recipe.bilingual) == ("fixed", 0.0)
    # Reversed, Swahili has English's 40 %; French's 60/7 is doubled, the others give way.
    rest = (100 - 120 / 7) / (100 - 60 / 7)
    assert recipe.shares["fr-x-lab"] == pytest.approx(120 / 7)
    assert recipe.shares["sw-x-lab"] == pytest.approx(40 * rest)
    assert recipe.shares["en-x-lab"] == pytest.approx(60 / 7 * rest)


def test_the_order_of_the_names_does_not_matter() -> None:
    one, other = parse_spec("lab:tiny:en=30,zh=20"), parse_spec("lab:tiny:zh=20,en=30.0")
    assert one.shares == other.shares
    assert one.key() == other.key()


@pytest.mark.parametrize(
    ("mix", "said"),
    [
        ("en=60,zh=40", "gives 100 % to 2 of 8 languages; name fewer than all"),
        ("en=60,zh=50", "gives 110 % to 2 of 8 languages"),
        ("en=9,fr=9,zh=9,es=9,id=9,fi=9,ta=9,sw=9", "gives 72 % to 8 of 8 languages"),
        ("en=100", "above 0 and below 100, not 100"),
        ("en=0", "above 0 and below 100, not 0"),
        ("en=nan", "above 0 and below 100, not nan"),
        ("en=forty", "'forty' in the mix 'en=forty' is not a number"),
        ("en=", "'' in the mix 'en=' is not a number"),
        ("en=40,zh", "'' in the mix 'en=40,zh' is not a number"),
        ("ny=40", "'ny=40' in the mix 'ny=40' does not begin with one of its languages"),
        ("klingon=40", "with one of en, fr, zh, es, id, fi, ta, sw"),
        ("=40", "does not begin with one of its languages"),
        ("en=40,", "'' in the mix 'en=40,' does not begin"),
        ("en=40,en-x-lab=20", "names en-x-lab twice; give it one percent"),
        ("french", "the percents of dominant languages (en=40 or en=30,zh=20)"),
    ],
)
def test_what_is_no_mix_says_why(mix: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_spec(f"lab:tiny:{mix}")
    assert said in str(caught.value)


def test_modifiers_are_taken_off_and_nothing_else_is() -> None:
    def even(modifier: str) -> bool:
        return modifier == "even"

    assert without_modifiers("en=30,zh=20~2*sw=2+even+apart+even", even) == (
        "en=30,zh=20~2*sw=2+apart"
    )
    assert without_modifiers("english", even) == "english"
    assert without_modifiers("a+even+b/mix.csv+even+sw=3k", even) == "a+even+b/mix.csv+sw=3k"


@pytest.mark.parametrize(
    ("code", "tag"),
    [("sw", "sw-x-lab"), ("sw-x-lab", "sw-x-lab"), ("fr", None), ("", None), ("swahili", None)],
)
def test_find_language(code: str, tag: str | None) -> None:
    assert find_language(code, ["en-x-lab", "sw-x-lab"]) == tag
