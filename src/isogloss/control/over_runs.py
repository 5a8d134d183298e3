"""Experiments in control under several seeds: figures with intervals over runs, and the claims.

The replicate of a claim about training is the run: a group is one recipe under several seeds, its
figures have Student's t over runs, and a further group (another mix, another size) is compared with
the first by differences paired by seed. A model of its own (`hf:`) is a group of one run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from isogloss.audit.rate_rows import measurement
from isogloss.control.arms import NONE, SOURCE
from isogloss.control.claims import CLAIMS, Claim
from isogloss.control.run_figures import (
    RATES,
    Figure,
    Key,
    Place,
    RunFigures,
    difference,
    run_figures,
)
from isogloss.control.settings import Toward
from isogloss.control.table import AREA as CONTROL
from isogloss.control.table import AS_GOOD, MARGIN
from isogloss.lab.recipe import group_of
from isogloss.records import CLAIM, Measurement
from isogloss.stats.intervals import Estimate
from isogloss.stats.paired import t_over_runs
from isogloss.stats.verdict import MIN_RUNS, claim_verdict

AREA = "control over runs"
AS_GOOD_WORDS = {"confirmed": "as good", "refuted": "worse", "cannot tell": "cannot tell"}

Runs = Mapping[int, RunFigures]
"""One group: seed → its figures; a model that has no seed stands under 0."""


def collect_runs(rows: Sequence[Measurement]) -> dict[str, Runs]:
    """Group (target without its seed) → its runs, from the rows of area ``control``."""
    by_target: dict[str, list[Measurement]] = {}
    for row in rows:
        if row.area == CONTROL:
            by_target.setdefault(row.target, []).append(row)
    groups: dict[str, dict[int, RunFigures]] = {}
    for target, mine in by_target.items():
        name, seed = group_of(target)
        groups.setdefault(name, {})[seed] = run_figures(mine)
    return {name: dict(sorted(runs.items())) for name, runs in groups.items()}


def over_runs_rows(rows: Sequence[Measurement], toward: Toward) -> list[Measurement]:
    """Every figure of every run and group, differences to the first group, and the claims.

    - A run's figures have its target and ``seed``; languages by themselves are left out.
    - A group's have the group as ``target``, and intervals over runs.
    - A difference has ``minus GROUP`` as ``variant``.
    - A claim has the metric ``claim``, its words in ``category``, where the paper makes it in
      ``variant`` and ``confirmed``, ``refuted`` or ``cannot tell`` as verdict; one about the sizes
      of models has ``minus GROUP`` as arm.

    Args:
        rows: of area ``control``, of all runs.
        toward: of the experiments.
    """
    groups = collect_runs(rows)
    found: list[Measurement] = []
    for name, runs in groups.items():
        found += [row for seed, run in runs.items() for row in _run_rows(name, run, seed)]
        found += [_figure_row(key, name, runs, toward) for key in _keys(runs)]
    first, *others = groups
    known = _keys(groups[first])
    for name in others:
        shared = [key for key in _keys(groups[name]) if key in known and _is_compared(key)]
        pair = groups[name], groups[first]
        found += [_row(key, name, _paired(key, *pair), pair[0], minus=first) for key in shared]
    asked = [claim for claim in CLAIMS if claim.toward in (None, toward)]
    return found + [row for claim in asked for row in _claim_rows(claim, groups)]


def _keys(runs: Runs) -> dict[Key, None]:
    """All figures that some run has, in their order."""
    return dict.fromkeys(key for run in runs.values() for key in run.figures)


def _is_compared(key: Key) -> bool:
    """Between groups: changes and the unsteered rates, not language by language."""
    return key.place.language is None and (key.metric not in RATES or key.arm == NONE)


def _values(key: Key, runs: Runs) -> dict[int, Figure]:
    return {seed: run.figures[key] for seed, run in runs.items() if key in run.figures}


def _paired(key: Key, runs: Runs, others: Runs) -> dict[int, Figure]:
    mine, theirs = _values(key, runs), _values(key, others)
    return {seed: difference(mine[seed], theirs[seed]) for seed in mine if seed in theirs}


def _over(values: Mapping[int, Figure]) -> Estimate:
    """Student's t over the runs that have the figure; says where runs are missing."""
    known = {seed: value for seed, value in values.items() if not isinstance(value, str)}
    found = t_over_runs(list(known.values()))
    why = next((value for value in values.values() if isinstance(value, str)), None)
    if why is not None:
        missing = len(values) - len(known)
        reason = f"not measured in {missing} of {len(values)} runs (such as: {why})"
        found = replace(found, reason=reason)
    return replace(found, method=f"{found.method}, seeds {', '.join(map(str, known)) or 'none'}")


