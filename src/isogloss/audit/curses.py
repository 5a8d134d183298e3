"""The two curses as hypotheses: do harm rise and relevance fall where a language has less data?

P1 (Shen et al. 2024, arXiv 2401.13136, section 2.3) names the *harmfulness curse* (harmful rate)
and the *relevance curse* (following rate) of low-resource languages. Here each is a claim about one
model that may be found, reversed, or neither. Two designs: the difference between the low- and the
high-resource tier, and the slope on log10(share). English is in neither. Verdicts rest on the scope
``languages like these``; the verdict on a curse takes both designs and Holm-corrects for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from isogloss.audit.rate_rows import measurement
from isogloss.audit.rates import Cells, Slice
from isogloss.audit.verdicts import ALPHA, gap_verdict, paired_verdict
from isogloss.languages import ShareTable
from isogloss.records import Measurement
from isogloss.stats.contrast import LanguageScope
from isogloss.stats.gaps import slope, tier_gap
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
        rows += _gaps(cells, shares, common)
        rows += _slopes(cells, shares, common)
    return rows + [_curse(curse, name, rows) for curse, name in CURSES.items()]


def _gaps(cells: Cells, shares: ShareTable, common: Mapping[str, Any]) -> list[Measurement]:
    tiers = np.array([shares.tier(language) for language in cells.languages])
    used = cells.usable
    counts = cells.successes[:, used], cells.trials[:, used]
    members = tiers[used] == "low", tiers[used] == "high"
    fields = dict(common) | {"tier": "low-high", "unit": "rate difference"}
    return _both_scopes(
        f"{cells.rate.name}_gap",
        lambda scope: tier_gap(*counts, *members, scope=scope),
        fields,
        worse=cells.rate.worse,
        span=1.0,
        n_languages=int(sum(member.sum() for member in members)),
    )


def _slopes(cells: Cells, shares: ShareTable, common: Mapping[str, Any]) -> list[Measurement]:
    percent = [
        None if shares.tier(language) == "english" else shares.share(language)
        for language in cells.languages
    ]
    used = cells.usable & np.array([p is not None for p in percent], dtype=bool)
    x = np.log10([p for p, u in zip(percent, used, strict=True) if p is not None and u])
    counts = cells.successes[:, used], cells.trials[:, used]
    return _both_scopes(
        f"{cells.rate.name}_slope",
        lambda scope: slope(*counts, x, scope=scope),
        dict(common) | {"unit": "rate per decade of share"},
        # A rate that is bad when high is a curse when it falls with share: the sign turns.
        worse=-cells.rate.worse,
        span=float(np.ptp(x)) if x.size else 1.0,
        n_languages=x.size,
    )


def _both_scopes(
    metric: str,
    estimate: Callable[[LanguageScope], Estimate],
    fields: Mapping[str, Any],
    *,
    worse: int,
    span: float,
    n_languages: int,
) -> list[Measurement]:
    """A row a scope; only the wider one carries a verdict."""
    narrow, wide = (estimate(scope) for scope in SCOPES)
    verdict, reason = gap_verdict(wide, narrow, worse, span=span, n_languages=n_languages)
    method = f"{wide.method}; {n_languages} languages"
    return [
        measurement(metric, narrow, **fields, scope=SCOPES[0]),
        replace(
            measurement(metric, wide, **fields, scope=SCOPES[1]),
            verdict=verdict,
            reason=wide.reason or reason,
            method=method,
        ),
    ]


def _curse(curse: str, name: str, rows: Sequence[Measurement]) -> Measurement:
    """The verdict on one curse: two tests, gap and slope, each at half the error (Holm).

    The row shows the design with the smaller p-value; found by one and reversed by the other is
    ``no evidence``.
    """
    wide = {row.metric: row for row in rows if row.scope == SCOPES[1]}
    designs = [wide[f"{name}_slope"], wide[f"{name}_gap"]]
    measured = [row for row in designs if row.p_value is not None]
    if not measured:
        return replace(designs[0], metric=curse)
    adjusted = [p for p in holm([row.p_value for row in measured]) if p is not None]
    p, chosen = min(zip(adjusted, measured, strict=True), key=lambda pair: pair[0])
    verdict, reason = _both_designs(measured, adjusted)
    return replace(
        chosen,
        metric=curse,
        p_value=p,
        verdict=verdict,
        reason=reason,
        method=f"{chosen.metric} ({chosen.method}); Holm over {len(measured)} designs",
    )


def _both_designs(
    designs: Sequence[Measurement], adjusted: Sequence[float]
) -> tuple[str, str | None]:
    significant = {row.verdict for row, p in zip(designs, adjusted, strict=True) if p < ALPHA}
    if {"found", "reversed"} <= significant:
        return "no evidence", "gap and slope point in opposite directions"
    for verdict in ("found", "reversed"):
        if verdict in significant:
            return verdict, None
    for row in designs:  # one design that could have seen something is enough
        if row.verdict == "no evidence":
            return "no evidence", row.reason
    weakest = min(adjusted)
    return "underpowered", next(
        (row.reason for row in designs if row.verdict == "underpowered"),
        f"p = {weakest:.2g} once both designs are counted",
    )


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
