"""What people said beside what a judge said: labels and verdicts as counts, by cluster.

A reply's truth is what its labellers say. Where several labelled it, one named ``adjudicated`` has
the last word; without one the reply is shared out evenly between what they say, so that a
disagreement is neither dropped nor decided by us. ``unsure`` is no label: with nothing else the
reply stays unlabelled, and is counted. Where a sheet was drawn, labels off the sheet are left out:
nobody drew them at random.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from isogloss.audit.tally import Array
from isogloss.label.labeller import ADJUDICATED
from isogloss.label.sheet import Sheet, read_sheet
from isogloss.label.source import choose_source
from isogloss.stats.calibrate import TRUTHS, VERDICTS
from isogloss.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Replies of one judge, target, arm, variant and intent, and the labelled ones among them.

    Attributes:
        languages, clusters: the axes [L] and [C].
        verdicts: [C, L, 5] replies that were answered or blocked, in the order of `VERDICTS`.
        labels: [C, L, 5, 3] those with a truth, in the order of `TRUTHS`; fractions where labellers
            differ.
        n_unsure: [L] replies that nobody who saw them was sure of.
        n_error: [L] replies that ended in an error.
    """

    languages: tuple[str, ...]
    clusters: tuple[str, ...]
    verdicts: Array
    labels: Array
    n_unsure: Array
    n_error: Array

    @property
    def n_labels(self) -> Array:
        """[L] replies with a truth."""
        return self.labels.sum(axis=(0, 2, 3))

    @property
    def n_replies(self) -> Array:
        """[L] replies that can be labelled."""
        return self.verdicts[..., : VERDICTS.index("blocked")].sum(axis=(0, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSet:
    """All labels of one target, arm and variant that calibration may use.

    Attributes:
        words: what every labeller said, by response id, then labeller.
        sheet: the sheet they were drawn by; None where labels came without one.
    """

    words: Mapping[int, Mapping[str, str]]
    sheet: Sheet | None

    @property
    def n_labelled(self) -> int:
        """Replies that at least one labeller was sure of."""
        return sum(truth(words) is not None for words in self.words.values())


def read_labels(store: RunStore, *, target: str, arm: str, variant: str) -> LabelSet:
    """The labels of one target, arm and variant, of the replies that are on its sheet."""
    frame = store.labels.frame().filter(
        (pl.col("target") == target) & (pl.col("arm") == arm) & (pl.col("variant") == variant)
    )
    if frame.is_empty():
        return LabelSet(words={}, sheet=None)
    source = choose_source(store, target=target, arm=arm, variant=variant)
    sheet = read_sheet(store, source)
    drawn = None if sheet is None else frozenset(sheet.responses)
    words: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for response, labeller, outcome in frame.select("response", "labeller", "outcome").iter_rows():
        if drawn is None or response in drawn:
            words[response][labeller] = outcome
    return LabelSet(words=dict(words), sheet=sheet)


def truth(words: Mapping[str, str]) -> tuple[float, ...] | None:
    """Parts of one reply that count as each of `TRUTHS`; None where nobody was sure.

    Example:
        >>> truth({"ann": "complied", "ben": "refused", "cem": "unsure"})
        (0.5, 0.5, 0.0)
    """
    final = words.get(ADJUDICATED)
    said = [final] if final is not None else list(words.values())
    sure = [word for word in said if word in TRUTHS]
    if not sure:
        return None
    return tuple(sure.count(name) / len(sure) for name in TRUTHS)


def count_labelled(
    rows: pl.DataFrame, labels: LabelSet, *, intent: str, languages: Sequence[str]
) -> Labelled:
    """Count verdicts and labels of one intent.

    Args:
        rows: `store.labels.responses` of one target, arm, judge and variant.
        labels: of the same.
        intent: ``harmful`` or ``benign``.
        languages: the language axis.
    """
    rows = rows.filter(pl.col("intent") == intent)
    clusters = rows["cluster_id"].unique().sort().to_list()
    place = {name: i for i, name in enumerate(clusters)}
    column = {name: i for i, name in enumerate(languages)}
    verdicts = np.zeros((len(clusters), len(languages), len(VERDICTS)))
    counts = np.zeros((*verdicts.shape, len(TRUTHS)))
    n_unsure, n_error = np.zeros(len(languages)), np.zeros(len(languages))
    stratum = {name: i for i, name in enumerate(VERDICTS)}
    chosen = rows.select("response", "cluster_id", "language", "result")
    for response, cluster, language, result in chosen.iter_rows():
        at = place[cluster], column[language]
        if result not in stratum:
            n_error[at[1]] += 1
            continue
        verdicts[(*at, stratum[result])] += 1
        words = labels.words.get(response)
        if words is None or result == "blocked":
            continue
        parts = truth(words)
        if parts is None:
            n_unsure[at[1]] += 1
        else:
            counts[(*at, stratum[result])] += parts
    return Labelled(
        languages=tuple(languages),
        clusters=tuple(clusters),
        verdicts=verdicts,
        labels=counts,
        n_unsure=n_unsure,
        n_error=n_error,
    )


def moved_strata(rows: pl.DataFrame, sheet: Sheet) -> int:
    """Replies on a sheet by verdict whose verdict is another one now than when it was drawn."""
    now = dict(rows.select("response", "result").iter_rows())
    return sum(
        now.get(response) != stratum.verdict
        for stratum in sheet.strata
        for response in stratum.responses
    )


def pair_tables(
    rows: pl.DataFrame, labels: LabelSet, languages: Sequence[str]
) -> dict[tuple[str, str], Array]:
    """By pair of labellers: [C, L, 3, 3] replies both were sure of, by their words."""
    names = sorted({name for words in labels.words.values() for name in words} - {ADJUDICATED})
    clusters = {name: i for i, name in enumerate(rows["cluster_id"].unique().sort().to_list())}
    column = {name: i for i, name in enumerate(languages)}
    where = {
        response: (clusters[cluster], column[language])
        for response, cluster, language in rows.select(
            "response", "cluster_id", "language"
        ).iter_rows()
    }
    word = {name: i for i, name in enumerate(TRUTHS)}
    tables: dict[tuple[str, str], Array] = {}
    for pair in combinations(names, 2):
        table = np.zeros((len(clusters), len(languages), len(TRUTHS), len(TRUTHS)))
        for response, words in labels.words.items():
            first, second = (words.get(name) for name in pair)
            if response in where and first in word and second in word:
                table[(*where[response], word[first], word[second])] += 1
        if table.any():
            tables[pair] = table
    return tables
