"""A grid under several seeds: every figure with its interval over runs, and the verdicts.

Two things could make a predictor look good: chance of the runs, and chance of these few languages,
which is the same in every run. So a predictor is *better than the null* only if both are ruled out:
its error minus the null model's is below 0 by Student's t over runs, and its mean over runs is
lower than under other names of the languages (one permutation for all runs), each with Holm over
predictors. It is *worse* where t over runs alone says so: of these languages that is true, and of
a predictor that knows nothing it is what to expect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from isogloss.audit.verdicts import ALPHA
from isogloss.records import Measurement
from isogloss.stats.ordered_pairs import PermutedStatistic, pooled
from isogloss.stats.paired import holm, t_over_runs
from isogloss.stats.verdict import MIN_RUNS
from isogloss.trace.by_seed import rows_by_seed
from isogloss.trace.grid_findings import TESTED, TRAIN_LANGUAGE, Finding
from isogloss.trace.grid_matrices import PREDICTORS
from isogloss.trace.grid_rows import (
    BETTER,
    CORRELATION,
    DIFFERENCE,
    NONE_FOUND,
    PARTIAL,
    WORSE,
)
from isogloss.trace.left_out import LeftOut

OVER_RUNS = "trace grid over runs"
CANNOT_TELL = "cannot tell"
Statistic = PermutedStatistic | str
"""A text says why it is not measured."""


class Key(NamedTuple):
    """What a figure is of; its rows differ in the target alone."""

    metric: str
    arm: str
    concept: str | None
    category: str | None
    source_language: str | None
    language: str | None


def over_runs_rows(
    rows: Sequence[Measurement], findings: Mapping[str, Mapping[str, Finding]]
) -> list[Measurement]:
    """Rows of area ``trace grid over runs``; none where there are not two seeds of a lab.

    Args:
        rows: of area ``trace grid``, of every run.
        findings: target → benefit → what predicts it.
    """
    found: list[Measurement] = []
    for group, runs in rows_by_seed(rows).items():
        if len(runs) < 2:
            continue
        mine = [findings[f"{group}#{seed}"] for seed in runs]
        found += _with_verdicts(_figure_rows(group, runs), mine)
    return found


def _figure_rows(group: str, runs: Mapping[int, Sequence[Measurement]]) -> dict[Key, Measurement]:
    by_key: dict[Key, dict[int, Measurement]] = {}
    for seed, rows in runs.items():
        for row in rows:
            key = Key(row.metric, row.arm, row.concept, row.category, row.source_language,
                      row.language)  # fmt: skip
            by_key.setdefault(key, {})[seed] = row
    return {key: _figure_row(group, mine) for key, mine in by_key.items()}


def _figure_row(group: str, runs: Mapping[int, Measurement]) -> Measurement:
    # Rounded, so that what is the same in every run has no interval of its last bits.
    known = {seed: round(row.estimate, 12) for seed, row in runs.items()
             if row.estimate is not None}  # fmt: skip
    found = t_over_runs(list(known.values()))
    like = next(iter(runs.values()))
    reason = found.reason
    if not known:
        reason = f"not measured in {len(runs)} runs (such as: {like.reason})"
    seeds = ", ".join(map(str, known)) or "none"
    layers = {row.layer for row in runs.values()}
    return replace(
        like, area=OVER_RUNS, target=group, n=found.n, k=None, n_clusters=found.n_clusters,
        estimate=found.estimate, low=found.low, high=found.high, scope="runs", seed=None,
        method=f"{found.method}, seeds {seeds}", detectable=found.detectable,
        p_value=found.p_value, reason=reason, layer=layers.pop() if len(layers) == 1 else None,
        verdict=None if known else "not measured",
    )  # fmt: skip


def _with_verdicts(
    rows: Mapping[Key, Measurement], findings: Sequence[Mapping[str, Finding]]
) -> list[Measurement]:
    """The rows, those of predictors told apart from chance of the languages."""
    told = dict(rows)
    for benefit in findings[0]:
        runs = [finding[benefit] for finding in findings]
        _correlations(told, f"{benefit}_{CORRELATION}", [run.correlations for run in runs])
        _correlations(told, f"{benefit}_{PARTIAL}", [run.partial for run in runs])
        _differences(told, f"{benefit}_{DIFFERENCE}", [run.left_out for run in runs])
    return list(told.values())


def _of(rows: Mapping[Key, Measurement], metric: str, names: Sequence[str]) -> dict[str, Key]:
    """Predictor → the key of its row; those after training in several languages stand apart."""
    keys = [key for key in rows if key.metric == metric and key.category in names]
    own = keys[0].arm if keys else ""
    return {str(key.category): key for key in keys if key.arm == own}


def _correlations(
    rows: dict[Key, Measurement], metric: str, runs: Sequence[Mapping[str, Statistic]]
) -> None:
    """p by permuting languages, of the mean over runs; t over runs cannot see their chance."""
    keys = _of(rows, metric, tuple(PREDICTORS))
    for key in [key for key in rows if key.metric == metric and key not in keys.values()]:
        rows[key] = replace(rows[key], p_value=None, detectable=None)
    together = _pooled(runs, tuple(keys))
    adjusted = holm([one.p_two_sided if one else None for one in together.values()])
    n_tests = sum(p is not None for p in adjusted)
    for (name, one), p in zip(together.items(), adjusted, strict=True):
        row = rows[keys[name]]
        if one is not None:
            method = (
                f"{row.method}; p of the mean, languages permuted, Holm over {n_tests} predictors"
                f"{_size(one)}"
            )
            rows[keys[name]] = replace(
                row, p_value=p, method=method, detectable=one.detectable(ALPHA / n_tests)
            )


def _differences(
    rows: dict[Key, Measurement], metric: str, runs: Sequence[Mapping[str, LeftOut | str]]
) -> None:
    """Verdicts, where there are runs enough; elsewhere neither interval nor verdict."""
    for key in _of(rows, metric, (*TESTED, TRAIN_LANGUAGE)).values():
        if (row := rows[key]).estimate is not None and row.n < MIN_RUNS:
            rows[key] = replace(
                row, low=None, high=None, p_value=None, detectable=None, verdict=CANNOT_TELL,
                reason=f"{row.n} runs; {MIN_RUNS} are needed for an interval and a verdict",
            )  # fmt: skip
    keys = _of(rows, metric, TESTED)
    known = {name: key for name, key in keys.items() if rows[key].n >= MIN_RUNS}
    statistics = [
        {name: one if isinstance(one, str) else one.difference for name, one in run.items()}
        for run in runs
    ]
    together = _pooled(statistics, tuple(known))
    by_language = holm([one.p_low if one else None for one in together.values()])
    by_run = holm([rows[key].p_value for key in known.values()])
    for name, over_languages, over_runs in zip(known, by_language, by_run, strict=True):
        row = rows[key := known[name]]
        assert row.estimate is not None
        told, p = "of t over runs", over_runs
        if row.estimate < 0:
            told = "the larger of t over runs and of permuted languages (one-sided, of the mean)"
            p = None if p is None or over_languages is None else max(p, over_languages)
        method = f"{row.method}; p {told}, Holm over {len(known)} predictors"
        rows[key] = replace(
            row, verdict=_verdict(row.estimate, p), p_value=p,
            method=method + _size(together[name]),
        )  # fmt: skip


def _size(found: PermutedStatistic | None) -> str:
    return f"; {found.n_languages} languages, {found.n_pairs} pairs" if found else ""


def _verdict(difference: float, p: float | None) -> str:
    if p is None or p >= ALPHA:
        return NONE_FOUND
    return BETTER if difference < 0 else WORSE


def _pooled(
    runs: Sequence[Mapping[str, Statistic]], names: Sequence[str]
) -> dict[str, PermutedStatistic | None]:
    """The mean over those runs in which it is measured."""
    found: dict[str, PermutedStatistic | None] = {}
    for name in names:
        known = [one for run in runs if isinstance(one := run[name], PermutedStatistic)]
        found[name] = pooled(known) if known else None
    return found
