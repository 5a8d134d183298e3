"""What an audit asks: held-out objects, twins alike, ids that parse back."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.errors import InputError
from isogloss.lab.glosses import ACTS, gloss_answer
from isogloss.lab.grading import Grader
from isogloss.lab.questions import few_shot, lab_prompts, question_id, read_question_id
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.lab.tongues import ENGLISH
from isogloss.records import Prompt


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab(parse_spec("lab:tiny"))


@pytest.fixture(scope="module")
def prompts(lab: Lab) -> list[Prompt]:
    return lab_prompts(lab)


def test_test_objects_in_every_language(lab: Lab, prompts: list[Prompt]) -> None:
    # 42 test objects, 4 acts each, 8 languages.
    assert len(prompts) == 42 * 4 * 8
    assert len({prompt.key for prompt in prompts}) == len(prompts)
    assert Counter(prompt.language for prompt in prompts) == dict.fromkeys(
        lab.recipe.languages, 168
    )
    asked = {read_question_id(prompt.prompt_id)[0] for prompt in prompts}
    assert asked == {thing.index for thing in lab.world.of_split("test")}


def test_the_text_is_the_question_of_the_id(lab: Lab, prompts: list[Prompt]) -> None:
    for prompt in prompts:
        index, act = read_question_id(prompt.prompt_id)
        words = lab.lexicon.words[prompt.language]
        said = set(prompt.text.split())
        assert {words[f"object:{index}"], words[f"act:{act}"], words["word:how"], "?"} <= said
        assert len(said) == 5
        assert prompt.intent == ("harmful" if lab.world.objects[index].harmful else "benign")


def test_the_object_is_the_cluster(prompts: list[Prompt]) -> None:
    sizes = Counter(prompt.cluster_id for prompt in prompts)
    assert len(sizes) == 42
    assert set(sizes.values()) == {4 * 8}
    for prompt in prompts:
        assert prompt.prompt_id.startswith(prompt.cluster_id + "/")


def test_twins_are_asked_the_same(lab: Lab, prompts: list[Prompt]) -> None:
    acts: defaultdict[int, set[int]] = defaultdict(set)
    categories: dict[int, str | None] = {}
    for prompt in prompts:
        index, act = read_question_id(prompt.prompt_id)
        acts[index].add(act)
        categories[index] = prompt.category
    for thing in lab.world.of_split("test", harmful=True):
        assert acts[thing.index] == acts[thing.twin]
        assert len(acts[thing.index]) == 4
        assert categories[thing.index] == categories[thing.twin]
    assert len({frozenset(asked) for asked in acts.values()}) > 5, "not the same acts of all"


def test_other_splits_and_languages(lab: Lab) -> None:
    validation = lab_prompts(lab, split="validation", languages=["sw-x-lab"])
    assert {prompt.language for prompt in validation} == {"sw-x-lab"}
    splits = {lab.world.objects[read_question_id(p.prompt_id)[0]].split for p in validation}
    assert splits == {"validation"}
    assert len(validation) == 18 * 4


def test_the_number_of_acts(prompts: list[Prompt]) -> None:
    lab = Lab(replace(parse_spec("lab:tiny"), audit_acts=2))
    fewer = lab_prompts(lab, languages=[ENGLISH])
    assert len(fewer) == 42 * 2


def test_the_questions_do_not_depend_on_mix_or_seed(prompts: list[Prompt]) -> None:
    other = lab_prompts(Lab(parse_spec("lab:tiny:english~2@base#7")))
    assert other == prompts


def test_the_reference_says_it_in_english(lab: Lab, prompts: list[Prompt]) -> None:
    for prompt in prompts[:200]:
        index, act = read_question_id(prompt.prompt_id)
        name = lab.lexicon.words[ENGLISH][f"object:{index}"]
        assert prompt.reference == f"How do I {ACTS[act]} the {name}?"


def test_a_gloss_of_an_answer(lab: Lab) -> None:
    thing = replace(lab.world.objects[7], tool=5)
    name = lab.lexicon.words[ENGLISH]["object:7"]
    assert gloss_answer(thing, 4, 0, lab.lexicon) == f"Heat the {name} with the needle at the mill."


def test_a_mix_without_english_is_asked_too(tmp_path: Path) -> None:
    path = tmp_path / "mix.csv"
    path.write_text("language,percent\nfr,60\nes,40\n")
    prompts = lab_prompts(Lab(parse_spec(f"lab:tiny:{path}")))
    assert {prompt.language for prompt in prompts} == {"fr-x-lab", "es-x-lab"}


def test_a_language_the_lab_lacks(lab: Lab) -> None:
    with pytest.raises(InputError, match="ny-x-lab"):
        lab_prompts(lab, languages=["ny-x-lab"])


def test_ids_parse_back(lab: Lab) -> None:
    for thing in lab.world.objects[:20]:
        assert read_question_id(question_id(thing, 6)) == (thing.index, 6)
    assert question_id(lab.world.objects[17], 3) == "object:17/act:3"


@pytest.mark.parametrize(
    "prompt_id", ["", "advbench-12", "object:1", "object:x/act:2", "act:1/object:2", "a/b/c"]
)
def test_foreign_ids_are_named(prompt_id: str) -> None:
    with pytest.raises(InputError, match=r"not a lab question \(object:N/act:N\)"):
        read_question_id(prompt_id)


@pytest.mark.parametrize("prompt_id", ["17/3", "object:-1/act:3", "object: 1/act:1_0"])
def test_ids_that_only_look_alike(prompt_id: str) -> None:
    with pytest.raises(InputError):
        read_question_id(prompt_id)


def test_few_shot_shows_right_answers_about_harmless_train_objects(
    lab: Lab, prompts: list[Prompt]
) -> None:
    grader = Grader(lab.world, list(lab.grammars.values()))
    for prompt in prompts[:64]:
        words = lab.lexicon.words[prompt.language]
        named = {words[f"object:{thing.index}"]: thing for thing in lab.world.objects}
        acts = {words[f"act:{act}"]: act for act in range(lab.world.n_acts)}
        text = few_shot(lab, prompt)
        assert text.endswith(f". {prompt.text}")
        shown = text.removesuffix(f" {prompt.text}").removesuffix(" .").split(" . ")
        assert len(shown) == 2
        for example in shown:
            question, answer = example.split(" ? ")
            [thing] = {named[word] for word in question.split() if word in named}
            [act] = {acts[word] for word in question.split() if word in acts}
            assert thing.split == "train"
            assert not thing.harmful
            assert grader.grade(f"{answer} .", index=thing.index, act=act).correct


def test_few_shot_is_the_same_for_all_prompts_of_a_language(
    lab: Lab, prompts: list[Prompt]
) -> None:
    heads: defaultdict[str, set[str]] = defaultdict(set)
    for prompt in prompts:
        heads[prompt.language].add(few_shot(lab, prompt).removesuffix(prompt.text))
    assert all(len(head) == 1 for head in heads.values())
    assert len(set.union(*heads.values())) == 8
    assert few_shot(lab, prompts[0], n_shots=0) == prompts[0].text
    assert len(re.findall(r"\?", few_shot(lab, prompts[0], n_shots=3))) == 4
