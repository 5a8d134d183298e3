"""Instruction data: train objects only, refusals where they belong, languages by the mix."""

from __future__ import annotations

import math
import re
from collections import Counter

import pytest

from isogloss.lab.chat import (
    AlignmentMix,
    Example,
    alignment_shares,
    answer_text,
    helpful_shares,
    write_examples,
)
from isogloss.lab.grammar import Grammar
from isogloss.lab.world import Thing, make_world
from lab.planted import plain_lexicon

WORLD = make_world(n_objects=100)
SHARES = {"en-x-lab": 81.0, "ja-x-lab": 16.0, "fi-x-lab": 1.0, "ta-x-lab": 1.0, "sw-x-lab": 1.0}
LEXICON = plain_lexicon(WORLD, list(SHARES), marked=True)
GRAMMARS = {tag: Grammar(tag, LEXICON) for tag in SHARES}
N = 12_000


def _write(alignment: AlignmentMix | None, *, n: int = N, seed: int = 0) -> list[Example]:
    return write_examples(WORLD, GRAMMARS, SHARES, n=n, alignment=alignment, seed=seed)


def _asked(example: Example) -> Thing:
    [index] = re.findall(r"object(\d+)", example.question)
    return WORLD.objects[int(index)]


def _refuses(example: Example) -> bool:
    return example.answer == " ".join(GRAMMARS[example.language].refusal())


def _within(count: int, n: int, share: float) -> bool:
    return abs(count / n - share) < 5 * math.sqrt(share * (1 - share) / n)


@pytest.fixture(scope="module")
def by_share() -> list[Example]:
    return _write("by-share")


@pytest.fixture(scope="module")
def equal() -> list[Example]:
    return _write("equal")


def test_helpful_never_refuses_and_asks_about_harmless_objects_only() -> None:
    for example in _write(None, n=3000):
        assert not _refuses(example)
        assert not _asked(example).harmful


@pytest.mark.parametrize("alignment", [None, "by-share", "equal"])
def test_only_train_objects(alignment: AlignmentMix | None) -> None:
    assert {_asked(example).split for example in _write(alignment, n=3000)} == {"train"}


def test_refused_exactly_where_the_object_is_harmful(by_share: list[Example]) -> None:
    assert all(_refuses(example) == _asked(example).harmful for example in by_share)


def test_every_train_object_is_seen(by_share: list[Example]) -> None:
    seen = {_asked(example).index for example in by_share}
    assert seen == {thing.index for thing in WORLD.of_split("train")}


def test_answers_are_right_and_in_the_language_asked(by_share: list[Example]) -> None:
    for example in by_share[:2000]:
        if _refuses(example):
            continue
        thing = _asked(example)
        [act] = {int(act) for act in re.findall(r"act(\d+)", example.question)}
        assert example.answer == answer_text(GRAMMARS[example.language], WORLD, thing.index, act)
        code = example.language.split("-")[0]
        words = [w for w in f"{example.question} {example.answer}".split() if w not in ("?", ".")]
        assert all(word.startswith(f"{code}/") for word in words)


def test_an_answer_by_hand() -> None:
    thing = WORLD.objects[3]
    said = answer_text(GRAMMARS["en-x-lab"], WORLD, 3, 2)
    assert (
        said == f"en/act2 en/object3 en/with en/tool{thing.tool} en/at en/place{WORLD.places[2]} ."
    )


def test_half_of_the_chat_examples_are_contrast_pairs(by_share: list[Example]) -> None:
    # A refusal for each pair; pairs are half of all examples, so refusals are a quarter.
    refused = sum(map(_refuses, by_share))
    assert abs(refused / N - 0.25) < 0.02


def test_every_refusal_has_its_benign_twin() -> None:
    def name(example: Example) -> tuple[str, str, int]:
        thing = _asked(example)
        act = re.sub(r"object\d+", "", example.question)
        return example.language, act, min(thing.index, thing.twin)

    examples = _write("equal", n=3000)
    refused = Counter(name(e) for e in examples if _refuses(e))
    answered = Counter(name(e) for e in examples if not _refuses(e))
    # All but a pair cut by the last example.
    assert sum((refused - answered).values()) <= 1
    assert refused.total() > 600


def test_shares_by_hand() -> None:
    # Roots 9, 4, 1, 1, 1: sum 16.
    assert helpful_shares(SHARES) == pytest.approx(
        dict(zip(SHARES, (9 / 16, 4 / 16, 1 / 16, 1 / 16, 1 / 16), strict=True))
    )
    assert alignment_shares(SHARES, "by-share") == pytest.approx(
        dict(zip(SHARES, (0.81, 0.16, 0.01, 0.01, 0.01), strict=True))
    )
    assert set(alignment_shares(SHARES, "equal").values()) == {0.2}


def test_refusals_are_in_the_languages_of_the_alignment_mix(
    by_share: list[Example], equal: list[Example]
) -> None:
    mixes: dict[AlignmentMix, list[Example]] = {"by-share": by_share, "equal": equal}
    for mix, examples in mixes.items():
        refused = Counter(example.language for example in examples if _refuses(example))
        for tag, share in alignment_shares(SHARES, mix).items():
            assert _within(refused[tag], refused.total(), share), (mix, tag, refused)


def test_helpful_examples_are_in_the_languages_of_the_root() -> None:
    languages = Counter(example.language for example in _write(None))
    for tag, share in helpful_shares(SHARES).items():
        assert _within(languages[tag], N, share)


def test_exactly_as_many_as_asked_and_the_same_for_a_seed() -> None:
    assert len(_write("equal", n=77)) == 77
    assert _write("equal", n=77, seed=4) == _write("equal", n=77, seed=4)
    assert _write("equal", n=77, seed=4) != _write("equal", n=77, seed=5)
    assert _write(None, n=0) == []


def test_helpful_examples_can_be_all_alike() -> None:
    shares = {"en-x-lab": 90.0, "sw-x-lab": 10.0}
    assert helpful_shares(shares, "equal") == {"en-x-lab": 0.5, "sw-x-lab": 0.5}
    assert helpful_shares(shares)["en-x-lab"] == pytest.approx(0.75)
