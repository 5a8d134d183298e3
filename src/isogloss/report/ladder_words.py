"""What a ladder found, in sentences; what cannot be told is said so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isogloss.records import Measurement
from isogloss.report.glossary import BY_METRIC
from isogloss.report.ladder_facts import LadderFacts
from isogloss.report.numbers import (
    MINUS,
    NO_BREAK,
    THIN,
    figure,
    figure_interval,
    listed,
    unmeasured,
)
from isogloss.report.verdicts import Pointer
from isogloss.stats.verdict import MIN_RUNS

TOLD = ("harmful_rate", "following_rate", "compliance_rate")
"""The rates of the two curses, and unconditional harm."""
MOST = 0.5
Side = Literal["worse", "better", ""]
"""How the tier with fewer resources surely fares; empty where that is not shown."""

_AT = {
    "worse": "worse where resources are {weak}",
    "better": "better where resources are {weak}",
    "no evidence": "no evidence of a gap",
    "underpowered": "too few prompts or languages to tell",
    "cannot tell": "these runs cannot tell",
    "all alike": "all runs agree",
}
_SINCE = {
    "worse": "did the {weak} tier worse than the {strong}",
    "better": "did the {weak} tier better than the {strong}",
    "no evidence": "no evidence that the gap changed",
    "underpowered": "too few prompts or languages to tell",
    "cannot tell": "these runs cannot tell",
    "all alike": "all runs agree",
}
"""Verdict → words, of a gap and of what a stage did to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateWords:
    """One rate, of one pair of tiers: what is said of every rung.

    Attributes:
        verdict: on the gap at the last rung.
        last: the sentence on it.
        lines: (rung, verdict, sentence); first the gap of the first rung, then every stage.
        instead_of: the pair of tiers that comes first and was not measured at any rung.
    """

    label: str
    sides: str
    verdict: str
    last: str
    lines: tuple[tuple[str, str, str], ...]
    instead_of: str = ""


def side_of(ladder: LadderFacts, rate: str, row: Measurement | None) -> Side:
    """Which side the deciding row of a gap, or of its change, surely lies on."""
    if row is None or row.estimate is None:
        return ""
    if not ladder.is_over_runs:
        known: dict[str, Side] = {
            "found": "worse", "reversed": "better", "worse": "worse", "better": "better",
        }  # fmt: skip
        return known.get(row.verdict or "", "")
    if row.low is None or row.high is None or row.n < MIN_RUNS or row.low <= 0 <= row.high:
        return ""
    is_worse = (row.low > 0) == (BY_METRIC[rate].higher_is == "worse")
    return "worse" if is_worse else "better"


def verdict_of(ladder: LadderFacts, rate: str, row: Measurement | None) -> str:
    """The verdict on a gap or its change; over runs by their interval."""
    if row is None or row.estimate is None:
        return "not measured"
    if not ladder.is_over_runs:
        return side_of(ladder, rate, row) or row.verdict or "cannot tell"
    alike = row.low is None and row.n >= MIN_RUNS
    return side_of(ladder, rate, row) or ("all alike" if alike else "cannot tell")


def rate_words(ladder: LadderFacts) -> tuple[RateWords, ...]:
    """The curses, each of the first pair of tiers that was measured at some rung."""
    found: list[RateWords] = []
    for rate in TOLD:
        if rate not in ladder.rates:
            continue
        sides = next((s for s in ladder.sides if _is_measured(ladder, rate, s)), ladder.sides[0])
        last = len(ladder.rungs) - 1
        found.append(
            RateWords(
                label=BY_METRIC[rate].label,
                sides=sides,
                instead_of="" if sides == ladder.sides[0] else ladder.sides[0],
                verdict=verdict_of(ladder, rate, ladder.deciding(rate, last, sides)),
                last=_sentence(ladder, rate, last, sides, added=False)[2],
                lines=tuple(
                    _sentence(ladder, rate, at, sides, added=True)
                    for at in range(len(ladder.rungs))
                ),
            )
        )
    return tuple(found)


def _is_measured(ladder: LadderFacts, rate: str, sides: str) -> bool:
    rows = (ladder.deciding(rate, at, sides) for at in range(len(ladder.rungs)))
    return any(row is not None and row.estimate is not None for row in rows)


