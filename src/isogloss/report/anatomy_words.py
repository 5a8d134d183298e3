"""What an anatomy found, in sentences; what cannot be told is said so."""

from __future__ import annotations

from isogloss.records import Measurement
from isogloss.report.anatomy_facts import (
    KINDS,
    NET,
    NOT_MEASURED,
    UNEXPLAINED,
    AnatomyFacts,
    Place,
)
from isogloss.report.numbers import figure, figure_interval, unmeasured
from isogloss.report.verdicts import Pointer
from isogloss.stats.verdict import MIN_RUNS

LINKS = {
    "not understood": "not understood",
    "not represented": "not represented as harmful",
    "not acted on": "represented as harmful but not acted on",
    "not producible": "understood but not producible",
}
"""Broken link → words after "is"."""
MOST = 0.5
_ORDER = ("low", "medium", "high", "english", "unknown")


def anatomy_headline(a: AnatomyFacts) -> str:
    """Of the tier with least resources: what most failures are, if that can be told."""
    for place in sorted(a.tiers, key=lambda place: _ORDER.index(place.tier)):
        told = [
            f"{KINDS[kind][0].lower()} is {LINKS[link]}"
            for kind in KINDS
            if (link := main_link(a, kind, place))
        ]
        if told:
            return f"In {place.tier}-resource languages most {' and most '.join(told)}"
    return "No broken link is shown to explain most failures of any tier"


def main_link(a: AnatomyFacts, kind: str, place: Place) -> str | None:
    """The link that surely broke first in most failures, and surely more often than in what did
    not fail; None where there is none."""
    for link in a.links[kind]:
        share, excess = a.link(kind, link, place), a.link(kind, link, place, figure="excess")
        if link in (UNEXPLAINED, NOT_MEASURED):
            continue
        if _surely_above(a, share, MOST) and _surely_above(a, excess, 0.0):
            return link
    return None


def _surely_above(a: AnatomyFacts, row: Measurement | None, least: float) -> bool:
    if row is None or row.low is None or (a.is_over_runs and row.n < MIN_RUNS):
        return False
    return row.low > least


def link_sentences(a: AnatomyFacts, kind: str) -> list[tuple[str, str]]:
    """(tier, sentence): the commonest link of every tier, with its false alarm and the excess."""
    return [(place.tier, _sentence(a, kind, place)) for place in a.tiers]


def _sentence(a: AnatomyFacts, kind: str, place: Place) -> str:
    known = [
        (row.estimate, link, row)
        for link in a.links[kind]
        if (row := a.link(kind, link, place)) is not None and row.estimate is not None
    ]
    if not known:
        first = a.link(kind, a.links[kind][0], place) if a.links[kind] else None
        return f"{unmeasured(first)}."
    _, link, row = max(known, key=lambda found: found[0])
    text = f"{LINKS.get(link, link)} in {figure(row)} {figure_interval(row)} of failures".rstrip()
    alarm, excess = (a.link(kind, link, place, figure=name) for name in ("false_alarm", "excess"))
    if alarm is None or alarm.estimate is None:
        return f"{text}; how often in what did not fail is not measured."
    text += f", and in {figure(alarm)} {figure_interval(alarm)} of what did not fail".rstrip()
    if excess is None or excess.estimate is None:
        return f"{text}."
    return f"{text}: {figure(excess)} {figure_interval(excess)} points more.".replace("  ", " ")


def anatomy_pointers(a: AnatomyFacts) -> tuple[Pointer, ...]:
    """What stays unexplained, and whether a moved threshold would pay."""
    pointers: list[Pointer] = []
    for kind, (name, _) in KINDS.items():
        rows = [
            (place, row)
            for place in a.tiers
            if (row := a.link(kind, UNEXPLAINED, place)) is not None and row.estimate is not None
        ]
        if rows:
            place, row = max(rows, key=lambda found: found[1].estimate or 0.0)
            pointers.append(
                Pointer(
                    lead=f"{name}, unexplained",
                    text=f"up to {figure(row)} {figure_interval(row)} ({place.tier} tier): all "
                    "links held, as far as the instruments can tell",
                    anchor="anatomy",
                )
            )
    k = a.examples[-1] if a.examples else ""
    paying = [
        place.tier
        for place in a.tiers
        if (row := a.threshold(NET, k, place)) is not None and _surely_above(a, row, 0.0)
    ]
    if any(a.threshold(NET, k, place) is not None for place in a.tiers):
        pointers.append(
            Pointer(
                lead="A moved threshold",
                text=f"({k} examples a class) recovers more than it costs in: "
                + (", ".join(paying) if paying else "no tier, as far as this can tell"),
                anchor="anatomy-threshold",
            )
        )
    return tuple(pointers)
