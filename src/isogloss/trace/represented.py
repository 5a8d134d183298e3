"""Is a harmful question represented as harmful, by the harmfulness direction of a language?

The direction is the mean difference of training pairs of twins, read where a reply begins; one
layer is chosen for the model on validation pairs. A question's score is its state's projection on
the direction, towards harm, less a threshold midway between the means of both poles of the
language's *validation* pairs, in standard deviations of these. A harmful question is represented
where its score is above 0 and above its twin's: the threshold and the twin must both tell. (By
chance that is 3 in 8.)

Where a reply begins a direction may be one of the *decision* to refuse rather than of harm. So as a
rival the own direction is also learned and read over the question's own tokens (their mean), with a
layer of its own: what is there before the model turns to its reply.

Directions are the language's own, English's with a threshold from the language's own validation
pairs, and placebos: own directions of shuffled poles, each with its own threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from isogloss.concepts.activations import Activations
from isogloss.concepts.layer_choice import choose_layer
from isogloss.concepts.parallel import ParallelPairs, parallel_pairs
from isogloss.concepts.recognition import recognise, won
from isogloss.concepts.vectors import learn_vectors
from isogloss.control.directions import Direction, learned_directions, shuffled_directions
from isogloss.stats.distributions import Array
from isogloss.trace.twin_questions import Key

OWN, ENGLISH, SHUFFLED, QUESTION = "own", "english", "shuffled", "question"
METHOD = "mean_difference"


class TwinScore(NamedTuple):
    """Scores of a harmful question and its benign twin; above 0 is the harmful side."""

    harmful: float
    benign: float

    @property
    def is_represented(self) -> float:
        """1 where the harmful one lies on the harmful side and above its twin, else 0."""
        return float(self.harmful > 0 and self.harmful > self.benign)

    @property
    def is_above(self) -> float:
        """1 where the harmful one lies above its twin, 0 below, one half at a tie."""
        return float(won(np.array(self.harmful - self.benign)))


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmScores:
    """Scores by direction.

    Attributes:
        layers: direction → 0-based block; None where none could be chosen.
        test, validation: direction → (harmful prompt id, language) → scores. Directions are
            ``own``, ``english``, ``shuffled 0`` and so on, and ``question``.
        missing: (direction, language) → why it has no scores; placebos under ``shuffled``.
    """

    layers: Mapping[str, int | None]
    test: Mapping[str, Mapping[Key, TwinScore]]
    validation: Mapping[str, Mapping[Key, TwinScore]]
    missing: Mapping[tuple[str, str], str]

    @property
    def placebos(self) -> tuple[str, ...]:
        """Names of the shuffled directions."""
        return tuple(name for name in self.test if name.startswith(SHUFFLED))


def harm_scores(
    recorded: Sequence[Activations], *, english: str | None, n_placebos: int, seed: int
) -> HarmScores:
    """Score every twin pair of the validation and test splits in its language.

    Args:
        recorded: pairs of harmfulness, benign questions positive; one a language.
        english: which language is English; None where it is not among them.
        n_placebos: shuffled directions a language.
        seed: of the shuffles.
    """
    train, validation, test = (
        parallel_pairs(recorded, split) for split in ("train", "validation", "test")
    )
    layer = choose_layer(recognise(learn_vectors(train, METHOD), validation, auroc=False))
    if isinstance(layer, str):
        missing = {(d, t): layer for d in (OWN, ENGLISH, SHUFFLED) for t in test.languages}
        none: dict[str, int | None] = dict.fromkeys((OWN, ENGLISH, SHUFFLED), None)
        return HarmScores(layers=none, test={}, validation={}, missing=missing)
    assert layer.layer is not None
    own, why = learned_directions(train, METHOD)
    column = train.layers.index(layer.layer)
    scored: dict[str, dict[str, dict[Key, TwinScore]]] = {"validation": {}, "test": {}}
    missing: dict[tuple[str, str], str] = {}
    for index, language in enumerate(test.languages):
        directions: dict[str, Direction] = {}
        if language in own:
            directions[OWN] = own[language]
            placebos = shuffled_directions(
                train, own[language], n_placebos, method=METHOD, seed=seed
            )
            directions |= {placebo.name: placebo for placebo in placebos}
        if english is not None and english in own:
            directions[ENGLISH] = own[english]
        unread = validation.reasons[index] or test.reasons[index]
        for kind, source in ((OWN, language), (ENGLISH, english), (SHUFFLED, language)):
            reason = unread or _why_none(source, own, why)
            if reason is not None:
                missing[kind, language] = reason
        if unread:
            continue
        for name, direction in directions.items():
            middle, spread = _scale(_projected(direction, validation, index, column))
            for pairs, into in ((validation, scored["validation"]), (test, scored["test"])):
                both = (_projected(direction, pairs, index, column) - middle) / spread
                ids = [recorded[index].pair_ids[int(row)] for row in pairs.rows[index]]
                mine = into.setdefault(name, {})
                for pair_id, (harmful, benign) in zip(ids, both.T.tolist(), strict=True):
                    mine[pair_id, language] = TwinScore(harmful, benign)
    return HarmScores(
        layers=dict.fromkeys((OWN, ENGLISH, SHUFFLED), layer.layer),
        test=scored["test"],
        validation=scored["validation"],
        missing=missing,
    )


def with_question(scores: HarmScores, question: HarmScores) -> HarmScores:
    """Add own directions that were read over the questions' own tokens, as ``question``."""

    def added(
        to: Mapping[str, Mapping[Key, TwinScore]], own: Mapping[str, Mapping[Key, TwinScore]]
    ) -> dict[str, Mapping[Key, TwinScore]]:
        return {**to, QUESTION: own.get(OWN, {})}

    missing = {(QUESTION, t): why for (d, t), why in question.missing.items() if d == OWN}
    return HarmScores(
        layers={**scores.layers, QUESTION: question.layers[OWN]},
        test=added(scores.test, question.test),
        validation=added(scores.validation, question.validation),
        missing={**scores.missing, **missing},
    )


def _why_none(
    source: str | None, own: Mapping[str, Direction], why: Mapping[str, str]
) -> str | None:
    if source is None:
        return "English is not among the languages"
    return None if source in own else why[source]


def _projected(direction: Direction, pairs: ParallelPairs, index: int, column: int) -> Array:
    """(2, P) projections of the harmful and of the benign questions, towards harm."""
    positive, difference = pairs.sides(index, column)
    vector = direction.vectors[column]
    benign = -(positive @ vector)
    return np.stack([benign + difference @ vector, benign])


def _scale(both: Array) -> tuple[float, float]:
    """The middle between the two means, and the standard deviation of all scores (or 1)."""
    return float(both.mean(axis=1).mean()), float(both.std()) or 1.0
