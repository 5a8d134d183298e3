"""Transferability: does the vector of one language serve another, and is it mutual?

P2 section 4 prints T[a, b] = accuracy(a → b) − accuracy(b → b), one number a cell. We test it.
All rates of a comparison are on the same test items or on parallel ones, so every interval is
paired by cluster (`isogloss.stats.contrast`, MOVER). Languages whose own vector recognises nothing
are *not assessable*: there T compares two kinds of guessing. Of the others, for a direction a → b:

- *as good as own*: T > −5 points (non-inferiority; the margin was fixed beforehand);
- *worse than own*: T < −5 points;

each one-sided, false discoveries held at 5 % over all directions of the concept
(Benjamini-Hochberg). And of a pair of languages, with the asymmetry A = T[a, b] − T[b, a] tested
two-sided and corrected over all pairs:

- ``mutual``: both directions are as good as own;
- ``unidirectional``: one is, the other is worse than own, and A differs from 0;
- ``none``: both are worse than own (how much survives is the transfer rate's to say);
- ``cannot tell``: the rest: no claim. ``not assessable``: see above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Literal

import numpy as np

from isogloss.concepts.layer_choice import LayerChoice
from isogloss.concepts.recognition import Recognition
from isogloss.errors import InputError
from isogloss.stats.contrast import (
    DETECTABLE_PER_HALF_WIDTH,
    METHODS,
    Bounds,
    fixed_language_bounds,
)
from isogloss.stats.discovery import benjamini_hochberg, p_above, p_below
from isogloss.stats.distributions import Array

Pattern = Literal["mutual", "unidirectional", "none", "cannot tell", "not assessable"]
DirectionVerdict = Literal["as good as own", "worse than own", "cannot tell", "not assessable"]
Cell = tuple[int, int]

MARGIN = 0.05
"""How much worse than a language's own vector still counts as as good: five points."""
DISCOVERY_RATE = 0.05
METHOD = f"paired by cluster, {METHODS['these languages']}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Differences:
    """Signed sums of rates for pairs of languages, (S, S) each; NaN where not measured.

    Attributes:
        estimate, low, high: with the 95 % interval.
        detectable: the difference a design like this finds with 80 % power.
    """

    estimate: Array
    low: Array
    high: Array
    detectable: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transfer:
    """All directions and pairs of one concept; [a, b] is language a's vector on b's pairs.

    Attributes:
        test: what was measured, and ``choice`` the layer it is read at.
        not_assessable: of each language, why nothing is claimed about it; None where it may be.
        matrix: T in [-1, 1].
        p_worse: (S, S) one-sided for T < -`MARGIN`, adjusted over directions; NaN where not
            assessed.
        p_as_good: the same for T > -`MARGIN`.
        verdicts: what the two say of each direction.
        asymmetry: A = T - T' in [-2, 2]; [b, a] is minus [a, b].
        p_asymmetry: (S, S) two-sided, adjusted over pairs of languages.
        patterns: of each pair (a, b) with a < b.
    """

    test: Recognition
    choice: LayerChoice
    not_assessable: tuple[str | None, ...]
    matrix: Differences
    p_worse: Array
    p_as_good: Array
    verdicts: dict[Cell, DirectionVerdict]
    asymmetry: Differences
    p_asymmetry: Array
    patterns: dict[Cell, Pattern]


def transfer_matrix(recognition: Recognition) -> Array:
    """(S, T, L) accuracy(source → target) − accuracy(target → target); NaN where not measured."""
    return recognition.accuracy - recognition.own_accuracy[None]


