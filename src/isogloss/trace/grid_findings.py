"""Which measurement tells who benefits: every predictor against one grid.

A benefit is predicted for pairs of languages: one is trained on, another one is tested. The
diagonal is no transfer and is left out. The primary benefits are fixed: the change of *selectivity*
(refusals of harmful prompts minus refusals of benign ones: telling them apart) and of the *refusal
rate* on harmful prompts. Not of compliance, which also falls when a model loses the thread: a
language that turns irrelevant has not been helped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from isogloss.seeds import derive_seed
from isogloss.stats.correlation import spearman
from isogloss.stats.distributions import Array
from isogloss.stats.intervals import Estimate, not_measured
from isogloss.stats.ordered_pairs import (
    N_PERMUTATIONS,
    Orders,
    PermutedStatistic,
    language_orders,
    measured_pairs,
    ordered_correlation,
)
from isogloss.trace.grid_matrices import (
    ABOUT_THE_TEST_LANGUAGE,
    PREDICTORS,
    REFUSAL,
    SELECTIVITY,
    Grid,
)
from isogloss.trace.left_out import RIDGE, LeftOut, predict_by_train_language, predict_left_out

BENEFITS = (SELECTIVITY, REFUSAL)
TOGETHER = "all together"
TRAIN_LANGUAGE = "train language alone"
TESTED = (*PREDICTORS, TOGETHER)
"""Models that Holm's correction counts; that of the train language is a second null model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One benefit of one grid; a text says why something was not measured.

    Attributes:
        left_out: name of the model → its errors on left-out languages.
        correlations, partial: predictor → rank correlation over ordered pairs, as it is and with
            the competence of both languages taken out.
        together: predictors that are in ``all together``.
        everywhere: predictor → Spearman's correlation over test languages, after training in
            several languages at once.
    """

    left_out: Mapping[str, LeftOut | str]
    correlations: Mapping[str, PermutedStatistic | str]
    partial: Mapping[str, PermutedStatistic | str]
    together: tuple[str, ...]
    everywhere: Mapping[str, Estimate]


def find_predictors(grid: Grid, *, n_permutations: int = N_PERMUTATIONS) -> dict[str, Finding]:
    """Benefit → what predicts it. The permutations are the same for every run of one grid."""
    seed = derive_seed(0, "trace grid")
    orders = language_orders(len(grid.languages), n=n_permutations, seed=seed)
    return {benefit: _finding(grid, benefit, orders) for benefit in BENEFITS}


def _finding(grid: Grid, benefit: str, orders: Orders) -> Finding:
    outcome = grid.benefits[benefit]
    pairs = measured_pairs(outcome)
    absent = "the predictor is not measured for any of the pairs"
    there = [n for n in PREDICTORS if np.isfinite(grid.predictors[n][pairs]).any()]
    left_out: dict[str, LeftOut | str] = {
        name: predict_left_out([values], outcome, orders) if name in there else absent
        for name, values in grid.predictors.items()
    }
    left_out[TOGETHER] = "fewer than two predictors"
    if len(there) > 1:
        left_out[TOGETHER] = predict_left_out(
            [grid.predictors[name] for name in there], outcome, orders, penalty=RIDGE
        )
    left_out[TRAIN_LANGUAGE] = predict_by_train_language(outcome)
    correlations = {
        name: ordered_correlation(values, outcome, orders) if name in there else absent
        for name, values in grid.predictors.items()
    }
    partial = {
        name: ordered_correlation(values, outcome, orders, covariate=grid.competence)
        if name in there else absent
        for name, values in grid.predictors.items()
    }  # fmt: skip
    return Finding(
        left_out=left_out,
        correlations=correlations,
        partial=partial,
        together=tuple(there),
        everywhere=_everywhere(grid, benefit) if grid.everywhere_arm else {},
    )


def _everywhere(grid: Grid, benefit: str) -> dict[str, Estimate]:
    """Spearman's correlation of every predictor of a test language with what it gained."""
    gained = grid.everywhere[benefit]
    found: dict[str, Estimate] = {}
    for name in ABOUT_THE_TEST_LANGUAGE:
        told = _by_test_language(grid.predictors[name])
        known = np.isfinite(told) & np.isfinite(gained)
        found[name] = (
            spearman(told[known], gained[known], seed=derive_seed(0, "trace grid", name))
            if known.any()
            else not_measured("Spearman, permutation p", "not measured in any language")
        )
    return found


def _by_test_language(values: Array) -> Array:
    """[L] column means over the other languages; NaN where one of them is missing."""
    others = np.where(np.eye(len(values), dtype=bool), 0.0, values)
    return others.sum(axis=0) / max(len(values) - 1, 1)
