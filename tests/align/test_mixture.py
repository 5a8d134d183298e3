"""Which languages are drawn, how many of each, and that order and seed are all that decide."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.align.examples import Example
from isogloss.align.mixture import Mixture, draw_examples, parse_mixture
from isogloss.errors import InputError, LanguageError

HERE = ("sw", "en", "fr")


def some(**numbers: int) -> list[Example]:
    return [
        Example(example_id=f"e{k}", language=tag, prompt=f"Lamp {k}?", chosen="Yes.")
        for tag, number in numbers.items()
        for k in range(number)
    ]


def counts(examples: list[Example]) -> dict[str, int]:
    return dict(Counter(example.language for example in examples))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", {"sw": 1 / 3, "en": 1 / 3, "fr": 1 / 3}),
        (" ALL ", {"sw": 1 / 3, "en": 1 / 3, "fr": 1 / 3}),
        ("en", {"en": 1.0}),
        ("eng, swh", {"en": 0.5, "sw": 0.5}),
        ("en=3,sw=1", {"en": 0.75, "sw": 0.25}),
        ("fr = 0.5 , en = 1.5", {"fr": 0.25, "en": 0.75}),
        ("proportional", {"sw": 0.1, "en": 0.8, "fr": 0.1}),
        ("temperature=1", {"sw": 0.1, "en": 0.8, "fr": 0.1}),
        ("temperature=inf", {"sw": 1 / 3, "en": 1 / 3, "fr": 1 / 3}),
        # Cube roots of 1, 8 and 1.
        ("temperature = 3", {"sw": 0.25, "en": 0.5, "fr": 0.25}),
    ],
)
def test_shares_by_hand(text: str, expected: dict[str, float]) -> None:
    mixture = parse_mixture(text, HERE)
    assert mixture.weights({"sw": 5, "en": 40, "fr": 5}) == pytest.approx(expected)


def test_a_code_names_the_lab_language_in_a_lab() -> None:
    mixture = parse_mixture("en,swh", ["en-x-lab", "sw-x-lab"])
    assert mixture.languages == ("en-x-lab", "sw-x-lab")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a mixture"),
        ("en,", "not a mixture"),
        ("all,en", "not a mixture"),
        ("temperature", "not a mixture"),
        ("temperature=2,en=1", "not a mixture"),
        ("all=3", "not a mixture"),
        ("temperature=warm", "'warm' is not a number"),
        ("temperature=0", "the temperature is 0.0"),
        ("temperature=-1", "the temperature is -1.0"),
        ("temperature=nan", "the temperature is nan"),
        ("en=3,sw", "every language a weight"),
        ("en=three,sw=1", "'three' is not a number"),
        ("en=0,sw=1", "the weight of en is 0.0"),
        ("en=-1,sw=1", "the weight of en is -1.0"),
        ("en=inf,sw=1", "the weight of en is inf"),
        ("en=nan", "the weight of en is nan"),
        ("en,eng", "en comes twice"),
        ("en,ja,ny", "no examples in ja, ny; there are some in en, fr, sw"),
    ],
)
def test_bad_texts_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_mixture(text, HERE)


def test_what_is_no_language_is_refused_and_so_is_an_empty_set() -> None:
    with pytest.raises(LanguageError, match="'lamp!' is not a language"):
        parse_mixture("lamp!", HERE)
    with pytest.raises(InputError, match="at least one language"):
        parse_mixture("all", [])


def test_a_mixture_has_ratios_or_a_temperature() -> None:
    with pytest.raises(InputError, match="either"):
        Mixture(languages=("en",))
    with pytest.raises(InputError, match="either"):
        Mixture(languages=("en",), ratios=(1.0,), temperature=1.0)
    with pytest.raises(InputError, match="2 ratios for 1"):
        Mixture(languages=("en",), ratios=(1.0, 2.0))


@pytest.mark.parametrize("size", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_temperature_needs_the_size_of_every_language(size: float | None) -> None:
    sizes = {"en": 1.0} if size is None else {"en": 1.0, "sw": size}
    mixture = Mixture(languages=("en", "sw"), temperature=2.0)
    with pytest.raises(InputError, match=f"the data of sw have the size {size}"):
        mixture.weights(sizes)


SIZES = st.dictionaries(
    st.sampled_from(["en", "sw", "fr", "ny", "ta"]), st.floats(1e-6, 1e9), min_size=1
)


@given(SIZES, st.floats(0.05, 100))
def test_shares_sum_to_one_and_heat_evens_them_out(
    sizes: dict[str, float], temperature: float
) -> None:
    cool = Mixture(languages=tuple(sizes), temperature=temperature).weights(sizes)
    warm = Mixture(languages=tuple(sizes), temperature=temperature * 2).weights(sizes)
    assert math.fsum(cool.values()) == pytest.approx(1)
    assert max(warm.values()) <= max(cool.values()) + 1e-9
    assert sorted(sizes, key=lambda t: (cool[t], sizes[t])) == sorted(sizes, key=sizes.__getitem__)


@given(SIZES, st.floats(0.1, 50), st.floats(1e-3, 1e3))
def test_the_unit_of_sizes_does_not_matter(
    sizes: dict[str, float], temperature: float, unit: float
) -> None:
    mixture = Mixture(languages=tuple(sizes), temperature=temperature)
    scaled = {tag: size * unit for tag, size in sizes.items()}
    assert mixture.weights(scaled) == pytest.approx(mixture.weights(sizes), abs=1e-9)


def test_numbers_by_largest_remainder_by_hand() -> None:
    examples = some(en=20, sw=20, fr=20)
    # 10 * (0.5, 0.3, 0.2) is whole; of 7 they are 3.5, 2.1, 1.4: the one left over is English.
    mixture = parse_mixture("en=5,sw=3,fr=2", HERE)
    assert counts(draw_examples(examples, mixture, n=10, seed=1)) == {"en": 5, "sw": 3, "fr": 2}
    assert counts(draw_examples(examples, mixture, n=7, seed=1)) == {"en": 4, "sw": 2, "fr": 1}
    # Equal remainders: the first tags.
    alike = parse_mixture("all", HERE)
    assert counts(draw_examples(examples, alike, n=5, seed=1)) == {"en": 2, "fr": 2, "sw": 1}


def test_sizes_are_the_numbers_of_examples_unless_given() -> None:
    examples, mixture = some(en=16, sw=4), parse_mixture("temperature=2", ["en", "sw"])
    assert counts(draw_examples(examples, mixture, n=9, seed=1)) == {"en": 6, "sw": 3}
    drawn = draw_examples(examples, mixture, n=9, seed=1, sizes={"en": 1, "sw": 64})
    assert counts(drawn) == {"en": 1, "sw": 8}


def test_other_languages_are_left_out_and_missing_ones_refused() -> None:
    mixture = parse_mixture("en", HERE)
    assert counts(draw_examples(some(en=2, sw=9), mixture, n=6, seed=1)) == {"en": 6}
    with pytest.raises(InputError, match=r"no examples in en, which .* some in fr, sw"):
        draw_examples(some(sw=2, fr=1), mixture, n=6, seed=1)
    with pytest.raises(InputError, match="some in no language"):
        draw_examples([], mixture, n=6, seed=1)
    with pytest.raises(InputError, match="0 examples cannot be drawn"):
        draw_examples(some(en=2), mixture, n=0, seed=1)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["en", "sw", "fr"]), st.integers(1, 7), min_size=1),
    st.integers(1, 60),
    st.integers(0, 5),
    st.sampled_from(["all", "proportional", "temperature=5"]),
    st.randoms(use_true_random=False),
)
def test_exactly_n_in_whole_passes_whatever_the_order(
    numbers: dict[str, int], n: int, seed: int, text: str, rng: random.Random
) -> None:
    examples = some(**numbers)
    drawn = draw_examples(examples, parse_mixture(text, list(numbers)), n=n, seed=seed)
    assert len(drawn) == n
    shares = parse_mixture(text, list(numbers)).weights(numbers)
    for tag, share in shares.items():
        assert abs(counts(drawn).get(tag, 0) - share * n) < 1
        times = Counter(e.example_id for e in drawn if e.language == tag)
        repeats = [times[f"e{k}"] for k in range(numbers[tag])]
        assert max(repeats) - min(repeats) <= 1
    shuffled = list(examples)
    rng.shuffle(shuffled)
    languages = list(dict.fromkeys(example.language for example in shuffled))
    assert draw_examples(shuffled, parse_mixture(text, languages), n=n, seed=seed) == drawn


def test_the_seed_decides_the_order() -> None:
    examples, mixture = some(en=30, sw=30), parse_mixture("all", ["en", "sw"])
    one, same, other = (draw_examples(examples, mixture, n=40, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one != other
    assert counts(one[:20]) != {"en": 20}  # languages are not one after the other
