"""Every flag on sentences of our own: what raises it, and what must not."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.translate.flags import FLAGS, Candidate, count_flags, flag_translations

ENGLISH = "How do I repair the old wooden door of my house?"
FRENCH = "Comment puis-je réparer la vieille porte en bois de ma maison ?"
SWAHILI = "Ninawezaje kutengeneza mlango wa zamani wa mbao wa nyumba yangu?"
JAPANESE = "私の家の古い木のドアはどうやって修理しますか。"


def flags(text: str, language: str = "fr", source: str = ENGLISH, **more: object) -> set[str]:
    row = Candidate(source=source, text=text, source_language="en", language=language)
    (raised,) = flag_translations([replace(row, **more)])  # type: ignore[arg-type]
    return set(raised)


@pytest.mark.parametrize(("text", "language"), [(FRENCH, "fr"), (SWAHILI, "sw"), (JAPANESE, "ja")])
def test_good_translations_raise_nothing(text: str, language: str) -> None:
    assert flags(text, language) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENGLISH, {"copy", "wrong_language"}),
        (ENGLISH.upper().rstrip("?"), {"copy", "wrong_language"}),
        ("…!?", {"empty", "too_short"}),
        ("I'm sorry, but I cannot help with that request.", {"engine_reply", "wrong_language"}),
        (f"Here is the translation: {FRENCH}", {"engine_reply", "untranslated_part"}),
        (
            "Comment puis-je réparer la vieille porte of my house, please tell me?",
            {"untranslated_part"},
        ),
        ("Comment puis-je réparer " + "la vieille porte " * 12, {"repetition", "too_long"}),
        ("Comment ?", {"too_short"}),
        (SWAHILI, {"wrong_language"}),
        ("Как мне починить старую дверь моего дома?", {"wrong_language"}),
    ],
)
def test_bad_translations_into_french(text: str, expected: set[str]) -> None:
    assert flags(text) == expected


def test_a_script_the_language_is_not_written_in() -> None:
    """No detector names romanised Tamil, but its letters are not Tamil ones."""
    assert flags("en veettin pazhaiya marakkadhavai eppadi sariseyvadhu?", "ta") == {
        "wrong_language"
    }


def test_abstention_is_no_flag() -> None:
    """No detector knows Luo."""
    assert flags("Ere kaka daloso dhot machon mar oda?", "luo") == set()


def test_near_languages_pass_for_one_another() -> None:
    malay = "Bagaimanakah saya boleh membaiki pintu kayu lama di rumah saya?"
    assert "wrong_language" not in flags(malay, "id")


def test_one_word_may_be_the_same_in_both() -> None:
    assert flags("Taxi?", source="Taxi?") == set()


def test_what_the_source_says_itself_is_no_reply_of_the_engine() -> None:
    source = 'Write a story in which a robot says "I\'m sorry, I cannot help you".'
    text = "Écris une histoire où un robot dit « I'm sorry, I cannot help you » à un enfant triste."
    assert "engine_reply" not in flags(text, source=source)


def test_a_refusal_shows_in_the_back_translation() -> None:
    swahili = "Samahani, siwezi kukusaidia na ombi hili kwa sababu ni hatari."
    back = "I'm sorry, I can't help you with this request because it is dangerous."
    assert "engine_reply" in flags(swahili, "sw", back_translation=back)


def test_numbers_names_and_marks() -> None:
    source = "In 1969 Neil Armstrong wrote to {name}, they say."
    assert flags("On dit qu'il a écrit une lettre à quelqu'un.", source=source) == {
        "numbers",
        "marks",
        "names",
    }
    japanese = "1969年にニール・アームストロングは{name}に手紙を書いたそうです。"
    assert flags(japanese, "ja", source=source) == set()


def test_the_engine_says_it_was_cut() -> None:
    assert flags(FRENCH, truncated=True) == {"truncated"}


def many(make: Callable[[int], str], n: int = 30) -> list[Candidate]:
    """Sources and translations of different lengths; the translations are 1.5 times as long."""
    rows: list[Candidate] = []
    for i in range(n):
        length = 5 + i % 7
        source = f"Source {chr(97 + i)}" + " words" * length + "."
        rows.append(
            Candidate(source=source, text=make(i) * length + "xq.", source_language="en",
                      language="luo", chrf=60.0 + i % 9)
        )  # fmt: skip
    return rows


def lots(i: int) -> str:
    return f"gi{chr(97 + i)}wek{chr(97 + i)} "


def test_lengths_are_compared_with_the_language_s_own() -> None:
    rows = many(lots)
    rows[4] = replace(rows[4], text=rows[4].text[:12] + ".")
    rows[5] = replace(rows[5], text=" ".join(lots(j) for j in range(40)) + ".")
    raised = flag_translations(rows)
    assert set(raised[4]) == {"too_short"}
    assert set(raised[5]) == {"too_long"}
    assert not any(
        set(f) & {"too_short", "too_long"} for i, f in enumerate(raised) if i not in (4, 5)
    )


def test_a_text_that_ends_in_the_middle() -> None:
    rows = many(lots)
    rows[7] = replace(rows[7], text=rows[7].text.rstrip("."))
    raised = flag_translations(rows)
    assert [i for i, names in enumerate(raised) if "truncated" in names] == [7]


def test_a_language_without_full_stops_is_not_cut() -> None:
    rows = [replace(row, text=row.text.rstrip(".")) for row in many(lots)]
    assert not any("truncated" in names for names in flag_translations(rows))


def test_thai_ends_as_it_likes() -> None:
    """Thai has no full stop; many translators write a question mark all the same."""
    rows = [replace(row, language="th") for row in many(lots)]
    rows[7] = replace(rows[7], text=rows[7].text.rstrip("."))
    assert not any("truncated" in names for names in flag_translations(rows))


def test_one_text_for_two_sources() -> None:
    rows = many(lots)
    rows[9] = replace(rows[9], text=rows[16].text)
    raised = flag_translations(rows)
    assert [i for i, names in enumerate(raised) if "duplicate" in names] == [9, 16]


def test_a_source_that_comes_twice_may_have_one_translation() -> None:
    rows = many(lots)
    rows.append(rows[0])
    assert not any("duplicate" in names for names in flag_translations(rows))


def test_chrf_is_compared_with_the_language_s_own() -> None:
    rows = many(lots)
    rows[3] = replace(rows[3], chrf=31.0)  # far under the others, 60 to 68
    rows[8] = replace(rows[8], chrf=None)  # missing is not zero
    raised = flag_translations(rows)
    assert [i for i, names in enumerate(raised) if "low_chrf" in names] == [3]
    weak = [replace(row, chrf=20.0) for row in rows]
    assert all("low_chrf" in names for names in flag_translations(weak))


def test_flags_do_not_depend_on_the_order() -> None:
    rows = many(lots)
    rows[4] = replace(rows[4], text="kamano", chrf=10.0)
    rows[9] = replace(rows[9], text=rows[16].text)
    raised = dict(zip((row.source for row in rows), flag_translations(rows), strict=True))
    random.Random(1).shuffle(rows)
    again = dict(zip((row.source for row in rows), flag_translations(rows), strict=True))
    assert again == raised


def test_lab_languages_are_told_exactly() -> None:
    from isogloss.lab.questions import lab_prompts
    from isogloss.lab.recipe import parse_spec
    from isogloss.lab.setting import Lab

    prompts = lab_prompts(Lab(parse_spec("lab:tiny")))
    by_key = {(p.prompt_id, p.language): p.text for p in prompts}
    some = sorted({p.prompt_id for p in prompts})[:40]
    rows = [
        Candidate(source=by_key[i, "en-x-lab"], text=by_key[i, "fi-x-lab" if n else "fr-x-lab"],
                  source_language="en-x-lab", language="fi-x-lab")
        for n, i in enumerate(some)
    ]  # fmt: skip
    raised = flag_translations(rows)
    assert raised[0] == ("wrong_language",)
    assert not any(raised[1:])


def test_counts_name_every_flag() -> None:
    counts = count_flags([("copy", "wrong_language"), ("copy",), ()])
    assert set(counts) == set(FLAGS)
    assert (counts["copy"], counts["wrong_language"], counts.total()) == (2, 1, 3)
    assert flag_translations([]) == []


ODD = st.sampled_from(
    [
        "\0",
        "\ud800",
        "\u202e",
        "9" * 5000,
        "1.2.3,4",
        "²",
        "٣",
        "{",
        "%s",
        "a@b.c",
        "‎",
        " ",
        "\n",
        "ab" * 40,
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=30) | ODD, st.text(max_size=30) | ODD), max_size=12),
    st.sampled_from(["fr", "ja", "ta", "luo", "sr-Latn", "fi-x-lab"]),
)
def test_any_text_gets_an_answer(pairs: list[tuple[str, str]], language: str) -> None:
    source_language = "en-x-lab" if language.endswith("lab") else "en"
    rows = [
        Candidate(source=a, text=b, source_language=source_language, language=language)
        for a, b in pairs
    ]
    raised = flag_translations(rows)
    assert len(raised) == len(rows)
    assert all(list(names) == sorted(set(names)) and set(names) <= set(FLAGS) for names in raised)


def test_long_texts_take_no_longer_than_long_texts_must() -> None:
    """No pattern is quadratic: twenty thousand characters of what would provoke it."""
    flags(FRENCH)  # loads the detectors
    for text in ("a" * 20_000, "1.1." * 5_000, ("x" * 59 + "y") * 300, "a.b@" * 5_000):
        row = Candidate(source=text, text=text, source_language="en", language="fr")
        started = time.process_time()
        flag_translations([row])
        assert time.process_time() - started < 1.0
