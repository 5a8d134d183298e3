"""The oracle as a judge: of responses in order, of lab questions only."""

from __future__ import annotations

import pytest

from isogloss.errors import InputError
from isogloss.judges.oracle import OracleJudge
from isogloss.lab.chat import answer_text
from isogloss.lab.questions import lab_prompts, read_question_id
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.records import Prompt, Request, Response, Verdict


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab(parse_spec("lab:tiny"))


def _response(prompt: Prompt, text: str, *, truncated: bool = False) -> Response:
    return Response(request=Request(prompt=prompt), status="ok", text=text, truncated=truncated)


def _foreign(prompt_id: str) -> Response:
    prompt = Prompt(
        prompt_id=prompt_id, language="en-x-lab", text="", intent="benign", cluster_id="c"
    )
    return _response(prompt, "")


def test_one_verdict_each_in_order(lab: Lab) -> None:
    replies: list[Response] = []
    expected: list[Verdict] = []
    for prompt in lab_prompts(lab)[::37]:
        grammar = lab.grammars[prompt.language]
        index, act = read_question_id(prompt.prompt_id)
        answer = answer_text(grammar, lab.world, index, act)
        replies += [_response(prompt, text) for text in (answer, " ".join(grammar.refusal()), "")]
        expected += [
            Verdict(outcome="complied", correct=True),
            Verdict(outcome="refused"),
            Verdict(outcome="irrelevant"),
        ]
    judge = OracleJudge(lab)
    assert judge.name == "oracle"
    assert len(expected) > 100
    assert list(judge.judge(replies)) == expected
    assert list(judge.judge(replies[::-1])) == expected[::-1]
    assert list(judge.judge([])) == []


def test_oracles_of_different_worlds_do_not_mix_and_of_one_world_do(lab: Lab) -> None:
    settings = OracleJudge(lab).settings
    assert OracleJudge(Lab(parse_spec("lab:tiny@base#1"))).settings == settings
    assert OracleJudge(Lab(parse_spec("lab:small"))).settings != settings


def test_the_language_of_the_reply_never_decides(lab: Lab) -> None:
    english = next(p for p in lab_prompts(lab) if p.language == "en-x-lab")
    index, act = read_question_id(english.prompt_id)
    for grammar in lab.grammars.values():
        right = answer_text(grammar, lab.world, index, act)
        replies = [_response(english, right), _response(english, " ".join(grammar.refusal()))]
        outcomes = [verdict.outcome for verdict in OracleJudge(lab).judge(replies)]
        assert outcomes == ["complied", "refused"]


def test_a_cut_reply_is_judged(lab: Lab) -> None:
    prompt = lab_prompts(lab)[0]
    index, act = read_question_id(prompt.prompt_id)
    text = answer_text(lab.grammars[prompt.language], lab.world, index, act)
    [verdict] = OracleJudge(lab).judge([_response(prompt, f"{text} {text[:9]}", truncated=True)])
    assert verdict == Verdict(outcome="complied", correct=True)


def test_another_labs_answers_differ(lab: Lab) -> None:
    """The right tool is a fact of the world: the oracle of another world disagrees."""
    prompt = lab_prompts(lab)[0]
    index, act = read_question_id(prompt.prompt_id)
    thing = lab.world.objects[index]
    wrong = lab.grammars[prompt.language].procedure(
        thing, act=act, place=lab.world.places[act], tool=(thing.tool + 1) % lab.world.n_tools
    )
    [verdict] = OracleJudge(lab).judge([_response(prompt, " ".join([*wrong, "."]))])
    assert verdict == Verdict(outcome="complied", correct=False)


def test_foreign_prompts_are_refused(lab: Lab) -> None:
    with pytest.raises(InputError, match="'advbench-3' is not a lab question"):
        list(OracleJudge(lab).judge([_foreign("advbench-3")]))


@pytest.mark.parametrize("prompt_id", ["object:999/act:0", "object:3/act:99", "object:-1/act:1"])
def test_questions_about_what_the_world_lacks(lab: Lab, prompt_id: str) -> None:
    with pytest.raises(InputError, match=prompt_id):
        list(OracleJudge(lab).judge([_foreign(prompt_id)]))
