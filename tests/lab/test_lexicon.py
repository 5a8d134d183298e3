"""Words: no homonyms, true cognates, exact identification."""

from __future__ import annotations

import itertools
import statistics
from itertools import islice

import pytest

from isogloss.lab.corpus import write_documents
from isogloss.lab.identify import identify_lab_language
from isogloss.lab.lexicon import Lexicon, concepts_of, make_lexicon, surface_forms
from isogloss.lab.recipe import PRESETS
from isogloss.lab.tongues import ENGLISH, TONGUES
from isogloss.lab.world import World, make_world

SISTERS = [("fr", "es"), ("fr", "pt"), ("es", "ca"), ("fi", "hu"), ("ta", "te"), ("sw", "ny")]
STRANGERS = [("zh", "sw"), ("ja", "ko"), ("vi", "ta"), ("id", "hu")]


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(n_objects=400)


@pytest.fixture(scope="module")
def lexicon(world: World) -> Lexicon:
    return make_lexicon(world, list(TONGUES))


def _shared_roots(lexicon: Lexicon, one: str, other: str) -> float:
    return 1 - lexicon.distance(f"{one}-x-lab", f"{other}-x-lab")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_two_forms_of_a_language_look_alike(world: World, seed: int) -> None:
    lexicon = make_lexicon(world, list(TONGUES), seed=seed)
    concepts = concepts_of(world)
    for tag in TONGUES:
        assert list(lexicon.words[tag]) == concepts
        words = list(lexicon.words[tag].values())
        assert len(set(words)) == len(words)
        assert all(word.isascii() and word.isalpha() and word.islower() for word in words)


def test_concepts_are_named_once_and_objects_come_last(world: World) -> None:
    concepts = concepts_of(world)
    assert len(set(concepts)) == len(concepts)
    assert concepts[-400:] == [f"object:{i}" for i in range(400)]
    assert not any(concept.startswith("object:") for concept in concepts[:-400])


def test_a_smaller_world_uses_the_same_words(lexicon: Lexicon) -> None:
    small = make_lexicon(make_world(n_objects=20), list(TONGUES))
    for tag in TONGUES:
        assert small.words[tag].items() <= lexicon.words[tag].items()
        assert small.roots[tag].items() <= lexicon.roots[tag].items()


def test_words_do_not_depend_on_which_languages_are_asked(world: World, lexicon: Lexicon) -> None:
    asked = make_lexicon(world, ["ny-x-lab", "ca-x-lab"])
    assert asked.languages == ["ny-x-lab", "ca-x-lab"]
    for tag in asked.languages:
        assert asked.words[tag] == lexicon.words[tag]


def test_another_seed_has_other_words(world: World, lexicon: Lexicon) -> None:
    other = make_lexicon(world, [ENGLISH], seed=1).words[ENGLISH]
    same = sum(other[concept] == word for concept, word in lexicon.words[ENGLISH].items())
    assert same < 0.05 * len(other)


def test_sisters_share_about_half_of_their_roots(lexicon: Lexicon) -> None:
    # Both inherit with probability .7: .49, and a few loans in common; 493 words, s.e. .023.
    shares = [_shared_roots(lexicon, *pair) for pair in SISTERS]
    assert all(0.4 < share < 0.6 for share in shares), shares
    assert statistics.mean(shares) == pytest.approx(0.49, abs=0.04)


def test_strangers_share_few_roots(lexicon: Lexicon) -> None:
    assert all(_shared_roots(lexicon, *pair) < 0.03 for pair in STRANGERS)


def test_romance_shares_some_roots_with_english(lexicon: Lexicon) -> None:
    # A fifth of what both inherited (.2 * .49) and 5 % of loans: about .15.
    for code in ("fr", "es", "pt", "ca"):
        assert 0.08 < _shared_roots(lexicon, "en", code) < 0.22


def test_sisters_look_alike_but_sound_change_sets_them_apart(lexicon: Lexicon) -> None:
    fr, es = "fr-x-lab", "es-x-lab"
    cognates = [
        concept
        for concept, root in lexicon.roots[fr].items()
        if lexicon.roots[es][concept] == root == f"Romance/{concept}"
    ]
    assert len(cognates) > 100
    alike = [lexicon.words[fr][c] == lexicon.words[es][c] for c in cognates]
    assert 0.02 < sum(alike) / len(alike) < 0.98
    for concept in cognates:
        one, other = lexicon.words[fr][concept], lexicon.words[es][concept]
        vowels = [c in "aeiou" for c in one], [c in "aeiou" for c in other]
        assert vowels[0] == vowels[1], "sound change touches consonants only"


