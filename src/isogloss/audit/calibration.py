"""A judge against people: its errors in each language, and the rates without them.

Rows of the area ``calibration``, for one target, arm and judge:

- ``confusion:VERDICT:TRUTH`` (counts), ``kappa``, ``youden_j`` (complied against the rest),
  ``youden_j_relevance`` (irrelevant against the rest) and ``youden_j_refusal``, with the category
  ``intent:harmful`` or ``intent:benign``: a judge may err on one and not on the other;
- ``kappa_labellers``, for every two people;
- ``compliance_rate``, ``harmful_rate``, ``following_rate`` and ``over_refusal``, corrected;
  ``labels_to_halve``, with the rate as its category;
- their gaps and slopes in both scopes, from the corrected languages alone.

A language without labels, a judge with a small J, or a sheet that was drawn by another judge's
verdicts: ``not measured``, with the reason. A judge that gives hardly any verdict in a language
does not know it: ``unverified`` there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from isogloss.audit.agreement_rows import JudgePart, agreement_rows, judge_js, labeller_rows
from isogloss.audit.corrected_rows import CORRECTED, corrected_rows
from isogloss.audit.labelled import Labelled, LabelSet, count_labelled, moved_strata, read_labels
from isogloss.audit.measure import in_order, planned_counts
from isogloss.audit.tally import Array
from isogloss.languages import ShareTable
from isogloss.records import INTENTS, Measurement
from isogloss.store import RunStore

AREA = "calibration"


def calibrate_run(
    store: RunStore, target: str, arm: str, judge: str, shares: ShareTable, *, samples: int = 1
) -> list[Measurement]:
    """All rows of the area ``calibration``; none where nothing of this target and arm is labelled.

    Args:
        store: the run; nothing is written.
        target, arm: whose responses.
        judge: whose verdicts.
        shares: gives tiers and the x axis of slopes.
        samples: planned answers a prompt.
    """
    labelled = store.labels.frame()
    if labelled.filter((pl.col("target") == target) & (pl.col("arm") == arm)).is_empty():
        return []
    responses = store.labels.responses(target=target, arm=arm, judge=judge)
    planned = store.planned()
    rows: list[Measurement] = []
    for variant in responses["variant"].unique().sort().to_list():
        labels = read_labels(store, target=target, arm=arm, variant=variant)
        if labels.n_labelled == 0:
            continue
        common = {
            "area": AREA, "target": target, "arm": arm, "judge": judge, "variant": variant,
        }  # fmt: skip
        in_variant = pl.col("variant") == variant
        found, asked = responses.filter(in_variant), planned.filter(in_variant)
        parts = _parts(found, asked, labels, shares, samples, common)
        rows += _variant_rows(parts)
        languages = parts["harmful"].counts.languages
        rows += labeller_rows(found, labels, languages, shares, common)
    return rows


def _parts(
    found: pl.DataFrame,
    planned: pl.DataFrame,
    labels: LabelSet,
    shares: ShareTable,
    samples: int,
    common: Mapping[str, Any],
) -> dict[str, JudgePart]:
    """Verdicts beside labels, by intent, on one language axis."""
    languages = in_order(planned["language"].unique().to_list(), shares)
    refused = _unusable(found, labels, common["judge"])
    parts: dict[str, JudgePart] = {}
    for intent in INTENTS:
        counts = count_labelled(found, labels, intent=intent, languages=languages)
        of_intent = planned.filter(pl.col("intent") == intent)
        parts[intent] = JudgePart(
            counts=counts,
            planned=planned_counts(of_intent, languages) * samples,
            shares=shares,
            weights=_weights(counts, labels, common["judge"]),
            refused=refused,
            common=common,
        )
    return parts


def _variant_rows(parts: Mapping[str, JudgePart]) -> list[Measurement]:
    js = {intent: judge_js(part) for intent, part in parts.items()}
    rows = [row for name, part in parts.items() for row in agreement_rows(part, name, js[name])]
    for name, rate in CORRECTED.items():
        rows += corrected_rows(parts[rate.intent], name, js[rate.intent][rate.j])
    return rows


def _weights(counts: Labelled, labels: LabelSet, judge: str) -> Array:
    """[L, 5] replies that a label of each verdict stands for, 1 on average; 1 in a simple draw."""
    n, m = counts.verdicts.sum(axis=0), counts.labels.sum(axis=(0, 3))
    if labels.sheet is None or labels.sheet.stratified_by != judge:
        return np.ones_like(n)
    each = np.where(m > 0, n / np.where(m > 0, m, 1.0), 0.0)
    stood_for = np.where(m > 0, n, 0.0).sum(axis=1, keepdims=True)
    return each * m.sum(axis=1, keepdims=True) / np.maximum(stood_for, 1.0)


def _unusable(rows: pl.DataFrame, labels: LabelSet, judge: str) -> str | None:
    """Why the labels of this sheet say nothing about this judge, or None."""
    drawn_by = labels.sheet.stratified_by if labels.sheet else None
    if labels.sheet is None or drawn_by is None:
        return None
    if drawn_by != judge:
        return f"the sheet was drawn by the verdicts of {drawn_by}: it fits that judge alone"
    moved = moved_strata(rows, labels.sheet)
    if moved:
        return f"{judge} has judged {moved} replies of the sheet otherwise since it was drawn"
    return None
