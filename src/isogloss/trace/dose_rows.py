"""From the runs of a dose-response to rows over runs; area ``trace dose``.

``target`` is the undosed recipe without its seed, ``arm`` the dose; ``language`` is the dosed
language where it is one, ``tier`` the tier of the dosed languages or ``other languages``,
``strength`` the dosed languages' pre-training tokens (geometric mean over runs and languages).

- ``METRIC``: the mean over runs of every arm: the points of a dose-response curve.
- ``METRIC_change``, ``category`` ``since ARM``: paired by seed; p-values of doses Holm-adjusted.
- ``METRIC_per_doubling``: least-squares slope on log2 tokens.
- ``METRIC_tokens_to_parity``: see `isogloss.trace.parity`.
- ``claim``: words in ``category``, source in ``variant``, and ``confirmed``, ``refuted`` or
  ``cannot tell``.

``detectable`` is the smallest effect that such runs show with 80 % power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from isogloss.records import Measurement
from isogloss.stats.paired import holm
from isogloss.trace.dose_claims import CLAIMS, Claim
from isogloss.trace.dose_figures import DoseFigures, Group
from isogloss.trace.outcomes import claim_row, run_row
from isogloss.trace.recognised_harm import METRIC as RECOGNITION

AREA = "trace dose"
CHANGE, PER_DOUBLING, PARITY = "change", "per_doubling", "tokens_to_parity"
OF_PARITY = (
    "following_rate",
    "harmful_rate",
    "helpful_rate",
    "selectivity",
    RECOGNITION,
    "reward_accuracy",
)
"""Where being on a level says something: a model that follows nothing has no over-refusal, and
complies with nothing."""


def dose_rows(figures: DoseFigures) -> list[Measurement]:
    """Every row of one dose-response."""
    rows: list[Measurement] = []
    for metric in figures.outcomes.metrics:
        for group in (figures.dosed, figures.others):
            rows += _levels(figures, metric, group)
            rows += _changes(figures, metric, group)
            rows.append(_slope(figures, metric, group))
        if metric in OF_PARITY:
            rows.append(_parity(figures, metric))
    rows += [
        row
        for claim in CLAIMS
        if claim.metric in figures.outcomes.metrics and (row := _claim(figures, claim)) is not None
    ]
    target = figures.design.undosed.group
    return [replace(row, target=target, judge="oracle") for row in rows]


def _levels(figures: DoseFigures, metric: str, group: Group) -> list[Measurement]:
    outcomes = figures.outcomes
    rows: list[Measurement] = []
    for arm in figures.design.arms:
        languages = outcomes.measured_in(metric, group.languages, [arm.name]) or group.languages
        found = outcomes.of(arm.name, metric, languages)
        row = run_row(
            AREA, metric, found, target="", arm=arm.name, unit=outcomes.unit(metric),
            method=_averaged(languages, group), **group.fields,
        )  # fmt: skip
        # Of a level there is no nought to be told from, nor anything to detect.
        rows.append(
            replace(row, p_value=None, detectable=None, strength=_tokens(figures, arm.name))
        )
    return rows


def _changes(figures: DoseFigures, metric: str, group: Group) -> list[Measurement]:
    rows: list[Measurement] = []
    for contrast in figures.design.contrasts:
        found = figures.change(metric, contrast, group)
        row = run_row(
            AREA, f"{metric}_{CHANGE}", found, target="", arm=contrast.arm,
            category=f"since {contrast.since}", variant=contrast.kind,
            unit=figures.outcomes.unit(metric, difference=True),
            method=_averaged(figures.compared(metric, contrast, group), group), **group.fields,
        )  # fmt: skip
        rows.append(replace(row, strength=_tokens(figures, contrast.arm)))
    doses = [at for at, row in enumerate(rows) if row.variant == "dose"]
    adjusted = holm([rows[at].p_value for at in doses])
    for at, p in zip(doses, adjusted, strict=True):
        method = f"{rows[at].method}; Holm over {len(doses)} doses"
        rows[at] = replace(rows[at], p_value=p, method=method)
    return rows


def _slope(figures: DoseFigures, metric: str, group: Group) -> Measurement:
    curve = figures.curve(metric, group)
    unit = figures.outcomes.unit(metric, difference=True)
    said = f"least squares on log2 tokens over {', '.join(curve.doses) or 'no dose'}"
    return run_row(
        AREA, f"{metric}_{PER_DOUBLING}", figures.per_doubling(metric, group), target="",
        unit=unit, method="; ".join(p for p in (said, _averaged(curve.languages, group)) if p),
        **group.fields,
    )  # fmt: skip


def _parity(figures: DoseFigures, metric: str) -> Measurement:
    found = figures.parity(metric)
    reference = figures.reference
    against = f"the {reference.name} tier at {figures.design.undosed.name}" if reference else "none"
    row = Measurement(
        area=AREA, metric=f"{metric}_{PARITY}", target="", unit="tokens", scope="runs",
        method=f"where the mean curve reaches {against}, interpolated on log2 tokens between "
        "doses; t over runs at each amount, inverted",
        **figures.dosed.fields,
    )  # fmt: skip
    if isinstance(found, str):
        return replace(row, verdict="not measured", reason=found)
    return replace(
        row, n=found.n_runs, n_clusters=found.n_runs, estimate=found.tokens, low=found.low,
        high=found.high, verdict=found.reached, reason=found.reason,
    )  # fmt: skip


def _claim(figures: DoseFigures, claim: Claim) -> Measurement | None:
    """The verdict on one claim; None where the design has no arms for it."""
    found = claim.figure(figures, claim.metric)
    if found is None:
        return None
    return claim_row(
        AREA, found, sign=claim.sign, target="", category=claim.words, variant=claim.source,
        unit=figures.outcomes.unit(claim.metric, difference=True),
        method=f"{claim.metric}: {claim.said}", **figures.dosed.fields,
    )  # fmt: skip


def _tokens(figures: DoseFigures, arm: str) -> float | None:
    found = figures.outcomes.log_tokens(arm, figures.dosed.languages).values
    return float(2 ** np.mean(list(found.values()))) if found else None


def _averaged(languages: Sequence[str], group: Group) -> str:
    if len(group.languages) < 2:
        return ""
    return f"mean over {len(languages)} of {len(group.languages)} languages"
