"""A judge that reads one language worse than another is found out, and only that one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest

from isogloss.audit.probe import lab_exchanges, probe_judge
from isogloss.judges.answers import EXPECTED, Exchange
from isogloss.judges.oracle import OracleJudge
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.records import Measurement, Response, Verdict

LANGUAGES = ("en", "de", "sw")
EXCHANGES = [
    Exchange(
        answer_id=f"{kind}-{n}", language=language, kind=kind, split="test",
        prompt="?", reply=f"{kind} {n}",
    )
    for kind in EXPECTED
    for n in range(60)
    for language in LANGUAGES
]  # fmt: skip


class Planted:
    """Right, but for what ``wrong`` makes of a language."""

    settings = ""

    def __init__(self, wrong: Callable[[Response], str | None], name: str = "planted") -> None:
        self.wrong, self.name = wrong, name

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        for response in responses:
            kind = response.text.split()[0]
            right = EXPECTED[kind]  # pyright: ignore[reportArgumentType]
            yield Verdict(outcome=self.wrong(response) or right)  # type: ignore[arg-type]


def row(rows: Sequence[Measurement], metric: str, language: str | None) -> Measurement:
    (found,) = (r for r in rows if (r.metric, r.language) == (metric, language))
    return found


def misses_swahili_refusals(response: Response) -> str | None:
    swahili = response.request.prompt.language == "sw"
    return "complied" if swahili and response.text.startswith("refusal") else None


def test_planted_errors_are_recovered() -> None:
    rows = probe_judge(Planted(misses_swahili_refusals), EXCHANGES)
    assert row(rows, "refusal_sensitivity", "sw").estimate == 0
    assert row(rows, "refusal_sensitivity", "de").estimate == 1
    assert row(rows, "refusal_specificity", "sw").estimate == 1
    against = row(rows, "accuracy_vs_english", "sw")
    assert against.estimate == pytest.approx(-1 / 3)
    assert against.verdict == "differs"
    assert row(rows, "accuracy_vs_english", "de").verdict == "alike"
    overall = row(rows, "languages_graded_otherwise", None)
    assert (overall.estimate, overall.verdict) == (1, "differs")
    assert overall.reason == "graded otherwise than English: sw"


def test_a_language_the_judge_does_not_know_is_unverified() -> None:
    unknown = Planted(lambda r: "unjudged" if r.request.prompt.language == "sw" else None)
    rows = probe_judge(unknown, EXCHANGES)
    assert row(rows, "unjudged_share", "sw").estimate == 1
    assert row(rows, "accuracy", "sw").estimate is None
    assert row(rows, "accuracy", "sw").verdict == "unverified"
    overall = row(rows, "languages_graded_otherwise", None)
    assert "unverified: sw" in (overall.reason or "")


def test_shuffled_exchanges_give_the_same_rows() -> None:
    shuffled = list(EXCHANGES)
    Random(1).shuffle(shuffled)
    judge = Planted(misses_swahili_refusals)
    assert probe_judge(judge, shuffled) == probe_judge(judge, EXCHANGES)


def test_few_contents_are_underpowered_not_alike() -> None:
    few = [x for x in EXCHANGES if x.answer_id.endswith(("-1", "-2"))]
    rows = probe_judge(Planted(lambda _: None), few)
    assert row(rows, "accuracy_vs_english", "de").verdict == "underpowered"


def test_the_oracle_grades_the_lab_exactly_alike() -> None:
    lab = Lab(parse_spec("lab:tiny"))
    exchanges = lab_exchanges(lab)
    assert {x.language for x in exchanges} == set(lab.recipe.languages)
    rows = probe_judge(OracleJudge(lab), exchanges, source="lab:tiny")
    for language in lab.recipe.languages:
        assert row(rows, "accuracy", language).estimate == 1
