"""Simulated recognition: the rate is the stated one, and what replaces a word sounds like it."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from isogloss.records import Prompt
from isogloss.variants.made import Made, NotMade
from isogloss.variants.sounds import SoundIndex, sound_of
from isogloss.variants.speech import BY_CHARACTER, speech_maker, spoken_units

TEXTS = (
    "The Train to the Coast leaves early, so we should pack tonight!",
    "Rain fell on the coast; the trains were late and the boats stayed in.",
    "We should back the boat out before the night train leaves the coast.",
)


def prompts(language: str = "en", texts: tuple[str, ...] = TEXTS) -> list[Prompt]:
    return [
        Prompt(prompt_id=str(i), language=language, text=text, intent="benign", cluster_id=str(i))
        for i, text in enumerate(texts)
    ]


def test_case_and_punctuation_go_and_are_no_errors() -> None:
    make = speech_maker(1e-9, prompts())
    row = make(prompts()[0], random.Random(0))
    assert isinstance(row, Made)
    assert row.text == "the train to the coast leaves early so we should pack tonight"
    assert (row.n_units, row.n_edits) == (12, 0)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
def test_the_realised_rate_is_the_stated_one(rate: float) -> None:
    everything = prompts()
    make = speech_maker(rate, everything)
    rows = [make(p, random.Random(seed)) for p in everything for seed in range(200)]
    made = [row for row in rows if isinstance(row, Made)]
    realised = sum(row.n_edits for row in made) / sum(row.n_units for row in made)
    assert realised == pytest.approx(rate, rel=0.08)


def test_only_words_of_the_set_come_in() -> None:
    everything = prompts()
    vocabulary = {word for p in everything for word in spoken_units(p.text, "en")}
    for seed in range(40):
        row = speech_maker(0.5, everything)(everything[1], random.Random(seed))
        assert isinstance(row, Made)
        assert set(row.text.split()) <= vocabulary


def test_which_words_are_hit_does_not_depend_on_the_company() -> None:
    """A word that no prompt shares sounds like nothing, so both vocabularies leave it out."""
    alone = prompts(texts=("one two three four five six seven eight",))
    company = alone + prompts(texts=("", "xyz", "qqq"))[1:]
    for seed in range(40):
        first = speech_maker(0.3, alone)(alone[0], random.Random(seed))
        second = speech_maker(0.3, company)(alone[0], random.Random(seed))
        assert isinstance(first, Made)
        assert isinstance(second, Made)
        assert first.n_units == second.n_units
        kept = [set(row.text.split()) & set(alone[0].text.split()) for row in (first, second)]
        assert len(kept[0] ^ kept[1]) <= 1


def test_languages_without_spaces_are_counted_in_characters() -> None:
    chinese = prompts("zh", ("我们今天晚上收拾行李。", "火车一大早就出发。", "是事市式试"))
    row = speech_maker(0.3, chinese)(chinese[2], random.Random(1))
    assert isinstance(row, Made)
    assert row.note == BY_CHARACTER
    assert row.n_units == 5
    assert " " not in row.text


def test_homophones_are_found_by_their_romanised_form() -> None:
    index = SoundIndex(list("是事市火车"), "zh")
    assert {index.similar("是", draw) for draw in (0.0, 0.5, 0.99)} <= {"事", "市"}
    assert index.similar("火", 0.5) is None


@pytest.mark.parametrize(
    ("word", "other", "language"),
    [
        ("bear", "pear", "en"),
        ("Köder", "kutter", "de"),
        ("дом", "том", "ru"),
        ("kick", "cick", "en"),
    ],
)
def test_sounds_alike(word: str, other: str, language: str) -> None:
    assert sound_of(word, language) == sound_of(other, language)


def test_kanji_sound_like_nothing_and_kana_like_kana() -> None:
    assert sound_of("東", "ja") == ""
    assert sound_of("か", "ja") == sound_of("が", "ja") != ""


def test_frequent_words_come_in_more_often() -> None:
    index = SoundIndex(["the"] * 90 + ["rhubarb"] * 10, "en")
    drawn = [index.any_word(i / 100) for i in range(100)]
    assert drawn.count("the") == 90
    assert sum(a != b for a, b in pairwise(drawn)) == 1


def test_nothing_to_hear() -> None:
    answer = speech_maker(0.1, prompts())(prompts(texts=("?!",))[0], random.Random(0))
    assert answer == NotMade("no word that could be misheard")
