"""How much of a gap is the instruments': the same gap with one instrument changed at a time.

P1 (Shen et al. 2024, arXiv 2401.13136) measured *translate, ask, translate back, judge* and left
open how much translation and judge distort. Here every gap and slope is shown

- ``raw``: as the audit measured it;
- ``judge-corrected``: with the judge's errors taken out by human labels
  (`isogloss.audit.calibration`);
- ``flagged removed``: without the prompts whose translation a quality check flagged;
- ``second engine``: with the prompts as another engine translated them;

and as a *shift* from raw. A step that this run cannot take is a row without an estimate that says
what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from isogloss.audit.curses import SCOPES
from isogloss.audit.measure import in_order, measure_run, results_of, slice_of
from isogloss.audit.rates import Cells
from isogloss.audit.tally import Array
from isogloss.languages import ShareTable
from isogloss.records import Measurement
from isogloss.stats.distributions import t_quantile
from isogloss.stats.gaps import tier_weights
from isogloss.stats.intervals import summarise_rates
from isogloss.store import RunStore
from isogloss.translate.plan import SECOND_ENGINE

AREA = "instruments"
STEPS = ("raw", "judge-corrected", "flagged removed", "second engine")
CHECKED = ("compliance_rate", "harmful_rate", "following_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What every step reads."""

    store: RunStore
    shares: ShareTable
    samples: int
    common: Mapping[str, Any]

    def cells(self, name: str, *, variant: str, without_flagged: bool = False) -> Cells:
        """Counts of one rate on the cluster and language axes of the whole run."""
        who = {name: self.common[name] for name in ("target", "arm", "judge")}
        clusters = results_of(self.store, **who)["cluster_id"].unique().sort().to_list()
        languages = in_order(self.store.planned()["language"].unique().to_list(), self.shares)
        planned = self.store.planned(without_flagged=without_flagged)
        found = results_of(self.store, **who, without_flagged=without_flagged)
        inside = pl.col("variant") == variant
        part = slice_of(
            found.filter(inside), planned.filter(inside), languages, self.samples, clusters
        )
        return part.cells(name)


def instrument_rows(
    store: RunStore,
    *,
    audit: Sequence[Measurement],
    calibration: Sequence[Measurement],
    variant: str,
    shares: ShareTable,
    samples: int = 1,
    seed: int = 0,
) -> list[Measurement]:
    """Rows of the area ``instruments``: every step of every gap and slope, and its shift from raw.

    Args:
        store: the run; nothing is written.
        audit: the rows of one target, arm and judge (`isogloss.audit.measure.measure_run`).
        calibration: theirs of `isogloss.audit.calibration`; empty where nothing was labelled.
        variant: the primary variant.
        shares: gives tiers and the x axis of slopes.
        samples: planned answers a prompt.
        seed: kept with the rows.

    Returns:
        ``category`` is the step (`STEPS`); ``metric`` is ``harmful_rate_gap``,
        ``harmful_rate_slope``, … and ``harmful_rate_gap_shift`` for its distance from raw; rows
        with a language are that language's rate in this step.
    """
    if not audit:
        return []
    first = audit[0]
    common = {
        "target": first.target, "arm": first.arm, "judge": first.judge, "variant": variant,
        "seed": seed,
    }  # fmt: skip
    run = _Run(store=store, shares=shares, samples=samples, common=common)
    steps: dict[str, Callable[[], Sequence[Measurement] | str]] = {
        "raw": lambda: [row for row in audit if row.variant == variant],
        "judge-corrected": lambda: (
            [row for row in calibration if row.variant == variant]
            or "no human labels: `isogloss label RUN`"
        ),
        "flagged removed": lambda: _without_flagged(run),
        "second engine": lambda: _second_engine(audit),
    }
    rows: list[Measurement] = []
    for step, measured in steps.items():
        rows += _step_rows(step, measured(), common)
    rows += _shift_rows(run, rows)
    return rows


def _step_rows(
    step: str, found: Sequence[Measurement] | str, common: Mapping[str, Any]
) -> list[Measurement]:
    """Gaps and slopes of one step, then its rates by language; a gap that is not there says why."""
    if isinstance(found, str):
        missing, found = found, ()
    else:
        missing = "not measured in this step"
    whole = [row for row in found if row.category is None]
    gaps = {(row.metric, row.scope): row for row in whole if row.language is None}
    rows: list[Measurement] = []
    for name in CHECKED:
        for design, unit in (("gap", "rate difference"), ("slope", "rate per decade of share")):
            for scope in SCOPES:
                metric = f"{name}_{design}"
                nothing = Measurement(
                    area=AREA, metric=metric, scope=scope, unit=unit, verdict="not measured",
                    reason=missing, **common,
                )  # fmt: skip
                rows.append(gaps.get((metric, scope), nothing))
    rows += [row for row in whole if row.metric in CHECKED and row.language is not None]
    return [replace(row, area=AREA, category=step) for row in rows]


