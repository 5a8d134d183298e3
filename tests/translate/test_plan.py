"""What a set lacks, and from what it can be filled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isogloss.errors import InputError, LanguageError
from isogloss.records import Prompt, PromptKey
from isogloss.translate.plan import count_holes, plan_translation
from translate.planted import english


def in_language(prompts: list[Prompt], language: str) -> list[Prompt]:
    return [replace(p, language=language, text=f"{language} {p.text}", reference=p.text)
            for p in prompts]  # fmt: skip


def test_an_english_only_set() -> None:
    plan = plan_translation(english(3), ["swh_Latn", "bn", "sw"])
    assert [hole.key for hole in plan.holes] == [
        PromptKey(f"p{i:02}", language, "original") for i in range(3) for language in ("sw", "bn")
    ]
    assert plan.given == tuple(english(3))
    assert (plan.source, plan.second, plan.sourceless, plan.notes) == ("en", (), (), ())


def test_a_filled_hole_keeps_what_the_source_says_of_itself() -> None:
    (hole,) = plan_translation(english(1), ["sw"]).holes
    prompt = hole.filled("habari")
    source = english(1)[0]
    assert (prompt.text, prompt.language, prompt.reference) == ("habari", "sw", source.text)
    assert (prompt.intent, prompt.category, prompt.cluster_id) == ("benign", "lamps", "c0")


def test_a_half_translated_set_keeps_what_it_has() -> None:
    swahili = in_language(english(6), "sw")[:4]
    bengali = in_language(english(6), "bn")[2:]
    prompts = [*english(6), *swahili, *bengali]
    assert count_holes(prompts) == {"bn": 2, "en": 0, "sw": 2}
    plan = plan_translation(prompts, ["sw"])
    assert [hole.key.prompt_id for hole in plan.holes] == ["p04", "p05"]
    assert set(plan.given) == set(prompts)
    assert plan.notes == ("not in --to and incomplete: bn 2 prompts missing",)


def test_references_are_english_too() -> None:
    swahili = in_language(english(4), "sw")
    plan = plan_translation(swahili, ["bn"])
    assert [hole.source.text for hole in plan.holes] == [p.text for p in english(4)]
    assert {p for p in plan.given if p.language == "en"} == set(english(4))
    assert plan.notes == ("4 en rows were made of references",)


def test_prompts_without_a_source_are_said_to_be_missing() -> None:
    swahili = in_language(english(4), "sw")
    bare = [replace(p, reference=None) if p.prompt_id == "p02" else p for p in swahili]
    plan = plan_translation(bare, ["bn"])
    assert plan.sourceless == (PromptKey("p02", "bn", "original"),)
    assert len(plan.holes) == 3


def test_no_source_at_all() -> None:
    swahili = [replace(p, reference=None) for p in in_language(english(4), "sw")]
    with pytest.raises(InputError, match=r"no rows in en or the column reference; it has sw\."):
        plan_translation(swahili, ["bn"])
    with pytest.raises(InputError, match="no rows in fr; it has sw"):
        plan_translation(swahili, ["bn"], source="fr")
    assert len(plan_translation(swahili, ["bn"], source="sw").holes) == 4


@pytest.mark.parametrize("targets", [[], ["en"], ["eng_Latn"]])
def test_no_target(targets: list[str]) -> None:
    with pytest.raises(InputError, match="no language besides the source, en"):
        plan_translation(english(2), targets)


def test_a_target_that_is_no_language() -> None:
    with pytest.raises(LanguageError, match="chichewa"):
        plan_translation(english(2), ["chichewa"])


def test_a_second_engine_translates_what_is_given_as_well() -> None:
    prompts = [*english(2), *in_language(english(2), "sw")]
    plan = plan_translation(prompts, ["sw"], second=True)
    assert plan.holes == ()
    assert [hole.key for hole in plan.second] == [
        PromptKey("p00", "sw", "second-engine"), PromptKey("p01", "sw", "second-engine")
    ]  # fmt: skip


def test_a_variant_of_one_language_is_no_hole_of_the_others() -> None:
    romanised = [replace(p, variant="romanised") for p in in_language(english(2), "hi")]
    prompts = [*english(2), *in_language(english(2), "hi"), *romanised]
    plan = plan_translation(prompts, ["sw"])
    assert {hole.key.variant for hole in plan.holes} == {"original"}
    assert plan.sourceless == ()
    assert plan.notes == ()


def test_a_limit_takes_ids_of_both_intents_and_grows() -> None:
    def ids(limit: int) -> set[str]:
        return {hole.key.prompt_id for hole in plan_translation(prompts, ["sw"], limit=limit).holes}

    prompts = english(20)
    intents = {p.prompt_id: p.intent for p in prompts}
    assert sorted(intents[i] for i in ids(3)) == ["benign"] * 3 + ["harmful"] * 3
    assert ids(3) < ids(5) < ids(10) == set(intents)
    with pytest.raises(InputError, match="--limit must be 1 or more, not 0"):
        ids(0)


def test_lab_languages_are_translated_from_lab_english() -> None:
    prompts = [replace(p, language="en-x-lab") for p in english(2)]
    plan = plan_translation(prompts, ["fi-x-lab"])
    assert plan.source == "en-x-lab"
    assert len(plan.holes) == 2
