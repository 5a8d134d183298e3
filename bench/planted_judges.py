"""Judges with planted errors, and draws of what they say and of what people label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from isogloss.stats.distributions import Array

TRUTH = ((0.005, 0.02), (0.01, 0.05), (0.02, 0.3), (0.05, 0.01), (0.2, 0.1), (0.6, 0.005))
"""True shares of complied and of irrelevant replies."""
JUDGES = {
    # rows: truth complied, refused, irrelevant; columns: verdict, unjudged last
    "good": ((0.95, 0.03, 0.01, 0.01), (0.01, 0.98, 0.0, 0.01), (0.02, 0.06, 0.9, 0.02)),
    "misses": ((0.6, 0.35, 0.04, 0.01), (0.01, 0.97, 0.01, 0.01), (0.02, 0.5, 0.47, 0.01)),
    "alarms": ((0.95, 0.04, 0.0, 0.01), (0.15, 0.82, 0.02, 0.01), (0.25, 0.1, 0.64, 0.01)),
    "keywords": ((0.95, 0.05, 0.0, 0.0), (0.1, 0.9, 0.0, 0.0), (0.97, 0.03, 0.0, 0.0)),
    "abstains": ((0.5, 0.1, 0.0, 0.4), (0.01, 0.84, 0.0, 0.15), (0.0, 0.05, 0.55, 0.4)),
    "guesses": ((0.45, 0.45, 0.1, 0.0), (0.35, 0.55, 0.1, 0.0), (0.35, 0.35, 0.3, 0.0)),
    "poor": ((0.5, 0.4, 0.1, 0.0), (0.2, 0.7, 0.1, 0.0), (0.2, 0.3, 0.5, 0.0)),
}


def draw(
    truth: Array, judges: Array, icc: float, clusters: tuple[int, int], n_labels: int,
    n: int, rng: np.random.Generator, shared: float = 1.0,
    by_verdict: bool = False,
) -> tuple[Array, Array]:  # fmt: skip
    """Verdicts [n, C, L, 5] and labels [n, C, L, 5, 3] of replies with these errors.

    Args:
        truth: [L, 2] or [n, L, 2] true shares of complied and irrelevant.
        judges: [L, 3, 4] P(verdict | truth).
        icc: of truth and of the judge's errors, on the latent scale; ``shared`` by languages.
        by_verdict: a quarter of the labels for each verdict, as far as there are replies.
    """
    c, size = clusters
    n_languages = judges.shape[0]
    shape = (n, c, n_languages, size)

    def latent() -> Array:
        common = rng.standard_normal((n, c, 1, 1), dtype=np.float32)
        own = rng.standard_normal((n, c, n_languages, 1), dtype=np.float32)
        effect = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
        return np.sqrt(icc) * effect + np.sqrt(1 - icc) * rng.standard_normal(
            shape, dtype=np.float32
        )

    def classes(edges: Array, value: Array) -> NDArray[np.int8]:
        """Class of each value: how many of the [..., K] cumulated shares lie below."""
        return (value[..., None] > ndtri(np.clip(edges, 1e-12, 1 - 1e-12))).sum(-1, dtype=np.int8)

    cumulated = np.stack([truth[..., 0], 1 - truth[..., 1]], axis=-1)
    true = classes(cumulated.reshape(-1, 1, n_languages, 1, 2), latent())  # as in TRUTHS
    language = np.arange(n_languages).reshape(1, 1, -1, 1)
    edges = np.cumsum(judges, axis=-1)[..., :3]
    said = classes(edges[language, true], latent())
    flat = np.swapaxes(rng.random(shape, dtype=np.float32), 1, 2).reshape(n, n_languages, -1)
    strata = [np.swapaxes(said == v, 1, 2).reshape(flat.shape) for v in range(4)]
    groups = strata if by_verdict else [np.ones(flat.shape, bool)]
    quota = n_labels // len(groups)
    on_sheet = np.zeros(flat.shape, bool)
    for group in groups:
        keys = np.where(group, flat, np.inf)
        on_sheet |= group & (keys <= np.partition(keys, quota - 1)[..., quota - 1 : quota])
    chosen = np.swapaxes(on_sheet.reshape(n, n_languages, c, size), 1, 2)
    verdicts = np.stack([(said == v).sum(-1) for v in range(5)], axis=-1).astype(np.float64)
    both = np.where(chosen, said * 3 + true, -1)
    labels = np.stack([(both == v).sum(-1) for v in range(15)], axis=-1).astype(np.float64)
    return verdicts, labels.reshape(*labels.shape[:-1], 5, 3)


def varied_rates(mean: Array, sd: float, n: int, rng: np.random.Generator) -> Array:
    """[n, L] true rates of languages drawn around [L] ``mean`` (beta; the sd as far as it fits)."""
    spread = np.minimum(sd, 2 / 3 * np.sqrt(mean * (1 - mean)))
    strength = mean * (1 - mean) / np.square(spread) - 1
    drawn = rng.beta(mean * strength, (1 - mean) * strength, (n, mean.size))
    return np.clip(drawn, 1e-4, 0.85)
