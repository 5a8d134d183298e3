"""What every stage changed, language by language: the comparison `isogloss compare` makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from isogloss.audit.compare import compare_runs
from isogloss.audit.pairing import CompareConfig
from isogloss.records import Measurement
from isogloss.trace.rung_counts import Step, joined, stage_note
from isogloss.trace.stage_effects import AREA, CHANGE, RATES


def change_rows(
    folder: Path,
    targets: Sequence[str],
    steps: Sequence[Step],
    judge: str,
    common: Mapping[str, Any],
) -> list[Measurement]:
    """What every stage changed, per language and averaged over tiers.

    Metric ``RATE_change``: after minus before, paired by prompt; p-values by sign flips over
    clusters, Holm-adjusted over languages (see `isogloss.audit.compare`).
    """
    rows: list[Measurement] = []
    for at in range(1, len(targets)):
        comparison = compare_runs(
            CompareConfig(
                a=folder, b=folder, target_a=targets[at - 1], arm_a="none", target_b=targets[at],
                arm_b="none", judge=judge, variant=common["variant"], seed=common["seed"],
            )
        )  # fmt: skip
        for row in (difference.row for difference in comparison.differences):
            if row.metric not in RATES:
                continue
            notes = stage_note(steps[at - 1], steps[at]), common.get("note", "")
            rows.append(
                replace(
                    row,
                    area=AREA,
                    metric=f"{row.metric}_{CHANGE}",
                    target=common["target"],
                    arm=steps[at].name,
                    category=f"since {steps[at - 1].name}",
                    method=joined(row.method or "", *notes) or None,
                )
            )
    return rows
