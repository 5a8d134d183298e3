"""What the steps of a study found: every claim with its figure and verdict, and what it would take.

Claims are made where they belong (alignment, ladder, doses, concepts, control) and stored in each
step's folder; here they are gathered, with the curses added, which are a ladder's figures at its
last rung. Nothing is measured here: rows in, rows out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

from isogloss.align.claims import CLAIMS as ALIGN_CLAIMS
from isogloss.concepts.claims import CLAIMS as CONCEPT_CLAIMS
from isogloss.control.claims import CLAIMS as CONTROL_CLAIMS
from isogloss.records import Measurement
from isogloss.report.walk import AREA
from isogloss.stats.power import needed_runs
from isogloss.stats.verdict import MIN_RUNS, claim_verdict
from isogloss.store import RunStore
from isogloss.study.step import Step
from isogloss.trace.anatomy_claims import CLAIMS as ANATOMY_CLAIMS
from isogloss.trace.ladder_claims import GAP_TIERS
from isogloss.trace.over_runs import AREA as LADDER
from isogloss.trace.stage_effects import AT_RUNG


class Curse(NamedTuple):
    """A gap of a ladder as a claim: on which side of 0 it lies if the claim is right."""

    metric: str
    sign: Literal[1, -1]
    words: str


CLAIM = "claim"
LAST_RUNG = "chat"
NULLS = {
    claim.words: claim.null
    for claims in (ALIGN_CLAIMS, CONCEPT_CLAIMS, CONTROL_CLAIMS, ANATOMY_CLAIMS)
    for claim in claims
}
"""Where the value between lies, for claims for which it is not 0."""
CURSES = (
    Curse(
        "harmful_rate_gap", 1,
        "low-resource languages get more harmful answers than high-resource ones (harmfulness "
        "curse)",
    ),
    Curse(
        "following_rate_gap", -1,
        "low-resource languages get less relevant answers than high-resource ones (relevance "
        "curse)",
    ),
    Curse(
        "compliance_rate_gap", 1,
        "low-resource languages get more of their harmful requests answered, every request counted",
    ),
)  # fmt: skip
CURSE_SOURCE = "P1, section 2"


def gather_claims(study: Path, experiments: Sequence[Step]) -> list[Measurement]:
    """The claims of finished experiments, as rows of area ``study``."""
    rows: list[Measurement] = []
    for step in experiments:
        with RunStore(step.folder(study)) as store:
            stored = store.measurements()
        found = [*_curses(stored), *(row for row in stored if row.metric == CLAIM)]
        rows += [replace(told(row), area=AREA) for row in found]
    return rows


def told(row: Measurement) -> Measurement:
    """The claim; one that cannot be told with what it would take as part of its reason."""
    if row.verdict != "cannot tell":
        return row
    reasons = [reason for reason in (row.reason, _takes(row)) if reason]
    return replace(row, reason="; ".join(reasons) or None)


def _takes(row: Measurement) -> str | None:
    if row.estimate is None or row.low is None or row.high is None or row.n < MIN_RUNS:
        return None
    null = NULLS.get(row.category or "", 0.0)
    runs = needed_runs(row.estimate, row.low, row.high, row.n, null=null)
    if runs is None:
        return "if the figure stays no number of runs would tell"
    if runs <= row.n:
        return None
    return f"if the figure stays about {runs:,} runs would tell"


def _curses(rows: Iterable[Measurement]) -> list[Measurement]:
    """The curses of every group of runs, from the gaps at the last rung of a ladder."""
    by_metric = {curse.metric: curse for curse in CURSES}
    found: list[Measurement] = []
    for row in rows:
        about = (row.area, row.arm, row.category, row.tier)
        if row.metric not in by_metric or about != (LADDER, LAST_RUNG, AT_RUNG, GAP_TIERS):
            continue
        curse = by_metric[row.metric]
        verdict = claim_verdict(row, sign=curse.sign)
        said = f"{row.metric.removesuffix('_gap').replace('_', ' ')}, {GAP_TIERS}; {row.method}"
        found.append(
            replace(
                row, metric=CLAIM, category=curse.words, variant=CURSE_SOURCE, method=said,
                verdict=verdict,
            )
        )  # fmt: skip
    return found
