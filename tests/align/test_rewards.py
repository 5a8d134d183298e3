"""Rewards: contrast instructions, what the oracle pays, what is watched, who is right how often."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from align.small import small_examples
from isogloss.align.reward import contrasted
from isogloss.align.reward_accuracy import (
    ACCURACY,
    ASSOCIATION,
    OVERCONFIDENCE,
    ScoredPair,
    association_rows,
    reward_rows,
    scored_pairs,
)
from isogloss.align.rewards import WatchedReward, oracle_scores, watched
from isogloss.lab.recipe import parse_spec
from isogloss.languages import lab_share_table
from isogloss.records import Measurement, Verdict

REFUSED, WRONG = Verdict(outcome="refused"), Verdict(outcome="complied", correct=False)
RIGHT, LOST = Verdict(outcome="complied", correct=True), Verdict(outcome="irrelevant")
UNJUDGED = Verdict(outcome="unjudged")


def test_without_contrast_pairs_stay_as_they_are() -> None:
    examples = small_examples()
    pairs = contrasted(examples, 0.0, seed=0)
    assert [(p.prompt, p.chosen, p.other_prompt, p.rejected) for p in pairs] == [
        (e.prompt, e.chosen, e.prompt, e.rejected) for e in examples
    ]


def test_a_contrast_instruction_has_one_response_under_two_prompts_of_one_language() -> None:
    examples = small_examples()
    by_prompt = {e.prompt: e for e in examples}
    pairs = contrasted(examples, 1.0, seed=0)
    assert all(pair.rejected == pair.chosen for pair in pairs)
    for pair in pairs:
        mine, other = by_prompt[pair.prompt], by_prompt[pair.other_prompt]
        assert mine.language == other.language
        assert mine.chosen != other.chosen


def test_half_contrast_is_about_half_and_the_same_under_the_same_seed() -> None:
    examples = small_examples() * 10
    pairs = contrasted(examples, 0.5, seed=1)
    share = np.mean([pair.prompt != pair.other_prompt for pair in pairs])
    assert 0.4 < share < 0.6
    assert pairs == contrasted(examples, 0.5, seed=1)


def test_the_oracle_pays_for_refused_harm_and_right_answers_alone() -> None:
    verdicts = [REFUSED, RIGHT, LOST, REFUSED, RIGHT, WRONG]
    intents = ["harmful"] * 3 + ["benign"] * 3
    assert oracle_scores([("", "")] * 6, intents, verdicts) == [1, 0, 0, 0, 1, 0]


def test_curves_are_by_tier_and_the_unjudged_are_nobodys() -> None:
    found = watched(
        [1.0, 3.0, 5.0, 7.0],
        ["harmful", "harmful", "benign", "harmful"],
        [RIGHT, REFUSED, REFUSED, UNJUDGED],
        ["high", "high", "high", "low"],
    )
    assert found == {
        "compliance/high": 0.5,
        "over_refusal/high": 1.0,
        "reward/high": 3.0,
        "reward/low": 7.0,
    }


def test_a_reward_is_called_as_trl_calls_it() -> None:
    class Judge:
        name = settings = "planted"

        def judge(self, responses):  # type: ignore[no-untyped-def]
            for response in responses:
                assert response.request.prompt.prompt_id == "object:1/act:2"
                yield REFUSED if response.text == "sorry" else RIGHT

    told: dict[str, float] = {}
    reward = WatchedReward(oracle_scores, Judge(), {"en": "english"})
    scores = reward(
        [[{"role": "user", "content": "how"}]] * 2,
        [[{"role": "assistant", "content": "sorry"}], [{"role": "assistant", "content": "so"}]],
        completion_ids=[[1], [2]],
        example_id=["object:1/act:2"] * 2,
        language=["en"] * 2,
        intent=["harmful"] * 2,
        log_metric=told.__setitem__,
        trainer_state=None,
    )
    assert scores == [1.0, 0.0]
    assert told == {"compliance/english": 0.5, "reward/english": 0.5}


SHARES = parse_spec("lab:tiny").share_table()


def pairs_of(language: str, margins: list[float], clusters: list[str]) -> list[ScoredPair]:
    return [
        ScoredPair(language=language, intent="harmful", cluster_id=c, margin=m)
        for m, c in zip(margins, clusters, strict=True)
    ]


def row_of(rows: list[Measurement], metric: str, language: str | None) -> Measurement:
    (row,) = [r for r in rows if (r.metric, r.language, r.category) == (metric, language, None)
              and (language is not None or r.tier == "low")]  # fmt: skip
    return row


def test_accuracy_counts_ties_as_half_and_tests_exactly_against_a_coin() -> None:
    pairs = pairs_of("en-x-lab", [2.0, 1.0, 0.0, -1.0, 3.0, 1.0], list("abcdef"))
    rows = reward_rows(pairs, target="t", arm="xreward", shares=SHARES, trained_on=["en-x-lab"])
    row = row_of(rows, ACCURACY, "en-x-lab")
    assert (row.estimate, row.n, row.variant) == (4.5 / 6, 6, "seen")
    # Surpluses over one half, doubled: +1 +1 0 -1 +1 +1; |sum| = 3 of five coins: 2 (5 + 1) / 32.
    assert row.p_value == pytest.approx(12 / 32)
    assert row.verdict is not None
    assert row.verdict.startswith("no better than a coin")


def test_ten_rows_of_one_object_are_not_ten_objects() -> None:
    alone = reward_rows(
        pairs_of("en-x-lab", [1.0] * 10, [str(i) for i in range(10)]),
        target="t", arm="a", shares=SHARES, trained_on=[],
    )  # fmt: skip
    together = reward_rows(
        pairs_of("en-x-lab", [1.0] * 10, ["one"] * 10),
        target="t", arm="a", shares=SHARES, trained_on=[],
    )  # fmt: skip
    assert row_of(alone, ACCURACY, "en-x-lab").p_value == pytest.approx(2 / 1024)
    assert row_of(together, ACCURACY, "en-x-lab").p_value == 1.0


def test_overconfidence_is_certainty_minus_accuracy() -> None:
    margins = [math.log(9.0)] * 5 + [-math.log(9.0)] * 5  # 90 % sure, half of the time right
    rows = reward_rows(
        pairs_of("fr-x-lab", margins, [str(i) for i in range(10)]),
        target="t", arm="a", shares=SHARES, trained_on=[],
    )  # fmt: skip
    row = row_of(rows, OVERCONFIDENCE, "fr-x-lab")
    assert row.estimate == pytest.approx(0.4)
    assert row.variant == "unseen"


def test_pairs_without_an_intent_have_rows_over_all_alone() -> None:
    pairs = [replace(p, intent=None) for p in pairs_of("en-x-lab", [1.0], ["a"])]
    rows = reward_rows(pairs, target="t", arm="a", shares=SHARES, trained_on=[])
    assert {row.category for row in rows} == {None}


def test_accuracy_that_follows_the_share_is_an_association_of_one() -> None:
    shares = lab_share_table(
        {tag: 2.0**i for i, tag in enumerate(parse_spec("lab:tiny").shares)}, "planted"
    )
    ordered = list(parse_spec("lab:tiny").shares)
    pairs: list[ScoredPair] = []
    for rank, tag in enumerate(ordered):
        pairs += pairs_of(
            tag, [1.0] * (10 + rank) + [-1.0] * (10 - rank), [str(i) for i in range(20)]
        )
    rows = reward_rows(pairs, target="t", arm="a", shares=shares, trained_on=[])
    bits = {tag: 3.0 - 0.1 * ((i * 3) % 8) for i, tag in enumerate(ordered)}
    found = {r.category: r for r in association_rows(rows, shares, bits)}
    assert found["share"].metric == ASSOCIATION
    assert found["share"].estimate == pytest.approx(1.0)
    assert found["share"].n == 8
    assert set(found) == {"share", "competence", "share, competence held"}
    assert {r.category for r in association_rows(rows, shares, {})} == {"share"}


def test_fewer_than_four_languages_are_no_association() -> None:
    pairs = pairs_of("en-x-lab", [1.0], ["a"]) + pairs_of("fr-x-lab", [1.0], ["a"])
    rows = reward_rows(pairs, target="t", arm="a", shares=SHARES, trained_on=[])
    assert association_rows(rows, SHARES, {}) == []


def test_margins_are_joined_in_order() -> None:
    examples = small_examples()[:2]
    assert [p.margin for p in scored_pairs(examples, [0.5, -1.0])] == [0.5, -1.0]
