"""What the whole search finds where there is nothing to be found.

- *Shuffled labels*: the poles of all pairs, training, validation and test, are swapped at random: a
  coin a cluster, the same in all languages and splits, since a label belongs to the item and not to
  its translation. Then everything is done as for the true ones. Accuracies scatter around 0.5 as
  they would if the poles meant nothing; a language's own accuracy has to beat them. Were only the
  training labels swapped, a strong concept would leave the true direction, half the time with the
  right sign, and no accuracy could beat that. An item in both training and test shows: above 0.5.
- *Random direction*: one Gaussian direction a language and layer, the layer chosen on the true
  validation pairs. What exceeds 0.5 here, the choice of the layer alone has found.

DESIGN section 4 asks for ten draws or more; twenty is the fewest where beating all of them means
p < 0.05. The paper has one random direction and no shuffled labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from isogloss.concepts.layer_choice import LayerChoice
from isogloss.concepts.parallel import ParallelPairs
from isogloss.concepts.recognition import Recognition, won
from isogloss.concepts.vectors import Method, direction_of
from isogloss.errors import InputError
from isogloss.seeds import derive_seed
from isogloss.stats.distributions import Array
from isogloss.stats.intervals import clustered_rate

BaselineKind = Literal["shuffled_labels", "random_direction"]

Draws = Callable[[int, int], Array]
"""(language, column) → (D, H) one direction a draw."""

MIN_DRAWS = 10
N_DRAWS = 20
ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Training, validation and test pairs of one concept, the same languages in the same order."""

    train: ParallelPairs
    validation: ParallelPairs
    test: ParallelPairs

    def reason(self, index: int) -> str | None:
        """Why a language's own vector cannot be tested; None where it can."""
        return self.train.reasons[index] or self.test.reasons[index]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """Own-language test accuracies of D draws.

    Attributes:
        accuracy: (D, T) in [0, 1]; NaN where a language is not measured.
        layers: (D,) block index chosen for each draw; −1 in ``paper`` mode, where each language
            has its own.
        description: how it was drawn and the layer chosen.
    """

    kind: BaselineKind
    concept: str
    languages: tuple[str, ...]
    accuracy: Array
    layers: tuple[int, ...]
    description: str

    @property
    def n_draws(self) -> int:
        return self.accuracy.shape[0]


