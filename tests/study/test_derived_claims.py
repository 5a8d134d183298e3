"""A ladder's last gap and a grid's predictors, read as claims."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isogloss.records import Measurement
from isogloss.study.derived_claims import derived_claims
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
