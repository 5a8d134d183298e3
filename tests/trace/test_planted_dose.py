"""Planted doses come out: slopes, contrasts, tokens to parity, claims; and designs too small.

Replies are clustered and binary; every run has its own level at every arm besides. Figures are
shares of simulations; "Monte-Carlo error" is two standard errors of a share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from isogloss.records import CLAIM, Measurement
from isogloss.stats.paired import t_over_runs
from isogloss.stats.verdict import claim_verdict
from isogloss.trace.dose_claims import CLAIMS
from isogloss.trace.dose_config import DoseConfig
from isogloss.trace.dose_design import DoseDesign, design_doses
from isogloss.trace.dose_figures import DoseFigures, slopes_by_run
from isogloss.trace.dose_rows import dose_rows
from isogloss.trace.outcomes import Outcomes
from isogloss.trace.parity import Parity, tokens_to_parity
from planted_runs import Array, arm_rows, measured_rates

N = 1000
FEWER = 600
REPEATS = 240
RUNS = 5
COVERED = 0.93
FACTORS = np.array([0.25, 1.0, 4.0, 16.0])
DOSES = np.log2(6000 * FACTORS)
RUN_SD = 0.05


def straight(x: Array) -> Array:
    """8 points a doubling."""
    return 0.15 + 0.08 * (x - DOSES[0])


def levelling(x: Array) -> Array:
    """From next to nothing to 85 %, steepest at 20,000 tokens."""
    return 0.05 + 0.8 / (1 + np.exp(-0.9 * (x - np.log2(20_000))))


def flat(x: Array) -> Array:
    return np.full_like(x, 0.4)


CURVES = {curve.__name__: curve for curve in (straight, levelling, flat)}


def dosed_runs(
    curve: Callable[[Array], Array],
    reference: float,
    *,
    seed: int,
) -> tuple[Array, Array, Array]:
    """[N, R, D] log2 tokens as drawn, measured rates of the dosed language, [N, R] of others."""
    rng = np.random.default_rng(seed)
    shape = (N, RUNS, DOSES.size)
    tokens = DOSES + 0.05 * rng.standard_normal(shape)
    dosed = curve(tokens) + RUN_SD * rng.standard_normal(shape)
    level = reference + RUN_SD * rng.standard_normal((N, RUNS, 1))
    true = np.stack([dosed, np.broadcast_to(level, shape)], axis=-1)
    found = measured_rates(true, rng=rng)
    return tokens, found[..., 0], found[:, :, 1, 1]


@pytest.mark.parametrize("name", CURVES)
def test_the_planted_slope_is_covered(name: str) -> None:
    """The truth is the least-squares slope of the true curve at the doses."""
    curve = CURVES[name]
    x, y, _ = dosed_runs(curve, 0.5, seed=1)
    truth = slopes_by_run(DOSES[None], curve(DOSES)[None])[0]
    hits = 0
    for tokens, rates in zip(x, y, strict=True):
        found = t_over_runs(slopes_by_run(tokens, rates).tolist())
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high
    assert hits / N >= COVERED


@pytest.mark.parametrize("name", CURVES)
def test_the_planted_change_of_a_dose_is_covered(name: str) -> None:
    curve = CURVES[name]
    _, y, _ = dosed_runs(curve, 0.5, seed=2)
    truth = float(np.diff(curve(DOSES)[[1, 3]])[0])
    found = [t_over_runs((rates[:, 3] - rates[:, 1]).tolist()) for rates in y]
    inside = [(e.low or 0.0) <= truth <= (e.high or 0.0) for e in found]
    assert np.mean(inside) >= COVERED


def parities(curve: Callable[[Array], Array], at: float, seed: int) -> list[Parity]:
    """Of runs whose reference the true curve reaches at 2 ** ``at`` tokens."""
    x, y, level = dosed_runs(curve, float(curve(np.array([at]))[0]), seed=seed)
    runs = zip(x[:FEWER], y[:FEWER], level[:FEWER], strict=True)
    return [
        tokens_to_parity(tokens.mean(axis=0), rates - mine[:, None]) for tokens, rates, mine in runs
    ]


def covers(found: Parity, at: float) -> bool:
    low = -np.inf if found.low is None else np.log2(found.low)
    high = np.inf if found.high is None else np.log2(found.high)
    return bool(low <= at <= high)


@pytest.mark.parametrize("name", ["straight", "levelling"])
@pytest.mark.parametrize("doublings", [1.5, 3.3, 4.6])
def test_planted_tokens_to_parity_are_covered(name: str, doublings: float) -> None:
    at = DOSES[0] + doublings
    found = parities(CURVES[name], at, seed=3)
    assert np.mean([covers(one, at) for one in found]) >= COVERED


def test_parity_in_the_middle_is_found_and_near() -> None:
    at = DOSES[0] + 3.3
    known = [one for one in parities(levelling, at, seed=4) if one.tokens is not None]
    assert len(known) / FEWER > 0.99
    assert abs(np.median([np.log2(one.tokens or 1.0) for one in known]) - at) < 0.2


def test_parity_beyond_the_doses_is_open_and_never_extrapolated() -> None:
    """Two doublings above the largest dose, and two below the smallest."""
    above = parities(straight, DOSES[-1] + 2, seed=5)
    assert np.mean([one.high is None for one in above]) >= 0.975
    assert np.mean([one.reached == "beyond the largest dose" for one in above]) > 0.95
    below = parities(straight, DOSES[0] - 1.5, seed=6)
    assert np.mean([one.low is None for one in below]) >= 0.975
    for one in (*above, *below):
        for tokens in (one.tokens, one.low, one.high):
            assert tokens is None or one.smallest <= tokens <= one.largest * (1 + 1e-9)
        assert (one.tokens is None) == (one.reached != "reached")
        assert one.tokens is not None or one.reason is not None


# The claims, from rows.


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> DoseDesign:
    config = DoseConfig(
        mix="lab:tiny", languages=("sw",), extra=(50_000,), parallel=True, tokenizer=True
    )
    return design_doses(config, tmp_path_factory.mktemp("doses"))


NAMES = {
    "slope": "more text of a language lifts its following rate",
    "tokens": "the tokens do it and not the tokenizer",
    "extra": "continued pre-training on the language lifts its following rate",
    "parallel": "parallel text lifts the following rate",
}
FEW = ("fr-x-lab", "zh-x-lab", "es-x-lab", "sw-x-lab")


def experiments(
    design: DoseDesign,
    effects: dict[str, float],
    *,
    seed: int,
    n: int,
    n_runs: int = RUNS,
    n_clusters: int = 30,
) -> list[DoseFigures]:
    """In which each arm lifts Swahili's following rate as given."""
    rng = np.random.default_rng(seed)
    arms = [arm.name for arm in design.arms]
    lift = np.array([effects.get(arm, 0.0) for arm in arms])
    true = np.full((n, n_runs, len(arms), len(FEW)), 0.4)
    true[..., -1] += lift
    true += RUN_SD * rng.standard_normal(true.shape)
    rates = measured_rates(true, rng=rng, n_clusters=n_clusters)
    shares = np.array([arm.recipe.shares["sw-x-lab"] for arm in design.arms])
    tokens = 12_000 * shares[:, None] * np.ones((n_runs, 1, len(FEW)))
    found: list[DoseFigures] = []
    for one in rates:
        rows = arm_rows({"following_rate": one}, arms, FEW, tokens=tokens)
        found.append(DoseFigures(design, Outcomes(rows)))
    return found


