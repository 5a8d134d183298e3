"""Linguistic similarities and their correlations as measurement rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from isogloss.concepts.linguistics import LinguisticCorrelation
from isogloss.concepts.similarity import Similarities
from isogloss.records import Measurement


def linguistic_rows(
    correlations: Sequence[LinguisticCorrelation],
    *,
    target: str,
    of: Literal["consistency", "transfer"] = "consistency",
    concept: str | None = None,
    layer: int | None = None,
    seed: int = 0,
) -> list[Measurement]:
    """Correlations as rows of area ``concepts``: ``linguistic_correlation``, category = the kind.

    Transfer's have the metric ``transfer_linguistic_correlation``. ``method`` starts with the
    design's name and a colon.
    """
    metric = "linguistic_correlation" if of == "consistency" else "transfer_linguistic_correlation"
    return [
        Measurement(
            area="concepts",
            metric=metric,
            target=target,
            concept=concept,
            layer=layer,
            category=found.kind,
            n=found.estimate.n,
            n_clusters=found.estimate.n_clusters,
            estimate=found.estimate.estimate,
            unit="correlation",
            method=f"{found.design}: {found.estimate.method}",
            p_value=found.estimate.p_value,
            reason=found.estimate.reason,
            seed=seed,
        )
        for found in correlations
    ]


def similarity_rows(similarities: Similarities, *, target: str) -> list[Measurement]:
    """The similarities themselves, one row a pair and kind, so that a report can draw them."""
    rows: list[Measurement] = []
    tags = similarities.languages
    for kind, matrix in similarities.matrices.items():
        for i, j in zip(*np.triu_indices(len(tags), 1), strict=True):
            value = float(matrix[i, j])
            known = not np.isnan(value)
            rows.append(
                Measurement(
                    area="concepts",
                    metric="linguistic_similarity",
                    target=target,
                    category=kind,
                    source_language=tags[i],
                    language=tags[j],
                    n=1 if known else 0,
                    estimate=value if known else None,
                    unit="similarity",
                    method=similarities.source,
                    reason=None if known else "no such fact in the table",
                )
            )
    return rows
