"""Planted stage effects come out: coverage, false claims, and designs that are too small.

Figures are shares of simulations; "Monte-Carlo error" is two standard errors of a share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from isogloss.audit.curses import SCOPES
from isogloss.records import CLAIM, Measurement
from isogloss.stats.contrast import LanguageScope
from isogloss.stats.gaps import tier_weights
from isogloss.trace.change_gap import Counts, change_gap, change_gap_bounds
from isogloss.trace.gap_share import gap_parts
from isogloss.trace.ladder_claims import BY_SAFETY, CLAIMS, GAP_TIERS, Gap
from isogloss.trace.over_runs import over_runs_rows
from isogloss.trace.rung_counts import Step
from isogloss.trace.stage_effects import AREA, effect_rows
from ladders import Array, harmful_slice, simulate

N = 800
REPEATS = 1000
LOW = np.array([False] * 4 + [True] * 4)
HIGH = ~LOW
FIXED, RANDOM = SCOPES
COVERED = 0.93
FALSE = 0.05 + 2 * np.sqrt(0.05 * 0.95 / N)
"""5 % and the Monte-Carlo error."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """Two rungs: rates of (high, low) before, what the stage does to each, how many prompts."""

    before: tuple[float, float] = (0.3, 0.6)
    effects: tuple[float, float] = (0.0, 0.0)
    n_clusters: int = 21
    size: int = 4
    icc: float = 0.3
    following: float = 1.0


DESIGNS = {
    "no effect": Design(),
    "on both tiers alike": Design(effects=(-0.2, -0.2)),
    "on one tier": Design(before=(0.8, 0.9), effects=(-0.7, -0.05)),
    "across": Design(effects=(-0.2, 0.2)),
    "few events": Design(before=(0.03, 0.05), effects=(0.0, 0.15)),
    "single rows": Design(n_clusters=80, size=1, effects=(-0.2, 0.1)),
    "objects alike": Design(icc=0.6, effects=(0.1, -0.1)),
    "conditional rate": Design(following=0.5, effects=(-0.2, 0.1)),
    "few objects": Design(n_clusters=12, effects=(-0.2, 0.1)),
}


def two_rungs(design: Design, sd: float, seed: int) -> tuple[list[Counts], Array, float]:
    """Counts [S, C, L] of both rungs, the change of each language [S, L], the planted DiD."""
    rng = np.random.default_rng(seed)
    (high, low), (on_high, on_low) = design.before, design.effects
    before = np.where(LOW, low, high) * np.ones((N, 1))
    after = before + np.where(LOW, on_low, on_high) + sd * rng.standard_normal((N, LOW.size))
    after = np.clip(after, 0.002, 0.998)
    counts = simulate(
        np.stack([before, after]),
        n_clusters=design.n_clusters, size=design.size, icc=design.icc,
        following=design.following, rng=rng,
    )  # fmt: skip
    return counts, after - before, on_low - on_high


def inside(counts: list[Counts], truth: float | Array, scope: LanguageScope) -> NDArray[np.bool_]:
    before, after = counts
    low, high = change_gap_bounds(before, after, LOW, HIGH, scope)(0.95)
    return (low <= truth) & (truth <= high)


@pytest.mark.parametrize("name", DESIGNS)
def test_the_planted_difference_in_differences_is_covered(name: str) -> None:
    """Scope these languages: the truth is what the stage did to these eight."""
    for sd in (0.0, 0.08):
        counts, changes, _ = two_rungs(DESIGNS[name], sd, seed=1)
        truth = changes @ tier_weights(LOW, HIGH)
        assert inside(counts, truth, FIXED).mean() >= COVERED


@pytest.mark.parametrize("name", [name for name in DESIGNS if name != "few events"])
def test_the_planted_mean_effect_is_covered_where_languages_vary(name: str) -> None:
    """Scope languages like these: the truth is the mean effect on such languages.

    Not for few events: rates cannot be varied by 8 points around 3 % without moving their mean.
    """
    counts, _, truth = two_rungs(DESIGNS[name], 0.03, seed=2)
    assert inside(counts, truth, RANDOM).mean() >= COVERED


@pytest.mark.parametrize("name", ["no effect", "on both tiers alike"])
def test_no_effect_is_claimed_in_at_most_five_percent(name: str) -> None:
    counts, _, _ = two_rungs(DESIGNS[name], 0.0, seed=3)
    assert 1 - inside(counts, 0.0, FIXED).mean() <= FALSE
    for sd in (0.0, 0.08):
        counts, _, _ = two_rungs(DESIGNS[name], sd, seed=4)
        assert 1 - inside(counts, 0.0, RANDOM).mean() <= FALSE


def one(counts: Counts, at: int) -> Counts:
    return Counts(successes=counts.successes[at], trials=counts.trials[at])


@pytest.mark.parametrize("scope", SCOPES)
def test_the_estimate_is_what_its_bounds_are_of(scope: LanguageScope) -> None:
    """One simulation through `change_gap`, and all of them at once, are the same computation."""
    (before, after), _, _ = two_rungs(DESIGNS["across"], 0.05, seed=5)
    low, high = change_gap_bounds(before, after, LOW, HIGH, scope)(0.95)
    for at in range(3):
        found = change_gap(one(before, at), one(after, at), LOW, HIGH, scope=scope)
        assert (found.low, found.high) == pytest.approx((low[at], high[at]))
        assert found.p_value is not None
        assert (found.p_value < 0.05) == (low[at] > 0 or high[at] < 0)


def test_shares_of_the_last_gap_are_covered() -> None:
    """A gap of 20 points at the first rung, 0 more, then 40: shares 1/3, 0 and 2/3."""
    rng = np.random.default_rng(6)
    gaps = np.array([0.2, 0.2, 0.6])
    rates = np.where(LOW, 0.2 + gaps[:, None, None], 0.2) * np.ones((3, 400, 1))
    counts = simulate(rates, n_clusters=21, size=4, rng=rng)
    hits = np.zeros(3)
    for at in range(400):
        found = gap_parts([one(c, at) for c in counts], LOW, HIGH)
        assert sum(part.points for part in found.parts) == pytest.approx(found.gap)
        for place, (part, truth) in enumerate(zip(found.parts, (1 / 3, 0, 2 / 3), strict=True)):
            assert part.low is not None
            assert part.high is not None
            hits[place] += part.low <= truth <= part.high
    assert (hits / 400 >= COVERED).all()


def test_a_last_gap_that_may_be_nothing_has_no_shares() -> None:
    rng = np.random.default_rng(7)
    counts = simulate(np.full((3, 1, LOW.size), 0.4), n_clusters=8, size=4, rng=rng)
    found = gap_parts([one(c, 0) for c in counts], LOW, HIGH)
    assert found.low < 0 < found.high
    assert {part.share for part in found.parts} == {None}


def runs_of(gaps: Array) -> list[Measurement]:
    """[runs, 3] measured gaps at base, helpful and chat, as rows of a ladder."""
    rows: list[Measurement] = []
    for seed, (base, helpful, chat) in enumerate(gaps):
        for gap, value in (
            (Gap("harmful_rate", "base"), base),
            (Gap("following_rate", "base"), -base),
            (Gap("harmful_rate", "helpful"), helpful),
            (Gap("harmful_rate", "chat"), chat),
            (Gap("harmful_rate", "helpful", "base"), helpful - base),
            (BY_SAFETY, chat - helpful),
        ):
            rows.append(
                Measurement(
                    area=AREA, metric=gap.key.metric, target=f"lab:tiny:english#{seed}",
                    arm=gap.arm, category=gap.key.category, tier=GAP_TIERS, estimate=float(value),
                    unit="rate difference", n=100, scope=FIXED,
                )
            )  # fmt: skip
    return rows


def measured_gaps(true: tuple[float, ...], n_runs: int, seed: int, n: int = REPEATS) -> Array:
    """[n, runs, rungs] gaps as audits of eight languages measure them.

    A run's own gap at every rung lies around the true one with a standard deviation of 6 points.
    """
    rng = np.random.default_rng(seed)
    own = np.array(true) + 0.06 * rng.standard_normal((n, n_runs, len(true)))
    rates = np.where(LOW, 0.35 + own[..., None], 0.35)  # [n, runs, rungs, L]
    rates = np.moveaxis(rates, 2, 0).reshape(len(true), n * n_runs, LOW.size)
    counts = simulate(np.clip(rates, 0.01, 0.99), n_clusters=21, size=4, rng=rng)
    weights = tier_weights(LOW, HIGH)
    found = [(c.successes.sum(1) / c.trials.sum(1)) @ weights for c in counts]
    return np.stack(found, axis=-1).reshape(n, n_runs, len(true))


def verdicts(gaps: Array) -> dict[str, list[str | None]]:
    """Words of each claim → its verdict in every repetition."""
    found: dict[str, list[str | None]] = {claim.words: [] for claim in CLAIMS}
    for runs in gaps:
        for row in over_runs_rows(runs_of(runs)):
            if row.metric == CLAIM:
                found[row.category or ""].append(row.verdict)
    return found


BASE, TUNING, SAFETY, FOLLOWING, LARGEST = (claim.words for claim in CLAIMS)
ONE_SIDE = 0.025 + 2 * np.sqrt(0.025 * 0.975 / REPEATS)
BOTH_SIDES = 0.05 + 2 * np.sqrt(0.05 * 0.95 / REPEATS)


def share(verdicts: list[str | None], *words: str) -> float:
    assert len(verdicts) == REPEATS
    return sum(verdict in words for verdict in verdicts) / len(verdicts)


def test_claims_over_five_runs_are_wrong_in_at_most_five_percent() -> None:
    found = verdicts(measured_gaps((0.0, 0.0, 0.0), 5, seed=8))
    for words in (BASE, TUNING, SAFETY, FOLLOWING):
        assert share(found[words], "confirmed", "refuted") <= BOTH_SIDES
        assert share(found[words], "confirmed") <= ONE_SIDE


def test_equal_parts_are_not_told_apart_in_more_than_five_percent() -> None:
    """Base and safety training each make 25 points: neither part is the largest."""
    found = verdicts(measured_gaps((0.25, 0.25, 0.5), 5, seed=9))
    assert share(found[LARGEST], "confirmed", "refuted") <= BOTH_SIDES


def test_planted_stages_are_found_by_five_runs() -> None:
    """Nothing at base, nothing by tuning, 45 points by safety training; then 45 at base alone."""
    found = verdicts(measured_gaps((0.0, 0.0, 0.45), 5, seed=10))
    assert share(found[SAFETY], "confirmed") > 0.95
    assert share(found[LARGEST], "confirmed") > 0.8
    assert share(found[BASE], "confirmed", "refuted") <= BOTH_SIDES
    found = verdicts(measured_gaps((0.45, 0.45, 0.45), 5, seed=11))
    assert share(found[BASE], "confirmed") > 0.95
    assert share(found[FOLLOWING], "confirmed") > 0.95
    assert share(found[LARGEST], "refuted") > 0.8
    assert share(found[SAFETY], "confirmed", "refuted") <= BOTH_SIDES


def test_the_interval_over_five_runs_covers_the_planted_stage() -> None:
    gaps = measured_gaps((0.1, 0.1, 0.4), 5, seed=12)
    hits = 0
    for runs in gaps:
        rows = {
            (row.metric, row.arm, row.category): row
            for row in over_runs_rows(runs_of(runs))
            if row.metric != CLAIM
        }
        row = rows[BY_SAFETY.key.metric, "chat", "since helpful"]
        assert row.low is not None
        assert row.high is not None
        hits += row.low <= 0.3 <= row.high
    assert hits / len(gaps) >= COVERED


def test_two_runs_cannot_tell_however_large_the_effect() -> None:
    found = verdicts(measured_gaps((0.5, 0.5, 0.5), 2, seed=13))
    assert {verdict for values in found.values() for verdict in values} == {"cannot tell"}


def test_few_prompts_are_underpowered_and_many_say_no_evidence() -> None:
    told: dict[int, set[str | None]] = {}
    for n_clusters in (10, 600):
        rng = np.random.default_rng(14)
        counts = simulate(np.full((2, 1, LOW.size), 0.4), n_clusters=n_clusters, size=4, rng=rng)
        steps = [
            Step(
                name=name,
                slice=harmful_slice(
                    c.successes[0], c.trials[0] - c.successes[0], np.zeros_like(c.trials[0]),
                    [f"l{at}" for at in range(LOW.size)],
                ),
            )
            for name, c in zip(("base", "chat"), counts, strict=True)
        ]  # fmt: skip
        tiers = ["low" if low else "high" for low in LOW]
        rows = effect_rows(steps, tiers, {"target": "lab:tiny:english#0", "judge": "oracle"})
        told[n_clusters] = {
            row.verdict for row in rows
            if row.scope == RANDOM and row.metric.startswith("harmful_rate")
        }  # fmt: skip
    assert told == {10: {"underpowered"}, 600: {"no evidence"}}
