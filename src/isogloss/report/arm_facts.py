"""What every run of an experiment came to: the rows that dose-responses and mixes rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.records import Measurement
from isogloss.stats.verdict import MIN_RUNS

RUNS, RUN_REWARDS = "trace arm", "trace arm reward"
TOKENS, SHARE = "tokens", "share"
METRICS = (
    "following_rate",
    "harmful_rate",
    "compliance_rate",
    "helpful_rate",
    "over_refusal",
    "selectivity",
    "recognition_auroc",
    "reward_accuracy",
    "competence_bits_per_character",
    "refusal_rate",
    "benign_following_rate",
)
"""Figures of a run, in the order of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsOfArms:
    """Figures by arm, seed and language. Build it with `read_runs`.

    Attributes:
        seeds: of the runs.
    """

    seeds: tuple[int, ...]
    _index: Mapping[tuple[str, int | None, str, str | None], Measurement]

    def value(self, arm: str, seed: int, metric: str, languages: Sequence[str]) -> float | None:
        """One run's mean over languages; None unless all of them are measured."""
        rows = [self._index.get((arm, seed, metric, tag)) for tag in languages]
        known = [row.estimate for row in rows if row is not None and row.estimate is not None]
        return sum(known) / len(known) if known and len(known) == len(languages) else None

    def measured_in(self, metric: str, arm: str, languages: Sequence[str]) -> tuple[str, ...]:
        """Those of the languages that every run of an arm has."""
        return tuple(
            tag
            for tag in languages
            if all(self.value(arm, seed, metric, [tag]) is not None for seed in self.seeds)
        )

    def over_runs(self, arm: str, metric: str, languages: Sequence[str]) -> float | None:
        """Plain mean over runs; None unless every run has it."""
        values = [self.value(arm, seed, metric, languages) for seed in self.seeds]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else None


def read_runs(rows: Sequence[Measurement]) -> RunsOfArms:
    """The runs among the rows of a page."""
    mine = [row for row in rows if row.area in (RUNS, RUN_REWARDS)]
    return RunsOfArms(
        seeds=tuple(sorted({row.seed for row in mine if row.seed is not None})),
        _index={(row.arm, row.seed, row.metric, row.language): row for row in mine},
    )


def side_of(row: Measurement | None, higher_is: str) -> str:
    """``better``, ``worse`` or ``different`` where a change over runs surely is; else empty."""
    if row is None or row.low is None or row.high is None or row.n < MIN_RUNS:
        return ""
    if row.low <= 0 <= row.high:
        return ""
    if higher_is == "neither":
        return "different"
    return "better" if (row.low > 0) == (higher_is == "better") else "worse"
