"""Runs side by side: figures over seeds, and claims with planted truth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isogloss.align.across import AREA, across_rows, collect_runs
from isogloss.align.claims import CLAIMS, MARGIN, Claim, Values, minus
from isogloss.align.outcomes import AREA as CHANGES
from isogloss.align.reward_accuracy import AREA as REWARDS
from isogloss.records import CLAIM, Measurement

GAP = "xSFT lowers the harmful rate more in high-resource languages than in low"
NOBODY = "SFT in one low-resource language does not help high-resource ones"


def change(seed: int, metric: str, value: float | None, *, arm: str = "xsft", tier: str = "low",
           since: str = "none") -> Measurement:  # fmt: skip
    return Measurement(
        area=CHANGES, metric=metric, target=f"lab:tiny:english@helpful#{seed}", arm=arm, tier=tier,
        category=f"since {since}", estimate=value, unit="rate difference", n=10,
    )  # fmt: skip


def gaps(*values: float | None) -> list[Measurement]:
    return [
        change(seed, "harmful_rate_change_gap", value, tier="low minus high")
        for seed, value in enumerate(values)
    ]


def verdict(rows: list[Measurement], words: str) -> Measurement:
    (row,) = [r for r in across_rows(rows) if r.metric == CLAIM and r.category == words]
    return row


def test_an_effect_that_all_runs_share_is_confirmed() -> None:
    row = verdict(gaps(0.10, 0.12, 0.14), GAP)
    assert (row.verdict, row.n, row.target) == ("confirmed", 3, "lab:tiny:english@helpful")
    assert row.estimate == pytest.approx(0.12)
    # t(0.975, 2) = 4.3027, standard error 0.02 / sqrt(3).
    assert row.low == pytest.approx(0.12 - 4.3027 * 0.02 / 3**0.5, abs=1e-5)


def test_the_other_side_is_a_refutation() -> None:
    assert verdict(gaps(-0.10, -0.12, -0.14), GAP).verdict == "refuted"


def test_runs_that_disagree_cannot_tell() -> None:
    row = verdict(gaps(-0.1, 0.2, 0.05), GAP)
    assert row.verdict == "cannot tell"
    assert row.detectable is not None


def test_two_runs_are_too_few_however_alike() -> None:
    row = verdict(gaps(0.10, 0.12), GAP)
    assert row.verdict == "cannot tell"
    assert row.reason == "2 run(s); 3 are needed for a verdict"


def test_a_run_without_the_figure_is_left_out_and_not_zero() -> None:
    row = verdict(gaps(0.10, None, 0.12, 0.14), GAP)
    assert (row.n, row.estimate) == (3, pytest.approx(0.12))
    assert row.method is not None
    assert "seeds 0, 2, 3" in row.method


def test_a_claim_about_arms_that_were_not_trained_has_no_row() -> None:
    found = {r.category for r in across_rows(gaps(0.1, 0.2, 0.3)) if r.metric == CLAIM}
    assert found == {GAP}


def test_no_help_is_a_claim_with_a_margin() -> None:
    def rows(*values: float) -> list[Measurement]:
        return [
            change(seed, "harmful_rate_change", value, arm="sft:sw", tier="high")
            for seed, value in enumerate(values)
        ]

    assert verdict(rows(-0.01, 0.0, 0.01), NOBODY).verdict == "confirmed"
    assert verdict(rows(-0.20, -0.21, -0.22), NOBODY).verdict == "refuted"
    assert verdict(rows(-0.04, -0.06, -0.05), NOBODY).verdict == "cannot tell"


def test_the_bottleneck_is_a_difference_of_two_arms_in_the_same_run() -> None:
    rows: list[Measurement] = []
    for seed in range(3):
        for arm, refusal in (("xrlhf", 0.1), ("xrlhf-oracle", 0.4 + 0.01 * seed)):
            rows += [
                change(seed, "refusal_rate_change", refusal, arm=arm, since="xwarm-up"),
                change(seed, "over_refusal_change", 0.05, arm=arm, since="xwarm-up"),
            ]
    (row,) = [
        r for r in across_rows(rows)
        if r.metric == CLAIM and r.category is not None and "bottleneck" in r.category
    ]  # fmt: skip
    assert row.estimate == pytest.approx(0.31)
    assert row.verdict == "confirmed"


def test_figures_over_runs_keep_what_they_are_of() -> None:
    rows = gaps(0.1, 0.3)
    (row,) = [r for r in across_rows(rows) if r.metric != CLAIM]
    assert (row.area, row.variant, row.tier, row.arm) == (AREA, CHANGES, "low minus high", "xsft")
    assert (row.estimate, row.n, row.scope) == (pytest.approx(0.2), 2, "runs")


def test_mixes_are_groups_of_their_own_and_rows_come_in_any_order() -> None:
    rows = gaps(0.1, 0.3)
    other = [replace(row, target=row.target.replace("english", "balanced")) for row in rows]
    groups = collect_runs([*reversed(rows), *other])
    assert set(groups) == {"lab:tiny:english@helpful", "lab:tiny:balanced@helpful"}
    assert [run.seed for run in groups["lab:tiny:english@helpful"]] == [0, 1]


def test_reward_models_have_claims_of_their_own() -> None:
    rows = [
        Measurement(
            area=REWARDS, metric="reward_accuracy", target=f"lab:tiny:english@helpful#{seed}",
            arm="xreward", tier=tier, estimate=value + 0.01 * seed, n=10,
        )
        for seed in range(3)
        for tier, value in (("high", 0.7), ("low", 0.5))
    ]  # fmt: skip
    found = {r.category: r for r in across_rows(rows) if r.metric == CLAIM}
    near = found["the reward model is near chance in low-resource languages (below 60 %)"]
    assert (near.verdict, near.unit) == ("confirmed", "rate")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.words[:40])
def test_every_claim_is_none_where_nothing_is_known(claim: Claim) -> None:
    assert claim.figure(Values({})) is None
    assert claim.sign in (1, -1)
    assert abs(claim.null) in (0.0, MARGIN, 0.60)


def test_a_difference_with_one_side_missing_is_missing() -> None:
    assert minus(0.1, None) is None
    assert minus(None, 0.1) is None
    assert minus(0.3, 0.1) == pytest.approx(0.2)
