"""How many pairs does a concept vector need? Recognition as training pairs are added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.concepts.baselines import Splits
from isogloss.concepts.recognition import won
from isogloss.concepts.vectors import Method, direction_of
from isogloss.seeds import derive_seed
from isogloss.stats.distributions import Array

N_ORDERS = 5
SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingCurve:
    """Own-language test counts by number of training clusters, mean over random orders.

    Attributes:
        layer: 0-based block index.
        sizes: N numbers of training clusters; the last is all of them.
        correct: (N, T, C) recognised test pairs by cluster, mean over orders.
        trials: (T, C).
        reasons: (T,) why a language is not measured.
    """

    concept: str
    layer: int
    languages: tuple[str, ...]
    sizes: tuple[int, ...]
    n_orders: int
    correct: Array
    trials: Array
    reasons: tuple[str | None, ...]


def training_curve(
    splits: Splits,
    layer: int,
    *,
    method: Method = "mean_difference",
    n_orders: int = N_ORDERS,
    seed: int = 0,
) -> TrainingCurve:
    """Learn from the first 4, 8, 16, ... training clusters of random orders, ask the test pairs.

    Args:
        splits: of one concept.
        layer: 0-based block index; chosen on validation with all pairs, and kept.
        method: of the vectors.
        n_orders: random orders; the same clusters come first in every language.
        seed: of the orders.
    """
    train, test = splits.train, splits.test
    column = test.layers.index(layer)
    sizes = (*(n for n in SIZES if n < len(train.clusters)), len(train.clusters))
    correct = np.zeros((len(sizes), len(test.languages), len(test.clusters)))
    rng = np.random.default_rng(derive_seed(seed, "training size", train.concept))
    orders = np.argsort(rng.random((n_orders, len(train.clusters))), axis=1)
    place = np.argsort(orders, axis=1)  # (R, C) when each cluster comes
    direction = direction_of(method)
    reasons = tuple(splits.reason(i) for i in range(len(test.languages)))
    for index in (i for i, reason in enumerate(reasons) if reason is None):
        positive, difference = train.sides(index, column)
        asked = test.sides(index, column)[1]
        for row, size in enumerate(sizes):
            for comes in place[:, train.cluster_of[index]]:
                kept = comes < size
                if not kept.any():
                    correct[row, index] += test.trials[index] / 2 / n_orders  # knows nothing
                    continue
                vector = direction(positive[kept], difference[kept])
                correct[row, index] += test.by_cluster(index, won(asked @ vector)) / n_orders
    return TrainingCurve(
        concept=test.concept,
        layer=layer,
        languages=test.languages,
        sizes=sizes,
        n_orders=n_orders,
        correct=correct,
        trials=test.trials,
        reasons=reasons,
    )
