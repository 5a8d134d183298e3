"""How well a language that was never looked at is predicted: leave one language out.

Of a train x test matrix, all pairs with one language in them, as the language trained on or as the
one tested, are set apart; a linear model is fitted to the others and asked about them. Its error is
the mean absolute residual, averaged over left-out languages, and is set against that of the *null
model*, which says the mean of the pairs it was fitted to. A predictor that knows nothing of a new
language does worse than the null model, not equally well: it has fitted noise.

Whether it does better than chance is asked by permuting languages, as in
`isogloss.stats.ordered_pairs`: the predictor is put under other names of the languages, and fitted
and asked anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.stats.distributions import Array
from isogloss.stats.ordered_pairs import (
    MIN_LANGUAGES,
    MIN_PAIRS,
    Orders,
    PermutedStatistic,
    measured_pairs,
    under_orders,
)

RIDGE = 1.0
"""Penalty where several predictors are fitted together: a lone predictor's weight is halved by it,
and of several that say the same their common part counts nearly in full."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeftOut:
    """Errors on left-out languages, in the unit of the outcome.

    Attributes:
        error, null_error: mean absolute residual of the model and of the null model, on the same
            pairs.
        r_squared: 1 minus the squared residuals of the model over those of the null model; below 0
            where it does worse.
        difference: ``error - null_error``, with what it is under other names of the languages;
            ``permuted`` is empty where the model looks at no predictor.
    """

    error: float
    null_error: float
    r_squared: float
    difference: PermutedStatistic


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pairs:
    """P pairs of languages, and the outcome of each."""

    i: NDArray[np.intp]
    j: NDArray[np.intp]
    y: Array

    def with_language(self, language: int) -> NDArray[np.bool_]:
        return (self.i == language) | (self.j == language)

    @property
    def languages(self) -> NDArray[np.intp]:
        return np.union1d(self.i, self.j)


def predict_left_out(
    predictors: Sequence[Array], outcome: Array, orders: Orders, *, penalty: float = 0.0
) -> LeftOut | str:
    """Least squares on standardised predictors, with a penalty on their squared weights.

    Args:
        predictors: [L, L] each, rows the language trained on; NaN where missing. A pair that one of
            them lacks is left out, for the null model too.
        outcome: [L, L], NaN where not measured. The diagonal is never read: what a language does
            to itself is no transfer.
        orders: see `isogloss.stats.ordered_pairs.language_orders`.
        penalty: times the squared weights, beside the mean squared residual.

    Returns:
        The errors; or why there are none.
    """
    i, j = measured_pairs(outcome)
    pairs = _Pairs(i=i, j=j, y=outcome[i, j])
    values = np.stack([under_orders(one, (i, j), orders) for one in predictors], axis=-1)
    known: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(values), axis=-1)
    values = np.where(known[..., None], values, 0.0)
    sums = _Sums(known.shape[0])
    for language in pairs.languages:
        out = pairs.with_language(int(language))
        fitted, asked = known & ~out, known & out
        mean = _weighted(fitted, pairs.y)
        guess = mean[:, None] + _fitted(values, pairs.y - mean[:, None], fitted, penalty)
        sums.add(pairs.y - guess, pairs.y - mean[:, None], asked, fitted)
    n = int(known[0].sum())
    n_languages = np.union1d(i[known[0]], j[known[0]]).size
    return sums.summary(n, n_languages)


def predict_by_train_language(outcome: Array) -> LeftOut | str:
    """The mean of the pairs with the same language trained on; no predictor is looked at.

    What is left out as the language trained on gets the mean of all other pairs.
    """
    i, j = measured_pairs(outcome)
    pairs = _Pairs(i=i, j=j, y=outcome[i, j])
    sums = _Sums(1)
    for language in pairs.languages:
        out = pairs.with_language(int(language))
        mean = float(pairs.y[~out].mean()) if (~out).any() else np.nan
        guess = np.full(pairs.y.size, mean)
        for trained in np.unique(i[~out]):
            guess[i == trained] = pairs.y[~out & (i == trained)].mean()
        sums.add((pairs.y - guess)[None], (pairs.y - mean)[None], out[None], ~out[None])
    return sums.summary(pairs.y.size, pairs.languages.size)


class _Sums:
    """Residuals on left-out pairs, gathered language by language, for R permutations."""

    def __init__(self, n_rows: int) -> None:
        self._absolute = np.zeros((2, n_rows))
        self._squared = np.zeros((2, n_rows))
        self._languages = np.zeros(n_rows)

    def add(
        self, own: Array, null: Array, asked: NDArray[np.bool_], fitted: NDArray[np.bool_]
    ) -> None:
        """(R, P) residuals of both models, and which pairs they were asked about and fitted to."""
        usable = (fitted.sum(axis=1) >= MIN_PAIRS) & asked.any(axis=1)
        for side, residual in enumerate((own, null)):
            told = np.where(asked & usable[:, None], residual, 0.0)
            self._absolute[side] += np.abs(told).sum(axis=1) / np.maximum(asked.sum(axis=1), 1)
            self._squared[side] += np.square(told).sum(axis=1)
        self._languages += usable

    def summary(self, n_pairs: int, n_languages: int) -> LeftOut | str:
        if n_languages < MIN_LANGUAGES or self._languages[0] < MIN_LANGUAGES:
            return (
                f"{n_languages} languages and {n_pairs} pairs: needs {MIN_LANGUAGES} languages, "
                f"and {MIN_PAIRS} pairs without each of them"
            )
        error, null = self._absolute / np.maximum(self._languages, 1)
        squared, of_null = self._squared[:, 0]
        if of_null <= 1e-18:
            return "the outcome does not vary"
        difference = error - null
        return LeftOut(
            error=float(error[0]),
            null_error=float(null[0]),
            r_squared=float(1 - squared / of_null),
            difference=PermutedStatistic(
                value=float(difference[0]),
                permuted=difference[1:],
                n_pairs=n_pairs,
                n_languages=n_languages,
            ),
        )


def _weighted(weight: NDArray[np.bool_], values: Array) -> Array:
    """(R,) means of (P,) or (R, P) values over the pairs of each row."""
    return np.where(weight, values, 0.0).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)


def _fitted(values: Array, y: Array, weight: NDArray[np.bool_], penalty: float) -> Array:
    """(R, P) deviations from the mean that a linear model tells for every pair.

    Args:
        values: (R, P, q), of which ``weight`` says what is fitted to.
        y: (R, P) deviations from their mean over the same pairs.
    """
    w = weight.astype(np.float64)[..., None]
    n = np.maximum(w.sum(axis=1, keepdims=True), 1)  # (R, 1, 1)
    centre = (values * w).sum(axis=1, keepdims=True) / n
    spread = np.sqrt((np.square(values - centre) * w).sum(axis=1, keepdims=True) / n)
    z = (values - centre) / np.where(spread > 1e-9, spread, np.inf)  # (R, P, q)
    gram = np.einsum("rpa,rpb->rab", z * w, z) / n
    gram = gram + (penalty + 1e-9) * np.eye(values.shape[-1])
    moment = np.einsum("rpa,rp->ra", z * w, y) / n[:, 0]
    weights: Array = np.linalg.solve(gram, moment[..., None])
    return np.einsum("rpa,ra->rp", z, weights[..., 0])
