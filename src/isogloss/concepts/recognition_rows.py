"""Recognition as measurement rows: matrices at the chosen layer, curves over layers and sizes.

`recognition_accuracy` and `recognition_auroc`: ``language`` is whose pairs are asked,
``source_language`` whose vector asks; without either, the mean over languages of their own.
`recognition_accuracy_by_layer` has the own-language accuracies at every layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from isogloss.concepts.layer_choice import LayerChoice
from isogloss.concepts.recognition import Recognition
from isogloss.concepts.training_size import TrainingCurve
from isogloss.records import Measurement
from isogloss.stats.auroc import auroc_bounds
from isogloss.stats.contrast import language_contrast
from isogloss.stats.distributions import Array
from isogloss.stats.intervals import RateSummary, summarise_rates

Common = Mapping[str, Any]
"""Fields of every row: target, seed, arm, method of the vectors ..."""


def layer_row(concept: str, choice: LayerChoice | str, common: Common) -> Measurement:
    """Which layer a concept is measured at: metric ``chosen_layer``, estimate = layer."""
    fields: dict[str, Any] = dict(common) | {"area": "concepts", "concept": concept}
    if isinstance(choice, str):
        row = Measurement(**fields, metric="chosen_layer", unit="layer", reason=choice)
        return replace(row, verdict="not measured")
    reason = "every cell has its own layer" if choice.layer is None else None
    return Measurement(
        **fields,
        metric="chosen_layer",
        unit="layer",
        layer=choice.layer,
        estimate=None if choice.layer is None else float(choice.layer),
        n=choice.n_languages,
        method=choice.description,
        reason=reason,
    )


def recognition_rows(
    test: Recognition,
    choice: LayerChoice,
    not_assessable: Sequence[str | None],
    p_values: Sequence[float | None],
    common: Common,
) -> list[Measurement]:
    """Rows of one concept.

    Args:
        test: of the test pairs.
        choice: of the layer.
        not_assessable: of each language, why its own vector recognises nothing, else None.
        p_values: of each language's own accuracy against shuffled labels.
        common: fields of every row.
    """
    fields: dict[str, Any] = dict(common) | {"area": "concepts", "concept": test.concept}
    correct = choice.at(test.correct)  # (S, T, C)
    summary = _cells(correct, test.trials)
    low, high = summary.bounds(0.95)
    rows = _matrix_rows(
        test,
        choice,
        (summary.rate[..., 0], low[..., 0], high[..., 0]),
        dict(fields, metric="recognition_accuracy", unit="rate"),
        ["Wilson" if np.isinf(df) else "Wilson at effective n, t" for df in summary.df[0, :, 0]],
    )
    place = {(row.source_language, row.language): i for i, row in enumerate(rows)}
    for t, language in enumerate(test.targets):
        own = place.get((language, language))
        if own is not None and rows[own].estimate is not None:
            rows[own] = _judged(rows[own], not_assessable[t], p_values[t])
    area, influence = choice.at(test.auroc), choice.at(test.auroc_influence)
    n_clusters = (test.trials > 0).sum(axis=1).astype(np.float64)
    rows += _matrix_rows(
        test,
        choice,
        (area, *auroc_bounds(area, influence, n_clusters[None, :])),
        dict(fields, metric="recognition_auroc", unit="area under the ROC curve"),
        ["Wilson at the effective n of DeLong's components by cluster"] * len(test.targets),
    )
    return [*rows, _macro(test, correct, fields, choice), *layer_rows(test, fields)]


def _matrix_rows(
    test: Recognition,
    choice: LayerChoice,
    values: tuple[Array, Array, Array],
    fields: Mapping[str, Any],
    methods: Sequence[str],
) -> list[Measurement]:
    """A row a cell from (S, T) estimates and limits; ``methods`` by target."""
    estimate, low, high = values
    counted = fields["metric"] == "recognition_accuracy"
    rows: list[Measurement] = []
    for s, source in enumerate(test.sources):
        for t, target in enumerate(test.targets):
            trials = test.trials[t]
            row = Measurement(
                **fields,
                language=target,
                source_language=source,
                n=int(trials.sum()),
                n_clusters=int((trials > 0).sum()),
            )
            reason = test.reason(s, t)
            if reason is not None:
                rows.append(replace(row, reason=reason, verdict="not measured"))
                continue
            rows.append(
                replace(
                    row,
                    layer=int(choice.layers[s, t]),
                    k=float(estimate[s, t] * row.n) if counted else None,
                    estimate=float(estimate[s, t]),
                    low=float(low[s, t]),
                    high=float(high[s, t]),
                    method=f"{methods[t]}; {choice.description}",
                )
            )
    return rows


def _judged(row: Measurement, reason: str | None, p: float | None) -> Measurement:
    """An own-language row with the verdict of the test against shuffled labels."""
    return replace(
        row,
        verdict="recognised" if reason is None else "no evidence",
        reason=reason,
        p_value=p,
        method=f"{row.method}; p against shuffled labels",
    )


def _cells(correct: Array, trials: Array) -> RateSummary:
    """Rates of (S, T, C) counts, each cell by itself."""
    k = correct[..., None]
    return summarise_rates(k, np.broadcast_to(trials[None, :, :, None], k.shape))


def _own_counts(test: Recognition, correct: Array) -> tuple[Array, Array, list[int]]:
    """(C, U) counts of the U languages whose own vector is measured."""
    own = test.own
    used = [
        t for t in range(len(test.targets)) if own[t] >= 0 and test.reason(int(own[t]), t) is None
    ]
    at = np.array(used, dtype=np.int64)
    return correct[own[at], at].T, test.trials[at].T, used


def _macro(
    test: Recognition, correct: Array, fields: Mapping[str, Any], choice: LayerChoice
) -> Measurement:
    """Mean own-language accuracy over languages, each weighing alike, at the chosen layer."""
    k, n, used = _own_counts(test, correct)
    row = Measurement(
        **fields, metric="recognition_accuracy", layer=choice.layer, scope="these languages"
    )
    if not used:
        return replace(row, reason="no language is measured", verdict="not measured")
    weights = np.full(len(used), 1 / len(used))
    mean = language_contrast(k, n, weights, scope="these languages")
    left_out = len(test.targets) - len(used)
    return replace(
        row,
        estimate=mean.estimate,
        low=mean.low,
        high=mean.high,
        n=mean.n,
        k=float(k.sum()),
        n_clusters=mean.n_clusters,
        method=f"macro average over {len(used)} languages; {mean.method}; {choice.description}",
        reason=f"{left_out} of {len(test.targets)} languages left out" if left_out else None,
    )


def layer_rows(test: Recognition, fields: Mapping[str, Any]) -> list[Measurement]:
    """Own-language accuracy at every layer, by language and on average: for curves, not claims."""
    rows: list[Measurement] = []
    for column, layer in enumerate(test.layers):
        k, n, used = _own_counts(test, test.correct[:, :, column])
        row = Measurement(
            **fields, metric="recognition_accuracy_by_layer", layer=layer, method="on test pairs"
        )
        if not used:
            rows.append(replace(row, reason="no language is measured", verdict="not measured"))
            continue
        summary = summarise_rates(k, n)
        low, high = summary.bounds(0.95)
        for i, t in enumerate(used):
            rows.append(
                replace(
                    row,
                    language=test.targets[t],
                    source_language=test.targets[t],
                    n=int(n[:, i].sum()),
                    k=float(k[:, i].sum()),
                    n_clusters=int((n[:, i] > 0).sum()),
                    estimate=float(summary.rate[i]),
                    low=float(low[i]),
                    high=float(high[i]),
                )
            )
        mean = language_contrast(k, n, np.full(len(used), 1 / len(used)), scope="these languages")
        rows.append(
            replace(
                row,
                estimate=mean.estimate,
                low=mean.low,
                high=mean.high,
                n=mean.n,
                n_clusters=mean.n_clusters,
                method=f"macro average over {len(used)} languages; {mean.method}",
                scope="these languages",
            )
        )
    return rows


def curve_rows(curve: TrainingCurve, common: Common) -> list[Measurement]:
    """Own-language accuracy by number of training clusters (``category``)."""
    rows: list[Measurement] = []
    for (size, counts), (t, language) in (
        (sized, target)
        for sized in zip(curve.sizes, curve.correct, strict=True)
        for target in enumerate(curve.languages)
    ):
        row = Measurement(
            **common,
            area="concepts",
            metric="training_curve_accuracy",
            concept=curve.concept,
            language=language,
            source_language=language,
            category=str(size),
            layer=curve.layer,
            n=int(curve.trials[t].sum()),
            n_clusters=int((curve.trials[t] > 0).sum()),
        )
        reason = curve.reasons[t]
        if reason is not None:
            rows.append(replace(row, reason=reason, verdict="not measured"))
            continue
        summary = summarise_rates(counts[t][:, None], curve.trials[t][:, None])
        low, high = summary.bounds(0.95)
        rows.append(
            replace(
                row,
                estimate=float(summary.rate[0]),
                low=float(low[0]),
                high=float(high[0]),
                method=f"category = training clusters; mean of {curve.n_orders} random orders; "
                "interval over test clusters",
            )
        )
    return rows
