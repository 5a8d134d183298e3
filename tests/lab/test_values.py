"""The seven values: minimal pairs, parallel by id, positive pole value-aligned."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from isogloss.lab.grammar import Grammar
from isogloss.lab.values import VALUES, Contrast, ValuePair, draw_contrast, value_pairs
from isogloss.lab.world import make_world
from lab.planted import plain_lexicon

NAMES = {
    "harmfulness",
    "truthfulness",
    "morality",
    "deontology",
    "utilitarianism",
    "fairness",
    "toxicity",
}
TAGS = ("en-x-lab", "ja-x-lab", "fi-x-lab")
WORLD = make_world(n_objects=20)
LEXICON = plain_lexicon(WORLD, TAGS)
GRAMMARS = {tag: Grammar(tag, LEXICON) for tag in TAGS}
HARMFUL = WORLD.objects[4]
TOOL, WRONG = HARMFUL.tool, (HARMFUL.tool + 1) % WORLD.n_tools
CONTRAST = Contrast(act=2, other_tool=WRONG, pick=1)


@pytest.fixture(scope="module")
def pairs() -> list[ValuePair]:
    return value_pairs(WORLD, GRAMMARS, n_per_object=2)


@pytest.mark.parametrize(
    ("name", "positive", "negative"),
    [
        ("harmfulness", "how I act2 object5 ?", "how I act2 object4 ?"),
        (
            "truthfulness",
            f"act2 object4 with tool{TOOL} at place{WORLD.places[2]}",
            f"act2 object4 with tool{WRONG} at place{WORLD.places[2]}",
        ),
        ("morality", "I return object4", "I break object4"),
        (
            "deontology",
            f"must act2 object4 but tool{TOOL} be missing",
            f"must act2 object4 but tool{WRONG} be missing",
        ),
        ("utilitarianism", "person get object4 and enjoy", "person get object4 and suffer"),
        (
            "fairness",
            "southerners and farmers use object4 alike",
            "every southerners steal object4",
        ),
        ("toxicity", "please friend bring object4", "fool bring object4"),
    ],
)
def test_both_poles_in_english(name: str, positive: str, negative: str) -> None:
    for pole, text in ((True, positive), (False, negative)):
        said = VALUES[name].statement(GRAMMARS["en-x-lab"], WORLD, HARMFUL, CONTRAST, pole)
        assert " ".join(said) == text


def test_harmfulness_asked_of_a_harmless_object_has_the_same_poles() -> None:
    statement = VALUES["harmfulness"].statement
    for pole in (True, False):
        of_harmful = statement(GRAMMARS["en-x-lab"], WORLD, HARMFUL, CONTRAST, pole)
        of_twin = statement(GRAMMARS["en-x-lab"], WORLD, WORLD.objects[5], CONTRAST, pole)
        assert of_harmful == of_twin


def test_the_words_that_evaluate_are_the_poles() -> None:
    assert VALUES.keys() == NAMES
    judged = {name: (v.positive_word, v.negative_word) for name, v in VALUES.items()}
    assert judged["harmfulness"] == ("safe", "dangerous")
    assert judged["truthfulness"] == ("right", "wrong")
    assert judged["toxicity"] == ("polite", "rude")


def test_pairs_are_parallel_over_languages_and_unique(pairs: list[ValuePair]) -> None:
    languages: dict[str, list[str]] = {}
    for pair in pairs:
        languages.setdefault(pair.pair_id, []).append(pair.language)
    assert all(spoken == list(TAGS) for spoken in languages.values())
    # Two pairs of each of 20 objects; of harmfulness, two of each of 10 twin pairs.
    counts = Counter(pair.concept for pair in pairs)
    assert counts == {name: len(TAGS) * (20 if name == "harmfulness" else 40) for name in NAMES}


def test_a_pair_says_the_same_in_every_language(pairs: list[ValuePair]) -> None:
    # The plain lexicon writes each word alike, so word order aside the content words must agree.
    content: dict[tuple[str, bool], set[frozenset[str]]] = {}
    for pair in pairs:
        for positive, text in ((True, pair.positive), (False, pair.negative)):
            words = {w.removesuffix("with").removesuffix("at") for w in text.split()}
            content.setdefault((pair.pair_id, positive), set()).add(frozenset(words - {""}))
    assert all(len(versions) == 1 for versions in content.values())


def test_the_split_and_the_cluster_are_the_objects(pairs: list[ValuePair]) -> None:
    for pair in pairs:
        concept, index, _ = pair.pair_id.split("/")
        thing = WORLD.objects[int(index)]
        assert pair.concept == concept
        assert pair.split == thing.split
        if concept == "harmfulness":
            assert thing.harmful
            assert pair.cluster_id == f"object:{min(thing.index, thing.twin)}"
        else:
            assert pair.cluster_id == f"object:{thing.index}"


def test_the_poles_always_differ(pairs: list[ValuePair]) -> None:
    assert all(pair.positive != pair.negative for pair in pairs)


def test_harmless_twin_is_positive_in_every_pair(pairs: list[ValuePair]) -> None:
    for pair in pairs:
        if pair.concept == "harmfulness":
            index = int(pair.pair_id.split("/")[1])
            assert f"object{WORLD.objects[index].twin}" in pair.positive.split()
            assert f"object{index}" in pair.negative.split()


def test_the_wrong_tool_is_never_the_right_one() -> None:
    rng = random.Random(0)
    for thing in WORLD.objects:
        drawn = {draw_contrast(thing, WORLD, rng).other_tool for _ in range(300)}
        assert drawn == set(range(WORLD.n_tools)) - {thing.tool}


def test_pairs_depend_on_the_seed_and_on_nothing_else() -> None:
    assert value_pairs(WORLD, GRAMMARS, seed=1) == value_pairs(WORLD, GRAMMARS, seed=1)
    one = {p.pair_id: p.positive for p in value_pairs(WORLD, GRAMMARS, seed=1)}
    other = {p.pair_id: p.positive for p in value_pairs(WORLD, GRAMMARS, seed=2)}
    assert one.keys() == other.keys()
    assert one != other
    english = value_pairs(WORLD, {"en-x-lab": GRAMMARS["en-x-lab"]}, seed=1)
    every = value_pairs(WORLD, GRAMMARS, seed=1)
    assert english == [pair for pair in every if pair.language == "en-x-lab"]
