"""Two detectors that agree name the language; anything less is an abstention."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss import identify
from isogloss.identify import identify_language
from isogloss.languages import resolve_language

# Sentences of our own.
SENTENCES = {
    "en": "The train to the coast leaves early in the morning, so we should pack tonight.",
    "fr": "Le train pour la côte part tôt le matin, nous ferons donc nos valises ce soir.",
    "de": "Der Zug an die Küste fährt früh am Morgen, deshalb sollten wir heute Abend packen.",
    "es": "El tren hacia la costa sale temprano por la mañana, así que preparamos la maleta hoy.",
    "pt": "O comboio para a costa sai cedo de manhã, por isso devemos fazer as malas esta noite.",
    "fi": "Juna rannikolle lähtee aikaisin aamulla, joten meidän pitäisi pakata tänä iltana.",
    "hu": "A vonat kora reggel indul a tengerpartra, ezért még ma este össze kell csomagolnunk.",
    "vi": "Chuyến tàu ra bờ biển khởi hành vào sáng sớm, vì vậy chúng ta nên chuẩn bị tối nay.",
    "zh": "开往海边的火车一大早就出发，所以我们今天晚上应该收拾好行李。",
    "ja": "海岸行きの列車は朝早く出るので、今夜のうちに荷造りをしましょう。",
    "ko": "해안으로 가는 기차는 아침 일찍 떠나니까 오늘 밤에 짐을 싸는 것이 좋겠습니다.",
    "ru": "Поезд на побережье уходит рано утром, поэтому нам нужно собрать вещи сегодня вечером.",
    "ta": "கடற்கரைக்குச் செல்லும் ரயில் காலையில் புறப்படும்.",
    "te": "తీరానికి వెళ్ళే రైలు ఉదయం బయలుదేరుతుంది.",
    "th": "รถไฟไปชายทะเลออกแต่เช้า เราจึงควรจัดกระเป๋าคืนนี้",
    "hi": "समुद्र तट जाने वाली रेलगाड़ी सुबह जल्दी निकलती है, इसलिए हमें आज रात सामान बाँध लेना चाहिए।",
    "sw": "Treni ya kwenda pwani inaondoka asubuhi na mapema, kwa hiyo tufunge mizigo usiku huu.",
    "ny": "Sitima yopita kunyanja imanyamuka m'mawa kwambiri, choncho tiyenera kukonzekera usiku.",
}


@pytest.mark.parametrize(("tag", "sentence"), SENTENCES.items(), ids=SENTENCES)
def test_plain_sentences(tag: str, sentence: str) -> None:
    assert identify_language(sentence) == tag


@pytest.mark.parametrize(
    "text", ["", "   ", "123 456 :-)", "ok", "\x00\x1b[31m", "🙂🙂🙂🙂🙂", "\ud800"]
)
def test_nothing_to_go_by_is_an_abstention(text: str) -> None:
    assert identify_language(text) is None


def test_control_characters_and_lone_surrogates_do_not_matter() -> None:
    noisy = "\x00\x1b[31m" + SENTENCES["fr"].replace(" ", " \u200e\ud800\x07") + "\U000e0041"
    assert identify_language(noisy) == "fr"


@pytest.mark.parametrize(
    ("codes", "prefer", "expected"),
    [
        (("fr", "fr", "it"), None, "fr"),
        (("it", "fr", "fr"), None, "fr"),
        (("fr", "it", "es"), None, None),
        (("fr", "it", "es"), "es", None),  # what was asked never breaks a tie
        (("un", "fr", "it"), None, None),
        (("un", "un", "un"), None, None),
        (("iw", "he", "und"), None, "he"),  # two codes of one language agree
        (("ms", "ms", "id"), None, "ms"),
        (("ms", "ms", "id"), "id", "id"),  # near-identical: read as the one asked for
        (("ms", "es", "id"), "id", "id"),
        (("ms", "ms", "id"), "fr", "ms"),
        (("un", "sw", "sw"), None, None),  # a Bantu language without CLD2: Kamba looks so
        (("sw", "sw", "un"), None, "sw"),
    ],
)
def test_the_vote(monkeypatch, codes, prefer: str | None, expected: str | None) -> None:
    monkeypatch.setattr(identify, "_detect", lambda text: codes)
    assert identify_language("some Latin letters", prefer=prefer) == expected


def test_kana_tell_japanese_from_chinese_but_a_stray_one_does_not() -> None:
    assert identify_language("東京駅で待っています") == "ja"
    assert identify_language(SENTENCES["zh"] + "の") == "zh"


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=80))
def test_any_text_gives_a_canonical_tag_or_none(text: str) -> None:
    found = identify_language(text)
    assert found is None or resolve_language(found) == found
    assert identify_language(text) == found
