"""Before and after: what an arm changed, per language and tier, seen and unseen languages apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.audit.compare import (
    COMPARED,
    Comparison,
    average_rows,
    compare_runs,
    left_out,
)
from isogloss.audit.gate import check_gate
from isogloss.audit.pairing import CompareConfig
from isogloss.audit.rate_rows import measurement
from isogloss.audit.rates import Cells
from isogloss.records import Measurement
from isogloss.stats.contrast import language_contrast

AREA = "align"
NONE = "none"
GATE = "gate_helpful_rate"
RETAINED = "retained_skill"


def change_rows(
    folder: Path, *, target: str, before: str, after: str, trained_on: Collection[str], judge: str
) -> tuple[list[Measurement], Comparison]:
    """Every difference ``after`` minus ``before``, as rows of area ``align``.

    ``metric`` is the rate's name with ``_change`` (and ``retained_skill``, a rate of its own),
    ``arm`` what was done, ``category`` ``since BEFORE``; rows of a language carry in ``variant``
    whether it was trained on (``seen``, ``unseen``). Averages have a tier: those of resource
    tiers, ``all``, ``seen languages`` and ``unseen languages``.
    """
    comparison = compare_runs(
        CompareConfig(
            a=folder, b=folder, target_a=target, arm_a=before, target_b=target, arm_b=after,
            judge=judge,
        )
    )  # fmt: skip
    rows: list[Measurement] = []
    for difference in comparison.differences:
        row = difference.row
        name = row.metric if row.metric == RETAINED else f"{row.metric}_change"
        seen = None
        if row.language is not None:
            seen = "seen" if row.language in trained_on else "unseen"
        rows.append(replace(row, area=AREA, metric=name, category=f"since {before}", variant=seen))
    rows += _seen_rows(comparison, target, before, after, trained_on)
    return rows, comparison


def gate_row(
    comparison: Comparison, *, target: str, after: str, judge: str, points: float
) -> Measurement:
    """Whether the helpful rate was kept, on average over languages.

    Where nobody knows which answers are right it is not measured, and nothing is said.
    """
    gate = check_gate(comparison, points=points, metrics=("helpful_rate",), over="average")
    check = gate.checks[0]
    return Measurement(
        area=AREA,
        metric=GATE,
        target=target,
        arm=after,
        judge=judge,
        category=f"since {NONE}",
        n=check.n,
        estimate=None if check.worsening is None else -check.worsening,
        low=None if check.bound is None else -check.bound,
        unit="rate difference",
        method=f"one-sided 95 % bound of the loss against {points:g} points",
        verdict=gate.verdict if check.worsening is not None else "not measured",
        reason=check.reason,
    )


def tier_gap_rows(
    comparison: Comparison, *, target: str, before: str, after: str
) -> list[Measurement]:
    """Who gained more: the change in the lower tiers minus the change in the high one.

    Metric ``RATE_change_gap``, tier ``low minus high`` (or the tiers there are): above 0 a harmful
    rate fell less where resources are low. Clusters are resampled jointly, for these languages.
    """
    tiers = np.array(comparison.pairs.tiers)
    strong = "high" if "high" in tiers else "english"
    rows: list[Measurement] = []
    for weak in ("medium", "low"):
        for name in COMPARED:
            a, b = comparison.pairs.a.cells(name), comparison.pairs.b.cells(name)
            common: dict[str, Any] = {
                "area": AREA, "target": target, "arm": after, "judge": comparison.judge,
                "category": f"since {before}", "tier": f"{weak} minus {strong}",
                "unit": "rate difference", "scope": "these languages",
            }  # fmt: skip
            top, bottom = tiers == strong, tiers == weak
            if top.any() and bottom.any():
                rows.append(_tier_gap(f"{name}_change_gap", a, b, (top, bottom), common))
    return rows


def _tier_gap(
    metric: str, a: Cells, b: Cells, sides: tuple[np.ndarray, np.ndarray], common: dict[str, Any]
) -> Measurement:
    usable = a.usable & b.usable
    top, bottom = (side & usable for side in sides)
    if not (top.any() and bottom.any()):
        return Measurement(
            metric=metric, verdict="not measured",
            reason="a tier has no language that is measured on both sides", **common,
        )  # fmt: skip
    used = top | bottom
    weights = np.where(bottom, 1 / bottom.sum(), -1 / top.sum())[used]
    found = language_contrast(
        np.hstack([b.successes[:, used], a.successes[:, used]]),
        np.hstack([b.trials[:, used], a.trials[:, used]]),
        np.concatenate([weights, -weights]),
        scope="these languages",
    )
    return replace(
        measurement(metric, found, **common),
        n=int(a.trials[:, used].sum()),
        reason=left_out(sides[0] | sides[1], np.flatnonzero(used)),
    )


def _seen_rows(
    comparison: Comparison, target: str, before: str, after: str, trained_on: Collection[str]
) -> list[Measurement]:
    seen = np.array([tag in trained_on for tag in comparison.pairs.languages])
    groups = {"seen languages": seen, "unseen languages": ~seen}
    common: dict[str, Any] = {"target": target, "arm": after, "judge": comparison.judge}
    rows: list[Measurement] = []
    for name in COMPARED:
        a, b = comparison.pairs.a.cells(name), comparison.pairs.b.cells(name)
        present = {words: member for words, member in groups.items() if member.any()}
        rows += [
            replace(found.row, area=AREA, metric=f"{name}_change", category=f"since {before}")
            for found in average_rows(a, b, present, common)
        ]
    return rows