def _without_flagged(run: _Run) -> Sequence[Measurement] | str:
    engines = {p.translation.engine for p in run.store.prompt_records() if p.translation}
    if not engines:
        return "no prompt came through `isogloss translate`, which sets the flags"
    planned, kept = run.store.planned(), run.store.planned(without_flagged=True)
    if planned["n"].sum() == kept["n"].sum():
        return "no translation was flagged"
    if kept.is_empty():
        return "every prompt is a flagged translation"
    common = run.common
    return [
        row
        for row in measure_run(
            run.store,
            target=common["target"],
            arm=common["arm"],
            judge=common["judge"],
            shares=run.shares,
            samples=run.samples,
            seed=common["seed"],
            without_flagged=True,
        )
        if row.variant == common["variant"]
    ]


def _second_engine(audit: Sequence[Measurement]) -> Sequence[Measurement] | str:
    rows = [row for row in audit if row.variant == SECOND_ENGINE]
    return rows or "no second engine: `isogloss translate SET --second-engine …`"


def _shift_rows(run: _Run, steps: Sequence[Measurement]) -> list[Measurement]:
    """Every measured step minus raw, on the languages that both could use."""
    by_key = {(row.category, row.metric, row.scope): row for row in steps if row.language is None}
    scope = SCOPES[0]
    rows: list[Measurement] = []
    for name in CHECKED:
        metric = f"{name}_gap"
        raw = by_key["raw", metric, scope]
        for step in STEPS[1:]:
            row = by_key[step, metric, scope]
            shift = replace(
                row,
                metric=f"{metric}_shift",
                estimate=None, low=None, high=None, p_value=None, detectable=None, verdict=None,
            )  # fmt: skip
            if row.estimate is None or raw.estimate is None:
                rows.append(replace(shift, verdict="not measured", reason=row.reason or raw.reason))
            elif step == "judge-corrected":
                rows.append(_corrected_shift(shift, name, steps))
            else:
                rows.append(_paired_shift(run, name, step, shift))
    return rows


def _corrected_shift(shift: Measurement, name: str, steps: Sequence[Measurement]) -> Measurement:
    """Corrected minus raw on the languages that were labelled: leaving out others is no shift."""
    rates: dict[tuple[str | None, str | None], dict[str, float]] = {}
    for row in steps:
        if row.metric == name and row.language and row.estimate is not None and not row.verdict:
            by_language = rates.setdefault((row.category, row.tier), {})
            by_language[row.language] = row.estimate
    means: dict[str, float] = {}
    for tier in ("low", "high"):
        corrected, raw = (rates.get((step, tier), {}) for step in ("judge-corrected", "raw"))
        both = corrected.keys() & raw.keys()
        if not both:
            reason = "no language of both tiers in both steps"
            return replace(shift, verdict="not measured", reason=reason)
        means[tier] = sum(corrected[tag] - raw[tag] for tag in sorted(both)) / len(both)
    return replace(
        shift,
        estimate=means["low"] - means["high"],
        method="corrected minus raw estimate, of the labelled languages",
        reason="its interval is that of the corrected gap around the raw one",
    )


def _paired_shift(run: _Run, name: str, step: str, shift: Measurement) -> Measurement:
    """The change of a tier gap on the same clusters, from how each cluster moves it."""
    primary = run.common["variant"]
    raw = run.cells(name, variant=primary)
    other = (
        run.cells(name, variant=primary, without_flagged=True)
        if step == "flagged removed"
        else run.cells(name, variant=SECOND_ENGINE)
    )
    tiers = np.array([run.shares.tier(language) for language in raw.languages])
    both = raw.usable & other.usable
    low, high = both & (tiers == "low"), both & (tiers == "high")
    if not (low.any() and high.any()):
        return replace(
            shift, verdict="not measured", reason="no language of both tiers in both steps"
        )
    weights = tier_weights(low, high)
    return replace(
        shift, **_linearised(raw, other, weights), n=int(other.trials[:, low | high].sum())
    )


def _linearised(raw: Cells, other: Cells, weights: Array) -> dict[str, Any]:
    """A weighted sum of differences of rates, with a t interval from cluster influences."""
    first = summarise_rates(raw.successes, raw.trials)
    second = summarise_rates(other.successes, other.trials)
    influence = (second.residual - first.residual) @ weights
    moved = (raw.trials.sum(axis=1) > 0) | (other.trials.sum(axis=1) > 0)
    n_clusters = int(moved.sum())
    estimate = float((second.rate - first.rate) @ weights)
    fields: dict[str, Any] = {
        "estimate": estimate,
        "n_clusters": n_clusters,
        "method": "difference of two gaps on the same clusters; linearised, t interval",
    }
    if n_clusters < 2:
        return fields | {"reason": "one cluster has no interval"}
    error = float(np.sqrt(n_clusters / (n_clusters - 1) * np.square(influence).sum()))
    half = float(t_quantile(0.975, n_clusters - 1)) * error
    return fields | {"low": estimate - half, "high": estimate + half, "reason": None}