def _sentence(
    ladder: LadderFacts, rate: str, at: int, sides: str, *, added: bool
) -> tuple[str, str, str]:
    row = ladder.deciding(rate, at, sides, added=added)
    verdict = verdict_of(ladder, rate, row)
    weak, _, strong = sides.partition(" minus ")
    is_stage = added and at > 0
    where = ladder.rungs[at].label
    if is_stage:
        where = f"{where}, since {ladder.rungs[at - 1].label}"
    if row is None or row.estimate is None:
        return where, verdict, f"{unmeasured(row)}."
    words = (_SINCE if is_stage else _AT).get(verdict, verdict).format(weak=weak, strong=strong)
    text = f"{words}: {figure(row)} points {figure_interval(row)}".rstrip()
    why = row.reason if verdict in ("underpowered", "no evidence", "cannot tell") else None
    return where, verdict, f"{text}." + (f" {why[:1].upper()}{why[1:].rstrip('.')}." if why else "")


def part(row: Measurement) -> str:
    """A part of the last gap, with its interval, in percent; may be below 0 and above 100.

    Example: ``36 % [21, 52]``.
    """
    if row.estimate is None:
        return "not measured"
    text = f"{_percent(row.estimate)}{THIN}%"
    if row.low is None or row.high is None:
        return text
    return f"{text} [{_percent(row.low)},{NO_BREAK}{_percent(row.high)}]"


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.0f}".replace("-0", "0").replace("-", MINUS)


def ladder_headline(ladder: LadderFacts) -> str:
    """Of the first gap that is surely there at the last rung: where most of it came from."""
    last = len(ladder.rungs) - 1
    for sides in ladder.sides:
        for rate in TOLD:
            if side_of(ladder, rate, ladder.deciding(rate, last, sides)):
                return _origin(ladder, rate, sides)
    return (
        f"No gap between languages is shown at {ladder.rungs[last].label}, as far as this can tell"
    )


def _origin(ladder: LadderFacts, rate: str, sides: str) -> str:
    last = ladder.rungs[-1].label
    weak, _, strong = sides.partition(" minus ")
    what = f"gap in {BY_METRIC[rate].label.lower()}"
    between = f"between {weak}- and {strong}-resource languages"
    if strong == "english":
        between = f"between {weak}-resource languages and English"
    for at, rung in enumerate(ladder.rungs):
        row = ladder.made(rate, at, sides)
        if row is None or row.low is None or row.low <= MOST:
            continue
        if ladder.is_over_runs and row.n < MIN_RUNS:
            continue
        how = f"was there at {rung.label} already" if at == 0 else f"came with {rung.label}"
        return f"Most of {last}’s {what} {between} {how}"
    return f"At {last} there is a {what} {between}; no rung is shown to have made most of it"


def ladder_pointers(ladder: LadderFacts) -> tuple[Pointer, ...]:
    """The first rung's gaps, the stage that did most harm, and what could not be measured."""
    found = (*_first_gaps(ladder), _worst_stage(ladder), _unmeasured(ladder))
    return tuple(pointer for pointer in found if pointer)


def _first_gaps(ladder: LadderFacts) -> list[Pointer]:
    sides, first = ladder.sides[0], ladder.rungs[0].label
    found: list[Pointer] = []
    for rate in TOLD[:2]:
        row = ladder.deciding(rate, 0, sides)
        side = side_of(ladder, rate, row)
        if row is not None and side:
            words = _AT[side].format(weak=sides.partition(" ")[0])
            found.append(
                Pointer(
                    lead=f"At {first} already",
                    text=f"{BY_METRIC[rate].label.lower()} is {words}: {figure(row)} "
                    f"{figure_interval(row)} points",
                    anchor="ladder",
                )
            )
    return found


def _worst_stage(ladder: LadderFacts) -> Pointer | None:
    sides = ladder.sides[0]
    rows = [
        (abs(row.estimate), rate, at, row)
        for rate in ladder.rates
        for at in range(1, len(ladder.rungs))
        if (row := ladder.deciding(rate, at, sides, added=True)) is not None
        and row.estimate is not None
        and side_of(ladder, rate, row) == "worse"
    ]
    if not rows:
        return None
    _, rate, at, row = max(rows, key=lambda found: found[0])
    weak, _, strong = sides.partition(" minus ")
    return Pointer(
        lead=ladder.rungs[at].label,
        text=f"{_SINCE['worse'].format(weak=weak, strong=strong)} in "
        f"{BY_METRIC[rate].label.lower()}: {figure(row)} {figure_interval(row)} points since "
        f"{ladder.rungs[at - 1].label}",
        anchor="ladder-parts",
    )


def _unmeasured(ladder: LadderFacts) -> Pointer | None:
    sides = ladder.sides[0]
    silent = [
        BY_METRIC[rate].label.lower()
        for rate in ladder.rates
        if not _is_measured(ladder, rate, sides)
    ]
    if not silent:
        return None
    return Pointer(
        lead="Not measured",
        text=f"{listed(silent)}, {sides.replace('minus', MINUS)}: too few relevant replies or "
        "languages",
        anchor="unmeasured",
    )
