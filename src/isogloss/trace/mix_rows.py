"""From the runs of several arms to rows over runs; area ``trace mixes``.

``target`` is the arm without its seed, ``arm`` its name.

- ``METRIC``: mean over runs, by language (``language``), tier and over ``all languages``.
- ``METRIC_change``, ``category`` ``since REFERENCE``: paired by seed; p-values of languages
  Holm-adjusted over languages.
- ``METRIC_gap``: low minus high tier of an arm; ``METRIC_gap_change``: that minus the reference's,
  Holm-adjusted over arms.
- which arm serves all best: see `isogloss.trace.standings`.
- ``claim``: words in ``category``, source in ``variant``.
"""

from __future__ import annotations

from dataclasses import replace

from isogloss.records import Measurement
from isogloss.stats.paired import holm
from isogloss.trace.arms import Arm, differences
from isogloss.trace.mix_claims import Case, claim_cases
from isogloss.trace.mix_figures import MixFigures, Part
from isogloss.trace.outcomes import claim_row, run_row
from isogloss.trace.standings import standing_rows

AREA = "trace mixes"
CHANGE, GAP, GAP_CHANGE = "change", "gap", "gap_change"


def mix_rows(figures: MixFigures) -> list[Measurement]:
    """Every row of one comparison."""
    rows: list[Measurement] = []
    for metric in figures.outcomes.metrics:
        for arm in figures.arms:
            rows += _levels(figures, metric, arm)
        for arm in figures.arms[1:]:
            rows += _changes(figures, metric, arm)
        rows += _gaps(figures, metric)
    rows += standing_rows(AREA, figures)
    measured = figures.outcomes.metrics
    rows += [_claim(figures, case) for case in claim_cases(figures) if case.metric in measured]
    return [replace(row, judge="oracle") for row in rows]


def _levels(figures: MixFigures, metric: str, arm: Arm) -> list[Measurement]:
    rows = [
        run_row(
            AREA, metric, figures.level(arm, metric, part.languages), target=arm.group,
            arm=arm.name, unit=figures.outcomes.unit(metric),
            method=_averaged(figures, metric, part), **part.fields,
        )
        for part in (*figures.single(), *figures.averages())
    ]  # fmt: skip
    return [replace(row, p_value=None, detectable=None) for row in rows]


def _changes(figures: MixFigures, metric: str, arm: Arm) -> list[Measurement]:
    single = [_change(figures, metric, arm, part) for part in figures.single()]
    adjusted = holm([row.p_value for row in single])
    n_tests = sum(p is not None for p in adjusted)
    rows = [
        replace(row, p_value=p, method=f"{row.method}; Holm over {n_tests} languages")
        for row, p in zip(single, adjusted, strict=True)
    ]
    return rows + [_change(figures, metric, arm, part) for part in figures.averages()]


def _change(figures: MixFigures, metric: str, arm: Arm, part: Part) -> Measurement:
    return run_row(
        AREA, f"{metric}_{CHANGE}", figures.change(arm, metric, part.languages), target=arm.group,
        arm=arm.name, category=f"since {figures.reference.name}",
        unit=figures.outcomes.unit(metric, difference=True),
        method=f"{_difference(figures, arm)}; {_averaged(figures, metric, part)}", **part.fields,
    )  # fmt: skip


def _gaps(figures: MixFigures, metric: str) -> list[Measurement]:
    """Of every arm, then what differs from the reference's."""
    unit = figures.outcomes.unit(metric, difference=True)
    tiers = " minus ".join(figures.gap_tiers)
    method = f"{_both_tiers(figures, metric)}, tiers by the shares of {figures.reference.name}"
    gaps: list[Measurement] = []
    changes: list[Measurement] = []
    for arm in figures.arms:
        found, change = figures.gap(arm, metric), figures.gap_change(arm, metric)
        if found is None or change is None:
            continue
        common = {"target": arm.group, "arm": arm.name, "tier": tiers, "unit": unit}
        gaps.append(run_row(AREA, f"{metric}_{GAP}", found, method=method, **common))
        if arm is not figures.reference:
            changes.append(
                run_row(
                    AREA, f"{metric}_{GAP_CHANGE}", change,
                    category=f"since {figures.reference.name}",
                    method=f"{_difference(figures, arm)}; {method}", **common,
                )
            )  # fmt: skip
    adjusted = holm([row.p_value for row in changes])
    return gaps + [
        replace(row, p_value=p, method=f"{row.method}; Holm over {len(changes)} arms")
        for row, p in zip(changes, adjusted, strict=True)
    ]


def _claim(figures: MixFigures, case: Case) -> Measurement:
    arm = case.arm or figures.reference
    return claim_row(
        AREA, case.found, sign=case.sign, target=arm.group,
        arm=case.arm.name if case.arm else "all", category=case.words,
        variant=case.source, unit=figures.outcomes.unit(case.metric, difference=True),
        method=case.said,
    )  # fmt: skip


def _difference(figures: MixFigures, arm: Arm) -> str:
    fields = [name.replace("_", " ") for name in differences(arm, figures.reference)]
    return f"differs from {figures.reference.name} in {', '.join(fields)}"


def _both_tiers(figures: MixFigures, metric: str) -> str:
    counts = [
        f"{len(figures.kept(metric, languages))} of {len(languages)}"
        for languages in map(figures.of_tier, figures.gap_tiers)
    ]
    return f"means over {' and '.join(counts)} languages"


def _averaged(figures: MixFigures, metric: str, part: Part) -> str:
    tiers = f"by the shares of {figures.reference.name}"
    if part.language is not None:
        return f"tier {tiers}"
    kept = figures.kept(metric, part.languages)
    return f"mean over {len(kept)} of {len(part.languages)} languages, tiers {tiers}"
