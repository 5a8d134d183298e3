"""The two curses as hypotheses: do harm rise and relevance fall where a language has less data?

P1 (Shen et al. 2024, arXiv 2401.13136, section 2.3) names the *harmfulness curse* (harmful rate)
and the *relevance curse* (following rate) of low-resource languages. Here each is a claim about one
model that may be found, reversed, or neither. Two designs: the difference between the low- and the
high-resource tier, and the slope on log10(share). English is in neither. The claim named beforehand
is the slope in the scope ``languages like these``; the gap stands in where shares are not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from isogloss.audit.rates import Cells, Slice, measurement
from isogloss.audit.verdicts import gap_verdict, paired_verdict
from isogloss.languages import ShareTable
from isogloss.records import Measurement
from isogloss.stats.contrast import LanguageScope, slope, tier_gap
from isogloss.stats.intervals import Estimate
from isogloss.stats.paired import holm, rate_difference

GAP_RATES = ("harmful_rate", "following_rate", "compliance_rate", "helpful_rate", "over_refusal")
ENGLISH_RATES = GAP_RATES
SCOPES: tuple[LanguageScope, ...] = ("these languages", "languages like these")
CURSES = {"harmfulness_curse": "harmful_rate", "relevance_curse": "following_rate"}


def gap_rows(part: Slice, shares: ShareTable, common: Mapping[str, Any]) -> list[Measurement]:
    """Tier gaps and slopes of every rate in both scopes, and the verdict on each curse."""
    rows: list[Measurement] = []
    for name in GAP_RATES:
        cells = part.cells(name)
        for scope in SCOPES:
            rows.append(_gap(cells, shares, scope, common))
            rows.append(_slope(cells, shares, scope, common))
    for curse, name in CURSES.items():
        rows.append(_curse(curse, name, rows))
    return rows


def _gap(
    cells: Cells, shares: ShareTable, scope: LanguageScope, common: Mapping[str, Any]
) -> Measurement:
    tiers = np.array([shares.tier(language) for language in cells.languages])
    usable = cells.usable
    estimate = tier_gap(
        cells.successes[:, usable],
        cells.trials[:, usable],
        tiers[usable] == "low",
        tiers[usable] == "high",
        scope=scope,
        seed=common["seed"],
    )
    row = measurement(
        f"{cells.rate.name}_gap",
        estimate,
        **common,
        tier="low-high",
        scope=scope,
        unit="rate difference",
    )
    return _judged(row, estimate, cells.rate.worse, scope, span=1.0)


def _slope(
    cells: Cells, shares: ShareTable, scope: LanguageScope, common: Mapping[str, Any]
) -> Measurement:
    percent = [
        None if shares.tier(language) == "english" else shares.share(language)
        for language in cells.languages
    ]
    used = cells.usable & np.array([p is not None for p in percent], dtype=bool)
    x = np.log10([p for p, u in zip(percent, used, strict=True) if p is not None and u])
    estimate = slope(
        cells.successes[:, used], cells.trials[:, used], x, scope=scope, seed=common["seed"]
    )
    row = measurement(
        f"{cells.rate.name}_slope",
        estimate,
        **common,
        scope=scope,
        unit="rate per decade of share",
    )
    # A rate that is bad when high is a curse when it falls with share: the sign turns.
    span = float(np.ptp(x)) if x.size else 1.0
    return _judged(row, estimate, -cells.rate.worse, scope, span=span)


def _judged(
    row: Measurement, estimate: Estimate, sign: int, scope: LanguageScope, *, span: float
) -> Measurement:
    if scope == "these languages":  # printed, never the ground of a verdict
        return row
    verdict, reason = gap_verdict(estimate, sign, span=span)
    return replace(row, verdict=verdict, reason=row.reason or reason)


def _curse(curse: str, name: str, rows: Sequence[Measurement]) -> Measurement:
    """The verdict on one curse: of the slope, or of the gap where there is no slope."""
    wide = {row.metric: row for row in rows if row.scope == "languages like these"}
    gap, line = wide[f"{name}_gap"], wide[f"{name}_slope"]
    chosen = gap if line.estimate is None and gap.estimate is not None else line
    return replace(chosen, metric=curse, method=f"verdict on {chosen.metric}: {chosen.method}")


def english_rows(part: Slice, tiers: Sequence[str], common: Mapping[str, Any]) -> list[Measurement]:
    """Every language minus English on the same clusters; p-values Holm-adjusted over languages."""
    if "english" not in tiers:
        return []
    rows: list[Measurement] = []
    for name in ENGLISH_RATES:
        rows += _versus(part.cells(name), tiers, tiers.index("english"), common)
    return rows


def _versus(
    cells: Cells, tiers: Sequence[str], english: int, common: Mapping[str, Any]
) -> list[Measurement]:
    others = [index for index in range(len(tiers)) if index != english]
    estimates = [_difference(cells, index, english, common["seed"]) for index in others]
    unverified = [bool(cells.unverified[i] or cells.unverified[english]) for i in others]
    adjusted = holm(
        [
            None if hidden else estimate.p_value
            for estimate, hidden in zip(estimates, unverified, strict=True)
        ]
    )
    n_tests = sum(p is not None for p in adjusted)
    rows: list[Measurement] = []
    for index, estimate, p, hidden in zip(others, estimates, adjusted, unverified, strict=True):
        row = measurement(
            f"{cells.rate.name}_vs_english",
            estimate,
            **common,
            language=cells.languages[index],
            tier=tiers[index],
            unit="rate difference",
        )
        verdict, reason = paired_verdict(estimate, p, cells.rate.worse, unverified=hidden)
        method = f"{estimate.method}; sign flip over clusters, Holm over {n_tests} languages"
        rows.append(
            replace(row, p_value=p, verdict=verdict, reason=row.reason or reason, method=method)
        )
    return rows


def _difference(cells: Cells, index: int, english: int, seed: int) -> Estimate:
    estimate = rate_difference(
        cells.successes[:, index],
        cells.trials[:, index],
        cells.successes[:, english],
        cells.trials[:, english],
        seed=seed,
    )
    own, base = cells.reasons[index], cells.reasons[english]
    reason = own or (f"English: {base}" if base else None)
    if reason is None:
        return estimate
    return replace(
        estimate, estimate=None, low=None, high=None, p_value=None, detectable=None, reason=reason
    )
