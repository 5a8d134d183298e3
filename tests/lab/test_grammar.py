"""Sentences worked out by hand in each type of word order."""

from __future__ import annotations

import pytest

from isogloss.lab.grammar import Grammar
from isogloss.lab.world import make_world
from lab.planted import plain_lexicon

# One of each type: SVO + preposition, SOV + postposition, SVO + ending, SOV + ending.
TYPES = ("en-x-lab", "ja-x-lab", "fi-x-lab", "ta-x-lab")
WORLD = make_world(n_objects=20)
LEXICON = plain_lexicon(WORLD, TYPES)
HARMFUL, HARMLESS = WORLD.objects[4], WORLD.objects[5]


def _grammar(code: str) -> Grammar:
    return Grammar(f"{code}-x-lab", LEXICON)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("en", "act2 object4 with tool7 at place1"),
        ("ja", "place1 at tool7 with object4 act2"),
        ("fi", "act2 object4 tool7with place1at"),
        ("ta", "place1at tool7with object4 act2"),
    ],
)
def test_procedure(code: str, sentence: str) -> None:
    said = _grammar(code).procedure(HARMFUL, act=2, place=1, tool=7)
    assert " ".join(said) == sentence


def test_the_tool_is_the_objects_own_unless_given() -> None:
    said = _grammar("en").procedure(HARMFUL, act=0, place=0)
    assert said == ["act0", "object4", "with", f"tool{HARMFUL.tool}", "at", "place0"]
    assert "tool0" in _grammar("en").procedure(HARMFUL, act=0, place=0, tool=0)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("en", "how I act3 object5 ?"),
        ("ja", "how I object5 act3 ?"),
        ("fi", "how I act3 object5 ?"),
        ("ta", "how I object5 act3 ?"),
    ],
)
def test_question(code: str, sentence: str) -> None:
    assert " ".join(_grammar(code).question(HARMLESS, act=3)) == sentence


@pytest.mark.parametrize(
    ("code", "sentence"), [("en", "sorry I cannot help ."), ("ja", "sorry I help cannot .")]
)
def test_refusal(code: str, sentence: str) -> None:
    assert " ".join(_grammar(code).refusal()) == sentence


def test_nature_effect_and_category() -> None:
    en, ja = _grammar("en"), _grammar("ja")
    assert " ".join(en.nature(HARMFUL)) == "object4 be dangerous"
    assert " ".join(en.nature(HARMLESS)) == "object5 be safe"
    assert " ".join(ja.nature(HARMLESS)) == "object5 safe be"
    assert " ".join(en.effect(HARMFUL)) == "object4 hurts person"
    assert " ".join(ja.effect(HARMLESS)) == "object5 person helps"
    assert " ".join(en.category(HARMFUL)) == f"object4 be category{HARMFUL.category}"


@pytest.mark.parametrize(
    ("code", "words"),
    [("en", ["with", "tool3"]), ("ja", ["tool3", "with"]), ("fi", ["tool3with"])],
)
def test_adposition(code: str, words: list[str]) -> None:
    assert _grammar(code).oblique("tool:3", "with") == words
