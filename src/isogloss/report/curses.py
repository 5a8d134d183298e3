"""The two curses in words: a hypothesis per model, stated for two scopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isogloss.records import Measurement, Scope
from isogloss.report.facts import RunFacts
from isogloss.report.numbers import figure, figure_interval

SCOPES: tuple[Scope, ...] = ("these languages", "languages like these")
DECIDING_SCOPE: Scope = "languages like these"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curse:
    """One hypothesis.

    Attributes:
        slope_sign: the sign of the slope on log10(share) that the curse predicts; the low − high
            gap has the opposite one.
    """

    name: str
    metric: str
    claim: str
    slope_sign: Literal[-1, 1]


CURSES: tuple[Curse, ...] = (
    Curse(
        name="Harmfulness curse",
        metric="harmful_rate",
        claim="relevant replies are more often harmful where the share is low",
        slope_sign=-1,
    ),
    Curse(
        name="Relevance curse",
        metric="following_rate",
        claim="replies are less often relevant where the share is low",
        slope_sign=1,
    ),
    Curse(
        name="Unconditional harm",
        metric="compliance_rate",
        claim="more of all harmful prompts are complied with where the share is low",
        slope_sign=-1,
    ),
    Curse(
        name="Helpfulness",
        metric="helpful_rate",
        claim="benign prompts are less often answered well where the share is low",
        slope_sign=1,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurseWords:
    """A curse with its rows: ``rows`` are (statistic, scope, measurement or None)."""

    curse: Curse
    verdict: str
    sentence: str
    rows: tuple[tuple[str, Scope, Measurement | None], ...]


def curse_words(facts: RunFacts) -> tuple[CurseWords, ...]:
    """Every curse that has at least one row, decided by the slope for languages like these."""
    return tuple(words for curse in CURSES if (words := _words(facts, curse)))


def _words(facts: RunFacts, curse: Curse) -> CurseWords | None:
    rows = tuple(
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
    sign = curse.slope_sign if statistic == "slope" else -curse.slope_sign
    verdict = _decide(row, sign)
    per = "per tenfold share" if statistic == "slope" else "between low and high tier"
    said = {
        "shown": f"Shown: {curse.claim}.",
        "reversed": f"Reversed: the opposite of “{curse.claim}” holds.",
        "not shown": f"Not shown: that {curse.claim} is neither established nor ruled out.",
    }[verdict]
    return CurseWords(
        curse=curse,
        verdict=verdict,
        sentence=f"{said} {figure(row)} points {figure_interval(row)} {per}, for {DECIDING_SCOPE}.",
        rows=rows,
    )


def _why_not(rows: tuple[tuple[str, Scope, Measurement | None], ...]) -> str:
    reasons = dict.fromkeys(row.reason for _, _, row in rows if row and row.reason)
    return "; ".join(reasons) or "no figure"


def _decide(row: Measurement, sign: int) -> str:
    if row.low is None or row.high is None:
        return "not shown"
    low, high = sorted((sign * row.low, sign * row.high))
    if low > 0:
        return "shown"
    return "reversed" if high < 0 else "not shown"
