"""Training pairs with a planted direction, and trials with planted counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isogloss.concepts.parallel import ParallelPairs
from isogloss.control.trial import Trial

EN, FR = "en-x-lab", "fr-x-lab"
WIDTH, LAYERS = 8, (0, 1, 2)


def planted_pairs(
    *, gap: float = 4.0, n: int = 20, languages: tuple[str, ...] = (EN, FR), seed: int = 0
) -> ParallelPairs:
    """Pairs whose positives lie ``gap`` above their negatives along the first axis."""
    rng = np.random.default_rng(seed)
    shape = (n, len(LAYERS), WIDTH)
    push = np.zeros(WIDTH)
    push[0] = gap / 2
    sides = [[rng.normal(size=shape) + s * push for s in (1, -1)] for _ in languages]
    rows = np.arange(n)
    return ParallelPairs(
        concept="harmfulness",
        split="train",
        languages=languages,
        layers=LAYERS,
        clusters=tuple(f"object:{i}" for i in range(n)),
        rows=tuple(rows for _ in languages),
        cluster_of=tuple(rows for _ in languages),
        reasons=tuple(None for _ in languages),
        positive=tuple(positive for positive, _ in sides),
        negative=tuple(negative for _, negative in sides),
    )


PLAIN = Trial(
    n_harmful=40, n_benign=40, complied=20, refused=10, irrelevant=10, correct=15,
    benign_complied=30, benign_refused=4, benign_correct=20, unjudged=0, repetition=0.02,
    fidelity=0.95, nats_per_token=2.0,
)  # fmt: skip


def trial(**changed: object) -> Trial:
    """`PLAIN` with other counts."""
    return replace(PLAIN, **changed)  # type: ignore[arg-type]
