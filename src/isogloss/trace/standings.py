"""Which arm serves all languages best: by their mean, and by the worst of them.

All pairs of arms are compared by differences paired by seed, Holm-adjusted over the pairs of one
figure, so that the chance of any false word about it is at most 5 %. *Best* is an arm that beats
every other; one that is beaten by some is *worse*; between the others runs cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean

from isogloss.audit.verdicts import ALPHA
from isogloss.records import Measurement
from isogloss.stats.paired import holm
from isogloss.stats.verdict import MIN_RUNS
from isogloss.trace.mix_figures import MixFigures
from isogloss.trace.outcomes import RunValues, run_row
from isogloss.trace.recognised_harm import METRIC as RECOGNITION
from isogloss.trace.tier_figures import ALL

SERVED = ("helpful_rate", "selectivity", "following_rate", RECOGNITION)
"""What it is to serve a language; higher is better in all."""
BEST, WORSE, NOT_TOLD, CANNOT = "best", "worse", "not told apart", "cannot tell"
KINDS: dict[str, Callable[[Sequence[float]], float]] = {
    "mean over languages": fmean,
    "worst language": min,
}
"""The worst language is another one in every run; its figure is the lowest of that run."""


def standing_rows(area: str, figures: MixFigures) -> list[Measurement]:
    """Per figure and kind a row an arm, with its verdict, then a row a pair of arms.

    ``category`` is the kind; of a pair ``KIND, minus OTHER``.
    """
    rows: list[Measurement] = []
    for metric in SERVED:
        if metric not in figures.outcomes.metrics:
            continue
        for kind, over in KINDS.items():
            values = {
                arm.name: figures.level(arm, metric, figures.languages, over)
                for arm in figures.arms
            }
            rows += _ranked(area, metric, kind, values, figures)
    return rows


def _ranked(
    area: str, metric: str, kind: str, values: Mapping[str, RunValues], figures: MixFigures
) -> list[Measurement]:
    groups = {arm.name: arm.group for arm in figures.arms}
    unit = figures.outcomes.unit(metric)
    kept = len(figures.kept(metric, figures.languages))
    method = f"{kept} of {len(figures.languages)} languages"
    pairs = list(combinations(values, 2))
    found = [values[a].combined(values[b]) for a, b in pairs]
    adjusted = holm([one.estimate().p_value for one in found])
    wins = _wins(pairs, found, adjusted)
    rows: list[Measurement] = []
    for name, mine in values.items():
        row = run_row(
            area, metric, mine, target=groups[name], arm=name, category=kind, tier=ALL, unit=unit,
            method=method,
        )  # fmt: skip
        verdict, told = _standing(name, list(values), wins, row.n)
        reason = "; ".join(part for part in (told, row.reason) if part) or None
        if row.estimate is None:
            verdict = "not measured"
        rows.append(replace(row, verdict=verdict, reason=reason, p_value=None, detectable=None))
    for (a, b), one, p in zip(pairs, found, adjusted, strict=True):
        row = run_row(
            area, metric, one, target=groups[a], arm=a, category=f"{kind}, minus {b}", tier=ALL,
            unit=figures.outcomes.unit(metric, difference=True), method=method,
        )  # fmt: skip
        rows.append(replace(row, p_value=p, method=f"{row.method}; Holm over {len(pairs)} pairs"))
    return rows


def _wins(
    pairs: Sequence[tuple[str, str]], found: Sequence[RunValues], adjusted: Sequence[float | None]
) -> set[tuple[str, str]]:
    """(better, worse) of every pair that is told apart."""
    wins: set[tuple[str, str]] = set()
    for (a, b), one, p in zip(pairs, found, adjusted, strict=True):
        estimate = one.estimate()
        if p is not None and p < ALPHA and estimate.estimate is not None:
            wins.add((a, b) if estimate.estimate > 0 else (b, a))
    return wins


def _standing(
    name: str, everyone: Sequence[str], wins: set[tuple[str, str]], n_runs: int
) -> tuple[str, str | None]:
    if n_runs < MIN_RUNS:
        return CANNOT, f"measured in {n_runs} run(s); {MIN_RUNS} are needed for a verdict"
    others = [other for other in everyone if other != name]
    if better := [other for other in others if (other, name) in wins]:
        return WORSE, f"than {', '.join(better)}"
    if level := [other for other in others if (name, other) not in wins]:
        return NOT_TOLD, f"from {', '.join(level)}"
    return BEST, None
