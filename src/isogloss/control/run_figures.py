"""One experiment in a few figures: what runs, mixes and sizes are compared by.

They are computed from the experiment's stored rates by language. A figure is the plain mean over
the languages of a place: of a tier, of all but the source, or one language by itself; where one of
them is not measured it is not measured either, since means over other languages in every run would
be differences of languages. An arm that steers nothing changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from isogloss.control.arms import GUARD, NONE, OWN, PLACEBOS, SOURCE
from isogloss.control.table import AGAINST_OWN, AS_GOOD, BEYOND, LEFT, WITHOUT_SOURCE
from isogloss.records import ORIGINAL, Measurement

RATES = (
    "compliance_rate", "refusal_rate", "over_refusal", "helpful_rate", "actionable_rate",
)  # fmt: skip
PLACEBO_MEAN = "placebos"
"""The arm under which the mean change of all placebos stands."""
TIERS = ("english", "high", "medium", "low")
"""In the order of the rows; other tiers follow."""

Figure = float | str
"""A value, or why there is none."""


class Place(NamedTuple):
    """Where a figure is taken: a language, a tier, or the average without the source."""

    language: str | None = None
    tier: str | None = None
    category: str | None = None


class Key(NamedTuple):
    """What a figure is of.

    Metrics are rates of an arm (`RATES`), their changes since the unsteered model
    (``RATE_change``), `AS_GOOD` (compliance under the source's direction minus that under the own;
    without the source) and `BEYOND` (change of compliance minus the placebos' mean change).
    """

    metric: str
    arm: str
    place: Place


EVERYWHERE = Place(category=WITHOUT_SOURCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """One experiment's figures.

    Attributes:
        target: whose.
        like: one of its rows, for what all of them share.
        figures: in the order of their rows.
        p_values: by rank among the placebos, of `BEYOND`, where the experiment has one.
    """

    target: str
    like: Measurement
    figures: dict[Key, Figure]
    p_values: dict[Key, float] = field(default_factory=dict[Key, float])


def run_figures(rows: Sequence[Measurement]) -> RunFigures:
    """The figures of one experiment's rows.

    Args:
        rows: of area ``control`` and one target.
    """
    table = _Table(rows)
    found: dict[Key, Figure] = {}
    for place, languages in table.places():
        for metric in RATES:
            for arm in table.arms:
                found[Key(metric, arm, place)] = table.rate(metric, arm, languages)
            for arm in table.changing:
                found[Key(f"{metric}_change", arm, place)] = table.change(metric, arm, languages)
        found |= _comparisons(table, place, languages)
    return RunFigures(
        target=rows[0].target,
        like=rows[0],
        figures=found,
        p_values={
            Key(BEYOND, row.arm, EVERYWHERE): row.p_value
            for row in rows
            if row.metric == BEYOND and row.category == WITHOUT_SOURCE and row.p_value is not None
        },
    )


def _comparisons(table: _Table, place: Place, languages: Sequence[str]) -> dict[Key, Figure]:
    """The source's arm against the own, and both kinds of the source's against the placebos."""
    found: dict[Key, Figure] = {}
    others = [language for language in languages if language != table.source]
    if others and {OWN, SOURCE} <= set(table.arms):
        found[Key(AS_GOOD, AGAINST_OWN, place)] = difference(
            table.rate("compliance_rate", SOURCE, others),
            table.rate("compliance_rate", OWN, others),
        )
    for arm in (SOURCE, GUARD):
        if arm in table.arms and table.placebos:
            found[Key(BEYOND, arm, place)] = difference(
                table.change("compliance_rate", arm, languages),
                table.change("compliance_rate", PLACEBO_MEAN, languages),
            )
    return found


def difference(first: Figure, second: Figure) -> Figure:
    """The difference, or why there is none."""
    if isinstance(first, str):
        return first
    return second if isinstance(second, str) else first - second


class _Table:
    """Rates by arm and language."""

    def __init__(self, rows: Sequence[Measurement]) -> None:
        self.source = rows[0].source_language
        self._cells = {
            (row.metric, row.arm, row.language): row
            for row in rows
            if row.metric in RATES and row.language is not None and row.variant in (None, ORIGINAL)
        }
        chosen = [row for row in rows if row.metric == "chosen_setting"]
        steering = {row.arm for row in chosen if row.verdict != LEFT}
        self._left = {row.arm for row in chosen} - steering
        measured = [row.arm for row in self._cells.values()]
        arms = dict.fromkeys([NONE, *(row.arm for row in chosen), *measured])
        self.arms = tuple(arm for arm in arms if not arm.startswith(PLACEBOS))
        self.placebos = tuple(arm for arm in arms if arm.startswith(PLACEBOS))
        self._tiers = {
            row.language: row.tier or "unknown"
            for row in self._cells.values()
            if row.arm == NONE and row.language is not None
        }

    @property
    def changing(self) -> tuple[str, ...]:
        """Arms that may differ from the unsteered model, and the placebos' mean."""
        return (*self.arms[1:], PLACEBO_MEAN) if self.placebos else self.arms[1:]

    def places(self) -> Iterator[tuple[Place, list[str]]]:
        """Tiers, the average without the source, languages; each with its languages."""
        for tier in sorted(set(self._tiers.values()), key=_order):
            yield Place(tier=tier), [tag for tag, found in self._tiers.items() if found == tier]
        others = [tag for tag in self._tiers if tag != self.source]
        if others:
            yield EVERYWHERE, others
        for tag, tier in self._tiers.items():
            yield Place(language=tag, tier=tier), [tag]

    def rate(self, metric: str, arm: str, languages: Sequence[str]) -> Figure:
        """Mean of an arm's rate over languages."""
        return _mean([self._rate(metric, arm, language) for language in languages])

    def change(self, metric: str, arm: str, languages: Sequence[str]) -> Figure:
        """Mean change of a rate since the unsteered model; of all placebos for their mean."""
        arms = self.placebos if arm == PLACEBO_MEAN else (arm,)
        plain = self.rate(metric, NONE, languages)
        return _mean([difference(self.rate(metric, one, languages), plain) for one in arms])

    def _rate(self, metric: str, arm: str, language: str) -> Figure:
        row = self._cells.get((metric, NONE if arm in self._left else arm, language))
        if row is None:
            return f"{language}: no such row"
        if row.estimate is None or row.verdict == "unverified":
            return f"{language}: {row.reason or 'not measured'}"
        return row.estimate


def _mean(values: Sequence[Figure]) -> Figure:
    """Of all of them, or the first reason why one is missing."""
    known = [value for value in values if not isinstance(value, str)]
    if len(known) < len(values):
        return next(value for value in values if isinstance(value, str))
    return float(np.mean(known))


def _order(tier: str) -> tuple[int, str]:
    return (TIERS.index(tier) if tier in TIERS else len(TIERS)), tier
