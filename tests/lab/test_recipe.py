"""Target strings and recipes: the grammar, its errors, the cache key."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.errors import InputError
from isogloss.lab.build import base_of
from isogloss.lab.mix import MIXES
from isogloss.lab.recipe import PRESETS, SIZES, LabRecipe, parse_spec
from isogloss.lab.tongues import TONGUES


def _table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "mix.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_defaults() -> None:
    recipe = parse_spec("lab:small")
    assert recipe == parse_spec("lab:small:english@chat#0")
    assert (recipe.preset, recipe.mix, recipe.stage, recipe.seed) == ("small", "english", "chat", 0)
    assert (recipe.tokenizer, recipe.alignment) == ("mix", "by-share")
    assert recipe.languages == list(TONGUES)


@pytest.mark.parametrize(
    ("spec", "canonical"),
    [
        ("lab:tiny", "lab:tiny:english@chat#0"),
        ("lab:tiny@base", "lab:tiny:english@base#0"),
        ("lab:tiny#7", "lab:tiny:english@chat#7"),
        ("lab:tiny:balanced", "lab:tiny:balanced@chat#0"),
        (" lab:tiny:english~3+fixed+equal@helpful#1 ", "lab:tiny:english~3+fixed+equal@helpful#1"),
        ("lab:medium:bilingual~reversed+3m@chat#12", "lab:medium:bilingual~reversed+3m@chat#12"),
    ],
)
def test_spec_parse_spec(spec: str, canonical: str) -> None:
    recipe = parse_spec(spec)
    assert recipe.spec == canonical
    assert parse_spec(recipe.spec) == recipe


def test_every_combination_comes_back() -> None:
    for preset, mix, dealt, stage in itertools.product(
        PRESETS, MIXES, ("", "~reversed", "~4"), ("base", "helpful", "chat")
    ):
        spec = f"lab:{preset}:{mix}{dealt}@{stage}#2"
        assert parse_spec(spec).spec == spec
        assert parse_spec(parse_spec(spec).spec) == parse_spec(spec)


def test_shares_of_the_english_mix() -> None:
    shares = parse_spec("lab:small").shares
    assert shares["en-x-lab"] == pytest.approx(62)
    assert shares["fr-x-lab"] == pytest.approx(6.1)
    assert shares["ny-x-lab"] == pytest.approx(0.3)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_fewer_languages_renormalise() -> None:
    shares = parse_spec("lab:tiny").shares
    # en fr zh es id fi ta sw: 62 + 6.1 + 4.9 + 4.9 + 2.3 + 1.5 + 1.0 + 0.5 = 83.2
    assert [tag.split("-")[0] for tag in shares] == ["en", "fr", "zh", "es", "id", "fi", "ta", "sw"]
    assert shares["en-x-lab"] == pytest.approx(100 * 62 / 83.2)
    assert shares["sw-x-lab"] == pytest.approx(100 * 0.5 / 83.2)


@pytest.mark.parametrize("mix", MIXES)
def test_shares_add_up_to_a_hundred(mix: str) -> None:
    for preset in PRESETS:
        assert sum(parse_spec(f"lab:{preset}:{mix}").shares.values()) == pytest.approx(100)


def test_the_bilingual_mix_has_two_dominant_languages() -> None:
    shares = parse_spec("lab:small:bilingual").shares
    assert {tag for tag, share in shares.items() if share > 20} == {"en-x-lab", "zh-x-lab"}
    assert max(parse_spec("lab:small:balanced").shares.values()) < 25


def test_reversed_gives_the_largest_share_to_the_last() -> None:
    plain = parse_spec("lab:tiny").shares
    dealt = parse_spec("lab:tiny:english~reversed").shares
    assert list(dealt) == list(plain)
    assert list(dealt.values()) == list(plain.values())[::-1]


def test_permutations_deal_the_same_shares() -> None:
    plain = parse_spec("lab:small").shares
    deals = [parse_spec(f"lab:small:english~{k}").shares for k in range(6)]
    for dealt in deals:
        assert list(dealt) == list(plain)
        assert sorted(dealt.values()) == sorted(plain.values())
        assert dealt != plain
    assert len({tuple(dealt.values()) for dealt in deals}) == 6
    assert parse_spec("lab:small:english~5#9").shares == deals[5], "the seed deals nothing"


def test_modifiers() -> None:
    plain = parse_spec("lab:tiny")
    assert replace(parse_spec("lab:tiny:english+fixed"), mix="english") == replace(
        plain, tokenizer="fixed"
    )
    assert replace(parse_spec("lab:tiny:english+equal"), mix="english") == replace(
        plain, alignment="equal"
    )
    both = parse_spec("lab:tiny:english~2+equal+fixed")
    assert (both.alignment, both.tokenizer) == ("equal", "fixed")
    assert both.shares == parse_spec("lab:tiny:english~2").shares


@pytest.mark.parametrize(("size", "n"), [("300k", 0.3e6), ("1m", 1e6), ("3m", 3e6)])
def test_size_dial(size: str, n: float) -> None:
    recipe = parse_spec(f"lab:small:english+{size}")
    assert (recipe.hidden_size, recipe.n_layers) == SIZES[size]
    assert recipe.hidden_size % recipe.n_heads == 0
    # Llama block: four square attention matrices and three of 8/3 the width; tied embeddings.
    block = 12 * recipe.hidden_size**2
    assert recipe.n_layers * block + recipe.vocab_size * recipe.hidden_size == pytest.approx(
        n, rel=0.25
    )


def test_steps_of_pretraining() -> None:
    assert replace(parse_spec("lab:tiny"), n_tokens=20_480).n_steps == 10  # of 32 x 64 tokens
    assert replace(parse_spec("lab:tiny"), n_tokens=1).n_steps == 1


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("lab:huge", ["unknown lab preset 'huge'", "tiny, small, medium"]),
        ("lab:tiny:french", ["unknown mix 'french'", "english, bilingual, balanced", ".csv"]),
        (
            "lab:tiny:english+bigger",
            ["'+bigger'", "fixed, equal, even, apart, 300k, 1m, 3m, neox, bloom, gemma"],
        ),
        ("lab:tiny:english+", ["'+'", "fixed"]),
        ("lab:tiny:english~backwards", ["'backwards'", "'reversed'", "number of a permutation"]),
        ("lab:tiny:english~-1", ["'-1'", "permutation"]),
        ("lab:tiny:english~1~2", ["'1~2'", "permutation"]),
        ("lab:tiny@rlhf", ["unknown lab stage 'rlhf'", "base, helpful, chat"]),
        ("lab:tiny#one", ["'one'", "whole number"]),
        ("lab:tiny#-1", ["'-1'", "whole number"]),
        ("lab:tiny#1.5", ["'1.5'", "whole number"]),
        ("", ["does not name a lab model", "lab:PRESET"]),
        ("lab:tiny\nlab:tiny", ["lab"]),
        ("lab:", ["tiny, small, medium"]),
        ("lab:tiny:nowhere.csv", ["nowhere.csv", "does not exist"]),
    ],
)
def test_what_is_unknown_names_what_is_allowed(spec: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse_spec(spec)
    for word in words:
        assert word in str(caught.value)


def test_a_tilde_wants_a_permutation() -> None:
    with pytest.raises(InputError):
        parse_spec("lab:tiny:english~")


def test_an_endless_seed() -> None:
    with pytest.raises(InputError):
        parse_spec("lab:tiny#" + "9" * 5000)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_of_ones_own(tmp_path: Path, encoding: str) -> None:
    path = _table(tmp_path, "percent,note,language\n20,x,sw\n75.5,,en-x-lab\n4.5,,fr\n", encoding)
    recipe = parse_spec(f"lab:tiny:{path}+equal@base#3")
    assert recipe.languages == ["en-x-lab", "fr-x-lab", "sw-x-lab"], "in the order of resource"
    assert list(recipe.shares.values()) == pytest.approx([75.5, 4.5, 20])
    assert (recipe.alignment, recipe.stage, recipe.seed) == ("equal", "base", 3)
    assert parse_spec(recipe.spec) == recipe


def test_a_table_that_rounds_to_99_5_is_normalised(tmp_path: Path) -> None:
    path = _table(tmp_path, "language,percent\nen,59.7\nfr,39.8\n")
    shares = parse_spec(f"lab:tiny:{path}").shares
    assert shares == pytest.approx({"en-x-lab": 60, "fr-x-lab": 40})


def test_a_table_dealt_in_reverse(tmp_path: Path) -> None:
    path = _table(tmp_path, "language,percent\nen,90\nfr,10\n")
    shares = parse_spec(f"lab:tiny:{path}~reversed").shares
    assert shares == pytest.approx({"en-x-lab": 10, "fr-x-lab": 90})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["language,percent"]),
        ("code,percent\nen,100\n", ["language,percent", "code"]),
        ("language,percent\nen,50\nde,50\n", ["line 3", "'de'", "en, fr, zh"]),
        ("language,percent\nen,50\n,50\n", ["line 3", "''"]),
        ("language,percent\nen,50\nen-x-lab,50\n", ["line 3", "twice"]),
        ("language,percent\nen,fifty\nfr,50\n", ["line 2", "'fifty'", "not a number"]),
        ("language,percent\nen\nfr,50\n", ["line 2", "not a number"]),
        ("language,percent\nen,nan\nfr,50\n", ["line 2", "above 0"]),
        ("language,percent\nen,0\nfr,100\n", ["line 2", "above 0"]),
        ("language,percent\nen,101\nfr,-1\n", ["line 2", "at most 100"]),
        ("language,percent\nen,50\nfr,40\n", ["add up to 90 %", "2 languages"]),
        ("language,percent\nen,100\n", ["1 languages", "two languages or more"]),
        ("language,percent\n", ["0 languages"]),
    ],
)
def test_errors_of_a_table(tmp_path: Path, text: str, words: list[str]) -> None:
    path = _table(tmp_path, text)
    with pytest.raises(InputError) as caught:
        parse_spec(f"lab:tiny:{path}")
    for word in [str(path), *words]:
        assert word in str(caught.value)


def test_a_table_that_is_not_unicode(tmp_path: Path) -> None:
    path = _table(tmp_path, "language,percent,note\nen,60,café\nfr,40,\n", "latin-1")
    with pytest.raises(InputError, match=r"mix\.csv"):
        parse_spec(f"lab:tiny:{path}")


@pytest.mark.parametrize("folder", ["a+b", "x~y", "me@home", "c#"])
def test_a_table_in_a_folder_with_signs(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    path = _table(tmp_path / folder, "language,percent\nen,60\nfr,40\n")
    assert parse_spec(f"lab:tiny:{path}").shares["fr-x-lab"] == pytest.approx(40)


def _key(spec: str, **changes: object) -> str:
    return replace(parse_spec(spec), **changes).key()  # type: ignore[arg-type]


def test_the_key_ignores_what_does_not_matter(tmp_path: Path) -> None:
    table = "language,percent\n" + "".join(
        f"{tag},{share!r}\n" for tag, share in parse_spec("lab:tiny").shares.items()
    )
    path = _table(tmp_path, table)
    assert _key(f"lab:tiny:{path}") == _key("lab:tiny")
    assert _key("lab:tiny", preset="renamed") == _key("lab:tiny")
    assert _key("lab:tiny", audit_acts=8) == _key("lab:tiny")
    assert _key("lab:tiny:english+equal@base") == _key("lab:tiny:english@base")
    assert _key("lab:tiny:english+equal@helpful") == _key("lab:tiny:english@helpful")
    assert _key("lab:tiny@base", chat_steps=1, chat_rate=1.0) == _key("lab:tiny@base")


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"world_seed": 1},
        {"tokenizer": "fixed"},
        {"n_tokens": 1},
        {"n_objects": 100},
        {"bilingual": 0.1},
        {"rest_rate": 0.001},
        {"batch_size": 16},
        {"hidden_size": 64},
        {"shares": {"en-x-lab": 50.0, "fr-x-lab": 50.0}},
        {"shares": parse_spec("lab:tiny:english~reversed").shares},
    ],
)
def test_the_key_sees_what_matters_to_every_stage(changes: dict[str, object]) -> None:
    for stage in ("base", "helpful", "chat"):
        assert _key(f"lab:tiny@{stage}", **changes) != _key(f"lab:tiny@{stage}")


def test_the_key_sees_what_matters_to_one_stage() -> None:
    assert _key("lab:tiny:english+equal") != _key("lab:tiny")
    assert _key("lab:tiny@helpful", chat_steps=1) != _key("lab:tiny@helpful")
    assert len({_key(f"lab:tiny@{stage}") for stage in ("base", "helpful", "chat")}) == 3


def _tiers(recipe: LabRecipe) -> dict[str, str]:
    table = recipe.share_table()
    return {tag.split("-")[0]: table.tier(tag) for tag in recipe.languages}


def test_tiers_of_the_lab() -> None:
    tiers = _tiers(parse_spec("lab:small"))
    for tier, codes in {
        "english": "en",
        "high": "fr zh es pt vi ca",  # 3 % or more
        "medium": "id ja ko",  # 1.6 to 3 %
        "low": "fi hu ta te sw ny",
    }.items():
        assert {tiers[code] for code in codes.split()} == {tier}


def test_tiers_follow_the_shares_but_english_stays_apart() -> None:
    tiers = _tiers(parse_spec("lab:small:english~reversed"))
    assert tiers["en"] == "english"
    assert tiers["ny"] == tiers["sw"] == "high"
    assert tiers["fr"] == tiers["es"] == "low"


def test_two_sizes_are_one_too_many() -> None:
    with pytest.raises(InputError, match=r"several sizes: 1m, 3m"):
        parse_spec("lab:tiny:english+1m+3m")


def test_the_order_in_which_shares_are_given_does_not_matter() -> None:
    recipe = parse_spec("lab:tiny")
    turned = replace(recipe, shares=dict(reversed(list(recipe.shares.items()))))
    assert (turned.key(), turned.languages) == (recipe.key(), recipe.languages)


def test_a_language_that_is_not_the_labs() -> None:
    with pytest.raises(InputError, match="not lab languages: de"):
        replace(parse_spec("lab:tiny"), shares={"en-x-lab": 60, "de": 40})


def test_a_dose_moves_one_share_and_the_others_give_way_in_proportion() -> None:
    plain, dosed = parse_spec("lab:tiny"), parse_spec("lab:tiny:english*sw=4")
    assert sum(dosed.shares.values()) == pytest.approx(100)
    assert dosed.shares["sw-x-lab"] == pytest.approx(4 * plain.shares["sw-x-lab"])
    others = {tag: dosed.shares[tag] / share for tag, share in plain.shares.items()}
    del others["sw-x-lab"]
    assert max(others.values()) == pytest.approx(min(others.values()))
    assert parse_spec(dosed.spec) == dosed
    assert dosed.key() != plain.key()


def test_doses_follow_one_another_and_stand_before_modifiers() -> None:
    recipe = parse_spec("lab:tiny:balanced~2*sw=2*fi=.5+fixed@base#3")
    assert recipe.spec == "lab:tiny:balanced~2*sw=2*fi=.5+fixed@base#3"
    assert recipe.tokenizer == "fixed"


@pytest.mark.parametrize(
    ("dose", "said"),
    [
        ("*sw", "is not a dose; write *LANGUAGE=FACTOR"),
        ("*=2", "is not a dose"),
        ("*ny=2", "one of en, fr, zh, es, id, fi, ta, sw"),
        ("*sw=many", "leaves every language something"),
        ("*sw=0", "leaves every language something"),
        ("*sw=-1", "leaves every language something"),
        ("*sw=nan", "leaves every language something"),
        ("*en=2", "would give en-x-lab 149"),
    ],
)
def test_a_dose_that_is_none_says_what_is(dose: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        parse_spec(f"lab:tiny:english{dose}")


def test_instructions_and_bilingual_documents_can_be_evened_out() -> None:
    recipe = parse_spec("lab:tiny:english+even+apart+equal")
    assert (recipe.instructions, recipe.bilingual, recipe.alignment) == ("equal", 0.0, "equal")
    base = base_of(recipe)
    assert (base.mix, base.instructions, base.bilingual) == ("english+apart", "by-share", 0.0)
    assert base.key() == parse_spec("lab:tiny:english+apart@base").key()
    assert recipe.key() != parse_spec("lab:tiny:english+apart+equal").key()


def test_keys_of_earlier_models_stay_what_they_were() -> None:
    """A cache of trained models must not be lost to a new field that changes nothing."""
    assert parse_spec("lab:tiny@base").key() == "7f283621483aed6f"
    assert parse_spec("lab:tiny").key() == "164bafb00636dfd2"
    assert parse_spec("lab:small:english~2+equal").key() == "5c04206e2884de0d"
    assert parse_spec("lab:small:balanced+fixed+even+1m@helpful#3").key() == "75080a87d41c0200"
    assert parse_spec("lab:tiny:english*sw=4+apart@base#1").key() == "6921b6175bb8f86d"
