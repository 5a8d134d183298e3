"""From the counts of an audit's rates to measurement rows, by language and by tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from isogloss.audit.rates import DIFFERENCES, MAX_MISSING, RATES, Cells, Slice
from isogloss.records import Measurement
from isogloss.stats.contrast import language_contrast
from isogloss.stats.intervals import Estimate, clustered_rate


def rate_rows(part: Slice, tiers: Sequence[str], common: Mapping[str, Any]) -> list[Measurement]:
    """Every rate by language and, as a macro average over languages, by tier.

    Args:
        part: the counts.
        tiers: [L] the resource tier of each language.
        common: fields of every row (target, arm, judge, variant, category, seed).
    """
    rows: list[Measurement] = []
    for name in RATES:
        cells = part.cells(name)
        rows += [_language_row(cells, index, tiers[index], common) for index in range(len(tiers))]
        rows += tier_rows(cells, tiers, common)
    for name, (first, second) in DIFFERENCES.items():
        a, b = part.cells(first), part.cells(second)
        rows += [
            _difference_row(name, a, b, index, tiers[index], common) for index in range(len(tiers))
        ]
        rows += tier_rows(_stacked(name, a, b), tiers, common, paired=True)
    return rows


def _language_row(cells: Cells, index: int, tier: str, common: Mapping[str, Any]) -> Measurement:
    reason = cells.reasons[index]
    n, k = cells.trials[:, index].sum(), cells.successes[:, index].sum()
    fields: dict[str, Any] = dict(common) | {"language": cells.languages[index], "tier": tier}
    if reason is not None:
        verdict = "not measured"
        if cells.unverified[index]:
            verdict, reason = "unverified", f"{_missing(cells, index)}; {reason}"
        return Measurement(
            area="audit", metric=cells.rate.name, n=int(n), k=float(k), reason=reason,
            verdict=verdict, **fields,
        )  # fmt: skip
    estimate = clustered_rate(cells.successes[:, index], cells.trials[:, index])
    row = measurement(cells.rate.name, estimate, **fields)
    if not cells.unverified[index]:
        return row
    return _with_bounds(row, float(cells.missing[index]), _missing(cells, index))


def _missing(cells: Cells, index: int) -> str:
    missing, planned = cells.missing[index], cells.planned[index]
    return f"{missing:.0f} of {planned:.0f} planned replies have no outcome"


def _with_bounds(row: Measurement, missing: float, reason: str) -> Measurement:
    """The row with the widest interval that replies without an outcome could still make true."""
    k, low, high = row.k or 0.0, row.low or 0.0, row.high or 1.0
    lowest, highest = k / (row.n + missing), (k + missing) / (row.n + missing)
    return replace(
        row,
        low=min(low, lowest),
        high=max(high, highest),
        method=f"{row.method}; bounds over replies without an outcome",
        verdict="unverified",
        reason=f"{reason}: anything from {lowest:.0%} to {highest:.0%} is possible",
    )


def _difference_row(
    name: str, a: Cells, b: Cells, index: int, tier: str, common: Mapping[str, Any]
) -> Measurement:
    fields: dict[str, Any] = dict(common) | {
        "language": a.languages[index],
        "tier": tier,
        "unit": "rate difference",
    }
    reason = a.reasons[index] or b.reasons[index]
    if reason is not None:
        return Measurement(
            area="audit", metric=name, reason=reason, verdict="not measured", **fields
        )
    columns = (slice(None), [index])
    estimate = language_contrast(
        np.hstack([a.successes[columns], b.successes[columns]]),
        np.hstack([a.trials[columns], b.trials[columns]]),
        [1.0, -1.0],
        scope="these languages",
    )
    estimate = replace(estimate, p_value=None, detectable=None)
    row = measurement(name, estimate, **fields)
    if a.unverified[index] or b.unverified[index]:
        reason = f"more than {MAX_MISSING:.0%} of the planned replies have no outcome"
        return replace(row, verdict="unverified", reason=reason)
    return row


def _stacked(name: str, a: Cells, b: Cells) -> Cells:
    """Both rates side by side on the language axis, for contrasts of their difference."""
    return Cells(
        rate=replace(a.rate, name=name),
        languages=a.languages,
        successes=np.hstack([a.successes, b.successes]),
        trials=np.hstack([a.trials, b.trials]),
        reasons=tuple(x or y for x, y in zip(a.reasons, b.reasons, strict=True)),
        missing=np.maximum(*(x.missing / np.maximum(x.planned, 1) for x in (a, b))),
        planned=np.ones(len(a.languages)),
    )


def tier_rows(
    cells: Cells, tiers: Sequence[str], common: Mapping[str, Any], *, paired: bool = False
) -> list[Measurement]:
    """Macro averages over the usable languages of every tier; languages weigh alike."""
    rows: list[Measurement] = []
    for tier in dict.fromkeys(tiers):
        member = np.array([t == tier for t in tiers])
        used = member & cells.usable
        fields: dict[str, Any] = dict(common) | {"tier": tier, "scope": "these languages"}
        if paired:
            fields["unit"] = "rate difference"
        if not used.any():
            reasons = [r for r, m in zip(cells.reasons, member, strict=True) if m and r]
            rows.append(
                Measurement(
                    area="audit",
                    metric=cells.rate.name,
                    reason=reasons[0] if reasons else "unverified in every language of this tier",
                    verdict="not measured",
                    **fields,
                )
            )
            continue
        weights = used / used.sum()
        if paired:
            weights, used = np.concatenate([weights, -weights]), np.concatenate([used, used])
        estimate = language_contrast(
            cells.successes[:, used], cells.trials[:, used], weights[used], scope="these languages"
        )
        n_used = int((weights > 0).sum())
        left_out = int(member.sum()) - n_used
        row = measurement(cells.rate.name, estimate, **fields)
        row = replace(
            row,
            k=None if paired else float(cells.successes[:, used].sum()),
            p_value=None,
            detectable=None,
            method=f"macro average over {n_used} languages; {estimate.method}",
        )
        if left_out:
            row = replace(row, reason=f"{left_out} of {member.sum()} languages left out")
        rows.append(row)
    return rows


def measurement(metric: str, estimate: Estimate, **fields: Any) -> Measurement:
    """A row of results from an estimate."""
    return Measurement(
        area=fields.pop("area", "audit"),
        metric=metric,
        n=estimate.n,
        k=estimate.k,
        n_clusters=estimate.n_clusters,
        estimate=estimate.estimate,
        low=estimate.low,
        high=estimate.high,
        method=estimate.method,
        detectable=estimate.detectable,
        p_value=estimate.p_value,
        reason=estimate.reason,
        verdict=None if estimate.estimate is not None else "not measured",
        **fields,
    )
