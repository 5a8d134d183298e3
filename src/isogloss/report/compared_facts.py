"""Arms side by side over runs: what recipes and ways of measuring have in common on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.records import Measurement
from isogloss.report.facts import TIERS, LanguageFacts

ALL = "all languages"
CHANGE, GAP, GAP_CHANGE = "change", "gap", "gap_change"
Key = tuple[str, str, str | None, str | None]
"""(metric, arm, category, language or tier)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFacts:
    """Arms against the first of them.

    Attributes:
        arms: the reference first.
        labels: arm → what it is called, as short as it stays its own.
        gap_tiers: ``low minus high``; None where there is no gap.
        languages: by falling share.
    """

    reference: str
    arms: tuple[str, ...]
    labels: Mapping[str, str]
    n_runs: int
    metrics: tuple[str, ...]
    gap_tiers: str | None
    languages: tuple[LanguageFacts, ...]
    claims: tuple[Measurement, ...]
    rows: tuple[Measurement, ...]
    index: Mapping[Key, Measurement]

    @property
    def tiers(self) -> tuple[str, ...]:
        """Tiers that are averaged, all languages last."""
        found = {row.tier for row in self.rows if row.language is None and row.category is None}
        return (*(tier for tier in TIERS if tier in found), ALL)

    def level(self, metric: str, arm: str, place: str = ALL) -> Measurement | None:
        """Mean over runs in a language, a tier or all languages."""
        return self.index.get((metric, arm, None, self._place(place)))

    def change(self, metric: str, arm: str, place: str = ALL) -> Measurement | None:
        """Arm minus reference."""
        key = (f"{metric}_{CHANGE}", arm, f"since {self.reference}", self._place(place))
        return self.index.get(key)

    def _place(self, place: str) -> str:
        """A tier of one language has no row of its own."""
        mine = [x.tag for x in self.languages if x.tier == place]
        return mine[0] if len(mine) == 1 else place

    def gap(self, metric: str, arm: str) -> Measurement | None:
        """Low tier minus high tier."""
        return self.index.get((f"{metric}_{GAP}", arm, None, self.gap_tiers))

    def gap_change(self, metric: str, arm: str) -> Measurement | None:
        """An arm's gap minus the reference's."""
        key = (f"{metric}_{GAP_CHANGE}", arm, f"since {self.reference}", self.gap_tiers)
        return self.index.get(key)


def levels_of(rows: Sequence[Measurement]) -> list[Measurement]:
    """Of the rows of an area those that are levels."""
    return [row for row in rows if row.category is None and not row.metric.endswith(f"_{GAP}")]


def gap_tiers_of(rows: Sequence[Measurement]) -> str | None:
    """Between which tiers gaps are; None without one."""
    return next((row.tier for row in rows if row.metric.endswith(f"_{GAP}")), None)


def indexed(rows: Sequence[Measurement]) -> dict[Key, Measurement]:
    """By what a row is of."""
    index: dict[Key, Measurement] = {}
    for row in rows:
        index.setdefault((row.metric, row.arm, row.category, row.language or row.tier), row)
    return index
