"""How far must a decision threshold move, and can it be found from one to four examples?

A decision variable says of every question how far it is on the side of refusal; the model's own
threshold is its 0. From k labelled examples a class in one language (a harmful question and its
benign twin, each pair of another cluster) the threshold is put midway between the means of both
classes, as a guard's gate is (`isogloss.control.directions`). Draws are repeated. The examples are
of *validation* clusters, which no direction was learned from and no training of a lab has seen: a
model's margin on what it was aligned with says little about what it will be asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.seeds import derive_seed
from isogloss.stats.distributions import Array
from isogloss.trace.represented import TwinScore
from isogloss.trace.twin_questions import Key, Twin

N_DRAWS = 200
EXAMPLES = (1, 2, 3, 4)
"""Labelled examples a class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Validation twins in one language, as one decision variable sees them.

    Attributes:
        harmful, benign: [P] of the variable; row i of both is one pair.
        clusters: [P].
    """

    harmful: Array
    benign: Array
    clusters: NDArray[np.int64]

    @property
    def n_clusters(self) -> int:
        return int(np.unique(self.clusters).size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One decision variable.

    Attributes:
        name: ``margin``, or the direction of a harmfulness score.
        unit: of its values.
        validation: (harmful prompt id, language) → values of both twins.
        test: (prompt id, language) → value of one question, harmful or benign.
        missing: language → why there is none.
        can_shift: its 0 is the model's own threshold, so that a distance from it means something.
    """

    name: str
    unit: str
    validation: Mapping[Key, TwinScore]
    test: Mapping[Key, float]
    missing: Mapping[str, str]
    can_shift: bool

    def examples(self, twins: Sequence[Twin], language: str) -> Examples:
        """What the validation twins of one language say; those without values are left out."""
        known = [t for t in twins if (t.harmful, language) in self.validation]
        scores = [self.validation[t.harmful, language] for t in known]
        kept = [i for i, s in enumerate(scores) if np.isfinite(s).all()]
        _, codes = np.unique([known[i].cluster for i in kept], return_inverse=True)
        return Examples(
            harmful=np.array([scores[i].harmful for i in kept], float),
            benign=np.array([scores[i].benign for i in kept], float),
            clusters=codes.astype(np.int64),
        )


def few_shot_thresholds(examples: Examples, k: int, *, seed: int, n_draws: int = N_DRAWS) -> Array:
    """[D] thresholds, each from ``k`` examples a class.

    Args:
        examples: of at least ``k`` clusters.
        k: examples a class, each of another cluster.
        seed: of the draws.
        n_draws: D.

    Example:
        >>> told = np.array([0.0, 2.0])
        >>> two = Examples(harmful=told + 3, benign=told, clusters=np.array([0, 1]))
        >>> few_shot_thresholds(two, 2, seed=0, n_draws=3).tolist()
        [2.5, 2.5, 2.5]
    """
    rng = np.random.default_rng(derive_seed(seed, "few-shot threshold", k))
    middle = (examples.harmful + examples.benign) / 2
    rows_of = [np.flatnonzero(examples.clusters == c) for c in np.unique(examples.clusters)]
    found = np.empty(n_draws)
    for draw in range(n_draws):
        chosen: list[int] = rng.permutation(len(rows_of))[:k].tolist()
        rows = [int(rng.choice(rows_of[c])) for c in chosen]
        found[draw] = middle[rows].mean()
    return found


def share_above(values: Array, thresholds: Array) -> Array:
    """[N] in how many of the draws each value lies above the threshold; NaN stays NaN."""
    above = (values[:, None] > thresholds[None, :]).mean(axis=1)
    return np.where(np.isnan(values), np.nan, above)
