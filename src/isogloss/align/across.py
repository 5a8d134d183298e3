"""The same experiment under several seeds: figures with intervals over runs, and P1's claims.

The replicate of a claim about training is the run: base model, data and training all under the
seed. Figures get Student's t over runs, arms are compared by differences paired by seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from isogloss.align.claims import CLAIMS, Claim, Values
from isogloss.align.outcomes import AREA as CHANGES
from isogloss.align.outcomes import GATE
from isogloss.align.reward_accuracy import AREA as REWARDS
from isogloss.align.reward_accuracy import OVERCONFIDENCE
from isogloss.lab.recipe import group_of
from isogloss.records import CLAIM, Measurement
from isogloss.stats.intervals import Estimate
from isogloss.stats.paired import t_over_runs
from isogloss.stats.verdict import MIN_RUNS, claim_verdict

AREA = "align over runs"


class Key(NamedTuple):
    """What a figure is of; its rows differ in the target alone."""

    area: str
    metric: str
    arm: str
    category: str | None
    language: str | None
    tier: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One seed.

    Attributes:
        rows: of areas ``align`` and ``align reward``.
    """

    seed: int
    rows: Mapping[Key, Measurement]


def collect_runs(rows: Sequence[Measurement]) -> dict[str, list[Run]]:
    """Group (target without its seed) → its runs."""
    found: dict[str, dict[int, dict[Key, Measurement]]] = {}
    for row in rows:
        if row.area not in (CHANGES, REWARDS) or row.metric in (GATE, OVERCONFIDENCE):
            continue
        group, seed = group_of(row.target)
        found.setdefault(group, {}).setdefault(seed, {})[key_of(row)] = row
    return {
        group: [Run(seed=seed, rows=mine) for seed, mine in sorted(runs.items())]
        for group, runs in found.items()
    }


def key_of(row: Measurement) -> Key:
    """The figure a row is of."""
    return Key(row.area, row.metric, row.arm, row.category, row.language, row.tier)


def across_rows(rows: Sequence[Measurement]) -> list[Measurement]:
    """Every figure over runs, then the claims; area ``align over runs``.

    ``target`` is the group, ``variant`` the area the figure comes from. A claim has the metric
    ``claim``, its words in ``category``, and ``confirmed``, ``refuted`` or ``cannot tell``.
    """
    found: list[Measurement] = []
    for group, runs in collect_runs(rows).items():
        keys = list(dict.fromkeys(key for run in runs for key in run.rows))
        for key in keys:
            mine = [run.rows[key] for run in runs if key in run.rows]
            values = [row.estimate for row in mine if row.estimate is not None]
            seeds = [r.seed for r in runs if key in r.rows and r.rows[key].estimate is not None]
            found.append(_row(group, key, mine[0], t_over_runs(values), seeds))
        found += [_claim_row(claim, group, runs) for claim in CLAIMS]
    return [row for row in found if row.metric != CLAIM or row.n]


def _row(
    group: str, key: Key, like: Measurement, found: Estimate, seeds: Sequence[int]
) -> Measurement:
    return Measurement(
        area=AREA,
        metric=key.metric,
        target=group,
        arm=key.arm,
        judge=like.judge,
        language=key.language,
        tier=key.tier,
        category=key.category,
        variant=key.area,
        n=found.n,
        n_clusters=found.n_clusters,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        unit=like.unit,
        method=f"{found.method}, seeds {', '.join(map(str, seeds)) or 'none'}",
        scope="runs",
        detectable=found.detectable,
        p_value=found.p_value,
        reason=found.reason,
    )


def _claim_row(claim: Claim, group: str, runs: Sequence[Run]) -> Measurement:
    values: list[float] = []
    seeds: list[int] = []
    for run in runs:
        value = claim.figure(Values({key[1:]: row.estimate for key, row in run.rows.items()}))
        if value is not None:
            values.append(value)
            seeds.append(run.seed)
    found = t_over_runs(values)
    verdict = claim_verdict(found, sign=claim.sign, null=claim.null)
    reason = found.reason
    if verdict == "cannot tell" and found.n < MIN_RUNS:
        reason = f"{found.n} run(s); {MIN_RUNS} are needed for a verdict"
    return Measurement(
        area=AREA,
        metric=CLAIM,
        target=group,
        category=claim.words,
        variant=claim.source,
        n=found.n,
        n_clusters=found.n_clusters,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        unit=claim.unit,
        method=f"{claim.said}; {found.method}, seeds {', '.join(map(str, seeds)) or 'none'}",
        scope="runs",
        detectable=found.detectable,
        p_value=None if claim.null else found.p_value,
        verdict=verdict,
        reason=reason,
        sign=claim.sign,
        null=claim.null,
    )
