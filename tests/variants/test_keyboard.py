"""Slips are neighbours on the right keyboard, marks stay valid, and the rate is the one stated."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.records import Prompt
from isogloss.variants.hangul import jamo_neighbours
from isogloss.variants.keyboard import NO_LAYOUT, keyboard_maker, wrong_letters
from isogloss.variants.layouts import LAYOUTS, layout_of, neighbours
from isogloss.variants.made import Made, NotMade
from isogloss.variants.units import graphemes

SENTENCES = {
    "en": "The train to the coast leaves early in the morning, so we should pack tonight.",
    "fr": "Le train pour la côte part tôt le matin, nous ferons donc nos valises ce soir.",
    "ru": "Поезд на побережье уходит рано утром, поэтому нам нужно собрать вещи вечером.",
    "ko": "해안으로 가는 기차는 아침 일찍 떠나니까 오늘 밤에 짐을 싸는 것이 좋겠습니다.",
    "th": "รถไฟไปชายทะเลออกแต่เช้า เราจึงควรจัดกระเป๋าคืนนี้",
    "hi": "समुद्र तट जाने वाली रेलगाड़ी सुबह जल्दी निकलती है, इसलिए हमें आज रात सामान बाँध लेना चाहिए।",
    "ta": "கடற்கரைக்குச் செல்லும் ரயில் காலையில் புறப்படும்.",
    "ar": "القطار إلى الساحل يغادر في الصباح الباكر، لذلك علينا أن نحزم أمتعتنا الليلة.",
    "zh": "开往海边的火车一大早就出发，所以我们今天晚上应该收拾好行李。",
    "vi": "Chuyến tàu ra bờ biển khởi hành vào sáng sớm, vì vậy chúng ta nên chuẩn bị tối nay.",
}


def prompt(language: str, text: str) -> Prompt:
    return Prompt(prompt_id="1", language=language, text=text, intent="benign", cluster_id="1")


def made(language: str, text: str, rate: float, seed: int) -> Made:
    answer = keyboard_maker(rate)(prompt(language, text), random.Random(seed))
    assert isinstance(answer, Made)
    return answer


@pytest.mark.parametrize(
    ("language", "letter", "beside"),
    [
        ("en", "s", "weadzx"),
        ("en", "q", "wa"),
        ("de", "z", "tuhg"),  # QWERTZ: z between t and u
        ("fr", "a", "zqé"),  # AZERTY: é above, z beside, q below
        ("ru", "к", "уева"),
        ("hi", "क", "गदरतस"),
        ("bn", "ক", "গদরতস"),  # the same keys
        ("th", "ก", "หดำพปแ"),
        ("ar", "ب", "قفيلؤر"),
    ],
)
def test_neighbours_by_the_layout(language: str, letter: str, beside: str) -> None:
    """Read off the pictures of the layouts."""
    assert set(neighbours(language)[letter]) == set(beside)


def test_neighbourhood_is_mutual_and_no_letter_comes_twice() -> None:
    for language in ("en", "de", "fr", "tr", "ru", "mn", "el", "he", "ar", "fa", "ur", "hi", "te",
                     "th", "ko", "hy"):  # fmt: skip
        beside = neighbours(language)
        assert all(a in beside[b] for a, others in beside.items() for b in others), language
    for name, levels in LAYOUTS.items():
        letters = [c for level in levels for row in level for c in row if c != " "]
        assert len(letters) == len(set(letters)), name


def test_case_and_accents() -> None:
    assert wrong_letters("Q", "en") == ["W", "A"]
    assert wrong_letters("ộ", "vi") == ["o"]
    assert wrong_letters("é", "fr") != ["e"]  # it has its own key there
    assert wrong_letters("字", "zh") == []
    assert layout_of("ja") is None


def test_a_korean_slip_changes_one_letter_of_the_syllable() -> None:
    # ㄱ lies beside ㄷ ㅅ ㅇ ㄹ; ㅏ between ㅓ and ㅣ, under ㅑ and ㅐ, over ㅡ.
    slips = jamo_neighbours("가")
    assert set(slips) >= {"다", "사", "거", "기", "갸", "개", "그"}
    assert all(len(slip) == 1 and "가" <= slip <= "힣" for slip in slips)
    assert jamo_neighbours("각") != []
    assert jamo_neighbours("a") == []


@pytest.mark.parametrize("language", SENTENCES)
def test_a_slip_of_a_cluster_is_one_cluster(language: str) -> None:
    for cluster in set(graphemes(SENTENCES[language])):
        for slip in wrong_letters(cluster, language):
            assert len(graphemes(slip)) == 1
            assert slip != cluster


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3])
def test_the_realised_rate_is_the_stated_one(language: str, rate: float) -> None:
    rows = [made(language, SENTENCES[language], rate, seed) for seed in range(120)]
    realised = sum(row.n_edits for row in rows) / sum(row.n_units for row in rows)
    # Whole errors are drawn: half an error of standard deviation a row at most, and in dense noise
    # a few neighbouring errors count as fewer.
    drawn = 3 * 0.5 / 120**0.5 / rows[0].n_units
    assert realised == pytest.approx(rate, abs=drawn + 0.03 * rate)


def test_digits_and_signs_stay() -> None:
    text = "call 0123-456, or +7 (89)"
    for seed in range(30):
        kept = [c for c in made("en", text, 0.3, seed).text if not c.isalpha() and c != " "]
        assert kept == [c for c in text if not c.isalpha() and c != " "]


def test_nothing_to_mistype_and_no_table() -> None:
    answer = keyboard_maker(0.1)(prompt("en", "12 34 ?!"), random.Random(0))
    assert answer == NotMade("no letter that could be mistyped")
    assert made("zh", SENTENCES["zh"], 0.2, 0).note == NO_LAYOUT
    # Without a table no character comes in that was not there.
    assert set(made("zh", SENTENCES["zh"], 0.5, 3).text) <= set(SENTENCES["zh"])


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=40), st.sampled_from(["en", "hi", "ko", "zh", "ar"]), st.integers(0, 99))
def test_any_text_ends_well(text: str, language: str, seed: int) -> None:
    answer = keyboard_maker(0.5)(prompt(language, text), random.Random(seed))
    if isinstance(answer, Made):
        assert 0 <= answer.n_edits <= 2 * answer.n_units + 8
        assert answer == keyboard_maker(0.5)(prompt(language, text), random.Random(seed))
