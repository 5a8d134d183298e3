"""How far a judge agrees with people in each language, and people with each other, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from isogloss.audit.labelled import Labelled, LabelSet, pair_tables
from isogloss.audit.rate_rows import measurement
from isogloss.audit.tally import Array
from isogloss.languages import ShareTable
from isogloss.records import Measurement
from isogloss.stats.agreement import cohen_kappa, youden_j
from isogloss.stats.calibrate import TRUTHS, VERDICTS
from isogloss.stats.intervals import Estimate, not_measured

J_CLASSES = {
    "youden_j": (True, False, False),
    "youden_j_relevance": (False, False, True),
    "youden_j_refusal": (False, True, False),
}
"""Which of `TRUTHS` each J takes for positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePart:
    """What one judge said of the replies to one intent, beside what people said.

    Attributes:
        counts: verdicts and labels.
        planned: [L] planned replies.
        shares: gives tiers.
        weights: [L, 5] replies that a label of each verdict stands for, 1 on average.
        refused: why these labels say nothing about this judge, or None.
        common: fields of every row.
    """

    counts: Labelled
    planned: Array
    shares: ShareTable
    weights: Array
    refused: str | None
    common: Mapping[str, Any]

    def fields(self, index: int) -> dict[str, Any]:
        language = self.counts.languages[index]
        return dict(self.common) | {"language": language, "tier": self.shares.tier(language)}

    def confusion(self, index: int) -> Array:
        """[C, 3, 3] labels by verdict and truth, weighted where the sheet was drawn by verdict."""
        judged = len(TRUTHS)
        counts = self.counts.labels[:, index, :judged]
        return counts * self.weights[index, :judged, None]


def agreement_rows(
    part: JudgePart, intent: str, js: Mapping[str, Sequence[Estimate]]
) -> list[Measurement]:
    """Confusion counts, kappa and J of every labelled language.

    Args:
        part: the counts.
        intent: ``harmful`` or ``benign``.
        js: by metric, the J of every language.
    """
    rows: list[Measurement] = []
    for index in range(len(part.counts.languages)):
        if part.counts.n_labels[index] == 0:
            continue
        fields = part.fields(index) | {"category": f"intent:{intent}"}
        rows += _confusion_rows(part, index, fields)
        kappa = (
            not_measured("Cohen's kappa", part.refused)
            if part.refused
            else cohen_kappa(part.confusion(index))
        )
        rows.append(measurement("kappa", kappa, **fields, unit="kappa"))
        rows += [
            measurement(metric, found[index], **fields, unit="J") for metric, found in js.items()
        ]
    return rows


def _confusion_rows(part: JudgePart, index: int, fields: Mapping[str, Any]) -> list[Measurement]:
    table = part.counts.labels[:, index].sum(axis=0)
    n = part.counts.verdicts[:, index].sum(axis=0)
    method = f"{table.sum():.0f} labels; n is the replies with this verdict"
    return [
        Measurement(
            metric=f"confusion:{verdict}:{true}",
            n=round(float(n[v])),
            k=float(table[v, t]),
            estimate=float(table[v, t]),
            unit="count",
            method=method,
            **fields,
        )
        for v, verdict in enumerate(VERDICTS[:-1])
        for t, true in enumerate(TRUTHS)
    ]


def judge_js(part: JudgePart) -> dict[str, list[Estimate]]:
    """By metric, the J of every language."""
    return {
        metric: [_j(part, classes, index) for index in range(len(part.counts.languages))]
        for metric, classes in J_CLASSES.items()
    }


def _j(part: JudgePart, classes: Sequence[bool], index: int) -> Estimate:
    if part.refused:
        return not_measured("sensitivity + specificity - 1", part.refused)
    return youden_j(part.confusion(index), classes)


def labeller_rows(
    rows: pl.DataFrame,
    labels: LabelSet,
    languages: Sequence[str],
    shares: ShareTable,
    common: Mapping[str, Any],
) -> list[Measurement]:
    """Kappa of every two labellers, by language and over all of them."""
    found: list[Measurement] = []
    for pair, table in pair_tables(rows, labels, languages).items():
        who = " and ".join(pair)
        for index, language in [(None, None), *enumerate(languages)]:
            counts = table.sum(axis=1) if index is None else table[:, index]
            if not counts.any():
                continue
            kappa = cohen_kappa(counts)
            row = measurement(
                "kappa_labellers", kappa, **common, language=language, unit="kappa",
                tier=None if language is None else shares.tier(language),
            )  # fmt: skip
            found.append(replace(row, method=f"{kappa.method}; {who}"))
    return found
