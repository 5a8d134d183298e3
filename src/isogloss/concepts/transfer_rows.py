"""Transferability as measurement rows.

`transfer` is T (``source_language``'s vector on ``language``'s pairs, minus the own one's),
`transfer_rate` the share of above-chance recognition that survives, `transfer_asymmetry` A = T − T'
once a pair of languages, with the pattern as its verdict. Of a unidirectional pair
``source_language`` gives and ``language`` takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import numpy as np

from isogloss.concepts.transfer import MARGIN, METHOD, Differences, Transfer
from isogloss.concepts.transfer_rate import METHOD as RATE_METHOD
from isogloss.concepts.transfer_rate import transfer_rates
from isogloss.records import Measurement

CORRECTED = "false discovery rate over"


def transfer_rows(found: Transfer, common: Mapping[str, Any]) -> list[Measurement]:
    """Rows of one concept; ``common`` holds the fields of every row."""
    fields: dict[str, Any] = dict(common) | {"area": "concepts", "concept": found.test.concept}
    languages = range(len(found.test.targets))
    rows = [_direction_row(found, a, b, fields) for a, b in permutations(languages, 2)]
    rows += _rate_rows(found, fields)
    return rows + [_asymmetry_row(found, a, b, fields) for a, b in combinations(languages, 2)]


def _row(found: Transfer, metric: str, a: int, b: int, fields: Mapping[str, Any]) -> Measurement:
    trials = found.test.trials[b]
    return Measurement(
        **fields,
        metric=metric,
        unit="rate difference",
        language=found.test.targets[b],
        source_language=found.test.sources[a],
        layer=int(found.choice.layers[a, b]),
        n=int(trials.sum()),
        n_clusters=int((trials > 0).sum()),
    )


def _missing(found: Transfer, *cells: tuple[int, int]) -> str | None:
    reasons = [found.test.reason(*cell) for cell in cells]
    return next((reason for reason in reasons if reason), None)


def _estimated(row: Measurement, values: Differences, a: int, b: int) -> Measurement:
    return replace(
        row,
        estimate=float(values.estimate[a, b]),
        low=float(values.low[a, b]),
        high=float(values.high[a, b]),
        detectable=float(values.detectable[a, b]),
    )


def _direction_row(found: Transfer, a: int, b: int, fields: Mapping[str, Any]) -> Measurement:
    row = _row(found, "transfer", a, b, fields)
    reason = _missing(found, (a, b), (b, b))
    if reason is not None:
        return replace(row, reason=reason, verdict="not measured")
    verdict = found.verdicts[a, b]
    good, worse = found.p_as_good[a, b], found.p_worse[a, b]
    told = (
        f"p is one-sided for T above (as good) or below (worse) -{MARGIN}, {CORRECTED} directions"
    )
    return replace(
        _estimated(row, found.matrix, a, b),
        method=f"{METHOD}; {told}; {found.choice.description}",
        p_value=None if np.isnan(good) else float(min(good, worse)),
        verdict=verdict,
        reason=found.not_assessable[b] or found.not_assessable[a],
    )


def _rate_rows(found: Transfer, fields: Mapping[str, Any]) -> list[Measurement]:
    test = found.test
    ratios = transfer_rates(found.choice.at(test.correct), test.trials, test.measured)
    rows: list[Measurement] = []
    for a, b in permutations(range(len(test.targets)), 2):
        row = replace(_row(found, "transfer_rate", a, b, fields), unit="ratio")
        reason = _missing(found, (a, b), (b, b))
        if reason is None and np.isnan(ratios.estimate[a, b]):
            reason = f"{test.targets[b]}'s own accuracy is not shown to be above 0.5"
        if reason is None and found.not_assessable[b] is not None:
            reason = found.not_assessable[b]
        if reason is not None:
            rows.append(replace(row, reason=reason, verdict="not measured"))
            continue
        rows.append(
            replace(
                row,
                estimate=float(ratios.estimate[a, b]),
                low=float(ratios.low[a, b]),
                high=float(ratios.high[a, b]),
                method=f"{RATE_METHOD}; {found.choice.description}",
            )
        )
    return rows


def _asymmetry_row(found: Transfer, a: int, b: int, fields: Mapping[str, Any]) -> Measurement:
    pattern = found.patterns[a, b]
    if pattern == "unidirectional" and found.asymmetry.estimate[a, b] < 0:
        a, b = b, a  # the giver first
    row = _row(found, "transfer_asymmetry", a, b, fields)
    both = found.test.trials[[a, b]]
    row = replace(row, n=int(both.sum()), n_clusters=int((both.sum(axis=0) > 0).sum()))
    reason = _missing(found, (a, a), (a, b), (b, a), (b, b))
    if reason is not None:
        return replace(row, reason=reason, verdict="not measured")
    p = found.p_asymmetry[a, b]
    return replace(
        _estimated(row, found.asymmetry, a, b),
        method=f"{METHOD}; two-sided p, {CORRECTED} pairs of languages; {found.choice.description}",
        p_value=None if np.isnan(p) else float(p),
        verdict=pattern,
        reason=found.not_assessable[b] or found.not_assessable[a],
    )
