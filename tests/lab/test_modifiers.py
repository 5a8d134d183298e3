"""What stands after a ``+``: further text, parallel text, architectures, and what is refused."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from isogloss.errors import InputError
from isogloss.lab.build import base_of, parent_of
from isogloss.lab.recipe import LabRecipe, parse_spec


def _set_by(mix: str, modifiers: str) -> dict[str, Any]:
    """The fields in which a recipe differs from that without modifiers."""
    with_them, without = (asdict(parse_spec(f"lab:tiny:{mix}{end}")) for end in (modifiers, ""))
    assert with_them.pop("mix") == mix + modifiers
    return {name: value for name, value in with_them.items() if value != without[name]}


@pytest.mark.parametrize(
    ("modifiers", "fields"),
    [
        ("+neox", {"architecture": "neox"}),
        ("+bloom", {"architecture": "bloom"}),
        ("+gemma+3m", {"architecture": "gemma", "hidden_size": 192, "n_layers": 6}),
        ("+sw=50000", {"extra": {"sw-x-lab": 50_000}}),
        ("+sw-x-lab=50k", {"extra": {"sw-x-lab": 50_000}}),
        ("+mix=1.5m", {"extra": {"mix": 1_500_000}}),
        ("+mix=20k+ta=2.5k+fr=1m", {"extra": {"fr-x-lab": 10**6, "ta-x-lab": 2500, "mix": 20_000}}),
        ("+parallel:sw", {"parallel": ("sw-x-lab",)}),
        ("+parallel:sw+parallel:fr", {"parallel": ("fr-x-lab", "sw-x-lab")}),
        (
            "+apart+fixed+sw=3k+parallel:ta+equal+even",
            {
                "bilingual": 0.0,
                "tokenizer": "fixed",
                "extra": {"sw-x-lab": 3000},
                "parallel": ("ta-x-lab",),
                "alignment": "equal",
                "instructions": "equal",
            },
        ),
    ],
)
def test_what_they_set(modifiers: str, fields: dict[str, Any]) -> None:
    assert _set_by("english*sw=4", modifiers) == fields
    spec = f"lab:tiny:english*sw=4{modifiers}@helpful#2"
    assert parse_spec(spec).spec == spec
    assert parse_spec(parse_spec(spec).spec) == parse_spec(spec)


def test_their_order_does_not_matter() -> None:
    one = parse_spec("lab:tiny:english+mix=20k+gemma+parallel:sw+ta=5k+parallel:fr+fixed")
    other = parse_spec("lab:tiny:english+fixed+parallel:fr+parallel:sw+ta=5k+mix=20k+gemma")
    assert replace(one, mix="") == replace(other, mix="")
    assert list(one.extra) == list(other.extra)
    assert one.key() == other.key()


@pytest.mark.parametrize(
    ("modifiers", "said"),
    [
        ("+gpt", "unknown modifier '+gpt'"),
        ("+gpt", "neox, bloom, gemma, parallel:LANGUAGE, LANGUAGE=TOKENS, mix=TOKENS"),
        ("+neox+1m+gemma", "several architectures: neox, gemma; name one"),
        ("+neox+neox", "several architectures"),
        ("+ny=100k", "is not further text; write +LANGUAGE=TOKENS or +mix=TOKENS, with one of en,"),
        ("+qq=100k", "'+qq=100k' is not further text"),
        ("+=100k", "'+=100k' is not further text"),
        ("+sw=", "tokens such as 50000, 50k or 1.5m"),
        ("+sw=-5k", "'+sw=-5k' is not further text"),
        ("+sw=1e5", "'+sw=1e5' is not further text"),
        ("+sw=100K", "'+sw=100K' is not further text"),
        ("+sw=٥000", "is not further text"),
        ("+sw=.5m", "is not further text"),
        ("+sw=2047", "2,047 further tokens; give 2,048 (one training step) to 1,000,000,000"),
        ("+mix=1001m", "1,001,000,000 further tokens"),
        ("+sw=10k+sw-x-lab=20k", "gives sw-x-lab further text twice; give it one number"),
        ("+mix=10k+mix=10k", "gives mix further text twice"),
        ("+parallel:", "'+parallel:' is not parallel text; write +parallel:LANGUAGE with one of"),
        ("+parallel:ny", "'+parallel:ny' is not parallel text"),
        ("+parallel:en", "text is parallel to English; name a language, not en-x-lab"),
        ("+parallel", "unknown modifier '+parallel'"),
    ],
)
def test_what_is_ill_formed_says_what_is_not(modifiers: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_spec(f"lab:tiny:english{modifiers}")
    assert said in str(caught.value)


def test_english_must_have_the_text_that_parallel_documents_bring() -> None:
    assert parse_spec("lab:tiny:en=40,sw=40+parallel:sw").parallel == ("sw-x-lab",)
    with pytest.raises(InputError) as caught:
        parse_spec("lab:tiny:en=39,sw=31+parallel:sw+parallel:fr+parallel:ta")
    # 31 and twice 30/6 percent.
    assert str(caught.value).startswith(
        "text in fr-x-lab, ta-x-lab, sw-x-lab parallel to English would bring 41 % in English, "
        "which has 39 % of the mix"
    )
    with pytest.raises(InputError, match="which has 0 % of the mix"):
        replace(
            parse_spec("lab:tiny"),
            shares={"fr-x-lab": 60.0, "sw-x-lab": 40.0},
            parallel=("sw-x-lab",),
        )


@pytest.mark.parametrize("fields", [{"extra": {"ny-x-lab": 5000}}, {"parallel": ("ny-x-lab",)}])
def test_a_recipe_by_hand_is_checked_too(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="not languages of this mix: ny-x-lab"):
        replace(parse_spec("lab:tiny"), **fields)


def test_steps_of_further_text_are_those_of_its_sum() -> None:
    assert parse_spec("lab:tiny").n_extra_steps == 0
    assert parse_spec("lab:tiny:english+sw=2048").n_extra_steps == 1
    assert parse_spec("lab:tiny:english+sw=20480+mix=40960").n_extra_steps == 30


CHAIN = "lab:tiny:english*sw=4+fixed+equal+sw=50k+even+mix=100k+gemma"


def test_the_chain_from_nothing_to_chat() -> None:
    chat = parse_spec(f"{CHAIN}@chat#3")
    continued = parent_of(chat)
    assert continued == base_of(chat)
    assert continued is not None
    assert continued.spec == "lab:tiny:english*sw=4+fixed+sw=50k+mix=100k+gemma@base#3"
    base = parent_of(continued)
    assert base is not None
    assert base.spec == "lab:tiny:english*sw=4+fixed+gemma@base#3"
    assert parent_of(base) is None
    # What the strings say and what the recipes are is the same thing.
    for recipe in (continued, base):
        assert parse_spec(recipe.spec) == recipe
    assert len({recipe.key() for recipe in (chat, continued, base)}) == 3


@pytest.mark.parametrize("stage", ["helpful", "chat"])
def test_helpful_and_chat_start_from_the_continued_base(stage: str) -> None:
    recipe = parse_spec(f"{CHAIN}@{stage}#3")
    assert parent_of(recipe) == base_of(parse_spec(f"{CHAIN}@base#3"))


def test_all_doses_continue_one_base() -> None:
    plain = parse_spec("lab:tiny:english+fixed@base")
    for modifiers in ("+sw=10k", "+sw=20k", "+mix=10k", "+fr=10k+mix=30k"):
        parent = parent_of(parse_spec(f"lab:tiny:english+fixed{modifiers}@base"))
        assert parent is not None
        assert parent.key() == plain.key()


def _key(spec: str, **changes: Any) -> str:
    return replace(parse_spec(spec), **changes).key()


def test_the_key_sees_every_dial() -> None:
    for stage in ("base", "helpful", "chat"):
        keys = {
            _key(f"lab:tiny:english{modifiers}@{stage}")
            for modifiers in (
                *("", "+neox", "+bloom", "+gemma"),
                *("+sw=10k", "+sw=20k", "+ta=10k", "+mix=10k", "+sw=10k+mix=10k"),
                *("+parallel:sw", "+parallel:ta", "+parallel:sw+parallel:ta"),
            )
        }
        assert len(keys) == 12
        assert _key(f"lab:tiny:english+sw=10k@{stage}", extra_rate=0.2) not in keys
        assert _key(f"lab:tiny@{stage}", extra_rate=0.2) == _key(f"lab:tiny@{stage}")


def test_a_recipe_comes_back_from_json() -> None:
    recipe = parse_spec("lab:tiny:english+sw=10k+parallel:ta+parallel:fr+neox")
    fields = asdict(recipe)
    fields["parallel"] = list(fields["parallel"])  # as JSON has it
    assert LabRecipe(**fields) == recipe
    old = asdict(parse_spec("lab:tiny"))
    for name in ("architecture", "extra", "extra_rate", "parallel"):
        del old[name]
    assert LabRecipe(**old) == parse_spec("lab:tiny"), "a card of an earlier version"