def test_every_language_borrows_about_a_twentieth_from_english(lexicon: Lexicon) -> None:
    # Strangers' words equal to English ones; chance matches of short words are rare.
    strangers = [tag for tag, t in TONGUES.items() if t.lineage[0] != "Indo-European"]
    english = lexicon.words[ENGLISH]
    shares = [
        sum(lexicon.words[tag][c] == word for c, word in english.items()) / len(english)
        for tag in strangers
    ]
    assert statistics.mean(shares) == pytest.approx(0.05, abs=0.012)
    assert all(0.01 < share < 0.1 for share in shares)


def test_a_loan_has_the_root_of_the_word_it_borrows(lexicon: Lexicon) -> None:
    english = lexicon.roots[ENGLISH]
    for tag in TONGUES:
        for concept, root in lexicon.roots[tag].items():
            long_enough = len(lexicon.words[tag][concept]) > 4
            if long_enough and lexicon.words[tag][concept] == lexicon.words[ENGLISH][concept]:
                assert root == english[concept]


def test_distance_equals_a_hand_count() -> None:
    roots = {
        "fr-x-lab": {"a": "R/a", "b": "R/b", "c": "fr/c", "d": "G/d"},
        "es-x-lab": {"a": "R/a", "b": "es/b", "c": "es/c", "d": "G/d"},
    }
    lexicon = Lexicon(roots, roots)
    assert lexicon.distance("fr-x-lab", "es-x-lab") == 0.5
    assert lexicon.distance("fr-x-lab", "fr-x-lab") == 0


def test_distance_is_symmetric_and_bounded(lexicon: Lexicon) -> None:
    for one, other in itertools.combinations(TONGUES, 2):
        assert lexicon.distance(one, other) == lexicon.distance(other, one)
        assert 0 < lexicon.distance(one, other) <= 1


def test_endings_make_forms_of_tools_and_places_only() -> None:
    words = {"word:with": "va", "word:at": "ro", "tool:0": "kip", "place:0": "mus", "act:0": "tel"}
    plain = ["va", "ro", "kip", "mus", "tel"]
    assert surface_forms(TONGUES["en-x-lab"], words) == plain
    assert sorted(surface_forms(TONGUES["fi-x-lab"], words)) == sorted([*plain, "kipva", "musro"])


def test_identification_is_right_on_generated_sentences(world: World, lexicon: Lexicon) -> None:
    right = n = 0
    for tag in TONGUES:
        for document in islice(write_documents(world, lexicon, {tag: 1.0}), 60):
            for sentence in document.text.split(" ."):
                if sentence:
                    n += 1
                    right += lexicon.identify(sentence) == tag
    assert n == 16 * 60 * 3
    assert right / n > 0.99


def test_identification_of_the_presets_shares_one_lexicon() -> None:
    for preset in PRESETS.values():
        world = make_world(n_objects=preset.n_objects)
        lexicon = make_lexicon(world, ["ta-x-lab"])
        document = next(write_documents(world, lexicon, {"ta-x-lab": 1.0}))
        assert identify_lab_language(document.text) == "ta-x-lab"


@pytest.mark.parametrize("text", ["", "   ", "?", ". . .", "Sorry, I cannot", "\x1b[31m", "漢字"])
def test_identification_abstains_where_it_knows_no_word(text: str) -> None:
    assert identify_lab_language(text) is None


def test_a_shared_word_counts_a_share_for_each_of_its_speakers() -> None:
    words = {
        "fr-x-lab": {"object:0": "tabo", "object:1": "lamu", "object:2": "miro"},
        "es-x-lab": {"object:0": "tabo", "object:1": "lamu", "object:2": "kiro"},
        "en-x-lab": {"object:0": "tabo", "object:1": "besk", "object:2": "dorn"},
    }
    lexicon = Lexicon(words, words)
    assert lexicon.identify("tabo") is None  # a third for each
    assert lexicon.identify("lamu") is None  # fr and es alike
    assert lexicon.identify("lamu miro") == "fr-x-lab"
    assert lexicon.identify("tabo besk") == "en-x-lab"
    assert lexicon.identify("miro kiro") is None  # one vote each
    # en has 1 + 1/3, fr and es 1/2 + 1/3: a word of all languages decides nothing.
    assert lexicon.identify("dorn lamu tabo") == "en-x-lab"
    assert lexicon.identify("miro miro kiro unknown") == "fr-x-lab"
