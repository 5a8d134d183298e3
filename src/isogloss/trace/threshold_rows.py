"""Represented but not acted on: how far the threshold must move, and what that gains and costs.

For every decision variable and k = 1 to 4 labelled examples a class. Metrics:

- ``threshold_shift``: from the model's own threshold to the one that k examples give (negative: it
  must fall, the model refuses too little). Mean over draws; the interval is where the middle 95 %
  of the draws lie.
- ``refusals_gained``: of harmful test questions complied with, those beyond the moved threshold.
- ``recovered`` (``margin`` alone): the same among those ascribed to *not acted on*.
- ``over_refusals_paid``: of benign test questions that were not refused, those beyond it.
- ``net_recovery``: recovered (of scores: gained) minus paid. *recoverable* where its interval lies
  above 0.

The model is not run again: a question beyond the threshold counts as refused. Shares are means over
draws; clusters are resampled, draws are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isogloss.audit.rate_rows import measurement
from isogloss.records import Measurement
from isogloss.seeds import derive_seed
from isogloss.stats.distributions import Array
from isogloss.stats.intervals import clustered_rate, not_measured
from isogloss.stats.paired import rate_difference
from isogloss.stats.resample import percentile_interval
from isogloss.trace.acted_on import EXAMPLES, N_DRAWS, Variable, few_shot_thresholds, share_above
from isogloss.trace.anatomy_items import ItemReadings, Items, Mask
from isogloss.trace.broken_links import BROKEN
from isogloss.trace.link_rows import READINGS, Group, partition
from isogloss.trace.twin_questions import Twin

SHIFT, GAINED, RECOVERED = "threshold_shift", "refusals_gained", "recovered"
PAID, NET = "over_refusals_paid", "net_recovery"
MARGIN = "margin"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """Where k examples put the threshold in every language.

    Attributes:
        thresholds: language → [D].
        beyond: [N] part of the draws in which an item lies beyond it; NaN not measured.
        missing: language → why there is none.
    """

    thresholds: Mapping[str, Array]
    beyond: Array
    missing: Mapping[str, str]


def threshold_rows(
    readings: ItemReadings,
    variables: Sequence[Variable],
    twins: Sequence[Twin],
    groups: Sequence[Group],
    *,
    seed: int,
    common: Mapping[str, Any],
) -> list[Measurement]:
    """The metrics of the module, a language and a tier; ``arm`` the variable, ``category`` k=1…4.

    Args:
        readings: of the test items.
        variables: ``margin`` and scores of directions.
        twins: of the validation split.
        groups: languages and tiers.
        seed: of the draws.
        common: fields of every row.
    """
    reading = READINGS["harmful_compliance"][0]
    link = partition(readings, "harmful_compliance", reading).column(BROKEN["decision"])
    failed = readings.items.failed("harmful_compliance")
    idle = failed & (link == 1)
    rows: list[Measurement] = []
    for variable in variables:
        recovers = idle if variable.name == MARGIN else None
        for k in EXAMPLES:
            moved = _move(readings.items, variable, twins, groups, k, seed)
            for group in groups:
                fields = {
                    **common, **group.fields, "arm": variable.name, "category": f"k={k}",
                }  # fmt: skip
                if variable.can_shift and group.language is not None:
                    rows.append(_shift_row(moved, group.language, variable.unit, fields))
                rows += _gain_rows(readings.items, moved, group, failed, recovers, fields)
    return rows


def _move(
    items: Items,
    variable: Variable,
    twins: Sequence[Twin],
    groups: Sequence[Group],
    k: int,
    seed: int,
) -> _Moved:
    values = items.column(variable.test)
    thresholds: dict[str, Array] = {}
    missing = dict(variable.missing)
    beyond = np.full(len(items.keys), np.nan)
    for language in [group.language for group in groups if group.language is not None]:
        if language in missing:
            continue
        examples = variable.examples(twins, language)
        if examples.n_clusters < k:
            missing[language] = (
                f"{examples.n_clusters} validation clusters; {k} labelled examples a class need "
                "as many"
            )
            continue
        draw = derive_seed(seed, "examples", variable.name, language)
        thresholds[language] = few_shot_thresholds(examples, k, seed=draw)
        mine = items.in_languages([language])
        beyond[mine] = share_above(values[mine], thresholds[language])
    return _Moved(thresholds=thresholds, beyond=beyond, missing=missing)


def _shift_row(moved: _Moved, language: str, unit: str, fields: dict[str, Any]) -> Measurement:
    row = Measurement(
        metric=SHIFT, unit=unit, **fields,
        method=f"midway between both classes' means; middle 95 % of {N_DRAWS} draws of examples",
    )  # fmt: skip
    if language in moved.missing:
        return replace(row, verdict="not measured", reason=moved.missing[language])
    values = moved.thresholds[language]
    low, high = percentile_interval(values)
    return replace(row, n=len(values), estimate=float(values.mean()), low=low, high=high)


def _gain_rows(
    items: Items,
    moved: _Moved,
    group: Group,
    failed: Mask,
    idle: Mask | None,
    fields: dict[str, Any],
) -> list[Measurement]:
    known = items.in_languages(group.languages) & ~np.isnan(moved.beyond)
    why = next((moved.missing[t] for t in group.languages if t in moved.missing), None)
    benign = known & ~items.harmful & ~items.refused
    sides: dict[str, Mask] = {GAINED: known & failed, PAID: benign}
    if idle is not None:
        sides[RECOVERED] = known & idle
    counts: dict[str, tuple[Array, Array]] = {}
    rows: list[Measurement] = []
    for metric, mask in sides.items():
        k = items.by_cluster(np.where(mask, moved.beyond, 0.0))
        counts[metric] = k, items.by_cluster(mask.astype(float))
        found = clustered_rate(*counts[metric])
        if not found.n:
            found = not_measured(found.method, why or "no such test question")
        row = measurement(metric, found, **fields)
        rows.append(replace(row, method=f"mean over {N_DRAWS} draws of examples; {found.method}"))
    first = GAINED if idle is None else RECOVERED
    net = rate_difference(*counts[first], *counts[PAID])
    if net.estimate is None:
        net = replace(net, reason=why or f"no test question for {first} or for {PAID}")
    row = measurement(NET, replace(net, p_value=None), **fields, unit="rate difference")
    method = f"{first} minus {PAID}; mean over {N_DRAWS} draws of examples; {net.method}"
    return [*rows, replace(row, method=method, verdict=row.verdict or _told(row))]


def _told(row: Measurement) -> str:
    low, high = row.low or 0.0, row.high or 0.0
    return "recoverable" if low > 0 else "not recoverable" if high < 0 else "no evidence"
