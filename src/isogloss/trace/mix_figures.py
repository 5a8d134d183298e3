"""The figures by which arms are compared: by language, by tier, over all, and gaps between tiers.

A tier is what the *reference* mix makes of a language, in every arm: the same languages are
compared, whatever share they have there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from isogloss.languages import TIERS
from isogloss.trace.arms import Arm, differences
from isogloss.trace.outcomes import Outcomes, RunValues

ALL = "all languages"
TEXT = frozenset({"shares", "bilingual", "parallel", "extra", "tokenizer", "n_tokens"})
"""Fields of a recipe that are about what is read."""
ARCHITECTURE, SIZE = frozenset({"architecture"}), frozenset({"hidden_size", "n_layers", "n_heads"})


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


class MixFigures:
    """What the runs of several arms came to.

    Args:
        arms: the reference first.
        outcomes: of all of them.
    """

    def __init__(self, arms: Sequence[Arm], outcomes: Outcomes) -> None:
        self.arms, self.outcomes = tuple(arms), outcomes
        self.reference = self.arms[0]
        shares = self.reference.recipe.share_table()
        self.languages = tuple(self.reference.recipe.languages)
        self._tier = {tag: str(shares.tier(tag)) for tag in self.languages}

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
        self, arm: Arm, metric: str, languages: Sequence[str],
        over: Callable[[Sequence[float]], float] = fmean,
    ) -> RunValues:  # fmt: skip
        """Of one arm: the mean (or ``over``) of the languages that every run of all arms has."""
        kept = self.kept(metric, languages)
        kept = kept or (tuple(languages) if len(languages) == 1 else ())
        return self.outcomes.of(arm.name, metric, kept, over)

    def kept(self, metric: str, languages: Sequence[str]) -> tuple[str, ...]:
        """Those of the languages that every run of every arm has the metric in."""
        return self.outcomes.measured_in(metric, languages, [arm.name for arm in self.arms])

    def change(self, arm: Arm, metric: str, languages: Sequence[str]) -> RunValues:
        """Arm minus reference, paired by seed."""
        mine = self.level(arm, metric, languages)
        return mine.combined(self.level(self.reference, metric, languages))

    def gap(self, arm: Arm, metric: str) -> RunValues | None:
        """Low tier minus high tier (English where there is none); None where a tier is empty."""
        weak, strong = self.gap_tiers
        if not weak or not strong:
            return None
        low, high = (self.level(arm, metric, self.of_tier(tier)) for tier in (weak, strong))
        return low.combined(high)

    def gap_change(self, arm: Arm, metric: str) -> RunValues | None:
        """The arm's gap minus the reference's."""
        mine, theirs = self.gap(arm, metric), self.gap(self.reference, metric)
        return None if mine is None or theirs is None else mine.combined(theirs)

    @property
    def gap_tiers(self) -> tuple[str, str]:
        """(weak, strong); empty where there is none."""
        weak = next((tier for tier in ("low", "medium") if self.of_tier(tier)), "")
        strong = next((tier for tier in ("high", "english") if self.of_tier(tier)), "")
        return weak, strong

    def differing_in(self, fields: frozenset[str]) -> list[Arm]:
        """Arms that differ from the reference in these fields of the recipe, and in no others."""
        return [arm for arm in self.arms[1:] if set(differences(arm, self.reference)) <= fields]

    def of_tier(self, tier: str) -> tuple[str, ...]:
        """Its languages, by the reference's shares."""
        return tuple(tag for tag in self.languages if self._tier[tag] == tier)
