"""A ladder's last gap and a grid's predictors, read as claims; claims of several experiments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.records import CLAIM, Measurement
from isogloss.report.walk import arm_told
from isogloss.store import RunStore
from isogloss.study.derived_claims import derived_claims
from isogloss.study.evidence import gather_claims, told
from isogloss.study.step import Step
from isogloss.trace.grid_over_runs import OVER_RUNS
from isogloss.trace.grid_rows import BETTER, NONE_FOUND, WORSE
from study.planted import gap

GAP = gap("harmful_rate_gap", low=0.1, high=0.3)
PREDICTOR = Measurement(
    area=OVER_RUNS, metric="selectivity_change_left_out_difference",
    target="lab:tiny:english@helpful", arm="sft", category="linguistic distance", n=5,
    estimate=-0.02, low=-0.03, high=-0.01, unit="rate difference", method="t over runs",
    scope="runs", verdict=BETTER,
)  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "low", "high", "verdict"),
    [
        ("harmful_rate_gap", 0.1, 0.3, "confirmed"),
        ("harmful_rate_gap", -0.3, -0.1, "refuted"),
        ("following_rate_gap", -0.3, -0.1, "confirmed"),
        ("following_rate_gap", -0.1, 0.1, "cannot tell"),
        ("compliance_rate_gap", 0.1, 0.3, "confirmed"),
    ],
)
def test_a_curse_lies_on_its_side(metric: str, low: float, high: float, verdict: str) -> None:
    (claim,) = derived_claims([gap(metric, low=low, high=high)])
    assert (claim.metric, claim.verdict, claim.n) == ("claim", verdict, 5)


@pytest.mark.parametrize(
    "other",
    [
        replace(GAP, arm="base"),
        replace(GAP, tier="medium minus high"),
        replace(GAP, category="since helpful"),
        replace(GAP, area="trace ladder"),
        replace(GAP, metric="over_refusal_gap"),
        replace(PREDICTOR, verdict=None),
        replace(PREDICTOR, metric="refusal_rate_change_left_out_difference"),
        replace(PREDICTOR, category="train language alone"),
    ],
)
def test_other_rows_are_no_claims(other: Measurement) -> None:
    assert derived_claims([other]) == []


@pytest.mark.parametrize(
    ("said", "verdict"),
    [(BETTER, "confirmed"), (WORSE, "cannot tell"), (NONE_FOUND, "cannot tell")],
)
def test_a_predictor_is_told_in_the_words_of_claims(said: str, verdict: str) -> None:
    (claim,) = derived_claims([replace(PREDICTOR, verdict=said)])
    assert claim.verdict == verdict
    assert claim.category == (
        "what training in one language does to another can be foretold: linguistic distance"
    )


def test_two_runs_are_too_few() -> None:
    (claim,) = derived_claims([replace(GAP, n=2)])
    assert claim.verdict == "cannot tell"


def test_what_rests_on_languages_is_not_decided_by_more_runs() -> None:
    (claim,) = derived_claims([replace(PREDICTOR, low=-0.05, high=0.01, verdict=NONE_FOUND)])
    assert (told(claim).reason or "").endswith("need not tell, more languages would")


def test_a_claim_that_two_experiments_ask_of_the_same_models_is_one(tmp_path: Path) -> None:
    claim = Measurement(
        area="trace mixes", metric=CLAIM, target="lab:tiny:english+fixed@chat",
        arm="lab:tiny:english+fixed", category="low follows less", variant="P1, section 4", n=3,
        estimate=-0.4, low=-0.6, high=-0.2, unit="rate difference", verdict="confirmed",
        method="following_rate, low minus high, means over 2 of 2 and 3 of 3 languages",
    )  # fmt: skip
    other = replace(claim, method="following_rate, low minus high, means over 1 of 2 and 3 of 3")
    steps = [Step(kind="mixes", name=name, settings={"name": name}) for name in ("one", "two")]
    for step, rows in zip(steps, ([claim], [claim, other]), strict=True):
        with RunStore(step.folder(tmp_path), create=True) as store:
            store.replace_measurements("trace mixes", rows)
    assert gather_claims(tmp_path, steps) == [replace(row, area="study") for row in (claim, other)]


def test_an_arm_is_told_where_it_says_more_than_the_target() -> None:
    mix = replace(GAP, target="lab:tiny:balanced+fixed@chat", arm="lab:tiny:balanced+fixed")
    assert [arm_told(mix), arm_told(replace(mix, arm="none"))] == ["", ""]
    assert arm_told(replace(mix, arm="all")) == "all"
