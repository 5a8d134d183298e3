"""Baselines as measurement rows: `shuffled_labels_accuracy`, `random_direction_accuracy`.

One row a language and one, without a language, for the mean over languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from isogloss.concepts.baselines import Baseline
from isogloss.records import Measurement
from isogloss.stats.paired import t_over_runs


def baseline_rows(found: Baseline, common: Mapping[str, Any]) -> list[Measurement]:
    """Mean own-language accuracy over draws; ``n`` and the t interval are over draws."""
    row = Measurement(
        **common,
        area="concepts",
        metric=f"{found.kind}_accuracy",
        concept=found.concept,
        layer=found.layers[0] if len(set(found.layers)) == 1 and found.layers[0] >= 0 else None,
    )
    rows: list[Measurement] = []
    for index, language in enumerate(found.languages):
        named = replace(row, language=language, source_language=language)
        draws = found.accuracy[:, index]
        if np.isnan(draws).any():
            reason = f"{language} has too few pairs of {found.concept}"
            rows.append(replace(named, reason=reason, verdict="not measured"))
            continue
        spread = f"draws from {draws.min():.3f} to {draws.max():.3f}"
        rows.append(_over_draws(named, draws.tolist(), f"{found.description}; {spread}"))
    measured = ~np.isnan(found.accuracy).any(axis=0)
    if not measured.any():
        return [*rows, replace(row, reason="no language is measured", verdict="not measured")]
    means = found.accuracy[:, measured].mean(axis=1).tolist()
    told = f"mean over {measured.sum()} languages; {found.description}"
    return [*rows, replace(_over_draws(row, means, told), scope="these languages")]


def _over_draws(row: Measurement, draws: list[float], told: str) -> Measurement:
    mean = t_over_runs(draws)
    return replace(
        row,
        n=mean.n,
        estimate=mean.estimate,
        low=None if mean.low is None else max(0.0, mean.low),
        high=None if mean.high is None else min(1.0, mean.high),
        method=f"t over draws; {told}",
        reason=mean.reason,
    )