def measure_transfer(
    test: Recognition, choice: LayerChoice, not_assessable: Sequence[str | None]
) -> Transfer:
    """Every direction and every pair of languages at the chosen layer.

    Args:
        test: recognition of the test pairs, the same languages as sources and targets.
        choice: of the layer; in ``paper`` mode every cell has its own.
        not_assessable: of each language, why its own accuracy does not beat shuffled labels, else
            None (`isogloss.concepts.baselines.not_assessable`).

    Raises:
        InputError: sources and targets differ.
    """
    size = len(test.targets)
    if test.sources != test.targets or len(not_assessable) != size:
        raise InputError(
            f"transfer needs the same languages as sources and targets, got {test.sources}, "
            f"{test.targets} and {len(not_assessable)} words on them"
        )
    reasons = tuple(test.reason(i, i) or not_assessable[i] for i in range(size))
    correct = choice.at(test.correct)  # (S, T, C)
    measured = test.measured
    directions = [(a, b) for a, b in permutations(range(size), 2) if measured[[a, b], b].all()]
    matrix, bounds = _differences(directions, [(0, 1), (1, 1)], correct, test.trials)
    usable = [reasons[a] is None and reasons[b] is None for a, b in directions]
    worse = _tested(directions, p_below(bounds, -MARGIN, (len(directions),)), usable, size)
    good = _tested(directions, p_above(bounds, -MARGIN, (len(directions),)), usable, size)
    verdicts: dict[Cell, DirectionVerdict] = {
        cell: _direction_verdict(float(worse[cell]), float(good[cell]))
        for cell in permutations(range(size), 2)
    }
    pairs = [
        (a, b) for a, b in combinations(range(size), 2) if measured[[a, a, b, b], [a, b] * 2].all()
    ]
    asymmetry, bounds = _differences(pairs, [(0, 1), (1, 1), (1, 0), (0, 0)], correct, test.trials)
    shape = (len(pairs),)
    p = np.minimum(1.0, 2 * np.minimum(p_below(bounds, 0, shape), p_above(bounds, 0, shape)))
    usable = [reasons[a] is None and reasons[b] is None for a, b in pairs]
    unequal = _tested(pairs, p, usable, size)
    return Transfer(
        test=test,
        choice=choice,
        not_assessable=reasons,
        matrix=matrix,
        p_worse=worse,
        p_as_good=good,
        verdicts=verdicts,
        asymmetry=_antisymmetric(asymmetry),
        p_asymmetry=np.fmax(unequal, unequal.T),
        patterns={
            (a, b): _pattern(
                verdicts[a, b],
                verdicts[b, a],
                float(asymmetry.estimate[a, b]),
                float(unequal[a, b]),
            )
            for a, b in combinations(range(size), 2)
        },
    )


def _differences(
    pairs: Sequence[Cell], parts: Sequence[Cell], correct: Array, trials: Array
) -> tuple[Differences, Bounds]:
    """Signed sums of cells for pairs of languages, with the function that bounds them.

    Args:
        pairs: (a, b).
        parts: which cells of a pair, (0, 1) for a's vector on b's items; signs +, −, −, +.
        correct: (S, T, C).
        trials: (T, C).
    """
    index = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    cells = [(index[:, source], index[:, target]) for source, target in parts]
    k = np.stack([correct[s, t] for s, t in cells], axis=-1)  # (N, C, G)
    n = np.stack([trials[t] for _, t in cells], axis=-1)
    signs = np.array([1.0, -1.0, -1.0, 1.0])[: len(parts)]
    bounds = fixed_language_bounds(k, n, signs)
    low, high = bounds(0.95)
    reach = signs[signs > 0].sum()
    size = len(trials)
    return Differences(
        estimate=_scattered(pairs, (k.sum(axis=1) / n.sum(axis=1)) @ signs, size),
        low=_scattered(pairs, np.clip(low, -reach, reach), size),
        high=_scattered(pairs, np.clip(high, -reach, reach), size),
        detectable=_scattered(pairs, (high - low) / 2 * DETECTABLE_PER_HALF_WIDTH, size),
    ), bounds


def _scattered(pairs: Sequence[Cell], values: Array, size: int) -> Array:
    matrix = np.full((size, size), np.nan)
    if pairs:
        matrix[tuple(np.array(pairs).T)] = values
    return matrix


def _antisymmetric(upper: Differences) -> Differences:
    """Both triangles from the upper one: the lower is its negative."""
    flip = upper.estimate.T
    return Differences(
        estimate=np.where(np.isnan(upper.estimate), -flip, upper.estimate),
        low=np.where(np.isnan(upper.low), -upper.high.T, upper.low),
        high=np.where(np.isnan(upper.high), -upper.low.T, upper.high),
        detectable=np.fmax(upper.detectable, upper.detectable.T),
    )


def _tested(pairs: Sequence[Cell], p: Array, usable: Sequence[bool], size: int) -> Array:
    """(S, S) adjusted p-values of the usable pairs; NaN elsewhere."""
    one = [float(value) if use else None for value, use in zip(p, usable, strict=True)]
    adjusted = [np.nan if value is None else value for value in benjamini_hochberg(one)]
    return _scattered(pairs, np.array(adjusted), size)


def _direction_verdict(worse: float, good: float) -> DirectionVerdict:
    if np.isnan(worse) or np.isnan(good):
        return "not assessable"
    if good <= DISCOVERY_RATE:
        return "as good as own"
    return "worse than own" if worse <= DISCOVERY_RATE else "cannot tell"


def _pattern(
    there: DirectionVerdict, back: DirectionVerdict, asymmetry: float, p: float
) -> Pattern:
    """The stated test of the module's docstring."""
    if np.isnan(p):
        return "not assessable"
    if there == back == "as good as own":
        return "mutual"
    if there == back == "worse than own":
        return "none"
    giver = {("as good as own", "worse than own"): 1, ("worse than own", "as good as own"): -1}
    one_way = giver.get((there, back), 0) * asymmetry > 0 and p <= DISCOVERY_RATE
    return "unidirectional" if one_way else "cannot tell"
