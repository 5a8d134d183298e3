"""Codes fold into one tag each; tiers and shares say what their sources say, and no more."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import InputError, LanguageError
from isogloss.languages import (
    LAB_LANGUAGES,
    SHARE_TABLES,
    TIERS,
    ShareTable,
    describe_language,
    is_lab,
    known_languages,
    lab_share_table,
    load_share_table,
    resolve_among,
    resolve_language,
)

P2_SIXTEEN = {
    *("en", "fr", "zh", "es", "pt", "vi", "ca", "id", "ja", "ko", "fi", "hu", "ta", "te"),
    *("sw", "ny"),
}


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("zh", "zh"),
        ("zho", "zh"),
        ("zho_Hans", "zh"),
        ("cmn", "zh"),
        ("cmn_Hans_CN", "zh"),
        ("zh-CN", "zh"),
        ("zho_Hant", "zh-Hant"),
        ("zh-TW", "zh-Hant"),
        ("yue", "yue"),
        ("swh_Latn", "sw"),
        ("swa", "sw"),
        ("nya", "ny"),
        ("tam_Taml", "ta"),
        ("kor_Hang", "ko"),
        ("pbt_Arab", "ps"),
        ("khk", "mn"),
        ("khk_Cyrl", "mn"),
        ("kam_Latn", "kam"),
        ("luo", "luo"),
        ("arb_Arab", "ar"),
        ("arz", "arz"),
        ("pt-BR", "pt"),
        ("en_GB", "en"),
        ("EN", "en"),
        (" fr ", "fr"),
        ("iw", "he"),
        ("jw", "jv"),
        ("nob_Latn", "no"),
        ("sr-Latn", "sr-Latn"),
        ("srp_Cyrl", "sr"),
        ("hi-Latn", "hi-Latn"),
        ("ny-x-lab", "ny-x-lab"),
        ("NY_x_LAB", "ny-x-lab"),
    ],
)
def test_every_spelling_of_a_language_is_one_tag(code: str, tag: str) -> None:
    assert resolve_language(code) == tag


@given(st.sampled_from(sorted(known_languages()) + list(LAB_LANGUAGES)))
def test_a_canonical_tag_resolves_to_itself(tag: str) -> None:
    assert resolve_language(tag) == tag


@settings(deadline=None)
@given(st.text(max_size=12) | st.from_regex(r"[a-z]{2,3}([-_][A-Za-z]{2,4}){0,2}", fullmatch=True))
def test_any_string_resolves_to_a_stable_tag_or_raises_our_error(code: str) -> None:
    try:
        tag = resolve_language(code)
    except LanguageError:
        return
    assert resolve_language(tag) == tag


@pytest.mark.parametrize(
    ("code", "suggestion"),
    [
        ("chichewa", "'ny'"),
        ("Kiswahili", "'sw'"),
        ("mandarin chinese", "'zh'"),
        ("swahilli", "'sw'"),
        ("english", "'en'"),
        ("nyx-x-lab", "'ny-x-lab'"),
        ("en-x-foo", "'en-x-lab'"),
    ],
)
def test_an_unknown_code_gets_suggestions(code: str, suggestion: str) -> None:
    with pytest.raises(LanguageError, match="did you mean") as error:
        resolve_language(code)
    assert suggestion in str(error.value)


@pytest.mark.parametrize(
    "code", ["", "xq", "zz", "und", "mul", "zxx", "mis", "qaa", "x-lab", "source", "de-x-lab", "日"]
)
def test_what_is_not_a_language_is_refused(code: str) -> None:
    with pytest.raises(LanguageError):
        resolve_language(code)


def test_the_lab_has_the_sixteen_languages_of_the_paper() -> None:
    assert {tag.removesuffix("-x-lab") for tag in LAB_LANGUAGES} == P2_SIXTEEN
    assert len(LAB_LANGUAGES) == 16
    assert all(is_lab(tag) for tag in LAB_LANGUAGES)
    assert not is_lab("ny")


def test_descriptions() -> None:
    urdu = describe_language("urd_Arab")
    assert (urdu.tag, urdu.name, urdu.family, urdu.direction) == ("ur", "Urdu", "Indo-Aryan", "rtl")
    lab = describe_language("ta-x-lab")
    assert (lab.name, lab.family, lab.word_order) == ("Tamil (lab)", "Dravidian", "SOV")
    outside = describe_language("heb")
    assert (outside.name, outside.family, outside.direction) == ("Hebrew", None, "rtl")


# Tiers worked out by hand from the sources' figures: > 1 % high, 0.1-1 % medium, < 0.1 % low.
@pytest.mark.parametrize(
    ("table", "tag", "tier", "share"),
    [
        ("cc-2026-04", "en", "english", 41.6958),
        ("cc-2026-04", "vi", "high", 1.0981),
        ("cc-2026-04", "ko", "medium", 0.7923),
        ("cc-2026-04", "bn", "medium", 0.1104),
        ("cc-2026-04", "ta", "low", 0.0497),
        ("cc-2026-04", "mn", "low", 0.0167),
        ("cc-2026-04", "nl", "high", None),  # another snapshot: a tier, no share
        ("cc-2026-04", "kam", "unknown", None),  # CLD2 never detects it
        ("llama2", "de", "high", 0.17),
        ("llama2", "pt", "medium", 0.09),
        ("llama2", "sw", "low", None),  # "<0.005": a tier, no share
        ("llama2", "tr", "unknown", None),
        ("roots", "zh", "high", 16.16741),
        ("roots", "te", "medium", 0.18541),
        ("roots", "ny", "low", 0.00007),
        ("roots", "de", "unknown", None),
        ("joshi", "ko", "high", None),
        ("joshi", "id", "medium", None),
        ("joshi", "sw", "low", None),
        ("joshi", "luo", "unknown", None),
        ("joshi", "xh", "unknown", None),
    ],
)
def test_tiers_and_shares(table: str, tag: str, tier: str, share: float | None) -> None:
    shares = load_share_table(table)
    assert shares.tier(tag) == tier
    assert shares.share(tag) == share


def test_lab_tiers_are_cut_at_3_and_1_6_percent() -> None:
    table = lab_share_table(
        {"en-x-lab": 0.3, "ca-x-lab": 3.0, "id-x-lab": 2.3, "fi-x-lab": 1.6, "hu-x-lab": 1.59},
        name="lab:small:reversed",
    )
    tiers = {tag: table.tier(tag) for tag in table.shares}
    assert tiers == {
        "en-x-lab": "english",
        "ca-x-lab": "high",
        "id-x-lab": "medium",
        "fi-x-lab": "medium",
        "hu-x-lab": "low",
    }
    assert table.tier("ny-x-lab") == "unknown"


@pytest.mark.parametrize("name", SHARE_TABLES)
def test_a_table_survives_storing(name: str) -> None:
    table = load_share_table(name)
    assert ShareTable.from_json(json.loads(json.dumps(table.to_json()))) == table
    assert {table.tier(tag) for tag in table.shares} <= set(TIERS)


def test_a_user_table(tmp_path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "\ufefflanguage,percent\neng_Latn,50\nfr,1.5%\nsw,<0.01\nny,low\nta,\nhi,0\n", "utf-8"
    )
    table = load_share_table(file)
    assert table.name == "mine"
    expected = {"en": "english", "fr": "high", "sw": "low", "ny": "low", "ta": "unknown"}
    assert {tag: table.tier(tag) for tag in expected} == expected
    assert [table.share(tag) for tag in ("fr", "sw", "ny", "ta")] == [1.5, None, None, None]
    assert table.tier("hi") == "low"
    assert table.share("hi") is None  # log10(0) is no number: the language leaves slopes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("language,share\nfr,1\n", "line 1: .*columns language and percent"),
        ("language,percent\nfr,1\nxq,2\n", "line 3: column language: 'xq'"),
        ("language,percent\nfr,much\n", "line 2: column percent: 'much'"),
        ("language,percent\nfr,-1\n", "line 2: column percent"),
        ("language,percent\nfr,nan\n", "line 2: column percent"),
        ("language,percent\nzh,1\ncmn,2\n", "line 3: column language: 'zh' comes twice"),
        ("language,percent\nzh,70\nfr,60\n", "sum to 130.0 %"),
        ("language,percent\n", "no rows"),
        ("", "line 1"),
    ],
)
def test_a_wrong_user_table_names_the_place(tmp_path, text: str, message: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match=message):
        load_share_table(file)


def test_a_short_row_and_another_encoding_are_refused(tmp_path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("language,percent\nsw,\nfr\n", "utf-8")
    with pytest.raises(InputError, match="line 3: the row ends before"):
        load_share_table(path)
    path.write_bytes("language,percent\nfr,1\n# é,\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"not UTF-8 text.*save it as UTF-8"):
        load_share_table(path)


def test_a_table_that_is_not_there() -> None:
    with pytest.raises(InputError, match="cc-2026-04, llama2, roots, joshi"):
        load_share_table("cc-2026")


@pytest.mark.parametrize("code", ["\x00", "en\x00", "f\x1br", "\x7f\x7f\x7f\x7f"])
def test_control_characters_are_no_language(code: str) -> None:
    with pytest.raises(LanguageError):
        resolve_language(code)


def test_a_short_code_finds_the_labs_language_where_only_that_is_there() -> None:
    assert resolve_among("sw", LAB_LANGUAGES) == "sw-x-lab"
    assert resolve_among("swh", {"sw", "sw-x-lab"}) == "sw"
    assert resolve_among("de", LAB_LANGUAGES) == "de", "the caller says what is there"
