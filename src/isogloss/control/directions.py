"""The directions that are tried: a language's own, another's, random ones, shuffled ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.concepts.parallel import ParallelPairs
from isogloss.concepts.vectors import Method, direction_of, learn_vectors
from isogloss.control.settings import Setting, Toward, signed_strength
from isogloss.errors import InputError
from isogloss.seeds import content_hash, derive_seed
from isogloss.stats.distributions import Array
from isogloss.targets.edits import Condition, Edit, Side, parse_positions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Direction:
    """One direction at every layer.

    Attributes:
        name: the language it was learned in, or ``random 3``, ``shuffled 0``.
        layers: L 0-based block indices.
        vectors: (L, H) towards the positive pole.
        residual: (L,) typical length of the hidden states it came from.
    """

    name: str
    layers: tuple[int, ...]
    vectors: Array
    residual: Array

    @property
    def fingerprint(self) -> str:
        """Changes with any number in it."""
        parts = (self.vectors, self.residual, np.array(self.layers))
        return content_hash(*(np.ascontiguousarray(part).tobytes().hex() for part in parts))

    def edit(
        self, setting: Setting, *, toward: Toward, adding: Toward, gate: Gate | None = None
    ) -> Edit:
        """The edit that applies this direction under a setting; with a gate, to some rows only.

        The gate looks at the lowest layer that is edited.

        Raises:
            InputError: a layer the direction does not have, or one where it is zero.
        """
        place = {layer: index for index, layer in enumerate(self.layers)}
        if missing := [layer for layer in setting.layers if layer not in place]:
            raise InputError(
                f"the direction {self.name} has no layer {missing[0]}; it has "
                f"{', '.join(map(str, self.layers))}"
            )
        vectors: dict[int, np.ndarray] = {}
        for layer in setting.layers:
            vector = self.vectors[place[layer]]
            if setting.unit == "residual":
                length = float(np.linalg.norm(vector))
                vector = vector * (self.residual[place[layer]] / length) if length else vector
            vectors[layer] = vector.astype(np.float32)
        return Edit(
            vectors=vectors,
            strength=signed_strength(setting, toward, adding),
            operator=setting.operator,
            positions=parse_positions(setting.positions),
            condition=gate.condition(self, setting.layers[0]) if gate else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gate:
    """Where a direction parts the two poles in one language: steer only what lies on one side.

    Attributes:
        language: whose examples set the thresholds.
        thresholds: (L,) of projections on the unit direction, midway between the poles' means.
        n_examples: of each pole.
        side: which side is steered.
    """

    language: str
    thresholds: Array
    n_examples: int
    side: Side

    def condition(self, direction: Direction, layer: int) -> Condition:
        """The condition at one of the direction's layers."""
        place = direction.layers.index(layer)
        return Condition(
            layer=layer,
            direction=direction.vectors[place].astype(np.float32),
            threshold=float(self.thresholds[place]),
            side=self.side,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gates:
    """One direction's gates, language by language."""

    by_language: Mapping[str, Gate]

    @property
    def fingerprint(self) -> str:
        """Changes with any threshold."""
        return content_hash(
            *(f"{tag} {gate.thresholds.tobytes().hex()}" for tag, gate in self.by_language.items())
        )


def calibrate_gate(
    direction: Direction, train: ParallelPairs, language: str, *, n_examples: int, adding: Toward
) -> Gate:
    """Thresholds of a direction from a few labelled training examples of one language.

    Args:
        direction: any language's.
        train: training pairs, read at the last token of the prompt, which is where a gate looks.
        language: whose examples.
        n_examples: pairs, each of another cluster: so many examples a class.
        adding: what adding the direction does: what is steered is what the other pole looks like.

    Raises:
        InputError: fewer clusters than that.
    """
    index = train.languages.index(language)
    _, first = np.unique(train.cluster_of[index], return_index=True)
    if len(first) < n_examples:
        raise InputError(
            f"a gate in {language} needs {n_examples} labelled examples a class; the training "
            f"pairs have {len(first)} clusters"
        )
    chosen = first[:n_examples]
    thresholds = np.empty(len(train.layers))
    for column in range(len(train.layers)):
        positive, difference = train.sides(index, column)
        middle = positive[chosen].mean(axis=0) - difference[chosen].mean(axis=0) / 2
        vector = direction.vectors[column]
        length = float(np.linalg.norm(vector))
        thresholds[column] = middle @ vector / length if length else 0.0
    return Gate(
        language=language,
        thresholds=thresholds,
        n_examples=n_examples,
        side="below" if adding == "comply" else "above",
    )


def learned_directions(
    train: ParallelPairs, method: Method
) -> tuple[dict[str, Direction], dict[str, str]]:
    """Every language's direction, and of the languages without one, why."""
    learned = learn_vectors(train, method)
    found: dict[str, Direction] = {}
    reasons: dict[str, str] = {}
    for index, language in enumerate(learned.languages):
        reason = learned.reasons[index]
        if reason is not None:
            reasons[language] = reason
            continue
        found[language] = Direction(
            name=language,
            layers=learned.layers,
            vectors=learned.vectors[index],
            residual=typical_length(train, index),
        )
    return found, reasons


def typical_length(train: ParallelPairs, index: int) -> Array:
    """(L,) mean length of one language's training activations, both poles."""
    lengths = np.empty(len(train.layers))
    for column in range(len(train.layers)):
        positive, difference = train.sides(index, column)
        both = np.vstack([positive, positive - difference])
        lengths[column] = np.linalg.norm(both, axis=1).mean()
    return lengths


def random_directions(like: Direction, n: int, *, seed: int) -> list[Direction]:
    """Gaussian directions, at every layer as long as ``like``."""
    rng = np.random.default_rng(derive_seed(seed, "control", "random directions"))
    return [
        Direction(
            name=f"random {k}",
            layers=like.layers,
            vectors=_as_long(rng.normal(size=like.vectors.shape), like.vectors),
            residual=like.residual,
        )
        for k in range(n)
    ]


def shuffled_directions(
    train: ParallelPairs, like: Direction, n: int, *, method: Method, seed: int
) -> list[Direction]:
    """Directions of pairs whose poles are swapped by a coin a cluster, as long as ``like``.

    Each has the two poles swapped in half of the clusters or as near as can be: a fair coin a
    cluster would now and then give the true direction back.
    """
    rng = np.random.default_rng(derive_seed(seed, "control", "shuffled directions"))
    index = train.languages.index(like.name)
    member = train.cluster_of[index]
    clusters = np.unique(member)
    direction = direction_of(method)
    found: list[Direction] = []
    for k in range(n):
        swapped = rng.permutation(clusters)[: len(clusters) // 2]
        sign = np.where(np.isin(member, swapped), -1.0, 1.0)[:, None]
        vectors = np.empty_like(like.vectors)
        for column in range(len(train.layers)):
            positive, difference = train.sides(index, column)
            moved = np.where(sign > 0, positive, positive - difference)
            vectors[column] = direction(moved, sign * difference)
        found.append(
            Direction(
                name=f"shuffled {k}",
                layers=like.layers,
                vectors=_as_long(vectors, like.vectors),
                residual=like.residual,
            )
        )
    return found


def check_directions(directions: Mapping[str, Direction], wanted: Sequence[str], why: str) -> None:
    """That every wanted language has a direction.

    Raises:
        InputError: one has none.
    """
    if missing := [language for language in wanted if language not in directions]:
        raise InputError(
            f"there is no direction of {', '.join(missing)} ({why}); there are "
            f"{', '.join(directions)}"
        )


def _as_long(vectors: Array, like: Array) -> Array:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    wanted = np.linalg.norm(like, axis=1, keepdims=True)
    return np.divide(vectors * wanted, lengths, out=np.zeros_like(vectors), where=lengths > 0)
