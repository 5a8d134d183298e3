"""Transferability: does the vector of one language serve another, and is it mutual?

P2 section 4.3 prints T[a, b] = accuracy(a → b) − accuracy(b → b), one number a cell. We test it. All
rates of a comparison are on the same test items or on parallel ones, so every interval is paired
by cluster (`isogloss.stats.contrast`, MOVER). Languages whose own vector recognises nothing are
*not assessable*: there T compares two kinds of guessing. Of the others, for a direction a → b:

- *as good as own*: T > −5 points (non-inferiority; the margin was fixed beforehand);
- *worse than own*: T < 0;

each one-sided, false discoveries held at 5 % over all directions of the concept
(Benjamini-Hochberg). And of a pair of languages, with the asymmetry A = T[a, b] − T[b, a] tested
two-sided and corrected over all pairs:

- ``mutual``: both directions are as good as own;
- ``unidirectional``: one is, the other is worse than own, and A differs from 0;
- ``none``: both are worse than own;
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

MARGIN = 0.05
"""How much worse than a language's own vector still counts as as good: five points."""
DISCOVERY_RATE = 0.05
METHOD = f"paired by cluster, {METHODS['these languages']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """One vector's language and another's pairs.

    Attributes:
        source, target: indices into the languages.
        estimate, low, high: T in [-1, 1] with its 95 % interval; None where not measured.
        p_worse: one-sided for T < 0, adjusted over directions; None where not assessed.
        p_as_good: the same for T > -`MARGIN`.
        detectable: the difference a design like this finds with 80 % power.
    """

    source: int
    target: int
    verdict: DirectionVerdict
    n: int
    n_clusters: int
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p_worse: float | None = None
    p_as_good: float | None = None
    detectable: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asymmetry:
    """Two languages; where the pattern is unidirectional, ``first`` gives and ``second`` takes.

    Attributes:
        estimate, low, high: A = T[first, second] − T[second, first] in [-2, 2].
        p_value: two-sided, adjusted over pairs; None where not assessed.
    """

    first: int
    second: int
    pattern: Pattern
    n: int
    n_clusters: int
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    detectable: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transfer:
    """All directions and pairs of one concept.

    Attributes:
        assessable: of each language, None or the reason why nothing is claimed about it.
    """

    concept: str
    languages: tuple[str, ...]
    choice: LayerChoice
    assessable: tuple[str | None, ...]
    directions: tuple[Direction, ...]
    asymmetries: tuple[Asymmetry, ...]


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
    if test.sources != test.targets or len(not_assessable) != len(test.targets):
        raise InputError(
            f"transfer needs the same languages as sources and targets, got {test.sources}, "
            f"{test.targets} and {len(not_assessable)} words on them"
        )
    reasons = tuple(
        test.reason(i, i) or why for i, why in zip(range(len(test.targets)), not_assessable)
    )
    correct = choice.at(test.correct)  # (S, T, C)
    directions = _directions(test, correct, reasons)
    return Transfer(
        concept=test.concept,
        languages=test.targets,
        choice=choice,
        assessable=reasons,
        directions=directions,
        asymmetries=_asymmetries(test, correct, reasons, directions),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Contrasts:
    """Estimates of many contrasts at once, (N,) each."""

    estimate: Array
    low: Array
    high: Array
    detectable: Array
    bounds: Bounds


def _contrasts(correct: Array, trials: Array, signs: Sequence[float]) -> _Contrasts:
    """Signed sums of G rates from (N, C, G) counts."""
    coefficients = np.array(signs)
    bounds = fixed_language_bounds(correct, trials, coefficients)
    low, high = bounds(0.95)
    rates = correct.sum(axis=1) / trials.sum(axis=1)
    reach = coefficients[coefficients > 0].sum()
    return _Contrasts(
        estimate=rates @ coefficients,
        low=np.clip(low, -reach, reach),
        high=np.clip(high, -reach, reach),
        detectable=(high - low) / 2 * DETECTABLE_PER_HALF_WIDTH,
        bounds=bounds,
    )


def _directions(
    test: Recognition, correct: Array, reasons: tuple[str | None, ...]
) -> tuple[Direction, ...]:
    every = list(permutations(range(len(test.targets)), 2))
    measured = [(a, b) for a, b in every if not (test.reason(a, b) or test.reason(b, b))]
    n, n_clusters = _sizes(test)
    found: dict[tuple[int, int], Direction] = {}
    if measured:
        source, target = np.array(measured).T
        counts = np.stack([correct[source, target], correct[target, target]], axis=-1)
        trials = np.repeat(test.trials[target][..., None], 2, axis=-1)
        values = _contrasts(counts, trials, [1.0, -1.0])
        shape = (len(measured),)
        used = [reasons[a] is None and reasons[b] is None for a, b in measured]
        worse = _adjusted(p_below(values.bounds, 0.0, shape), used)
        good = _adjusted(p_above(values.bounds, -MARGIN, shape), used)
        for i, (a, b) in enumerate(measured):
            found[a, b] = Direction(
                source=a,
                target=b,
                verdict=_direction_verdict(worse[i], good[i]),
                n=int(n[b]),
                n_clusters=int(n_clusters[b]),
                estimate=float(values.estimate[i]),
                low=float(values.low[i]),
                high=float(values.high[i]),
                p_worse=worse[i],
                p_as_good=good[i],
                detectable=float(values.detectable[i]),
                reason=reasons[b] or reasons[a],
            )
    for a, b in every:
        if (a, b) not in found:
            reason = test.reason(a, b) or test.reason(b, b)
            found[a, b] = Direction(
                source=a, target=b, verdict="not assessable", n=0, n_clusters=0, reason=reason
            )
    return tuple(found[pair] for pair in every)


def _direction_verdict(worse: float | None, good: float | None) -> DirectionVerdict:
    if worse is None or good is None:
        return "not assessable"
    if good <= DISCOVERY_RATE:
        return "as good as own"
    return "worse than own" if worse <= DISCOVERY_RATE else "cannot tell"


def _asymmetries(
    test: Recognition,
    correct: Array,
    reasons: tuple[str | None, ...],
    directions: Sequence[Direction],
) -> tuple[Asymmetry, ...]:
    verdicts = {(d.source, d.target): d.verdict for d in directions}
    every = list(combinations(range(len(test.targets)), 2))
    measured = [(a, b) for a, b in every if test.measured[np.ix_([a, b], [a, b])].all()]
    n, n_clusters = _sizes(test)
    found: dict[tuple[int, int], Asymmetry] = {}
    if measured:
        a, b = np.array(measured).T
        cells = [correct[a, b], correct[b, b], correct[b, a], correct[a, a]]
        trials = [test.trials[i] for i in (b, b, a, a)]
        values = _contrasts(np.stack(cells, -1), np.stack(trials, -1), [1.0, -1.0, -1.0, 1.0])
        shape = (len(measured),)
        tails = np.minimum(p_below(values.bounds, 0, shape), p_above(values.bounds, 0, shape))
        used = [reasons[i] is None and reasons[j] is None for i, j in measured]
        p = _adjusted(np.minimum(2 * tails, 1.0), used)
        for i, (first, second) in enumerate(measured):
            there, back = verdicts[first, second], verdicts[second, first]
            estimate = float(values.estimate[i])
            turned = back == "as good as own" and there == "worse than own" and estimate < 0
            low, high = float(values.low[i]), float(values.high[i])
            found[first, second] = Asymmetry(
                first=second if turned else first,
                second=first if turned else second,
                pattern=_pattern(there, back, estimate, p[i]),
                n=int(n[first] + n[second]),
                n_clusters=int(((test.trials[first] + test.trials[second]) > 0).sum()),
                estimate=-estimate if turned else estimate,
                low=-high if turned else low,
                high=-low if turned else high,
                p_value=p[i],
                detectable=float(values.detectable[i]),
                reason=reasons[first] or reasons[second],
            )
    for first, second in every:
        if (first, second) not in found:
            missing = [test.reason(i, j) for i in (first, second) for j in (first, second)]
            found[first, second] = Asymmetry(
                first=first,
                second=second,
                pattern="not assessable",
                n=0,
                n_clusters=0,
                reason=next(why for why in missing if why),
            )
    return tuple(found[pair] for pair in every)


def _pattern(
    there: DirectionVerdict, back: DirectionVerdict, asymmetry: float, p: float | None
) -> Pattern:
    """The stated test of the module's docstring."""
    if p is None:
        return "not assessable"
    if there == back == "as good as own":
        return "mutual"
    if there == back == "worse than own":
        return "none"
    giver = {("as good as own", "worse than own"): 1, ("worse than own", "as good as own"): -1}
    one_way = giver.get((there, back), 0) * asymmetry > 0 and p <= DISCOVERY_RATE
    return "unidirectional" if one_way else "cannot tell"


def _adjusted(p_values: Array, used: Sequence[bool]) -> list[float | None]:
    return benjamini_hochberg([float(p) if u else None for p, u in zip(p_values, used)])


def _sizes(test: Recognition) -> tuple[Array, Array]:
    """(T,) pairs and clusters of each language."""
    return test.trials.sum(axis=1), (test.trials > 0).sum(axis=1).astype(np.float64)
