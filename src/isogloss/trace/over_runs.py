"""A ladder under several seeds: every figure with its interval over runs, and the claims.

The replicate is the run: pre-training and every stage anew under each seed. Figures get Student's
t over runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from isogloss.align.claims import minus
from isogloss.records import CLAIM, Measurement
from isogloss.stats.intervals import Estimate
from isogloss.stats.paired import t_over_runs
from isogloss.stats.verdict import MIN_RUNS
from isogloss.trace.by_seed import Key, rows_by_key, rows_by_seed
from isogloss.trace.ladder_claims import CLAIMS, Claim, Figure
from isogloss.trace.stage_effects import AREA as LADDER
from isogloss.trace.stage_effects import GAP_MADE

AREA = "trace ladder over runs"
WIDE = "languages like these"
"""Its rows repeat the estimates of the other scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The rows of one seed."""

    seed: int
    rows: Mapping[Key, Measurement]

    def value(self, figure: Figure) -> float | None:
        """The figure in this run; None where it was not measured."""
        values = [self.rows[gap.key].estimate if gap.key in self.rows else None
                  for gap in figure if gap is not None]  # fmt: skip
        return values[0] if len(values) == 1 else minus(*values)

    def has(self, figure: Figure) -> bool:
        """Whether the rungs it is about are there, measured or not."""
        return all(gap.key in self.rows for gap in figure if gap is not None)


def collect_runs(rows: Sequence[Measurement]) -> dict[str, list[Run]]:
    """Family without its seed → its runs. Only a lab's have seeds."""
    found = rows_by_seed(row for row in rows if row.area == LADDER and row.scope != WIDE)
    return {
        group: [Run(seed=seed, rows=rows_by_key(mine)) for seed, mine in runs.items()]
        for group, runs in found.items()
    }


def over_runs_rows(rows: Sequence[Measurement]) -> list[Measurement]:
    """Every figure over runs, then the claims; area ``trace ladder over runs``.

    Claims have the metric ``claim``, their words in ``category``, and ``confirmed``, ``refuted`` or
    ``cannot tell``; one about rungs that are not there has no row.
    """
    found: list[Measurement] = []
    for group, runs in collect_runs(rows).items():
        keys = dict.fromkeys(key for run in runs for key in run.rows)
        found += [_figure_row(group, key, runs) for key in keys]
        found += [
            claim_row(claim, group, runs)
            for claim in CLAIMS
            if any(all(run.has(figure) for figure in claim.needs) for run in runs)
        ]
    return found


def _figure_row(group: str, key: Key, runs: Sequence[Run]) -> Measurement:
    mine = [(run.seed, run.rows[key]) for run in runs if key in run.rows]
    measured = [(seed, row.estimate) for seed, row in mine if row.estimate is not None]
    unknown = [row for _, row in mine if row.estimate is None]
    found = t_over_runs([value for _, value in measured])
    like = mine[0][1]
    reason, estimate = found.reason, found.estimate
    # A mean of shares over the runs whose last gap is clear would be of chosen runs.
    if unknown and (key.metric.endswith(GAP_MADE) or not measured):
        reason = (
            f"not measured in {len(unknown)} of {len(mine)} runs (such as: {unknown[0].reason})"
        )
        estimate = None
    is_known = estimate is not None
    return Measurement(
        area=AREA,
        metric=key.metric,
        target=group,
        arm=key.arm,
        judge=like.judge,
        language=key.language,
        tier=key.tier,
        category=key.category,
        variant=like.variant,
        n=found.n,
        n_clusters=found.n_clusters,
        estimate=estimate,
        low=found.low if is_known else None,
        high=found.high if is_known else None,
        unit=like.unit,
        method=f"{found.method}, seeds {_listed(seed for seed, _ in measured)}",
        scope="runs",
        detectable=found.detectable if is_known else None,
        p_value=found.p_value if is_known else None,
        verdict=None if is_known else "not measured",
        reason=reason,
    )


def claim_row(claim: Claim, group: str, runs: Sequence[Run]) -> Measurement:
    """The verdict on one claim; shows the figure that is furthest from confirming it."""
    table = [(run.seed, [run.value(figure) for figure in claim.needs]) for run in runs]
    known = [
        (seed, [v for v in values if v is not None]) for seed, values in table if None not in values
    ]
    columns = [[values[at] for _, values in known] for at in range(len(claim.needs))]
    found = [t_over_runs(column) for column in columns]
    asked = found[: len(claim.figures)]
    verdict, reason = _verdict(claim, columns, found)
    if not known:
        reason = f"{reason}; {_why_unmeasured(claim, runs)}"
    shown = min(asked, key=lambda e: claim.sign * (e.estimate or 0.0))
    return Measurement(
        area=AREA,
        metric=CLAIM,
        target=group,
        category=claim.words,
        variant=claim.source,
        n=shown.n,
        n_clusters=shown.n_clusters,
        estimate=shown.estimate,
        low=shown.low,
        high=shown.high,
        unit="rate difference",
        method=f"{claim.said}; {shown.method}, seeds {_listed(seed for seed, _ in known)}",
        scope="runs",
        detectable=shown.detectable,
        p_value=shown.p_value,
        verdict=verdict,
        reason=reason or shown.reason,
        sign=claim.sign,
        null=0.0,
    )


def _verdict(
    claim: Claim, columns: Sequence[Sequence[float]], found: Sequence[Estimate]
) -> tuple[str, str | None]:
    n, k = found[0].n, len(claim.figures)
    if n < MIN_RUNS:
        return "cannot tell", f"measured in {n} run(s); {MIN_RUNS} are needed for a verdict"
    if claim.premise is not None and not (found[-1].low or 0.0) > 0:
        return "cannot tell", "the final gap is not surely there"
    if all(_lowest(e, claim.sign) > 0 for e in found[:k]):
        return "confirmed", None
    strict = [t_over_runs(column, level=1 - 0.05 / k) for column in columns[:k]]
    if any(_lowest(e, -claim.sign) > 0 for e in strict):
        return "refuted", None
    return "cannot tell", None


def _why_unmeasured(claim: Claim, runs: Sequence[Run]) -> str:
    """The first reason that a figure of the claim gives."""
    gaps = [gap for figure in claim.needs for gap in figure if gap is not None]
    rows = [run.rows[gap.key] for run in runs for gap in gaps if gap.key in run.rows]
    return next((row.reason for row in rows if row.estimate is None and row.reason), "no figures")


def _lowest(estimate: Estimate, sign: int) -> float:
    """The end of the interval nearest to refuting ``sign``; 0 where there is no interval."""
    if estimate.low is None or estimate.high is None:
        return 0.0
    return min(sign * estimate.low, sign * estimate.high)


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds)) or "none"
