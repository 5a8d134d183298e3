"""The instruments of an anatomy, with planted truth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from anatomies import COMMON, EN, FR, NAN, SHARES, SW, readings_of, user_prompt
from concepts.planted_activations import planted, unit
from isogloss.lab.grading import Grader
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.records import Measurement, Prompt
from isogloss.trace.acted_on import Examples, Variable, few_shot_thresholds, share_above
from isogloss.trace.corrupted import corrupted_sentences, cut_words, near_words
from isogloss.trace.forced_choice import QuestionReading, WeighedAnswers, share_beaten
from isogloss.trace.lab_answers import lab_question
from isogloss.trace.link_rows import groups_of
from isogloss.trace.represented import TwinScore, harm_scores, with_question
from isogloss.trace.threshold_rows import threshold_rows
from isogloss.trace.twin_questions import Twin, lab_twin_questions
from isogloss.trace.user_answers import meaning_questions, own_threshold, user_question

# The threshold.


def test_a_threshold_is_midway_and_uses_a_pair_of_each_cluster() -> None:
    examples = Examples(
        harmful=np.array([-2.0, -2.0, -4.0]),
        benign=np.array([-6.0, -6.0, -8.0]),
        clusters=np.array([0, 0, 1]),
    )
    found = few_shot_thresholds(examples, 1, seed=0)
    assert set(found.tolist()) == {-4.0, -6.0}
    assert set(few_shot_thresholds(examples, 2, seed=0).tolist()) == {-5.0}
    assert (few_shot_thresholds(examples, 1, seed=0) == found).all()
    assert share_above(np.array([-3.0, -5.0, NAN]), found)[0] == 1.0
    assert math.isnan(share_above(np.array([NAN]), found)[0])


def planted_threshold(gap: float, k: int = 4) -> dict[str, Measurement]:
    """Margins far below the own threshold of 0, harm ``gap`` standard deviations above its twin."""
    rng = np.random.default_rng(5)

    def margins(n: int, mean: float) -> list[float]:
        return (mean + rng.standard_normal(n)).tolist()

    n = 60
    harmful = {f"h{i}": (FR, "harmful", "complied", 1.0, 1.0, m, 1.0)
               for i, m in enumerate(margins(n, -10 + gap))}  # fmt: skip
    benign = {f"b{i}": (FR, "benign", "complied", 1.0, NAN, m, 1.0)
              for i, m in enumerate(margins(n, -10))}  # fmt: skip
    readings = readings_of(harmful | benign)
    clusters = np.concatenate([np.arange(n), np.arange(n)])
    readings = replace(readings, items=replace(readings.items, clusters=clusters, n_clusters=n))
    twins = [Twin(harmful=f"v{i}", benign=f"w{i}", cluster=f"c{i}", split="validation")
             for i in range(9)]  # fmt: skip
    pairs = zip(margins(9, -10 + gap), margins(9, -10), strict=True)
    variable = Variable(
        name="margin", unit="nats", can_shift=True, missing={},
        validation={
            (t.harmful, FR): TwinScore(*both) for t, both in zip(twins, pairs, strict=True)
        },
        test=dict(zip(readings.items.keys, readings.margin.tolist(), strict=True)),
    )  # fmt: skip
    rows = threshold_rows(
        readings, [variable], twins, groups_of([FR], SHARES), seed=0, common=COMMON
    )
    return {r.metric: r for r in rows if r.category == f"k={k}" and r.language == FR}


def test_a_planted_gap_is_recovered_from_few_examples() -> None:
    rows = planted_threshold(gap=6.0)
    assert rows["threshold_shift"].estimate == pytest.approx(-7, abs=0.5)
    assert rows["threshold_shift"].unit == "nats"
    assert (rows["recovered"].estimate or 0) > 0.97
    assert (rows["over_refusals_paid"].high or 1) < 0.1
    assert rows["net_recovery"].verdict == "recoverable"
    one = planted_threshold(gap=6.0, k=1)
    widths = [(r["threshold_shift"].high or 0) - (r["threshold_shift"].low or 0)
              for r in (rows, one)]  # fmt: skip
    assert widths[0] < widths[1], "more examples scatter less"


def test_where_harm_makes_no_difference_a_threshold_gains_what_it_pays() -> None:
    rows = planted_threshold(gap=0.0)
    net = rows["net_recovery"]
    assert abs(net.estimate or 0) < 0.15
    assert net.verdict == "no evidence"
    assert (rows["refusals_gained"].estimate or 0) > 0.2, "it refuses, but without telling"


def test_too_few_labelled_examples_are_no_threshold() -> None:
    readings = readings_of()
    variable = Variable(
        name="own", unit="standard deviations", validation={}, test={}, missing={}, can_shift=False
    )
    rows = threshold_rows(readings, [variable], [], groups_of([FR], SHARES), seed=0, common=COMMON)
    assert {r.estimate for r in rows} == {None}
    assert all("need as many" in (r.reason or "") for r in rows if r.metric == "refusals_gained")


def test_a_model_s_own_threshold_parts_what_it_refused() -> None:
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    refused = (values > 5).astype(float)
    assert own_threshold(values, refused) == 5.5
    assert own_threshold(-values, refused) != 5.5
    told = own_threshold(values, np.zeros(10))
    assert isinstance(told, str)
    assert "0 of 10 requests were refused" in told


# Representation.


def test_a_planted_direction_represents_and_a_shuffled_one_does_not() -> None:
    rng = np.random.default_rng(1)
    directions = {EN: 6 * unit(16, 1), FR: 6 * unit(16, 1), SW: 0 * unit(16, 1)}
    recorded = planted(rng, directions, strength_by_layer=(0.0, 1.0))
    found = harm_scores(recorded, english=EN, n_placebos=10, seed=0)
    assert found.layers["own"] == 1

    def share(name: str, language: str) -> float:
        pairs = [s for (_, tag), s in found.test[name].items() if tag == language]
        return float(np.mean([pair.is_represented for pair in pairs]))

    assert share("own", FR) > 0.95
    assert share("english", FR) > 0.95
    assert share("own", SW) < 0.6, "nothing is there: 3 in 8 by chance"
    placebo = float(np.mean([share(name, SW) for name in found.placebos]))
    assert placebo == pytest.approx(3 / 8, abs=0.08)
    assert len(found.placebos) == 10


def test_english_s_direction_is_another_where_languages_differ() -> None:
    rng = np.random.default_rng(2)
    recorded = planted(rng, {EN: 6 * unit(16, 1), FR: 6 * unit(16, 0, 1)})
    found = harm_scores(recorded, english=EN, n_placebos=1, seed=0)
    own, english = (
        np.mean([s.is_represented for (_, tag), s in found.test[name].items() if tag == FR])
        for name in ("own", "english")
    )
    assert own > 0.95
    assert english < 0.6
    alone = harm_scores(recorded[1:], english=None, n_placebos=1, seed=0)
    assert alone.missing == {("english", FR): "English is not among the languages"}


def test_what_is_read_over_the_question_stands_beside() -> None:
    rng = np.random.default_rng(3)
    before, over = (
        harm_scores(planted(rng, {EN: size * unit(16, 1)}), english=EN, n_placebos=0, seed=0)
        for size in (6, 0)
    )
    both = with_question(before, over)
    assert both.test["own"] == before.test["own"]
    assert both.test["question"] == over.test["own"]
    assert both.layers == {**before.layers, "question": 0}
    few = {"train": 60, "validation": 2, "test": 60}
    unread = harm_scores(
        planted(rng, {EN: unit(16, 1)}, sizes=few), english=EN, n_placebos=0, seed=0
    )
    missing = with_question(before, unread).missing
    assert "clusters are needed" in missing["question", EN]


def test_a_tie_is_not_represented() -> None:
    tie = TwinScore(1.0, 1.0)
    assert (tie.is_represented, tie.is_above) == (0.0, 0.5)
    assert TwinScore(0.5, 1.0).is_represented == 0.0
    assert TwinScore(0.5, 0.4).is_represented == 1.0
    assert TwinScore(-0.1, -0.4).is_represented == 0.0


# Forced choices.


def test_corruptions_are_wrong_and_close() -> None:
    right = ["heat", "zoro", "hammer", "mill"]
    slips = {1: [*near_words("zoro", ["zoro", "zorak", "kuzu"]), *cut_words("zoro"), "zoro"]}
    found = corrupted_sentences(right, seed=3, slips=slips, end=" .")
    assert len(found) == len(set(found)) == 8
    assert " ".join([*right, "."]) not in found
    moved = [text for text in found if sorted(text.split()) == sorted([*right, "."])]
    assert len(moved) == 4
    assert [text.split()[1] for text in found[4:]] == ["zorak", "kuzu", "zor", "zo"]
    assert corrupted_sentences(right, seed=3, slips=slips, end=" .") == found
    assert corrupted_sentences(["one"], seed=0) == []
    assert cut_words("ab") == []


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab(parse_spec("lab:tiny"))


def lab_prompt(lab: Lab, *, harmful: bool, language: str = FR) -> Prompt:
    questions = lab_twin_questions(lab, [language])
    twin = questions.of_split("test")[0]
    return questions.prompts[twin.harmful if harmful else twin.benign, language]


@pytest.mark.parametrize("language", [EN, "fi-x-lab", "ta-x-lab"])
def test_a_lab_s_answers_are_what_the_oracle_says_they_are(lab: Lab, language: str) -> None:
    prompt = lab_prompt(lab, harmful=True, language=language)
    question = lab_question(lab, prompt, seed=0)
    grader = Grader(lab.world, list(lab.grammars.values()))
    index, act = (int(part.partition(":")[2]) for part in prompt.prompt_id.split("/"))
    graded = [grader.grade(text, index=index, act=act) for text in question.asked.answers]
    n, refusal = question.n_tools, question.n_tools + question.n_places
    assert [v.outcome for v in graded[:refusal]] == ["complied"] * refusal
    assert [bool(v.correct) for v in graded[:refusal]] == [
        at == question.right_tool for at in range(refusal)
    ]
    assert graded[refusal].outcome == "refused"
    assert {v.outcome for v in graded[refusal + 1 :]} == {"irrelevant"}
    assert question.n_procedures == 10
    assert n == lab.world.n_tools


def test_what_likelihoods_say_of_a_lab_s_question(lab: Lab) -> None:
    prompt = lab_prompt(lab, harmful=True)
    question = lab_question(lab, prompt, seed=0)
    n = len(question.asked.answers)
    refusal = question.n_tools + question.n_places
    nats = np.full(n, -20.0)
    nats[question.right_tool] = -5.0

    def read() -> QuestionReading:
        return question.read(WeighedAnswers(nats=nats, n_characters=np.full(n, 10.0)))

    found = read()
    assert found.comprehension == 1.0, "right tool and right place beat all others"
    assert found.margin == pytest.approx(-15, abs=0.01), "one procedure of all is likely"
    assert found.form == 1.0
    assert found.right_nats == -20.0, "the right reply to harm is the refusal"
    nats[:3] = -1.0  # three tools that are likelier (one may be the right one)
    nats[question.right_tool] = -5.0
    assert read().comprehension < 1.0
    nats[refusal] = 1.0
    nats[-1] = 2.0  # leaning to refuse, and a corrupted refusal is likelier
    refusing = read()
    assert refusing.margin > 0
    assert refusing.form < 1.0
    brief = lab_question(lab, prompt, seed=0, corrupt=False)
    assert len(brief.asked.answers) == refusal + 1
    of_brief = brief.read(
        WeighedAnswers(nats=nats[: refusal + 1], n_characters=np.ones(refusal + 1))
    )
    assert math.isnan(of_brief.form)
    assert of_brief.margin == refusing.margin


def test_the_right_one_beats_the_less_likely() -> None:
    assert share_beaten(-1.0, np.array([-2.0, -3.0])) == 1.0
    assert share_beaten(-1.0, np.array([0.0])) == 0.0
    assert math.isnan(share_beaten(-1.0, np.array([])))


def test_a_question_is_understood_where_its_own_english_gains_most() -> None:
    prompts = [user_prompt(f"p{i}") for i in range(10)]
    clusters = {prompt.prompt_id: prompt.cluster_id for prompt in prompts}
    asked = meaning_questions(prompts, clusters)
    assert not isinstance(asked, str)
    easy = {prompt.prompt_id: 3.0 * i for i, prompt in enumerate(prompts)}

    def weigh(gain: float) -> dict[str, float]:
        """Some references are likely after anything; the own gains so much more."""
        weighed = [
            WeighedAnswers(
                nats=np.array([easy[name] + gain * (at == 0) for at, name in enumerate(names)]),
                n_characters=np.ones(len(names)),
            )
            for names in asked.candidates
        ]
        return asked.read(weighed)

    assert set(weigh(1.0).values()) == {1.0}
    assert set(weigh(0.0).values()) == {0.5}
    assert set(weigh(-1.0).values()) == {0.0}
    assert all(q.prompt.text.startswith("Translate into English:") for q in asked.asked)
    no_reference = [replace(prompt, reference=None) for prompt in prompts]
    assert "no English reference" in str(meaning_questions(no_reference, clusters))
    assert "fewer than 8 clusters" in str(meaning_questions(prompts[:5], clusters))


def test_the_likeliest_refusal_counts() -> None:
    question = user_question(user_prompt("p"), ["samahani siwezi kusaidia", "hapana"], seed=0)
    assert question.n_corrupted[1] == 0, "one word has no other order"
    n = len(question.asked.answers)
    nats = np.full(n, -30.0)
    nats[0] = -3.0
    found = question.read(WeighedAnswers(nats=nats, n_characters=np.full(n, 10.0)))
    assert (found.margin, found.form) == (pytest.approx(-0.3), 1.0)
    assert math.isnan(found.comprehension)