def _run_rows(group: str, run: RunFigures, seed: int) -> list[Measurement]:
    """Of one run, unless it is all of its group; rates of steered arms follow from the changes."""
    if run.target == group:
        return []
    rows: list[Measurement] = []
    for key, value in run.figures.items():
        if _is_compared(key):
            p = run.p_values.get(key)
            rows.append(
                replace(
                    _row(key, run.target, {seed: value}, {seed: run}),
                    scope="this model",
                    seed=seed,
                    method=None if p is None else "p by rank among the placebos, one-sided",
                    p_value=p,
                    reason=value if isinstance(value, str) else None,
                )
            )
    return rows


def _figure_row(key: Key, name: str, runs: Runs, toward: Toward) -> Measurement:
    row = _row(key, name, _values(key, runs), runs)
    if key.metric != AS_GOOD or row.estimate is None:
        return row
    sign = 1 if toward == "comply" else -1
    verdict = claim_verdict(row, sign=sign, null=-sign * MARGIN)
    method = f"{row.method}; margin {100 * MARGIN:.0f} points"
    return replace(row, verdict=AS_GOOD_WORDS[verdict], method=method)


def _row(
    key: Key, name: str, values: Mapping[int, Figure], runs: Runs, *, minus: str | None = None
) -> Measurement:
    """A figure over runs, or its difference to another group's."""
    like = next(iter(runs.values())).like
    fields: dict[str, Any] = {
        "area": AREA, "target": name, "arm": key.arm, "scope": "runs",
        "judge": like.judge, "concept": like.concept, "source_language": like.source_language,
        "unit": "rate" if key.metric in RATES and minus is None else "rate difference",
    }  # fmt: skip
    row = measurement(key.metric, _over(values), **fields, **key.place._asdict())
    if minus is None:
        return row
    reason = row.reason if values else "the groups share no seed"
    method = f"paired by seed; {row.method}"
    return replace(row, variant=f"minus {minus}", method=method, reason=reason)


def _claim_rows(claim: Claim, groups: Mapping[str, Runs]) -> list[Measurement]:
    rows: list[Measurement] = []
    for name, other in claim.cases(list(groups)):
        runs = groups[name]
        asked = [runs] if other is None else [runs, groups[other]]
        if not all(claim.key in _keys(each) for each in asked) or _is_of_source(claim, runs):
            continue
        values = _values(claim.key, runs)
        if other is not None:
            values = _paired(claim.key, runs, groups[other])
        row = _row(claim.key, name, values, runs, minus=other)
        rows.append(_claim_row(claim, row, len(values), other))
    return rows


def _is_of_source(claim: Claim, runs: Runs) -> bool:
    """Whether what should cross over from the source language is asked of it, too."""
    metric, arm, place = claim.key
    return arm == SOURCE and any(
        Key(metric, arm, Place(language=run.like.source_language, tier=place.tier)) in run.figures
        for run in runs.values()
    )


def _claim_row(claim: Claim, row: Measurement, n_runs: int, other: str | None) -> Measurement:
    reason = row.reason
    if row.n < MIN_RUNS:
        why = f" ({row.reason})" if row.n < n_runs else ""
        reason = f"measured in {row.n} run(s); {MIN_RUNS} are needed for a verdict{why}"
    return replace(
        row,
        metric=CLAIM,
        arm=row.arm if other is None else f"minus {other}",
        category=claim.words,
        variant=claim.source,
        unit="rate difference",
        method=f"{claim.said}; {row.method}",
        p_value=None if claim.null else row.p_value,
        verdict=claim_verdict(row, sign=claim.sign, null=claim.null),
        reason=reason,
        sign=claim.sign,
        null=claim.null,
    )