def shuffled_labels(
    splits: Splits,
    choice: LayerChoice,
    *,
    method: Method = "mean_difference",
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> Baseline:
    """Own-language accuracy where the labels mean nothing.

    Args:
        splits: of one concept.
        choice: how the true vectors' layer was chosen; each draw chooses its own by the same rule.
        method: of the true vectors.
        n_draws: at least ten.
        seed: of the coins.
    """
    _check_draws(n_draws)
    parts = (splits.train, splits.validation, splits.test)
    clusters = sorted({cluster for part in parts for cluster in part.clusters})
    rng = np.random.default_rng(derive_seed(seed, "shuffled labels", splits.train.concept))
    coins = rng.choice([-1.0, 1.0], size=(n_draws, len(clusters)))
    place = {cluster: i for i, cluster in enumerate(clusters)}
    train, validation, test = (coins[:, [place[c] for c in part.clusters]] for part in parts)
    draws = _shuffled(splits.train, train, method)
    return _searched("shuffled_labels", splits, choice, draws, (validation, test))


def random_directions(
    splits: Splits, choice: LayerChoice, *, n_draws: int = N_DRAWS, seed: int = 0
) -> Baseline:
    """Own-language accuracy of Gaussian directions through the same choice of a layer."""
    _check_draws(n_draws)
    train = splits.train

    def draws(index: int, column: int) -> Array:
        place = (train.concept, train.languages[index], train.layers[column])
        rng = np.random.default_rng(derive_seed(seed, "random direction", *place))
        return rng.standard_normal((n_draws, train.width))

    labels = [np.ones((n_draws, len(p.clusters))) for p in (splits.validation, splits.test)]
    return _searched("random_direction", splits, choice, draws, labels)


def not_assessable(
    test: Recognition, choice: LayerChoice, shuffled: Baseline
) -> tuple[str | None, ...]:
    """Of each language, why its own accuracy does not beat shuffled labels; None where it does.

    It does where the 95 % interval of its own accuracy lies above 0.5 *and* its permutation p
    against the shuffled draws is at most 0.05 (with fewer than nineteen draws: it beats them all).
    The second knows about the search, the first about clusters more finely than twenty draws can.
    """
    p_values = permutation_p(test, choice, shuffled)
    limit = max(ALPHA, 1 / (shuffled.n_draws + 1))
    found: list[str | None] = []
    for target, language in enumerate(test.targets):
        p = p_values[target]
        if p is None:
            found.append(test.target_reasons[target] or f"no vector of {language}")
            continue
        own = int(test.own[target])
        column = choice.columns[own, target]
        rate = clustered_rate(test.correct[own, target, column], test.trials[target])
        reason = None
        if rate.low is None or rate.low <= 0.5:
            reason = (
                f"{language}'s own accuracy {rate.estimate or 0:.2f} is not shown to be above 0.5"
            )
        elif p > limit + 1e-12:
            reason = (
                f"{language}'s own accuracy {rate.estimate or 0:.2f} does not beat shuffled labels "
                f"(p = {p:.2f})"
            )
        found.append(reason)
    return tuple(found)


def permutation_p(
    test: Recognition, choice: LayerChoice, shuffled: Baseline
) -> tuple[float | None, ...]:
    """Of each language, (1 + draws at least as accurate as its own vector) / (1 + draws)."""
    own, accuracy = test.own, test.own_accuracy
    found: list[float | None] = []
    for target in range(len(test.targets)):
        value = accuracy[target, choice.columns[own[target], target]]
        draws = shuffled.accuracy[:, target]
        if np.isnan(value) or np.isnan(draws).any():
            found.append(None)
            continue
        found.append(float((1 + (draws >= value - 1e-12).sum()) / (1 + draws.size)))
    return tuple(found)


def _check_draws(n_draws: int) -> None:
    if n_draws < MIN_DRAWS:
        raise InputError(f"a baseline needs at least {MIN_DRAWS} draws, got {n_draws}")


def _shuffled(train: ParallelPairs, signs: Array, method: Method) -> Draws:
    """Vectors learned with the poles swapped where a cluster's sign is −1."""
    direction = direction_of(method)

    def draws(index: int, column: int) -> Array:
        positive, difference = train.sides(index, column)
        swap = signs[:, train.cluster_of[index]]  # (D, P)
        if method == "mean_difference":  # linear in the signs: all draws at once
            return swap @ difference / len(difference)
        return np.array(
            [
                direction(
                    np.where(row[:, None] > 0, positive, positive - difference),
                    row[:, None] * difference,
                )
                for row in swap
            ]
        )

    return draws


def _searched(
    kind: BaselineKind,
    splits: Splits,
    choice: LayerChoice,
    draws: Draws,
    labels: Sequence[Array],
) -> Baseline:
    """Send directions through the choice of a layer, to the test pairs."""
    validation, test = _own_accuracies(splits, draws, labels)  # (D, T, L) each
    n_draws, n_languages, _ = test.shape
    if choice.rule == "validation":
        usable = ~np.isnan(validation[0, :, 0])
        mean: Array = validation[:, usable].mean(axis=1)
        best = np.argmax(np.round(mean, 12), axis=1)
    elif choice.rule == "fixed":
        best = np.full(n_draws, choice.columns[0, 0], dtype=np.int64)
    else:
        best = np.argmax(np.where(np.isnan(test), 0.0, test), axis=2)  # (D, T): on the test pairs
    columns = best if best.ndim == 2 else np.repeat(best[:, None], n_languages, axis=1)
    draw, language = np.indices(columns.shape)
    one_layer = choice.rule != "paper"
    return Baseline(
        kind=kind,
        concept=splits.test.concept,
        languages=splits.test.languages,
        accuracy=test[draw, language, columns],
        layers=tuple(splits.test.layers[int(b)] if one_layer else -1 for b in columns[:, 0]),
        description=f"{n_draws} draws, {choice.description} for each",
    )


def _own_accuracies(splits: Splits, draws: Draws, labels: Sequence[Array]) -> tuple[Array, Array]:
    """(D, T, L) of each language's own directions on validation and on test pairs.

    ``labels`` are the (D, C) signs of the poles of each. NaN where not measured.
    """
    train = splits.train
    shape = (len(labels[0]), len(train.languages), len(train.layers))
    validation, test = np.full(shape, np.nan), np.full(shape, np.nan)
    asked = ((splits.validation, labels[0], validation), (splits.test, labels[1], test))
    for index, reason in enumerate(train.reasons):
        if reason is not None:
            continue
        for column in range(len(train.layers)):
            directions = draws(index, column)  # (D, H)
            for pairs, signs, found in asked:
                if pairs.reasons[index] is not None:
                    continue
                gap = directions @ pairs.sides(index, column)[1].T  # (D, P)
                right = won(gap * signs[:, pairs.cluster_of[index]])
                found[:, index, column] = right.mean(axis=1)
    return validation, test
