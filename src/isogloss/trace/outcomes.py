"""What came of every run: figures by arm, seed and language, and how they become rows over runs.

The replicate is the run. A figure has one value a seed; its interval is Student's t over them, and
two arms are compared by differences paired by seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Literal

from isogloss.align.reward_accuracy import ACCURACY
from isogloss.audit.rate_rows import measurement
from isogloss.audit.rates import RATES
from isogloss.concepts.competence import METRIC as COMPETENCE
from isogloss.records import CLAIM, Measurement
from isogloss.stats.intervals import Estimate
from isogloss.stats.paired import t_over_runs
from isogloss.stats.verdict import MIN_RUNS, claim_verdict
from isogloss.trace.arm_runs import AUDITED, TOKENS
from isogloss.trace.recognised_harm import METRIC as RECOGNITION

OUTCOMES = (*AUDITED, RECOGNITION, ACCURACY, COMPETENCE)
"""What dose-responses and comparisons are of, where measured."""
BETTER: dict[str, int] = {
    name: -RATES[name].worse if name in RATES else 1 for name in OUTCOMES
} | {COMPETENCE: -1}  # fmt: skip
"""+1 where more is better, -1 where less is."""
DIFFERENCE_UNITS = {"rate": "rate difference", "area under the ROC curve": "area difference"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunValues:
    """One figure, run by run.

    Attributes:
        values: seed → value, where measured.
        n_runs: runs there are.
        reason: why some run has no value; None where all have.
    """

    values: Mapping[int, float]
    n_runs: int
    reason: str | None = None

    def combined(
        self, other: RunValues, how: Callable[[float, float], float] = lambda a, b: a - b
    ) -> RunValues:
        """The two of each run as one; by default this minus the other."""
        shared = [seed for seed in self.values if seed in other.values]
        return RunValues(
            values={seed: how(self.values[seed], other.values[seed]) for seed in shared},
            n_runs=self.n_runs,
            reason=self.reason or other.reason,
        )

    def scaled(self, factor: float) -> RunValues:
        """Every run's value times ``factor``."""
        return replace(self, values={seed: factor * v for seed, v in self.values.items()})

    def estimate(self) -> Estimate:
        """Mean over runs with Student's t interval; says where runs are missing."""
        found = t_over_runs(list(self.values.values()))
        missing = self.n_runs - len(self.values)
        if not missing:
            return found
        why = f" (such as: {self.reason})" if self.reason else ""
        return replace(found, reason=f"not measured in {missing} of {self.n_runs} runs{why}")


class Outcomes:
    """The rows of an experiment as figures.

    Args:
        rows: of single runs (areas ``trace arm``, ``trace arm reward``, …), in any order.
    """

    def __init__(self, rows: Iterable[Measurement]) -> None:
        self._rows = {(row.arm, row.seed, row.metric, row.language): row for row in rows}
        self.seeds = sorted({seed for _, seed, _, _ in self._rows if seed is not None})
        present = {metric for _, _, metric, _ in self._rows}
        self.metrics = tuple(name for name in OUTCOMES if name in present)
        self._units = {row.metric: row.unit for row in self._rows.values()}

    def unit(self, metric: str, *, difference: bool = False) -> str:
        """Of a figure, or of the difference of two."""
        unit = self._units[metric]
        return DIFFERENCE_UNITS.get(unit, unit) if difference else unit

    def each(self, arm: str, seed: int, metric: str, languages: Sequence[str]) -> list[float]:
        """One run's values in the languages that are measured, in their order."""
        rows = [self._rows.get((arm, seed, metric, language)) for language in languages]
        return [row.estimate for row in rows if row is not None and row.estimate is not None]

    def of(
        self, arm: str, metric: str, languages: Sequence[str],
        over: Callable[[Sequence[float]], float] = fmean,
    ) -> RunValues:  # fmt: skip
        """The languages' mean (or what ``over`` gives) in every run where all are measured."""
        found = {seed: self.each(arm, seed, metric, languages) for seed in self.seeds}
        values = {
            seed: float(over(each))
            for seed, each in found.items()
            if len(each) == len(languages) > 0
        }
        reason = None
        if len(values) < len(self.seeds):
            reason = self.why_not(arm, metric, languages)
        return RunValues(values=values, n_runs=len(self.seeds), reason=reason)

    def measured_in(
        self, metric: str, languages: Sequence[str], arms: Sequence[str]
    ) -> tuple[str, ...]:  # fmt: skip
        """Those of the languages that are measured in every run of the arms."""
        return tuple(
            language
            for language in languages
            if all(self.each(arm, seed, metric, [language]) for arm in arms for seed in self.seeds)
        )

    def why_not(self, arm: str, metric: str, languages: Sequence[str]) -> str:
        """Why a figure of the arm is not measured: the first reason there is."""
        if not languages:
            return "no language is measured in every run"
        for seed in self.seeds:
            for language in languages:
                row = self._rows.get((arm, seed, metric, language))
                if row is None or row.estimate is None:
                    told = row.reason if row and row.reason else "no such figure"
                    return f"{arm} #{seed}, {language}: {told}"
        return "no runs"

    def log_tokens(self, arm: str, languages: Sequence[str]) -> RunValues:
        """Mean log2 of the languages' pre-training tokens; runs without any text have none."""
        found = self.of(arm, TOKENS, languages, _mean_log2)
        some = {seed: value for seed, value in found.values.items() if value >= 0}
        return replace(found, values=some, reason=found.reason or "no text of it was drawn")


def _mean_log2(each: Sequence[float]) -> float:
    """Below 0 where one of the numbers is 0."""
    return fmean(math.log2(value) if value else -math.inf for value in each)


def run_row(area: str, metric: str, found: RunValues, **fields: Any) -> Measurement:
    """A row over runs; ``method`` among the fields is put before that of the interval."""
    estimate = found.estimate()
    said = fields.pop("method", "")
    row = measurement(metric, estimate, area=area, scope="runs", **fields)
    seeds = ", ".join(map(str, sorted(found.values))) or "none"
    parts = (said, f"{estimate.method}, seeds {seeds}")
    return replace(row, method="; ".join(part for part in parts if part))


def claim_row(
    area: str, found: RunValues, *, sign: Literal[1, -1], **fields: Any
) -> Measurement:  # fmt: skip
    """A row with the verdict on a claim: metric ``claim``; see `isogloss.stats.verdict`."""
    row = run_row(area, CLAIM, found, **fields)
    few = ""
    if row.n < MIN_RUNS:
        few = f"measured in {row.n} run(s); {MIN_RUNS} are needed for a verdict"
    reason = "; ".join(part for part in (few, row.reason) if part) or None
    verdict = claim_verdict(row, sign=sign)
    return replace(row, verdict=verdict, reason=reason, sign=sign, null=0.0)
