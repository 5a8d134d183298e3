"""Both papers section by section: where a claim belongs, and how many held."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from isogloss.records import CLAIM, Measurement
from isogloss.report.numbers import NO_BREAK, figure

AREA = "study"
"""Of the claims of a study's steps, gathered; also the key of its meta. Rows of other metrics than
`CLAIM` are figures that belong to an answer and make no claim."""
VERDICTS = ("confirmed", "refuted", "cannot tell", "not measured")
FINDINGS, OPEN_QUESTIONS = "findings.md", "questions.md"
"""Beside a study's page: the same in words."""
PAPERS = {
    "P1": "Shen et al. 2024, The Language Barrier (arXiv 2401.13136)",
    "P2": "Xu et al. 2024, Exploring Multilingual Concepts of Human Values (arXiv 2402.18120)",
}
_PLACE = re.compile(r"(P\d), sections? (\d+)")


class Place(NamedTuple):
    """A section of a paper; claims of neither come last."""

    paper: str
    section: int


NEITHER = Place("", 0)
TITLES: dict[Place, str] = {
    Place("P1", 2): "Are there two curses?",
    Place("P1", 3): "Does alignment lift them, and for whom?",
    Place("P1", 4): "Where do they come from?",
    Place("P1", 5): "Why does alignment fail, and what would help?",
    Place("P2", 3): "Are values there, as concepts, in every language?",
    Place("P2", 4): "Are they alike, related, transferable?",
    Place("P2", 5): "Can behaviour be controlled across languages?",
    Place("P2", 6): "Which mix to train on?",
    NEITHER: "Beyond both papers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The claims of one section.

    Attributes:
        place: of the section.
        title: its question.
        claims: rows of area ``study``, in the order they were made; equal words stand together.
        figures: rows of it that make no claim and belong to the same section.
    """

    place: Place
    title: str
    claims: tuple[Measurement, ...]
    figures: tuple[Measurement, ...] = ()

    @property
    def rows(self) -> tuple[Measurement, ...]:
        """The claims, then the figures."""
        return (*self.claims, *self.figures)

    @property
    def heading(self) -> str:
        """Section and question."""
        if self.place == NEITHER:
            return self.title
        return f"{self.place.paper}, section {self.place.section}: {self.title}"

    @property
    def short(self) -> str:
        """For tight places."""
        return self.title if self.place == NEITHER else f"{self.place.paper} §{self.place.section}"

    @property
    def anchor(self) -> str:
        """Of its section in a page."""
        if self.place == NEITHER:
            return "beyond"
        return f"{self.place.paper.lower()}-{self.place.section}"


def place_of(source: str) -> Place:
    """Where a claim's source puts it.

    Example:
        >>> place_of("ours; cause for P1, section 5.1")
        Place(paper='P1', section=5)
    """
    found = _PLACE.search(source)
    return Place(found[1], int(found[2])) if found else NEITHER


def claims_of(rows: Iterable[Measurement]) -> list[Measurement]:
    """Those that are claims."""
    return [row for row in rows if row.metric == CLAIM]


def verdict_of(claim: Measurement) -> str:
    """In a word of `VERDICTS`: a claim without a figure is not measured, not undecided."""
    return "not measured" if claim.estimate is None else claim.verdict or "not measured"


def claimed(claim: Measurement) -> str:
    """Where its figure lies if the claim is right: ``> 0``, ``< +5``, ``> 50 %``."""
    if claim.sign is None or claim.null is None:
        return ""
    null = figure(replace(claim, estimate=claim.null)) if claim.null else "0"
    return f"{'>' if claim.sign > 0 else '<'}{NO_BREAK}{null}"


def arm_told(claim: Measurement) -> str:
    """Its arm where that says more than its target does; of recipes side by side it is the same."""
    return "" if claim.arm in ("none", claim.target.partition("@")[0]) else claim.arm


def walk_through(rows: Iterable[Measurement]) -> list[Part]:
    """The rows of a study by section: first P1's, then P2's, then those of neither."""
    parts: dict[Place, list[Measurement]] = {}
    for row in rows:
        parts.setdefault(place_of(row.variant or ""), []).append(row)
    order = sorted(parts, key=lambda place: (place == NEITHER, place))
    return [
        Part(
            place=place,
            title=TITLES.get(place, f"Section {place.section}"),
            claims=tuple(_together(claims_of(parts[place]))),
            figures=tuple(row for row in parts[place] if row.metric != CLAIM),
        )
        for place in order
    ]


def tally(claims: Sequence[Measurement]) -> dict[str, int]:
    """Word of `VERDICTS` → how many claims."""
    counts = Counter(map(verdict_of, claims_of(claims)))
    return {verdict: counts[verdict] for verdict in VERDICTS}


def _together(rows: Sequence[Measurement]) -> list[Measurement]:
    words = list(dict.fromkeys(row.category for row in rows))
    return sorted(rows, key=lambda row: words.index(row.category))
