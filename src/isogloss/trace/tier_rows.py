"""Arms side by side, as rows over runs: levels, changes since the reference, gaps between tiers.

``target`` is the arm's group, ``arm`` its name.

- ``METRIC``: mean over runs, by language (``language``), tier and over ``all languages``.
- ``METRIC_change``, ``category`` ``since REFERENCE``: paired by seed; p-values of languages
  Holm-adjusted over languages.
- ``METRIC_gap``: low minus high tier of an arm; ``METRIC_gap_change``: that minus the reference's,
  Holm-adjusted over arms.
"""

from __future__ import annotations

from dataclasses import replace

from isogloss.records import Measurement
from isogloss.stats.paired import holm
from isogloss.trace.outcomes import run_row
from isogloss.trace.tier_figures import A, Part, TierFigures

CHANGE, GAP, GAP_CHANGE = "change", "gap", "gap_change"


def tier_rows(area: str, figures: TierFigures[A]) -> list[Measurement]:
    """All of them, metric by metric."""
    rows: list[Measurement] = []
    for metric in figures.outcomes.metrics:
        for arm in figures.arms:
            rows += _levels(area, figures, metric, arm)
        for arm in figures.arms[1:]:
            rows += _changes(area, figures, metric, arm)
        rows += _gaps(area, figures, metric)
    return rows


def _levels(area: str, figures: TierFigures[A], metric: str, arm: A) -> list[Measurement]:
    rows = [
        run_row(
            area, metric, figures.level(arm, metric, part.languages), target=arm.group,
            arm=arm.name, unit=figures.outcomes.unit(metric),
            method=_averaged(figures, metric, part), **part.fields,
        )
        for part in (*figures.single(), *figures.averages())
    ]  # fmt: skip
    return [replace(row, p_value=None, detectable=None) for row in rows]


def _changes(area: str, figures: TierFigures[A], metric: str, arm: A) -> list[Measurement]:
    single = [_change(area, figures, metric, arm, part) for part in figures.single()]
    adjusted = holm([row.p_value for row in single])
    n_tests = sum(p is not None for p in adjusted)
    rows = [
        replace(row, p_value=p, method=f"{row.method}; Holm over {n_tests} languages")
        for row, p in zip(single, adjusted, strict=True)
    ]
    return rows + [_change(area, figures, metric, arm, part) for part in figures.averages()]


def _change(area: str, figures: TierFigures[A], metric: str, arm: A, part: Part) -> Measurement:
    return run_row(
        area, f"{metric}_{CHANGE}", figures.change(arm, metric, part.languages), target=arm.group,
        arm=arm.name, category=f"since {figures.reference.name}",
        unit=figures.outcomes.unit(metric, difference=True),
        method=f"{figures.said(arm)}; {_averaged(figures, metric, part)}", **part.fields,
    )  # fmt: skip


def _gaps(area: str, figures: TierFigures[A], metric: str) -> list[Measurement]:
    """Of every arm, then what differs from the reference's."""
    unit = figures.outcomes.unit(metric, difference=True)
    tiers = " minus ".join(figures.gap_tiers)
    method = both_tiers(figures, metric)
    gaps: list[Measurement] = []
    changes: list[Measurement] = []
    for arm in figures.arms:
        found, change = figures.gap(arm, metric), figures.gap_change(arm, metric)
        if found is None or change is None:
            continue
        common = {"target": arm.group, "arm": arm.name, "tier": tiers, "unit": unit}
        gaps.append(run_row(area, f"{metric}_{GAP}", found, method=method, **common))
        if arm is not figures.reference:
            changes.append(
                run_row(
                    area, f"{metric}_{GAP_CHANGE}", change,
                    category=f"since {figures.reference.name}",
                    method=f"{figures.said(arm)}; {method}", **common,
                )
            )  # fmt: skip
    adjusted = holm([row.p_value for row in changes])
    return gaps + [
        replace(row, p_value=p, method=f"{row.method}; Holm over {len(changes)} arms")
        for row, p in zip(changes, adjusted, strict=True)
    ]


def both_tiers(figures: TierFigures[A], metric: str) -> str:
    """Of how many languages a gap is and what made their tiers, for methods.

    A rate that is not measured somewhere leaves that language out of every arm.
    """
    counts = [
        f"{len(figures.kept(metric, languages))} of {len(languages)}"
        for languages in map(figures.of_tier, figures.gap_tiers)
    ]
    languages = " and ".join(counts)
    return f"means over {languages} languages, tiers by the shares of {figures.tiers_by}"


def _averaged(figures: TierFigures[A], metric: str, part: Part) -> str:
    tiers = f"by the shares of {figures.tiers_by}"
    if part.language is not None:
        return f"tier {tiers}"
    kept = figures.kept(metric, part.languages)
    return f"mean over {len(kept)} of {len(part.languages)} languages, tiers {tiers}"
