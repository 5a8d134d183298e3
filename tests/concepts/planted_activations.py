"""Activations with a concept planted in them: known direction, strength and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from isogloss.concepts.activations import Activations

SPLIT_SIZES = {"train": 60, "validation": 30, "test": 60}


def unit(width: int, *entries: float) -> np.ndarray:
    """A unit vector with these first entries."""
    vector = np.zeros(width)
    vector[: len(entries)] = entries
    return vector / np.linalg.norm(vector)


def planted(
    rng: np.random.Generator,
    directions: Mapping[str, np.ndarray],
    *,
    concept: str = "harmfulness",
    noise: float = 1.0,
    scales: Mapping[str, np.ndarray] | None = None,
    sizes: Mapping[str, int] | None = None,
    per_cluster: int = 1,
    strength_by_layer: Sequence[float] = (1.0,),
) -> list[Activations]:
    """A text's activation is (pole / 2) * strength * direction + noise, by language.

    Args:
        directions: (H,) of each language, its length the distance between the poles' means.
        noise: standard deviation of a coordinate of one text.
        scales: (H,) factors on a language's noise.
        sizes: clusters of each split.
        per_cluster: pairs of each cluster.
        strength_by_layer: how much of the direction each layer shows.
    """
    sizes = sizes or SPLIT_SIZES
    clusters = [f"object:{split}:{i:03d}" for split, n in sizes.items() for i in range(n)]
    splits = [split for split, n in sizes.items() for _ in range(n * per_cluster)]
    ids = [f"{cluster}/{k}" for cluster in clusters for k in range(per_cluster)]
    strength = np.array(strength_by_layer)[None, :, None]
    found: list[Activations] = []
    for language, direction in directions.items():
        shape = (len(ids), strength.size, direction.size)
        scale = noise * (scales or {}).get(language, np.ones(direction.size))
        sides = [
            (pole / 2 * strength * direction + rng.standard_normal(shape) * scale)
            for pole in (1, -1)
        ]
        found.append(
            Activations(
                concept=concept,
                language=language,
                pair_ids=tuple(ids),
                cluster_ids=tuple(i.rsplit("/", 1)[0] for i in ids),
                splits=tuple(splits),  # pyright: ignore[reportArgumentType]
                positive=sides[0].astype(np.float32),
                negative=sides[1].astype(np.float32),
                layers=tuple(range(strength.size)),
            )
        )
    return found
