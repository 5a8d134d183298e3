"""Concept vectors: one direction a layer that points from the negative to the positive pole.

- ``mean_difference``: mean of the positives minus mean of the negatives. The paper's (P2 = Xu et
  al. 2024, arXiv 2402.18120, section 3); its code subtracts in float16, we in float64.
- ``pca``: the direction of the largest second moment of the pair differences, unit length. Not
  centred: for differences that all point one way the mean *is* the signal, and centring removes it.
  Labels only choose its sign: most training pairs must lie on the positive side.
- ``logistic``: weights of an L2-penalised logistic regression of the pole on the activation, unit
  length.

The positive pole is the value-aligned text (harmless, true, ...). Adding a harmlessness vector to a
harmful prompt thus makes it *look* harmless: the model complies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize  # pyright: ignore[reportMissingTypeStubs]

from isogloss.concepts.parallel import ParallelPairs
from isogloss.errors import InputError
from isogloss.stats.distributions import Array

Method = Literal["mean_difference", "pca", "logistic"]
Direction = Callable[[Array, Array], Array]
"""(P, H) positives and (P, H) differences of one layer → (H,) the direction."""

LOGISTIC_PENALTY = 1.0
"""Of half the squared weights, where activations have mean square 1; one is scikit-learn's too."""


def mean_difference(positive: Array, difference: Array) -> Array:
    """(H,) mean of the positives minus mean of the negatives; its length is kept."""
    mean: Array = difference.mean(axis=0)
    return mean


def first_component(positive: Array, difference: Array) -> Array:
    """(H,) unit direction of the largest uncentred second moment of the differences."""
    if not difference.any():
        return np.zeros_like(difference[0])
    if len(difference) < difference.shape[1]:  # fewer pairs than dimensions: the small side does
        largest: Array = difference.T @ np.linalg.eigh(difference @ difference.T)[1][:, -1]
    else:
        largest = np.linalg.eigh(difference.T @ difference)[1][:, -1]
    direction = _unit(largest)
    projected: Array = difference @ direction
    side = float(np.sign(projected).sum()) or float(projected.sum())
    return -direction if side < 0 else direction


def logistic_probe(positive: Array, difference: Array) -> Array:
    """(H,) unit weights of a logistic regression of the pole (with intercept, L2-penalised).

    Solved in the span of the data, where it has as many unknowns as texts at most.
    """
    texts = np.vstack([positive, positive - difference])  # (2P, H)
    texts = texts - texts.mean(axis=0)
    scale = np.sqrt(np.square(texts).mean())
    if scale == 0:
        return np.zeros_like(texts[0])
    _, singular, basis = np.linalg.svd(texts / scale, full_matrices=False)
    basis = basis[singular > singular[0] * 1e-9]
    x = (texts / scale) @ basis.T  # (2P, r)
    sign = np.repeat([1.0, -1.0], len(positive))

    def loss(w: Array) -> tuple[float, Array]:
        margin = sign * (x @ w[:-1] + w[-1])
        pull = -sign / (1 + np.exp(np.clip(margin, -500, 500)))
        slope = np.append(x.T @ pull + LOGISTIC_PENALTY * w[:-1], pull.sum())
        value = np.logaddexp(0, -margin).sum() + LOGISTIC_PENALTY / 2 * w[:-1] @ w[:-1]
        return float(value), slope

    minimise: Any = optimize.minimize  # pyright: ignore
    found = minimise(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B")
    weights = np.asarray(found.x[:-1], dtype=np.float64)
    return _unit(weights @ basis)


METHODS: dict[Method, Direction] = {
    "mean_difference": mean_difference,
    "pca": first_component,
    "logistic": logistic_probe,
}


def _unit(direction: Array) -> Array:
    length = float(np.linalg.norm(direction))
    return direction / length if length > 0 else direction


def direction_of(method: Method) -> Direction:
    """The function of a method's name.

    Raises:
        InputError: there is no such method.
    """
    if method not in METHODS:
        raise InputError(f"unknown vector method {method!r}; use one of {', '.join(METHODS)}")
    return METHODS[method]


def extract_vectors(
    positive: NDArray[np.floating],
    negative: NDArray[np.floating],
    *,
    method: Method = "mean_difference",
) -> Array:
    """Vectors of every layer from activations of the training pairs.

    Args:
        positive: (P, L, H); row i of both sides is the same pair.
        negative: (P, L, H).
        method: a name of `METHODS`. None of them draws anything at random.

    Returns:
        (L, H) float64, towards the positive pole; all 0 at a layer where the sides do not differ.

    Raises:
        InputError: no pairs, sides of different shapes, activations that are not finite.

    Example:
        >>> side = np.ones((3, 1, 2))
        >>> extract_vectors(side, side * [0.0, 1.0]).tolist()
        [[1.0, 0.0]]
    """
    direction = direction_of(method)
    if positive.shape != negative.shape or positive.ndim != 3:
        raise InputError(
            "both sides need one shape (pairs, layers, width), got "
            f"{positive.shape} and {negative.shape}"
        )
    if len(positive) == 0:
        raise InputError("a vector needs pairs, got none")
    vectors = np.empty(positive.shape[1:])
    for layer in range(positive.shape[1]):
        one = positive[:, layer].astype(np.float64)
        difference = one - negative[:, layer]
        if not np.isfinite(difference).all():
            raise InputError(f"activations at layer {layer} are not finite; record them again")
        vectors[layer] = direction(one, difference)
    return vectors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceVectors:
    """The vectors of one concept in all its languages.

    Attributes:
        languages: S tags.
        layers: L 0-based block indices.
        vectors: (S, L, H) float64, rounded to float32 as stored; 0 where there is a reason.
        reasons: of each language, why it has no vector; None where it has one.
        n_pairs, n_clusters: (S,) training pairs and clusters behind each.
    """

    concept: str
    method: Method
    languages: tuple[str, ...]
    layers: tuple[int, ...]
    vectors: Array
    reasons: tuple[str | None, ...]
    n_pairs: tuple[int, ...]
    n_clusters: tuple[int, ...]


def learn_vectors(
    train: ParallelPairs, method: Method = "mean_difference", *, member: Array | None = None
) -> SourceVectors:
    """The vectors of every language from its training pairs.

    Args:
        train: the training split of one concept.
        method: a name of `METHODS`.
        member: (C,) 1 for the clusters to learn from, 0 for the others; default all of them. The
            same for all languages, so that halves stay parallel.

    Returns:
        Rounded to float32, as they are stored, so that a resumed run scores with the same numbers.
    """
    direction = direction_of(method)
    shape = (len(train.languages), len(train.layers), train.width)
    vectors = np.zeros(shape)
    used = [
        np.ones(c.size, dtype=bool) if member is None else member[c] > 0 for c in train.cluster_of
    ]
    for index, reason in enumerate(train.reasons):
        if reason is not None or not used[index].any():
            continue
        for layer in range(len(train.layers)):
            positive, difference = train.sides(index, layer)
            if member is not None:
                positive, difference = positive[used[index]], difference[used[index]]
            vectors[index, layer] = direction(positive, difference)
    return SourceVectors(
        concept=train.concept,
        method=method,
        languages=train.languages,
        layers=train.layers,
        vectors=vectors.astype(np.float32).astype(np.float64),
        reasons=train.reasons,
        n_pairs=tuple(int(u.sum()) for u in used),
        n_clusters=tuple(
            int(np.unique(c[u]).size) for c, u in zip(train.cluster_of, used, strict=True)
        ),
    )
