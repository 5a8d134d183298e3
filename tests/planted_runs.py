"""Runs of arms whose truth is known: clustered binary replies, and the rows an experiment keeps.

And a preset of labs that train in seconds, for experiments that really run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from isogloss.lab import tokenizer
from isogloss.lab.recipe import PRESETS, Preset
from isogloss.records import Measurement
from isogloss.trace.arm_runs import AREA, TOKENS
from lab.planted import quick_tokenizers
from ladders import simulate

Array = NDArray[np.float64]


def measured_rates(
    true: Array, *, rng: np.random.Generator, n_clusters: int = 30, size: int = 4
) -> Array:  # fmt: skip
    """[..., A, L] rates as audits of the same objects measure them, from [..., A, L] true ones.

    Replies about one object go together, across languages and across arms.
    """
    *shape, n_arms, n_languages = true.shape
    flat = np.moveaxis(true.reshape(-1, n_arms, n_languages), 1, 0)
    counts = simulate(np.clip(flat, 0.005, 0.995), n_clusters=n_clusters, size=size, rng=rng)
    found = np.stack([c.successes.sum(axis=1) / c.trials.sum(axis=1) for c in counts], axis=1)
    return found.reshape(*shape, n_arms, n_languages)


def arm_rows(
    values: Mapping[str, Array],
    arms: Sequence[str],
    languages: Sequence[str],
    *,
    tokens: Array | None = None,
) -> list[Measurement]:
    """Rows of area ``trace arm``.

    Args:
        values: metric → [R, A, L]; NaN is not measured.
        tokens: [R, A, L]; none unless given.
    """
    every = dict(values) | ({} if tokens is None else {TOKENS: tokens})
    rows: list[Measurement] = []
    for metric, table in every.items():
        for seed, a, at in product(*map(range, table.shape)):
            value = float(table[seed, a, at])
            known = not np.isnan(value)
            rows.append(
                Measurement(
                    area=AREA, metric=metric, target=f"{arms[a]}#{seed}", arm=arms[a], seed=seed,
                    language=languages[at], n=100, estimate=value if known else None,
                    unit="count" if metric == TOKENS else "rate",
                    reason=None if known else "too few replies",
                )
            )  # fmt: skip
    return rows


MICRO = "micro"


def micro_preset(patch: pytest.MonkeyPatch) -> str:
    """Its name: four languages, 35,000 parameters, 15 steps of pre-training and 4 of chat.

    Six validation objects: fewer, and no layer is chosen for recognition.
    """
    quick_tokenizers(patch)
    patch.setattr(tokenizer, "FERTILITY_DOCUMENTS", 20)
    preset = Preset(
        purpose="tests", languages=("en", "fr", "zh", "sw"), n_objects=80, vocab_size=400,
        hidden_size=32, n_layers=2, n_tokens=30_000, chat_steps=4,
    )  # fmt: skip
    patch.setitem(PRESETS, MICRO, preset)
    return MICRO
