"""Grids with planted benefits: matrices as they are, or as the rows a run would have stored."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from isogloss.records import Measurement
from isogloss.trace.grid_matrices import (
    AREA,
    COMPETENCE,
    COSINE,
    PREDICTORS,
    RETRIEVAL,
    SELECTIVITY,
    SHARE,
    SIMILARITY,
    TOKENS,
    Grid,
)

Array = NDArray[np.float64]
LANGUAGES = tuple(f"{code}-x-lab" for code in ("en", "fr", "zh", "es", "id", "fi", "ta", "sw"))
L = len(LANGUAGES)
OTHERS = ~np.eye(L, dtype=bool)


def of_test(values: Array) -> Array:
    """[L, L] a quantity of the language tested."""
    return np.tile(values, (L, 1))


def of_train(values: Array) -> Array:
    """[L, L] a quantity of the language trained on."""
    return of_test(values).T


def symmetric(rng: np.random.Generator) -> Array:
    """[L, L] of pairs."""
    half = np.triu(rng.random((L, L)), 1)
    return half + half.T


def planted_grid(
    benefit: Array,
    predictors: Mapping[str, Array],
    *,
    seed: int = 0,
    metric: str = SELECTIVITY,
    competence: Array | None = None,
) -> Grid:
    """One benefit; predictors that are not given are missing."""
    missing = np.full((L, L), np.nan)
    return Grid(
        target=f"lab:tiny:english@helpful#{seed}",
        method="sft",
        languages=LANGUAGES,
        benefits={name: benefit if name == metric else missing for name in ALL_BENEFITS},
        everywhere={},
        everywhere_arm=None,
        predictors={name: predictors.get(name, missing) for name in PREDICTORS},
        competence=np.arange(L, dtype=float) if competence is None else competence,
    )


ALL_BENEFITS = (SELECTIVITY, "refusal_rate_change")


def stored_rows(
    benefit: Array,
    *,
    target: str,
    similarity: Mapping[str, Array],
    cosine: Array,
    retrieval: Array,
    single: Mapping[str, Array],
) -> list[Measurement]:
    """As a run stores them; NaN is a row without an estimate.

    Args:
        single: `TOKENS`, `SHARE` and `COMPETENCE` → [L].
    """

    def row(metric: str, value: float, **fields: str | None) -> Measurement:
        known = bool(np.isfinite(value))
        return Measurement(
            area=AREA, metric=metric, target=target, estimate=float(value) if known else None,
            reason=None if known else "missing", **fields,  # type: ignore[arg-type]
        )  # fmt: skip

    rows: list[Measurement] = []
    for metric in (TOKENS, SHARE, COMPETENCE):
        rows += [row(metric, v, language=t) for t, v in zip(LANGUAGES, single[metric], strict=True)]
    for i, one in enumerate(LANGUAGES):
        for j, other in enumerate(LANGUAGES):
            names = {"source_language": one, "language": other}
            if i != j:
                rows.append(row(RETRIEVAL, retrieval[i, j], **names))
            if i < j:
                rows.append(row(COSINE, cosine[i, j], **names))
                rows += [
                    row(SIMILARITY, matrix[i, j], category=kind, **names)
                    for kind, matrix in similarity.items()
                ]
            rows.append(row(SELECTIVITY, benefit[i, j], arm="sft", **names))
    return rows
