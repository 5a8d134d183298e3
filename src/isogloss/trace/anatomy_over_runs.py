"""Anatomies under several seeds: every figure with its interval over runs, and the claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isogloss.records import CLAIM, Measurement
from isogloss.stats.intervals import Estimate
from isogloss.stats.paired import t_over_runs
from isogloss.stats.verdict import MIN_RUNS, claim_verdict
from isogloss.trace.anatomy_claims import CLAIMS, Claim
from isogloss.trace.by_seed import Key, rows_by_key, rows_by_seed
from isogloss.trace.link_rows import AREA as ANATOMY

AREA = "trace anatomy over runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The rows of one seed."""

    seed: int
    rows: Mapping[Key, Measurement]

    @property
    def values(self) -> dict[Key, float | None]:
        """Every figure; None where it was not measured."""
        return {key: row.estimate for key, row in self.rows.items()}


def collect_runs(rows: Sequence[Measurement]) -> dict[str, list[Run]]:
    """Lab without its seed → its runs. Other targets have no seeds."""
    found = rows_by_seed(row for row in rows if row.area == ANATOMY)
    return {
        group: [Run(seed=seed, rows=rows_by_key(mine)) for seed, mine in runs.items()]
        for group, runs in found.items()
    }


def over_runs_rows(rows: Sequence[Measurement]) -> list[Measurement]:
    """Every figure over runs, then the claims; area ``trace anatomy over runs``.

    Means are over the runs in which a figure was measured (a run without a failure has no shares);
    ``n`` and the method say which. Claims have the metric ``claim``, their words in ``category``,
    and ``confirmed``, ``refuted`` or ``cannot tell``.
    """
    found: list[Measurement] = []
    for group, runs in collect_runs(rows).items():
        keys = dict.fromkeys(key for run in runs for key in run.rows)
        found += [_figure_row(group, key, runs) for key in keys]
        found += [_claim_row(claim, group, runs) for claim in CLAIMS]
    return found


def _figure_row(group: str, key: Key, runs: Sequence[Run]) -> Measurement:
    mine = [(run.seed, run.rows[key]) for run in runs if key in run.rows]
    known = [(seed, row.estimate) for seed, row in mine if row.estimate is not None]
    found = t_over_runs([value for _, value in known])
    reason = found.reason if known else f"not measured in any run (such as: {mine[0][1].reason})"
    like = mine[0][1]
    return Measurement(
        area=AREA,
        metric=key.metric,
        arm=key.arm,
        category=key.category,
        language=key.language,
        tier=key.tier,
        unit=like.unit,
        judge=like.judge,
        verdict=None if known else "not measured",
        **_of_runs(group, found, [seed for seed, _ in known], ""),
        reason=reason,
    )


def _claim_row(claim: Claim, group: str, runs: Sequence[Run]) -> Measurement:
    values = {run.seed: claim.figure(run.values) for run in runs}
    known = {seed: value for seed, value in values.items() if value is not None}
    found = t_over_runs(list(known.values()))
    reason = found.reason
    if found.n < MIN_RUNS:
        reason = f"measured in {found.n} run(s); {MIN_RUNS} are needed for a verdict"
    fields = _of_runs(group, found, list(known), f"{claim.said}; ")
    if claim.null:
        fields["p_value"] = None  # it is of the difference from 0
    return Measurement(
        area=AREA,
        metric=CLAIM,
        category=claim.words,
        variant=claim.source,
        unit="rate" if claim.null else "rate difference",
        verdict=claim_verdict(found, sign=claim.sign, null=claim.null),
        **fields,
        reason=reason,
        sign=claim.sign,
        null=claim.null,
    )


def _of_runs(group: str, found: Estimate, seeds: Sequence[int], said: str) -> dict[str, Any]:
    return {
        "target": group,
        "n": found.n,
        "n_clusters": found.n_clusters,
        "estimate": found.estimate,
        "low": found.low,
        "high": found.high,
        "scope": "runs",
        "method": f"{said}{found.method}, seeds {', '.join(map(str, seeds)) or 'none'}",
        "detectable": found.detectable,
        "p_value": found.p_value,
    }
