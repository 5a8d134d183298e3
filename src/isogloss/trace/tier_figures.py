"""The figures by which arms are compared: by language, by tier, over all, and gaps between tiers.

An arm is whatever runs differ in: a recipe, or how one model is measured. A language's tier is the
same in every arm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Generic, Protocol, TypeVar

from isogloss.languages import TIERS
from isogloss.trace.outcomes import Outcomes, RunValues

ALL = "all languages"


class Compared(Protocol):
    """An arm: its name in rows, and the target without a seed."""

    @property
    def name(self) -> str: ...
    @property
    def group(self) -> str: ...


A = TypeVar("A", bound=Compared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Languages that are averaged; a single one by itself has its tag in ``language``."""

    languages: tuple[str, ...]
    tier: str
    language: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """What rows about it say."""
        return {"language": self.language, "tier": self.tier}


class TierFigures(Generic[A]):
    """What the runs of several arms came to.

    Args:
        arms: the reference first.
        tiers: language → tier.
        tiers_by: whose shares make the tiers, for methods.
        outcomes: of all arms.
    """

    def __init__(
        self, arms: Sequence[A], tiers: Mapping[str, str], tiers_by: str, outcomes: Outcomes
    ) -> None:
        self.arms, self.outcomes = tuple(arms), outcomes
        self.reference = self.arms[0]
        self.tiers_by = tiers_by
        self.languages = tuple(tiers)
        self._tier = dict(tiers)

    def said(self, arm: A) -> str:
        """What sets an arm apart from the reference, for methods."""
        return f"{arm.name} minus {self.reference.name}"

    def single(self) -> list[Part]:
        """Each language."""
        return [
            Part(languages=(tag,), tier=self._tier[tag], language=tag) for tag in self.languages
        ]

    def averages(self) -> list[Part]:
        """Every tier of several languages, and all languages together."""
        parts = [Part(languages=self.of_tier(tier), tier=tier) for tier in TIERS]
        several = [part for part in parts if len(part.languages) > 1]
        return [*several, Part(languages=self.languages, tier=ALL)]

    def level(
        self, arm: A, metric: str, languages: Sequence[str],
        over: Callable[[Sequence[float]], float] = fmean,
    ) -> RunValues:  # fmt: skip
        """Of one arm: the mean (or ``over``) of the languages that every run of all arms has."""
        kept = self.kept(metric, languages)
        kept = kept or (tuple(languages) if len(languages) == 1 else ())
        return self.outcomes.of(arm.name, metric, kept, over)

    def kept(self, metric: str, languages: Sequence[str]) -> tuple[str, ...]:
        """Those of the languages that every run of every arm has the metric in."""
        return self.outcomes.measured_in(metric, languages, [arm.name for arm in self.arms])

    def change(self, arm: A, metric: str, languages: Sequence[str]) -> RunValues:
        """Arm minus reference, paired by seed."""
        mine = self.level(arm, metric, languages)
        return mine.combined(self.level(self.reference, metric, languages))

    def gap(self, arm: A, metric: str) -> RunValues | None:
        """Low tier minus high tier (English where there is none); None where a tier is empty."""
        weak, strong = self.gap_tiers
        if not weak or not strong:
            return None
        low, high = (self.level(arm, metric, self.of_tier(tier)) for tier in (weak, strong))
        return low.combined(high)

    def gap_change(self, arm: A, metric: str) -> RunValues | None:
        """The arm's gap minus the reference's."""
        mine, theirs = self.gap(arm, metric), self.gap(self.reference, metric)
        return None if mine is None or theirs is None else mine.combined(theirs)

    @property
    def gap_tiers(self) -> tuple[str, str]:
        """(weak, strong); empty where there is none."""
        return gap_tiers(self._tier)

    def of_tier(self, tier: str) -> tuple[str, ...]:
        """Its languages."""
        return tuple(tag for tag in self.languages if self._tier[tag] == tier)


def gap_tiers(tiers: Mapping[str, str]) -> tuple[str, str]:
    """Of languages' tiers the (weak, strong) ones that a gap is between; empty where there is none.

    Example:
        >>> gap_tiers({"en": "english", "fr": "high", "sw": "low"})
        ('low', 'high')
    """
    present = set(tiers.values())
    weak = next((tier for tier in ("low", "medium") if tier in present), "")
    strong = next((tier for tier in ("high", "english") if tier in present), "")
    return weak, strong