def claimed(*args: Any, **more: Any) -> list[list[Measurement]]:
    """The rows of such experiments."""
    return [dose_rows(figures) for figures in experiments(*args, **more)]


def decided(experiments: list[list[Measurement]], claim: str, *verdicts: str) -> float:
    told = [
        row.verdict
        for rows in experiments
        for row in rows
        if row.metric == CLAIM and (row.category or "").startswith(NAMES[claim])
    ]
    assert len(told) == len(experiments)
    return sum(verdict in verdicts for verdict in told) / len(told)


ERROR = 2 * np.sqrt(0.05 * 0.95 / REPEATS)


def test_without_effects_claims_are_decided_in_at_most_five_percent(design: DoseDesign) -> None:
    found = experiments(design, {}, seed=27, n=REPEATS)
    for words in NAMES.values():
        (claim,) = [claim for claim in CLAIMS if claim.words.startswith(words)]
        told: list[str] = []
        for figures in found:
            values = claim.figure(figures, claim.metric)
            assert values is not None
            told.append(claim_verdict(values.estimate(), sign=claim.sign))
        assert 1 - told.count("cannot tell") / REPEATS <= 0.05 + ERROR
        assert told.count("confirmed") / REPEATS <= 0.025 + ERROR


def test_planted_effects_are_confirmed(design: DoseDesign) -> None:
    effects = {
        "x0.25": -0.15, "x4": 0.15, "x16": 0.3, "x4, parallel": 0.4, "x16, parallel": 0.5,
        "+50k sw": 0.4, "+50k of the mix": 0.05, "x1, own tokenizer": 0.15,
    }  # fmt: skip
    found = claimed(design, effects, seed=8, n=40)
    for claim in NAMES:
        assert decided(found, claim, "confirmed") > 0.9
    turned = claimed(design, {arm: -lift for arm, lift in effects.items()}, seed=9, n=40)
    assert decided(turned, "slope", "refuted") > 0.9
    assert decided(turned, "extra", "refuted") > 0.9


def test_two_runs_cannot_tell_whatever_they_show(design: DoseDesign) -> None:
    found = claimed(design, {"x16": 0.5, "+50k sw": 0.5}, seed=10, n=20, n_runs=2)
    for claim in NAMES:
        assert decided(found, claim, "cannot tell") == 1
    reasons = {row.reason for row in found[0] if row.metric == CLAIM}
    assert all("2 run(s); 3 are needed" in (reason or "") for reason in reasons)


def test_few_objects_cannot_tell_a_small_effect_and_say_what_they_could_have_seen(
    design: DoseDesign,
) -> None:
    small = {"x0.25": -0.02, "x4": 0.02, "x16": 0.04}
    found = claimed(design, small, seed=11, n=40, n_clusters=4)
    assert decided(found, "slope", "cannot tell") > 0.85
    rows = [r for rows in found for r in rows if r.metric == "following_rate_per_doubling"
            and r.language == "sw-x-lab"]  # fmt: skip
    assert len(rows) == 40
    true_slope = 0.01
    assert np.median([row.detectable or 0.0 for row in rows]) > true_slope


def test_changes_of_doses_are_differences_of_levels(design: DoseDesign) -> None:
    (rows,) = claimed(design, {"x4": 0.2, "x16": 0.3}, seed=12, n=1)
    levels = {r.arm: r for r in rows if r.metric == "following_rate" and r.language == "sw-x-lab"}
    changes = {
        r.arm: r for r in rows
        if r.metric == "following_rate_change" and r.language == "sw-x-lab" and r.variant == "dose"
    }  # fmt: skip
    for arm, row in changes.items():
        assert row.estimate == pytest.approx(
            (levels[arm].estimate or 0) - (levels["x1"].estimate or 0)
        )
        assert row.category == "since x1"
        assert "Holm over 3 doses" in (row.method or "")
    assert levels["x16"].strength == pytest.approx(4 * (levels["x4"].strength or 0), rel=1e-6)
