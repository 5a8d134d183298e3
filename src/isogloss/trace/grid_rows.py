"""What a grid's predictors are worth, as measurement rows of one model.

``metric`` starts with the benefit (`isogloss.trace.grid_findings.BENEFITS`), ``category`` is the
predictor:

- ``…_left_out_error``: mean absolute error on left-out languages (in rates: 0.07 is 7 points);
- ``…_left_out_difference``: the same minus the null model's on the same pairs, below 0 is better,
  with the verdict;
- ``…_left_out_r2``: against the null model's predictions;
- ``…_correlation``, ``…_partial_correlation``: over ordered pairs; with the arm of a training in
  several languages, over test languages.

``n`` is pairs, ``n_clusters`` languages; p-values are from permuting languages, Holm over
predictors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from isogloss.audit.verdicts import ALPHA
from isogloss.records import Measurement
from isogloss.stats.ordered_pairs import PermutedStatistic
from isogloss.stats.paired import holm
from isogloss.trace.grid_findings import TESTED, TOGETHER, TRAIN_LANGUAGE, Finding
from isogloss.trace.grid_matrices import AREA, Grid
from isogloss.trace.left_out import RIDGE, LeftOut

NULL_MODEL = "null model"
ERROR, DIFFERENCE, R_SQUARED = "left_out_error", "left_out_difference", "left_out_r2"
CORRELATION, PARTIAL = "correlation", "partial_correlation"
BETTER, WORSE, NONE_FOUND = "better than the null", "worse than the null", "no evidence"
NO_INTERVAL = "no interval: pairs share languages"


def finding_rows(grid: Grid, findings: Mapping[str, Finding]) -> list[Measurement]:
    """Every row of one grid."""
    rows: list[Measurement] = []
    for benefit, finding in findings.items():
        common: dict[str, Any] = {"area": AREA, "target": grid.target, "scope": "this model"}
        mine = common | {"arm": grid.method}
        rows += _left_out_rows(benefit, finding, mine)
        rows += _correlation_rows(f"{benefit}_{CORRELATION}", finding.correlations, mine, "")
        rows += _correlation_rows(
            f"{benefit}_{PARTIAL}", finding.partial, mine,
            ", competence of both languages taken out",
        )  # fmt: skip
        if grid.everywhere_arm is not None:
            rows += _everywhere_rows(benefit, finding, common | {"arm": grid.everywhere_arm})
    return rows


def _left_out_rows(benefit: str, finding: Finding, common: Mapping[str, Any]) -> list[Measurement]:
    chances = [
        found.difference.p_low if isinstance(found := finding.left_out[name], LeftOut) else None
        for name in TESTED
    ]
    adjusted = dict(zip(TESTED, holm(chances), strict=True))
    n_tests = sum(p is not None for p in chances)
    rows = [_null_row(benefit, finding, common)]
    for name, found in finding.left_out.items():
        fields: dict[str, Any] = dict(common) | {"category": name}
        told = f"each language left out in turn, {_model_words(name, finding)}"
        if isinstance(found, str):
            rows += [
                Measurement(
                    metric=f"{benefit}_{kind}", unit=unit, method=told, reason=found,
                    verdict="not measured", **fields,
                )
                for kind, unit in (
                    (ERROR, "rate difference"), (DIFFERENCE, "rate difference"),
                    (R_SQUARED, "ratio"),
                )
            ]  # fmt: skip
            continue
        size = {"n": found.difference.n_pairs, "n_clusters": found.difference.n_languages}
        rows += [
            Measurement(
                metric=f"{benefit}_{ERROR}", estimate=found.error, unit="rate difference",
                method=f"mean absolute error, {told}", reason=NO_INTERVAL, **size, **fields,
            ),
            Measurement(
                metric=f"{benefit}_{R_SQUARED}", estimate=found.r_squared, unit="ratio",
                method=f"against the null model, {told}", reason=NO_INTERVAL, **size, **fields,
            ),
        ]  # fmt: skip
        row = Measurement(
            metric=f"{benefit}_{DIFFERENCE}", estimate=found.difference.value,
            unit="rate difference", method=f"error minus the null model's, {told}",
            reason=NO_INTERVAL, **size, **fields,
        )  # fmt: skip
        p = adjusted.get(name)
        if p is not None:
            better = p < ALPHA and found.difference.value < 0
            method = f"{row.method}; one-sided p, {_permuted(found.difference)}, {_holm(n_tests)}"
            row = replace(row, p_value=p, verdict=BETTER if better else NONE_FOUND, method=method)
        rows.append(row)
    return rows


def _null_row(benefit: str, finding: Finding, common: Mapping[str, Any]) -> Measurement:
    """The null model on all pairs, whatever some predictors lack."""
    row = Measurement(
        metric=f"{benefit}_{ERROR}", category=NULL_MODEL, unit="rate difference",
        method="mean absolute error, each language left out in turn, mean of all other pairs",
        **common,
    )  # fmt: skip
    found = finding.left_out[TRAIN_LANGUAGE]
    if isinstance(found, str):
        return replace(row, reason=found, verdict="not measured")
    return replace(
        row, estimate=found.null_error, n=found.difference.n_pairs, reason=NO_INTERVAL,
        n_clusters=found.difference.n_languages,
    )  # fmt: skip


def _model_words(name: str, finding: Finding) -> str:
    if name == TOGETHER:
        names = ", ".join(finding.together)
        return f"ridge (penalty {RIDGE:g}) on {names or 'no predictor'}"
    if name == TRAIN_LANGUAGE:
        return "mean of the other pairs of the same train language"
    return "least squares on one predictor"


def _correlation_rows(
    metric: str,
    found: Mapping[str, PermutedStatistic | str],
    common: Mapping[str, Any],
    words: str,
) -> list[Measurement]:
    chances = [one.p_two_sided if isinstance(one, PermutedStatistic) else None
               for one in found.values()]  # fmt: skip
    n_tests = sum(p is not None for p in chances)
    rows: list[Measurement] = []
    for (name, one), p in zip(found.items(), holm(chances), strict=True):
        row = Measurement(
            metric=metric, category=name, unit="correlation",
            method=f"Spearman over ordered pairs (train, test){words}", **common,
        )  # fmt: skip
        if isinstance(one, str):
            rows.append(replace(row, reason=one, verdict="not measured"))
            continue
        method = f"{row.method}, {_permuted(one)}, {_holm(n_tests)}; detectable at the first step"
        rows.append(
            replace(
                row, estimate=one.value, n=one.n_pairs, n_clusters=one.n_languages, p_value=p,
                detectable=one.detectable(ALPHA / n_tests), method=method, reason=NO_INTERVAL,
            )
        )  # fmt: skip
    return rows


def _everywhere_rows(
    benefit: str, finding: Finding, common: Mapping[str, Any]
) -> list[Measurement]:
    adjusted = holm([found.p_value for found in finding.everywhere.values()])
    n_tests = sum(p is not None for p in adjusted)
    return [
        Measurement(
            metric=f"{benefit}_{CORRELATION}", category=name, n=found.n,
            n_clusters=found.n_clusters, estimate=found.estimate, low=found.low, high=found.high,
            unit="correlation", method=f"over test languages, {found.method}, {_holm(n_tests)}",
            p_value=p, reason=found.reason,
            verdict="not measured" if found.estimate is None else None, **common,
        )
        for (name, found), p in zip(finding.everywhere.items(), adjusted, strict=True)
    ]  # fmt: skip


def _permuted(found: PermutedStatistic) -> str:
    return f"languages permuted ({found.permuted.size:,})"


def _holm(n_tests: int) -> str:
    return f"Holm over {n_tests} predictors"
