"""Figures of an experiment read as claims (the curses of a ladder, the predictors of a grid), and
figures that belong to an answer (tokens to parity)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, NamedTuple

from isogloss.records import CLAIM, Measurement
from isogloss.stats.verdict import MIN_RUNS, Verdict, claim_verdict
from isogloss.trace.dose_rows import AREA as DOSE
from isogloss.trace.dose_rows import PARITY
from isogloss.trace.grid_findings import BENEFITS, TESTED
from isogloss.trace.grid_over_runs import CANNOT_TELL
from isogloss.trace.grid_over_runs import OVER_RUNS as GRID
from isogloss.trace.grid_rows import BETTER, DIFFERENCE, NONE_FOUND, WORSE
from isogloss.trace.ladder_claims import GAP_TIERS
from isogloss.trace.over_runs import AREA as LADDER
from isogloss.trace.stage_effects import AT_RUNG

LAST_RUNG = "chat"


class Curse(NamedTuple):
    """A gap of a ladder as a claim: on which side of 0 it lies if the claim is right."""

    metric: str
    sign: Literal[1, -1]
    words: str
    source: str = "P1, section 2"


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
        "P1, section 2; the rate is ours",
    ),
)  # fmt: skip
CURSE_SOURCE = "P1, section 2; the tier is ours"
MEDIUM_TIERS = "medium minus high"
PARITY_SOURCE = "ours, after P1, section 4"
PREDICTOR_SOURCE = "ours, after P1, section 3"
PREDICTOR_VERDICTS: dict[str, Verdict] = {
    BETTER: "confirmed", WORSE: "cannot tell", NONE_FOUND: "cannot tell",
    CANNOT_TELL: "cannot tell",
}  # fmt: skip
"""From a grid's words. Worse than the null refutes nothing: with so few languages any predictor
that says little is."""


def figures_of(rows: Iterable[Measurement]) -> list[Measurement]:
    """What belongs to an answer and makes no claim: how much text would bring a language up to
    others, and the gaps of the medium tier, which claims are not about."""
    return [found for row in rows if (found := _parity(row) or _medium_gap(row)) is not None]


def _parity(row: Measurement) -> Measurement | None:
    if row.area != DOSE or not row.metric.endswith(PARITY):
        return None
    rate = row.metric.removesuffix(f"_{PARITY}").replace("_", " ").replace("auroc", "of harm")
    said = row.verdict or "not measured"
    if row.n >= MIN_RUNS and row.low is None and row.high is None:
        said = "cannot tell"
    elif row.verdict == "reached" and row.high is None:
        said = "reached by the mean over runs, not surely"
    words = f"tokens at which its {rate} is on a level with high-resource languages: {said}"
    return replace(row, category=words, variant=PARITY_SOURCE, verdict=said)


def _medium_gap(row: Measurement) -> Measurement | None:
    """At a ladder's last rung; in small labs often the weakest tier whose rates are measured."""
    curse = next((curse for curse in CURSES if curse.metric == row.metric), None)
    about = (row.area, row.arm, row.category, row.tier)
    if curse is None or about != (LADDER, LAST_RUNG, AT_RUNG, MEDIUM_TIERS):
        return None
    rate = row.metric.removesuffix("_gap").replace("_", " ")
    words = f"{rate}, medium minus high tier (no claim is made of it)"
    said = f"{rate} at {LAST_RUNG}, {MEDIUM_TIERS}; {row.method}"
    return replace(row, category=words, variant=CURSE_SOURCE, method=said)


def derived_claims(rows: Iterable[Measurement]) -> list[Measurement]:
    """The claims that rows of an experiment amount to; none for most experiments."""
    return [claim for row in rows if (claim := _curse(row) or _predictor(row)) is not None]


def _curse(row: Measurement) -> Measurement | None:
    """The gap at a ladder's last rung, over runs."""
    curse = next((curse for curse in CURSES if curse.metric == row.metric), None)
    about = (row.area, row.arm, row.category, row.tier)
    if curse is None or about != (LADDER, LAST_RUNG, AT_RUNG, GAP_TIERS):
        return None
    said = f"{row.metric.removesuffix('_gap').replace('_', ' ')}, {GAP_TIERS}; {row.method}"
    return replace(
        row,
        metric=CLAIM,
        category=curse.words,
        variant=curse.source,
        method=said,
        verdict=claim_verdict(row, sign=curse.sign),
        sign=curse.sign,
        null=0.0,
    )


def _predictor(row: Measurement) -> Measurement | None:
    """What foretells, of a language left out, whom training elsewhere helps."""
    benefit = BENEFITS[0]
    if row.area != GRID or row.metric != f"{benefit}_{DIFFERENCE}" or row.category not in TESTED:
        return None
    if row.verdict not in PREDICTOR_VERDICTS:
        return None
    words = f"what training in one language does to another can be foretold: {row.category}"
    return replace(
        row,
        metric=CLAIM,
        category=words,
        variant=PREDICTOR_SOURCE,
        method=f"{benefit.replace('_', ' ')}, error on left-out languages minus the null model's; "
        f"{row.method}",
        verdict=PREDICTOR_VERDICTS[row.verdict],
        sign=-1,
        null=0.0,
    )
