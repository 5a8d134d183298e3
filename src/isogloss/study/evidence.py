"""What the steps of a study found: every claim with its figure and verdict, and what it would take.

Claims are made where they belong (alignment, ladder, doses, mixes, concepts, control, anatomy,
instruments) and stored in each step's folder; here they are gathered, with those added that are
figures of an experiment read as a claim. Nothing is measured here: rows in, rows out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.records import Measurement
from isogloss.report.walk import AREA, claims_of
from isogloss.stats.power import needed_runs
from isogloss.stats.verdict import MIN_RUNS
from isogloss.store import RunStore
from isogloss.study.derived_claims import derived_claims, figures_of
from isogloss.study.step import Step
from isogloss.trace.grid_over_runs import OVER_RUNS as GRID


def gather_claims(study: Path, experiments: Sequence[Step]) -> list[Measurement]:
    """The claims of finished experiments, and figures that go with them: rows of area ``study``."""
    rows: dict[Measurement, None] = {}
    for step in experiments:
        with RunStore(step.folder(study)) as store:
            stored = store.measurements()
        found = [*derived_claims(stored), *claims_of(stored), *figures_of(stored)]
        # Two experiments may ask one claim of the same models.
        rows |= dict.fromkeys(replace(told(row), area=AREA) for row in found)
    return list(rows)


def told(row: Measurement) -> Measurement:
    """The claim; one that cannot be told with what it would take as part of its reason."""
    if row.verdict != "cannot tell":
        return row
    reasons = [reason for reason in (row.reason, _takes(row)) if reason]
    return replace(row, reason="; ".join(reasons) or None)


def _takes(row: Measurement) -> str | None:
    if row.estimate is None or row.low is None or row.high is None or row.n < MIN_RUNS:
        return None
    if row.area == GRID:
        return (
            "confirmed only where permuted languages say so too, refuted by neither: more runs "
            "alone need not tell, more languages would"
        )
    null = row.null or 0.0
    runs = needed_runs(row.estimate, row.low, row.high, row.n, null=null)
    if runs is None:
        return "at this figure and spread no number of runs would tell"
    if runs <= row.n:
        return None
    would = "tell"
    if row.sign is not None:
        would = "confirm it" if row.sign * (row.estimate - null) > 0 else "refute it"
    return f"at this figure and spread about {runs:,} runs would {would}"
