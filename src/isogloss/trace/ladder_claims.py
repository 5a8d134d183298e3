"""Where the curses come from, as questions to the ladders of several seeds.

P1 (Shen et al. 2024, arXiv 2401.13136, section 4) holds that both curses come from pre-training.
The replicate of such a claim is the run: pre-training and every stage anew under each seed. The
claims were fixed, with this reading of the paper, before the first
run: each is confirmed where the intervals of all its figures over three runs or more lie on the
claimed side of 0, refuted where one lies on the other side, and otherwise cannot be told. Intervals
are not corrected for the number of claims; a claim with k figures is refuted at level 1 - 0.05 / k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from isogloss.trace.by_seed import Key
from isogloss.trace.stage_effects import AT_RUNG, CHANGE_GAP, GAP

ORIGIN = "P1, section 4"
GAP_TIERS = "low minus high"


class Gap(NamedTuple):
    """The gap low minus high at a rung, or what a stage changed of it."""

    rate: str
    arm: str
    since: str | None = None

    @property
    def key(self) -> Key:
        kind, category = (
            (GAP, AT_RUNG) if self.since is None else (CHANGE_GAP, f"since {self.since}")
        )
        return Key(f"{self.rate}_{kind}", self.arm, category, None, GAP_TIERS)


class Figure(NamedTuple):
    """One gap, or one less another."""

    gap: Gap
    less: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim.

    Attributes:
        words: the claim, in ours.
        source: where the paper makes or implies it.
        said: what the figures are, for people.
        figures: all of them must lie on the claimed side of 0.
        sign: which side that is.
        premise: must surely be above 0, or the claim has no object.
    """

    words: str
    source: str
    said: str
    figures: tuple[Figure, ...]
    sign: Literal[1, -1] = 1
    premise: Figure | None = None

    @property
    def needs(self) -> tuple[Figure, ...]:
        """Every figure that a run must have to count."""
        return self.figures if self.premise is None else (*self.figures, self.premise)


HARM, FOLLOWING = "harmful_rate", "following_rate"
AT_BASE = Gap(HARM, "base")
BY_TUNING = Gap(HARM, "helpful", "base")
BY_SAFETY = Gap(HARM, "chat", "helpful")

CLAIMS: tuple[Claim, ...] = (
    Claim(
        words="a gap in harmful rate exists before alignment (base)",
        source=ORIGIN, said="harmful rate at base, low minus high",
        figures=(Figure(AT_BASE),),
    ),
    Claim(
        words="instruction tuning (helpful) widens the gap in harmful rate",
        source="ours, after P1, section 4",
        said="harmful rate, change in low minus change in high since base",
        figures=(Figure(BY_TUNING),),
    ),
    Claim(
        words="safety training (chat) widens the gap in harmful rate",
        source="ours, after P1, section 4",
        said="harmful rate, change in low minus change in high since helpful",
        figures=(Figure(BY_SAFETY),),
    ),
    Claim(
        words="a gap in following rate exists at base",
        source=ORIGIN, said="following rate at base, low minus high",
        figures=(Figure(Gap(FOLLOWING, "base")),), sign=-1,
    ),
    Claim(
        words="the largest part of the final gap in harmful rate is made by safety training",
        source="ours, after P1, section 4",
        said="part of chat minus part of base, and minus part of helpful",
        figures=(Figure(BY_SAFETY, AT_BASE), Figure(BY_SAFETY, BY_TUNING)),
        premise=Figure(Gap(HARM, "chat")),
    ),
)  # fmt: skip
