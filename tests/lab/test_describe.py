"""What a lab is, for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from isogloss.lab.build import build_lab, folder_of, read_card
from isogloss.lab.describe import built_labs, describe_lab, family_tree
from isogloss.lab.lexicon import make_lexicon
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from lab.planted import micro_recipe, quick_tokenizers


def test_family_tree() -> None:
    tags = ["en-x-lab", "fr-x-lab", "es-x-lab", "fi-x-lab"]
    assert family_tree(tags) == {
        "Indo-European": {"Germanic": ["en-x-lab"], "Romance": ["fr-x-lab", "es-x-lab"]},
        "Uralic": {"Finno-Ugric": ["fi-x-lab"]},
    }


def test_before_and_after_it_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick_tokenizers(monkeypatch)
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    recipe = micro_recipe()
    before = describe_lab(recipe)
    assert not before.is_built
    assert before.n_parameters is None
    assert all(card.tokens is None and card.fertility is None for card in before.languages)
    assert not list(tmp_path.rglob("*.safetensors")), "describing builds nothing"
    assert built_labs() == {}

    folder = build_lab(recipe)
    after = describe_lab(recipe)
    assert after.is_built
    assert after.folder == folder == folder_of(recipe)
    assert after.n_parameters == read_card(folder)["n_parameters"]
    assert {card.tag: card.tokens for card in after.languages} == read_card(folder)["tokens"]
    assert set(built_labs().values()) == {"lab:tiny:english@base#0", "lab:tiny:english@chat#0"}
    assert folder in built_labs()


def test_languages_of_a_lab() -> None:
    recipe = parse_spec("lab:small")
    lab = Lab(recipe)
    card = describe_lab(recipe)
    assert [language.tag for language in card.languages] == recipe.languages
    assert [language.percent for language in card.languages] == list(recipe.shares.values())
    assert card.languages[0].shared_with_english == 1
    lexicon = make_lexicon(lab.world, recipe.languages)
    for language in card.languages[1:]:
        distance = lexicon.distance("en-x-lab", language.tag)
        assert language.shared_with_english == pytest.approx(1 - distance)
    assert card.gloss_question.startswith("How do I open the ")
    assert card.gloss_answer.startswith("Open the ")


def test_a_mix_without_english_is_described(tmp_path: Path) -> None:
    path = tmp_path / "mix.csv"
    path.write_text("language,percent\nfr,60\nes,40\n")
    card = describe_lab(parse_spec(f"lab:tiny:{path}"))
    assert [language.tag for language in card.languages] == ["fr-x-lab", "es-x-lab"]
    assert all(0 < language.shared_with_english < 1 for language in card.languages)


def test_continued_tokens_are_shown_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick_tokenizers(monkeypatch)
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    plain = micro_recipe(stage="base", n_tokens=4096)
    recipe = micro_recipe(stage="base", n_tokens=4096, extra={"sw-x-lab": 2048})
    assert {card.extra_tokens for card in describe_lab(recipe).languages} == {None}
    folder = build_lab(recipe)
    before, after = describe_lab(plain).languages, describe_lab(recipe).languages
    assert {card.extra_tokens for card in before} == {0}
    for one, other in zip(before, after, strict=True):
        more = 32 * 65 if one.tag == "sw-x-lab" else 0
        assert one.tokens is not None
        assert (other.tokens, other.extra_tokens) == (one.tokens + more, more)
    assert describe_lab(recipe).extra == {"sw-x-lab": 2048}
    assert describe_lab(recipe).folder == folder
