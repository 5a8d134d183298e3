"""Consistency as measurement rows; each unordered pair of languages once, in the order given.

`consistency_cosine` is the plain cosine with its interval; `noise_ceiling_cosine` what it could be
at most; `disattenuated_cosine` what it would be without noise; `split_half_cosine` belongs to one
language. `consistency_cosine_by_layer` and `noise_ceiling_cosine_by_layer` are means over pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from isogloss.concepts.consistency import LEAST_REPEATABLE, Consistency
from isogloss.concepts.layer_choice import LayerChoice
from isogloss.records import Measurement

COSINE = "influence of training clusters, Fisher z"


def consistency_rows(
    found: Consistency, choice: LayerChoice, common: Mapping[str, Any]
) -> list[Measurement]:
    """Rows of one concept.

    Args:
        found: of the training pairs.
        choice: of the layer; in ``paper`` mode each pair takes its own maximum, as P2's code does.
        common: fields of every row.
    """
    fields: dict[str, Any] = dict(common) | {
        "area": "concepts",
        "concept": found.concept,
        "unit": "cosine",
    }
    rows: list[Measurement] = []
    for a, b in combinations(range(len(found.languages)), 2):
        column = _column(found, choice, a, b)
        rows += _pair_rows(found, a, b, column, choice.description, fields)
    if choice.layer is not None:
        rows += [
            _half_row(found, index, found.layers.index(choice.layer), choice.description, fields)
            for index in range(len(found.languages))
        ]
    return [*rows, *_curve_rows(found, fields)]


def _column(found: Consistency, choice: LayerChoice, a: int, b: int) -> int:
    if choice.layer is not None:
        return found.layers.index(choice.layer)
    cosines = found.cosine[a, b]
    return 0 if np.isnan(cosines).all() else int(np.nanargmax(cosines))


def _missing(found: Consistency, a: int, b: int, column: int) -> str | None:
    reason = found.reasons[a] or found.reasons[b]
    if reason is None and np.isnan(found.cosine[a, b, column]):
        reason = "a vector is zero at this layer: its poles do not differ"
    return reason


def _pair_rows(
    found: Consistency, a: int, b: int, column: int, chosen: str, fields: Mapping[str, Any]
) -> list[Measurement]:
    row = Measurement(
        **fields,
        metric="consistency_cosine",
        language=found.languages[b],
        source_language=found.languages[a],
        layer=found.layers[column],
        n=min(found.n_pairs[a], found.n_pairs[b]),
        n_clusters=min(found.n_clusters[a], found.n_clusters[b]),
    )
    metrics = ("consistency_cosine", "noise_ceiling_cosine", "disattenuated_cosine")
    reason = _missing(found, a, b, column)
    if reason is not None:
        missing = replace(row, reason=reason, verdict="not measured")
        return [replace(missing, metric=metric) for metric in metrics]
    bounded = not np.isnan(found.low[a, b, column])
    halves = f"{found.n_splits} halvings of the training clusters; {chosen}"
    plain = replace(
        row,
        estimate=float(found.cosine[a, b, column]),
        low=float(found.low[a, b, column]) if bounded else None,
        high=float(found.high[a, b, column]) if bounded else None,
        method=f"{COSINE}; {chosen}",
        reason=None if bounded else f"no interval for {found.method} vectors",
    )
    ceiling = replace(
        row,
        metric=metrics[1],
        estimate=float(found.noise_ceiling[a, b, column]),
        method=f"geometric mean of split-half cosines, {halves}",
        reason="no interval: the mean over halvings",
    )
    return [plain, ceiling, _disattenuated(found, replace(row, metric=metrics[2]), a, b, column)]


def _disattenuated(
    found: Consistency, row: Measurement, a: int, b: int, column: int
) -> Measurement:
    value = float(found.disattenuated_cosine[a, b, column])
    if np.isnan(value):
        weak = [i for i in (a, b) if found.half[i, column] < LEAST_REPEATABLE]
        told = ", ".join(f"{found.languages[i]} {found.half[i, column]:.2f}" for i in weak)
        reason = f"half-vectors do not repeat (cosine below {LEAST_REPEATABLE}: {told})"
        return replace(row, reason=reason, verdict="not measured")
    return replace(
        row,
        estimate=value,
        method=f"cosine of opposite halves over own split-half cosines, {found.n_splits} halvings",
        reason="no interval: the mean over halvings",
    )


def _half_row(
    found: Consistency, index: int, column: int, chosen: str, fields: Mapping[str, Any]
) -> Measurement:
    row = Measurement(
        **fields,
        metric="split_half_cosine",
        language=found.languages[index],
        source_language=found.languages[index],
        layer=found.layers[column],
        n=found.n_pairs[index],
        n_clusters=found.n_clusters[index],
    )
    value = found.split_half_cosine[index, column]
    reason = _missing(found, index, index, column)
    if reason is not None or np.isnan(value):
        return replace(row, reason=reason or "a half-vector is zero", verdict="not measured")
    return replace(
        row,
        estimate=float(value),
        method=f"{found.n_splits} halvings, Spearman-Brown to full size; {chosen}",
        reason="no interval: the mean over halvings",
    )


def _curve_rows(found: Consistency, fields: Mapping[str, Any]) -> list[Measurement]:
    """Mean over pairs of languages at every layer."""
    rows: list[Measurement] = []
    upper = np.triu_indices(len(found.languages), 1)
    for metric, values in (
        ("consistency_cosine_by_layer", found.cosine),
        ("noise_ceiling_cosine_by_layer", found.noise_ceiling),
    ):
        for column, layer in enumerate(found.layers):
            pairs = values[..., column][upper]
            pairs = pairs[~np.isnan(pairs)]
            row = Measurement(
                **fields, metric=metric, layer=layer, n=pairs.size, scope="these languages"
            )
            if pairs.size == 0:
                reason = "no pair of languages is measured"
                rows.append(replace(row, reason=reason, verdict="not measured"))
                continue
            method = f"mean over {pairs.size} pairs of languages"
            rows.append(replace(row, estimate=float(pairs.mean()), method=method))
    return rows
