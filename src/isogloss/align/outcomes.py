"""Before and after: what an arm changed, per language and tier, seen and unseen languages apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.audit.compare import (
    COMPARED,
    Comparison,
    average_difference,
    compare_runs,
)
from isogloss.audit.gate import check_gate
from isogloss.audit.pairing import CompareConfig
from isogloss.audit.rate_rows import measurement
from isogloss.audit.verdicts import paired_verdict
from isogloss.records import Measurement
from isogloss.stats.contrast import language_contrast

AREA = "align"
NONE = "none"
GATE = "gate_retained_skill"
RETAINED = "retained_skill"


def change_rows(
    folder: Path, *, target: str, before: str, after: str, trained_on: Sequence[str], judge: str
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
    """Whether the benign skill of before was kept: helpful rate, on average over languages."""
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
        verdict=gate.verdict,
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
            usable = a.usable & b.usable
            top, bottom = (tiers == strong) & usable, (tiers == weak) & usable
            if not (top.any() and bottom.any()):
                continue
            used = top | bottom
            weights = np.where(bottom, 1 / bottom.sum(), -1 / top.sum())[used]
            found = language_contrast(
                np.hstack([b.successes[:, used], a.successes[:, used]]),
                np.hstack([b.trials[:, used], a.trials[:, used]]),
                np.concatenate([weights, -weights]),
                scope="these languages",
            )
            row = measurement(
                f"{name}_change_gap", found, area=AREA, target=target, arm=after,
                judge=comparison.judge, category=f"since {before}", tier=f"{weak} minus {strong}",
                unit="rate difference", scope="these languages",
            )  # fmt: skip
            rows.append(replace(row, p_value=found.p_value))
    return rows


def _seen_rows(
    comparison: Comparison, target: str, before: str, after: str, trained_on: Sequence[str]
) -> list[Measurement]:
    languages = comparison.pairs.languages
    seen = np.array([tag in trained_on for tag in languages])
    rows: list[Measurement] = []
    for name in COMPARED:
        a, b = comparison.pairs.a.cells(name), comparison.pairs.b.cells(name)
        common: dict[str, Any] = {
            "area": AREA, "target": target, "arm": after, "judge": comparison.judge,
            "category": f"since {before}", "unit": "rate difference",
        }  # fmt: skip
        for words, member in (("seen languages", seen), ("unseen languages", ~seen)):
            found = average_difference(a, b, member) if member.any() else None
            if found is None:
                continue
            verdict, reason = paired_verdict(found, found.p_value, a.rate.worse)
            row = measurement(
                f"{name}_change", found, **common, tier=words, scope="these languages"
            )
            n_used = int((member & a.usable & b.usable).sum())
            rows.append(
                replace(
                    row,
                    verdict=verdict,
                    reason=row.reason or reason,
                    method=f"B - A paired, macro average over {n_used} languages; {found.method}",
                )
            )
    return rows
