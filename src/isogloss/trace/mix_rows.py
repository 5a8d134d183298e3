"""From the runs of several arms to rows over runs; area ``trace mixes``.

- levels, changes, gaps: see `isogloss.trace.tier_rows`.
- which arm serves all best: see `isogloss.trace.standings`.
- ``claim``: words in ``category``, source in ``variant``.
"""

from __future__ import annotations

from dataclasses import replace

from isogloss.records import Measurement
from isogloss.trace.mix_claims import Case, claim_cases
from isogloss.trace.mix_figures import MixFigures
from isogloss.trace.outcomes import claim_row
from isogloss.trace.standings import standing_rows
from isogloss.trace.tier_rows import tier_rows

AREA = "trace mixes"


def mix_rows(figures: MixFigures) -> list[Measurement]:
    """Every row of one comparison."""
    rows = [*tier_rows(AREA, figures), *standing_rows(AREA, figures)]
    measured = figures.outcomes.metrics
    rows += [_claim(figures, case) for case in claim_cases(figures) if case.metric in measured]
    return [replace(row, judge="oracle") for row in rows]


def _claim(figures: MixFigures, case: Case) -> Measurement:
    arm = case.arm or figures.reference
    return claim_row(
        AREA, case.found, sign=case.sign, target=arm.group,
        arm=case.arm.name if case.arm else "all", category=case.words,
        variant=case.source, unit=figures.outcomes.unit(case.metric, difference=True),
        method=case.said,
    )  # fmt: skip
