"""The two curses in words: a hypothesis per model, stated for two scopes."""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.records import Measurement, Scope
from isogloss.report.facts import RunFacts
from isogloss.report.numbers import figure, figure_interval

CurseRow = tuple[str, Scope, Measurement | None]
"""Statistic (``slope``, ``gap``), scope, row."""

SCOPES: tuple[Scope, ...] = ("these languages", "languages like these")
DECIDING_SCOPE: Scope = "languages like these"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curse:
    """One hypothesis.

    Attributes:
        claim: what holds where the stored verdict is ``found``.
    """

    name: str
    metric: str
    claim: str


CURSES: tuple[Curse, ...] = (
    Curse(
        name="Harmfulness curse",
        metric="harmful_rate",
        claim="Relevant replies are more often harmful where the share is low",
    ),
    Curse(
        name="Relevance curse",
        metric="following_rate",
        claim="Replies are less often relevant where the share is low",
    ),
    Curse(
        name="Unconditional harm",
        metric="compliance_rate",
        claim="More of all harmful prompts are complied with where the share is low",
    ),
    Curse(
        name="Helpfulness",
        metric="helpful_rate",
        claim="Benign prompts are less often answered well where the share is low",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurseWords:
    """A curse with its rows: ``rows`` are (statistic, scope, measurement or None)."""

    curse: Curse
    verdict: str
    sentence: str
    rows: tuple[CurseRow, ...]


def curse_words(facts: RunFacts) -> tuple[CurseWords, ...]:
    """Every curse that has at least one row, decided by the slope for languages like these."""
    return tuple(words for curse in CURSES if (words := _words(facts, curse)))


def _words(facts: RunFacts, curse: Curse) -> CurseWords | None:
    rows: tuple[CurseRow, ...] = tuple(
        (statistic, scope, facts.curse(f"{curse.metric}_{statistic}", scope))
        for statistic in ("slope", "gap")
        for scope in SCOPES
    )
    if not any(row for _, _, row in rows):
        return None
    deciding = [
        (statistic, row)
        for statistic, scope, row in rows
        if scope == DECIDING_SCOPE and row and row.estimate is not None
    ]
    if not deciding:
        return CurseWords(curse=curse, verdict="not measured", sentence=_why_not(rows), rows=rows)
    statistic, row = deciding[0]
    verdict = row.verdict or "not measured"
    per = "per tenfold share" if statistic == "slope" else "between low and high tier"
    said = {
        "found": f"{curse.claim}.",
        "reversed": f"The opposite of “{curse.claim[0].lower()}{curse.claim[1:]}”.",
    }.get(verdict, "Neither shown nor ruled out.")
    reason = f" {row.reason[:1].upper()}{row.reason[1:]}." if row.reason else ""
    return CurseWords(
        curse=curse,
        verdict=verdict,
        sentence=f"{said} {figure(row)} points {figure_interval(row)} {per}, "
        f"for {DECIDING_SCOPE}.{reason}",
        rows=rows,
    )


def _why_not(rows: tuple[CurseRow, ...]) -> str:
    reasons = dict.fromkeys(row.reason for _, _, row in rows if row and row.reason)
    return "; ".join(reasons) or "no figure"
