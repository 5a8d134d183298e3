"""Leave-one-language-out errors against a loop over pairs of languages, and planted predictors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grids import LANGUAGES, OTHERS, Array, L, of_test, of_train, planted_grid, symmetric
from isogloss.stats.ordered_pairs import language_orders
from isogloss.trace.grid_findings import TOGETHER, TRAIN_LANGUAGE, Finding, find_predictors
from isogloss.trace.grid_matrices import SELECTIVITY, Grid
from isogloss.trace.grid_over_runs import CANNOT_TELL, OVER_RUNS, over_runs_rows
from isogloss.trace.grid_rows import (
    BETTER,
    CORRELATION,
    DIFFERENCE,
    ERROR,
    NONE_FOUND,
    PARTIAL,
    R_SQUARED,
    WORSE,
    finding_rows,
)
from isogloss.trace.left_out import LeftOut, predict_by_train_language, predict_left_out

ORDERS = language_orders(L, n=19)


def told(found: LeftOut | str) -> LeftOut:
    assert isinstance(found, LeftOut), found
    return found


def by_hand(design: Array, y: Array, penalty: float) -> tuple[float, float, float]:
    """(error, null error, R²): a loop over languages and pairs; ``design`` is [L, L, q]."""
    errors: list[tuple[float, float]] = []
    squares = np.zeros(2)
    pairs = [(a, b) for a in range(L) for b in range(L)
             if a != b and np.isfinite([*design[a, b], y[a, b]]).all()]  # fmt: skip
    for left in range(L):
        fit = [pair for pair in pairs if left not in pair]
        ask = [pair for pair in pairs if left in pair]
        x = np.array([design[pair] for pair in fit])
        centre, scale = x.mean(axis=0), x.std(axis=0)
        z = (x - centre) / scale
        target = np.array([y[pair] for pair in fit])
        gram = z.T @ z / len(fit) + penalty * np.eye(z.shape[1])
        weights = np.linalg.solve(gram, z.T @ (target - target.mean()) / len(fit))
        residuals = [
            (y[p] - target.mean() - (design[p] - centre) / scale @ weights, y[p] - target.mean())
            for p in ask
        ]
        errors.append(tuple(np.abs(residuals).mean(axis=0)))
        squares += np.square(residuals).sum(axis=0)
    error, null = np.mean(errors, axis=0)
    return error, null, 1 - squares[0] / squares[1]


@pytest.mark.parametrize(("q", "penalty"), [(1, 0.0), (3, 1.0)])
def test_errors_are_those_of_a_loop_over_languages(q: int, penalty: float) -> None:
    rng = np.random.default_rng(0)
    design, y = rng.normal(size=(L, L, q)), rng.normal(size=(L, L))
    y += design[..., 0]
    y[1] = np.nan  # not trained on
    design[2, 3, 0] = np.nan
    found = told(predict_left_out([design[..., k] for k in range(q)], y, ORDERS, penalty=penalty))
    expected = by_hand(design, y, penalty)
    assert (found.error, found.null_error, found.r_squared) == pytest.approx(expected, abs=1e-6)
    assert found.difference.value == pytest.approx(expected[0] - expected[1], abs=1e-6)
    assert (found.difference.n_pairs, found.difference.n_languages) == (48, 8)


def test_a_missing_value_is_left_out_and_not_zero() -> None:
    rng = np.random.default_rng(1)
    x = 5 + symmetric(rng)
    y = x.copy()
    x[2, 3] = np.nan
    assert told(predict_left_out([x], y, ORDERS)).error == pytest.approx(0, abs=1e-6)
    assert told(predict_left_out([np.nan_to_num(x)], y, ORDERS)).error > 0.05


def test_permuted_languages_are_fitted_and_asked_anew() -> None:
    rng = np.random.default_rng(2)
    x, y = symmetric(rng), symmetric(rng)
    found = told(predict_left_out([x], y, ORDERS))
    order = ORDERS[4]
    again = told(predict_left_out([x[np.ix_(order, order)]], y, ORDERS))
    assert found.difference.permuted[3] == pytest.approx(again.difference.value)


def test_the_train_language_is_known_where_it_was_not_left_out() -> None:
    """Benefits that depend on it alone: right but for the language itself, which gets the mean."""
    give = np.arange(L) / 10
    y = of_train(give)
    expected = np.mean(
        [np.r_[np.zeros(L - 1), np.full(L - 1, abs(give[a] - np.delete(give, a).mean()))].mean()
         for a in range(L)]
    )  # fmt: skip
    found = told(predict_by_train_language(y))
    assert found.error == pytest.approx(expected)
    assert found.error < found.null_error


def test_what_cannot_be_told_has_a_reason() -> None:
    few = np.full((L, L), np.nan)
    few[:3, :3] = np.random.default_rng(3).normal(size=(3, 3))
    assert "needs 4 languages" in str(predict_left_out([few], few, ORDERS))
    assert predict_left_out([symmetric(np.random.default_rng(3))], np.ones((L, L)), ORDERS) == (
        "the outcome does not vary"
    )


def test_a_planted_predictor_is_better_than_the_null_and_the_others_are_not() -> None:
    rng = np.random.default_rng(4)
    distance, cosine = symmetric(rng), symmetric(rng)
    benefit = 0.3 - 0.4 * distance + 0.03 * rng.normal(size=(L, L))
    grid = planted_grid(benefit, {
        "linguistic distance": distance, "concept cosine": cosine,
        "fertility": of_test(rng.random(L)),
    })  # fmt: skip
    rows = {(r.metric, r.category): r for r in finding_rows(grid, find_predictors(grid))}

    def row(kind: str, name: str) -> Any:
        return rows[f"{SELECTIVITY}_{kind}", name]

    verdicts = {n: r.verdict for (m, n), r in rows.items() if m == f"{SELECTIVITY}_{DIFFERENCE}"}
    assert verdicts.pop("linguistic distance") == BETTER
    assert verdicts.pop(TOGETHER) == BETTER
    assert verdicts.pop(TRAIN_LANGUAGE) is None
    assert {verdicts.pop("concept cosine"), verdicts.pop("fertility")} == {NONE_FOUND}
    assert set(verdicts.values()) == {"not measured"}
    best = row(CORRELATION, "linguistic distance")
    assert best.estimate < -0.9
    assert best.p_value < 0.01
    assert (best.n, best.n_clusters) == (L * (L - 1), L)
    assert 0.2 < best.detectable < 0.9
    assert row(PARTIAL, "linguistic distance").estimate < -0.9
    assert row(R_SQUARED, "linguistic distance").estimate > 0.8
    error, null = row(ERROR, "linguistic distance"), row(ERROR, "null model")
    assert error.estimate < 0.05 < null.estimate
    assert rows["refusal_rate_change_left_out_error", "null model"].estimate is None


def noise_grid(seed: int, shared: int, *, spread: float = 1.0) -> Grid:
    """Languages that give and take as chance wills; predictors that know nothing of it.

    ``shared`` is the seed of what all runs have in common.
    """
    rng, mine = np.random.default_rng(shared), np.random.default_rng([seed, shared])
    benefit = of_train(rng.normal(size=L)) + of_test(rng.normal(size=L))
    benefit = benefit + symmetric(rng) + spread * 0.1 * mine.normal(size=(L, L))
    predictors = {
        "linguistic distance": symmetric(rng),
        "sentence retrieval": symmetric(rng),
        "share of the test language": of_test(rng.normal(size=L)),
    }
    return planted_grid(benefit, predictors, seed=seed)


def claimed(rows_of: list[list[str | None]]) -> float:
    return float(np.mean([BETTER in verdicts for verdicts in rows_of]))


def test_noise_is_claimed_in_at_most_five_percent_of_single_models() -> None:
    n, verdicts = 60, []
    for shared in range(n):
        grid = noise_grid(0, shared)
        found = finding_rows(grid, find_predictors(grid, n_permutations=99))
        verdicts.append([row.verdict for row in found])
    assert claimed(verdicts) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / n)


def over_runs(grids: list[Grid], n_permutations: int = 99) -> dict[tuple[str, str], str | None]:
    """(metric, predictor) → verdict over runs."""
    findings: dict[str, dict[str, Finding]] = {
        grid.target: find_predictors(grid, n_permutations=n_permutations) for grid in grids
    }
    rows = [row for grid in grids for row in finding_rows(grid, findings[grid.target])]
    over = over_runs_rows(rows, findings)
    assert {row.area for row in over} <= {OVER_RUNS}
    return {(row.metric, row.category or ""): row.verdict for row in over}


def test_chance_that_comes_again_in_every_run_is_not_claimed() -> None:
    """The runs agree, because the languages are the same: only languages could tell."""
    n, verdicts = 25, []
    for shared in range(n):
        grids = [noise_grid(seed, shared, spread=0.3) for seed in range(3)]
        verdicts.append(list(over_runs(grids).values()))
    assert claimed(verdicts) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / n)
    assert np.mean([WORSE in each for each in verdicts]) > 0.3  # it costs to believe in noise


def planted_runs(n: int) -> list[Grid]:
    shared = np.random.default_rng(9)
    distance, noise = symmetric(shared), symmetric(shared)
    grids: list[Grid] = []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        benefit = 0.3 - 0.4 * distance + 0.05 * rng.normal(size=(L, L))
        predictors = {"linguistic distance": distance, "concept cosine": noise}
        grids.append(planted_grid(benefit, predictors, seed=seed))
    return grids


def test_a_predictor_planted_in_every_run_is_better_over_runs() -> None:
    found = over_runs(planted_runs(3))
    assert found[f"{SELECTIVITY}_{DIFFERENCE}", "linguistic distance"] == BETTER
    assert found[f"{SELECTIVITY}_{CORRELATION}", "linguistic distance"] is None
    assert found[f"{SELECTIVITY}_{DIFFERENCE}", "concept cosine"] in (NONE_FOUND, WORSE)


def test_two_runs_have_neither_interval_nor_verdict_and_one_has_no_rows() -> None:
    grids = planted_runs(2)
    findings = {grid.target: find_predictors(grid, n_permutations=9) for grid in grids}
    rows = [row for grid in grids for row in finding_rows(grid, findings[grid.target])]
    differences = [
        row for row in over_runs_rows(rows, findings)
        if row.metric == f"{SELECTIVITY}_{DIFFERENCE}" and row.estimate is not None
    ]  # fmt: skip
    assert {row.category for row in differences} == {
        "linguistic distance", "concept cosine", TOGETHER, TRAIN_LANGUAGE
    }  # fmt: skip
    assert {(row.low, row.verdict) for row in differences} == {(None, CANNOT_TELL)}
    alone = [row for row in rows if row.target == grids[0].target]
    assert over_runs_rows(alone, findings) == []


def test_the_diagonal_is_never_looked_at() -> None:
    (grid,) = planted_runs(1)
    before = find_predictors(grid, n_permutations=9)[SELECTIVITY]
    for values in (grid.benefits[SELECTIVITY], grid.predictors["linguistic distance"]):
        values[~OTHERS] = 1e6
    after = find_predictors(grid, n_permutations=9)[SELECTIVITY]
    name = "linguistic distance"
    assert told(after.left_out[name]).error == told(before.left_out[name]).error
    assert len(LANGUAGES) == L
