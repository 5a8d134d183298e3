"""Planted arms come out: who serves all best, false words, data against network; too few runs.

Replies are clustered and binary; every run has its own level at every arm and language besides.
"""

from __future__ import annotations

import numpy as np

from isogloss.records import CLAIM, Measurement
from isogloss.stats.verdict import claim_verdict
from isogloss.trace.arms import read_arm
from isogloss.trace.mix_claims import claim_cases
from isogloss.trace.mix_figures import MixFigures
from isogloss.trace.mix_rows import AREA, mix_rows
from isogloss.trace.outcomes import Outcomes
from isogloss.trace.standings import KINDS, standing_rows
from planted_runs import Array, arm_rows, measured_rates

MIXES = (
    "lab:tiny:english+fixed", "lab:tiny:balanced+fixed", "lab:tiny:en=40+fixed",
    "lab:tiny:english+fixed+neox",
)  # fmt: skip
ARMS = tuple(read_arm(spec) for spec in MIXES)
ENGLISH, BALANCED, CAPPED, NEOX = MIXES
LANGUAGES = tuple(ARMS[0].recipe.languages)
REPEATS = 240
ERROR = 2 * np.sqrt(0.05 * 0.95 / REPEATS)
METRIC = "helpful_rate"


def experiments(
    lift: Array, *, seed: int, n: int, n_runs: int = 5, metric: str = METRIC
) -> list[MixFigures]:  # fmt: skip
    """[A, L] what each arm adds to 40 % in each language."""
    rng = np.random.default_rng(seed)
    true = 0.4 + lift + 0.05 * rng.standard_normal((n, n_runs, len(ARMS), len(LANGUAGES)))
    found = measured_rates(true, rng=rng)
    return [MixFigures(ARMS, Outcomes(arm_rows({metric: one}, MIXES, LANGUAGES))) for one in found]


def standings(figures: MixFigures, kind: str) -> dict[str, Measurement]:
    return {row.arm: row for row in standing_rows(AREA, figures) if row.category == kind}


def lifted(**by_arm: float) -> Array:
    lift = np.zeros((len(ARMS), len(LANGUAGES)))
    for name, points in by_arm.items():
        lift[{"balanced": 1, "capped": 2, "neox": 3}[name]] = points
    return lift


def test_where_arms_are_alike_a_false_word_is_said_in_at_most_five_percent() -> None:
    false = dict.fromkeys(KINDS, 0)
    for figures in experiments(lifted(), seed=1, n=REPEATS):
        rows = standing_rows(AREA, figures)
        for kind in KINDS:
            told = {row.verdict for row in rows if row.category == kind}
            false[kind] += told != {"not told apart"}
    assert max(false.values()) / REPEATS <= 0.05 + ERROR


def test_the_best_arm_is_found_and_level_ones_are_not_told_apart() -> None:
    """Two arms serve every language alike and better than the others; then one alone."""
    best = level = 0
    for figures in experiments(lifted(balanced=0.2, capped=0.35), seed=2, n=20):
        found = standings(figures, "mean over languages")
        best += found[CAPPED].verdict == "best"
        assert found[ENGLISH].verdict in ("worse", "not told apart")
    for figures in experiments(lifted(balanced=0.3, capped=0.3), seed=3, n=20):
        found = standings(figures, "mean over languages")
        level += {found[name].verdict for name in (BALANCED, CAPPED)} == {"not told apart"}
    assert best >= 18
    assert level >= 17


def test_a_mix_may_serve_the_mean_and_not_the_worst_language() -> None:
    lift = lifted(balanced=0.3)
    lift[1, -1] = -0.3
    for figures in experiments(lift, seed=4, n=5):
        mean, worst = (standings(figures, kind) for kind in KINDS)
        assert mean[BALANCED].verdict == "best"
        assert worst[BALANCED].verdict == "worse"
        assert (worst[BALANCED].reason or "").startswith("than ")


def test_two_runs_cannot_tell() -> None:
    (figures,) = experiments(lifted(capped=0.5), seed=5, n=1, n_runs=2)
    assert {row.verdict for row in standings(figures, "mean over languages").values()} == {
        "cannot tell"
    }
    claims = [row for row in mix_rows(figures) if row.metric == CLAIM]
    assert claims
    assert {row.verdict for row in claims} == {"cannot tell"}


def gap(by_arm: dict[int, float]) -> Array:
    """The low tier follows less by so much, in some arms."""
    low = np.array([tag in ("ta-x-lab", "sw-x-lab") for tag in LANGUAGES])
    lift = np.zeros((len(ARMS), len(LANGUAGES)))
    for arm, points in by_arm.items():
        lift[arm] = np.where(low, -points, 0.0)
    return lift


def claims_of(figures: MixFigures, words: str) -> list[Measurement]:
    rows = [row for row in mix_rows(figures) if row.metric == CLAIM]
    return [row for row in rows if words in (row.category or "")]


FURTHER = "the data move the gap in following rate further than the architecture does"


def test_a_gap_that_data_close_and_an_architecture_keeps_is_the_data_s() -> None:
    planted = gap({0: 0.3, 1: 0.0, 2: 0.0, 3: 0.3})
    told: list[str | None] = []
    for figures in experiments(planted, seed=6, n=20, metric="following_rate"):
        (row,) = claims_of(figures, FURTHER)
        told.append(row.verdict)
        gaps = {row.arm: row.verdict for row in claims_of(figures, "the low tier follows less")}
        assert gaps[ENGLISH] == gaps[NEOX] == "confirmed"
    assert told.count("confirmed") >= 18


def test_without_effects_data_do_not_move_the_gap_further() -> None:
    told: list[str] = []
    for figures in experiments(gap({}), seed=7, n=REPEATS, metric="following_rate"):
        (case,) = [case for case in claim_cases(figures) if case.words == FURTHER]
        told.append(claim_verdict(case.found.estimate(), sign=case.sign))
    assert 1 - told.count("cannot tell") / REPEATS <= 0.05 + ERROR


def test_the_advice_is_a_claim_about_the_arm_that_follows_it() -> None:
    (figures,) = experiments(lifted(capped=0.3), seed=8, n=1)
    rows = claims_of(figures, "limited dominance and others alike")
    assert {row.arm for row in rows} == {CAPPED}
    assert {row.verdict for row in rows} == {"confirmed"}
    assert {row.variant for row in rows} == {"P2, section 6"}
