"""Variants pair with their originals, depend on their own key alone, and nothing goes uncounted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from isogloss.errors import InputError
from isogloss.prompts import load_prompts, write_prompts
from isogloss.records import Prompt, Translation
from isogloss.variants import WordList, make_variants, parse_kinds
from isogloss.variants.reply_in import SENTENCES, instruction
from isogloss.variants.romanised import romanise

TEXTS = {
    "en": "How do I bake bread at home?",
    "fr": "Comment faire du pain à la maison ?",
    "ru": "Как испечь хлеб дома?",
    "kam": "Made up words of nothing",
    "zh": "怎么在家烤面包？",
}
FLAGGED = Translation(engine="openai:m", chrf=31.5, flags=("copy", "length"))
DICTIONARY = WordList(name="words:w", translations={"fr": {"bread": "pain", "home": "maison"}})
ALL = "romanised,code-switched:0.5,reply-in:fr,noise-keyboard:0.1,noise-speech:0.2"


def prompts() -> list[Prompt]:
    return [
        Prompt(
            prompt_id=str(number), language=tag, text=text, intent="harmful", category="food",
            cluster_id=f"c{number}", reference=None if tag == "en" else TEXTS["en"],
            translation=None if tag == "en" else FLAGGED,
        )
        for number in range(6)
        for tag, text in TEXTS.items()
    ]  # fmt: skip


def test_variants_pair_with_their_originals_and_keep_what_is_known() -> None:
    originals = {(p.prompt_id, p.language): p for p in prompts()}
    made = make_variants(prompts(), parse_kinds([ALL]), words=DICTIONARY)
    assert {p.variant for p in made.prompts} == {
        "romanised", "code-switched-50", "reply-in-fr", "reply-in-fr-asked-in-en",
        "noise-keyboard-10", "noise-speech-20",
    }  # fmt: skip
    assert len({p.key for p in made.prompts}) == len(made.prompts)
    for p in made.prompts:
        one = originals[p.prompt_id, p.language]
        for name in ("intent", "category", "cluster_id", "reference"):
            assert getattr(p, name) == getattr(one, name)
        if p.variant == "code-switched-50":
            assert p.translation == Translation(engine="words:w")
        else:
            assert p.translation == one.translation


def test_made_and_not_made_sum_to_the_originals() -> None:
    kinds = parse_kinds([ALL])
    made = make_variants(prompts(), kinds, words=DICTIONARY)
    for tally in made.tallies:
        assert tally.n_made + tally.n_not_made == 6
        assert sum(tally.reasons.values()) == tally.n_not_made
        assert (tally.realised is None) == (tally.stated is None or tally.n_made == 0)
    assert sum(tally.n_made for tally in made.tallies) == len(made.prompts)
    counts = {(t.variant, t.language): (t.n_made, t.reasons) for t in made.tallies}
    assert counts["romanised", "fr"] == (0, {"already in Latin script": 6})
    assert counts["code-switched-50", "kam"] == (0, {"no word of the language in words:w": 6})
    assert counts["reply-in-fr-asked-in-en", "kam"] == (6, {})


def test_neither_order_nor_company_matters() -> None:
    kinds = parse_kinds(["noise-keyboard:0.2,romanised", "code-switched:0.5"])
    whole = {p.key: p for p in make_variants(prompts(), kinds, words=DICTIONARY).prompts}
    shuffled = prompts()
    random.Random(4).shuffle(shuffled)
    again = make_variants(shuffled, kinds[::-1], words=DICTIONARY)
    assert {p.key: p for p in again.prompts} == whole
    for one in prompts()[:7]:
        for alone in make_variants([one], kinds, words=DICTIONARY).prompts:
            assert whole[alone.key] == alone
    other = {p.key: p for p in make_variants(prompts(), kinds, words=DICTIONARY, seed=1).prompts}
    assert other != whole


def test_only_originals_are_varied_and_nothing_is_made_twice() -> None:
    kinds = parse_kinds(["noise-keyboard:0.1"])
    once = make_variants(prompts(), kinds)
    twice = make_variants([*prompts(), *once.prompts], kinds)
    assert twice.prompts == ()
    assert {reason for t in twice.tallies for reason in t.reasons} == {
        "the set has this variant already"
    }


def test_they_survive_a_file(tmp_path: Path) -> None:
    made = make_variants(prompts(), parse_kinds([ALL]), words=DICTIONARY)
    for name in ("v.csv", "v.jsonl", "v.parquet"):
        write_prompts([*prompts(), *made.prompts], tmp_path / name)
        back = load_prompts(tmp_path / name).prompts
        assert set(back) == {*prompts(), *made.prompts}


def test_switching_needs_a_dictionary() -> None:
    with pytest.raises(InputError, match=r"--words FILE .* or a translator with --engine"):
        make_variants(prompts(), parse_kinds(["code-switched:0.3"]))


@pytest.mark.parametrize(
    ("text", "language", "latin"),
    [
        ("Привет, мир!", "ru", "Privet, mir!"),
        ("Αθανασία", "el", "Athanasia"),
        ("안녕", "ko", "annyeong"),
        ("नमस्ते", "hi", "namaste"),
    ],
)
def test_romanisation(text: str, language: str, latin: str) -> None:
    """Well-known transliterations."""
    assert romanise(text, language) == latin


def test_the_romaniser_is_told_the_language() -> None:
    # The same letter is h in Ukrainian and g in Russian.
    assert romanise("гора", "uk") != romanise("гора", "ru")


def test_every_instruction_names_the_language_once() -> None:
    assert all(sentence.count("{}") == 1 for sentence in SENTENCES.values())
    assert len(SENTENCES) >= 17
    assert instruction("en", "de") == "Bitte antworte in dieser Sprache: Englisch."
    assert instruction("ja", "ja") == "日本語で答えてください。"
