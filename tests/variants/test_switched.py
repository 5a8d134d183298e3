"""Code-switching: the stated share of words, from the dictionary, in place."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from isogloss.errors import InputError, LanguageError
from isogloss.lab.lexicon import make_lexicon
from isogloss.lab.world import make_world
from isogloss.records import Prompt
from isogloss.translate.base import TranslatedText
from isogloss.variants.made import Made, NotMade
from isogloss.variants.switched import switched_maker, wanted_words
from isogloss.variants.words import (
    WordList,
    lab_words,
    read_words,
    translate_words,
    write_words,
)

REFERENCE = "How can I mend the red bicycle, the old lamp and the blue chair?"
KNOWN = ("how", "can", "i", "mend", "the", "red", "bicycle")
DICTIONARY = WordList(
    name="words:test", translations={"fr": {word: f"{word}-fr" for word in KNOWN}}
)


def prompt(language: str = "fr", reference: str | None = REFERENCE) -> Prompt:
    return Prompt(
        prompt_id="1", language=language, text="Comment ?", intent="benign", cluster_id="1",
        reference=reference,
    )  # fmt: skip


def switch(rate: float, seed: int = 0, dictionary: WordList = DICTIONARY, **fields: str) -> Made:
    row = switched_maker(rate, dictionary, [])(prompt(**fields), random.Random(seed))
    assert isinstance(row, Made)
    return row


def test_all_that_can_switch_does_and_the_rest_stays_in_place() -> None:
    assert switch(1.0).text == (
        "How-fr can-fr I-fr mend-fr the-fr red-fr bicycle-fr, the-fr old lamp and the-fr blue "
        "chair?"
    )


def test_the_share_is_the_stated_one() -> None:
    rows = [switch(0.3, seed) for seed in range(400)]
    share = sum(row.n_edits for row in rows) / sum(row.n_units for row in rows)
    assert share == pytest.approx(0.3, abs=3 * 0.5 / 400**0.5 / 14)
    assert all(row.n_edits == row.text.count("-fr") for row in rows)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (prompt("en"), "English itself: nothing to switch with"),
        (prompt(reference=None), "no English reference"),
        (prompt("sw"), "no word of the language in words:test"),
        (prompt(reference="Old lamps?"), "no word of the sentence has a translation"),
    ],
)
def test_why_not(one: Prompt, reason: str) -> None:
    row = switched_maker(1.0, DICTIONARY, [])(one, random.Random(0))
    assert row == NotMade(reason)


def test_a_copy_is_no_translation() -> None:
    words = WordList(name="w", translations={"fr": {"red": "Red", "lamp": "lampe"}})
    assert words.find("red", "fr") is None
    assert words.find("LAMP", "fr") == "lampe"


def test_the_lab_switches_into_its_own_words() -> None:
    """Every word of the result is one of the two lexicons', and their count is the stated one."""
    lexicon = make_lexicon(make_world(n_objects=20), ["en-x-lab", "fi-x-lab"])
    english, finnish = lexicon.words["en-x-lab"], lexicon.words["fi-x-lab"]
    sentence = " ".join(english[c] for c in ("word:how", "word:I", "act:1", "object:2"))
    asked = [
        Prompt(prompt_id="1", language=tag, text=text, intent="benign", cluster_id="1")
        for tag, text in (("en-x-lab", sentence), ("fi-x-lab", "unused"))
    ]
    make = switched_maker(1.0, lab_words(lexicon), asked)
    row = make(asked[1], random.Random(0))
    assert isinstance(row, Made)
    expected = [finnish[c] for c in ("word:how", "word:I", "act:1", "object:2")]
    assert row.text.split() == expected
    assert isinstance(make(asked[0], random.Random(0)), NotMade)


class Shouter:
    """Translates into capitals; knows no Swahili; fails on one word."""

    name = "shouter"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def translate(self, texts: Sequence[str], source: str, target: str) -> Iterator[TranslatedText]:
        if target == "sw":
            raise LanguageError("shouter does not speak sw")
        for text in texts:
            self.asked.append((target, text))
            if text == "lamp":
                yield TranslatedText(reason="dark")
            else:
                yield TranslatedText(text=f"{text.upper()}!")


def test_words_are_translated_once_and_failures_again(tmp_path: Path) -> None:
    shouter, place = Shouter(), tmp_path / "words.csv"
    rows = [prompt("fr"), prompt("fr", "The red lamp"), prompt("sw"), prompt("en")]
    wanted = wanted_words(rows)

    def run(known: WordList | None) -> WordList:
        return translate_words(
            wanted, known, shouter, keep=lambda words: write_words(words, place),
            progress=lambda stage, done, total: None,
        )  # fmt: skip

    words = run(None)
    assert words.find("red", "fr") == "RED!"
    assert words.find("red", "sw") is None
    assert len(shouter.asked) == len(set(shouter.asked)) == 12
    shouter.asked.clear()
    again = run(read_words(place))
    assert shouter.asked == [("fr", "lamp")]
    assert again.translations["fr"] == words.translations["fr"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source,language\nred,fr\n", "header: column target: a word list needs the columns"),
        ("source,target,language\nred,rouge,xx-no\n", "line 2: column language"),
        ("source,target,language\n,rouge,fr\n", "line 2: column source: is empty"),
    ],
)
def test_a_word_list_is_read_exactly_or_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "words.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_words(tmp_path / "words.csv")


def test_a_word_list_is_written_as_csv_or_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name it words\.csv"):
        write_words(DICTIONARY, tmp_path / "words.txt")
    with pytest.raises(InputError, match="cannot be written"):
        write_words(DICTIONARY, tmp_path / "no" / "words.csv")
