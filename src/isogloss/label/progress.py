"""How far the labels of a sheet have come, and how well two labellers agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from isogloss.label.labeller import ADJUDICATED
from isogloss.label.sheet import Sheet
from isogloss.stats.agreement import cohen_kappa
from isogloss.stats.calibrate import TRUTHS
from isogloss.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LabellerProgress:
    """One labeller and language.

    Attributes:
        n_sheet: replies of the language on the sheet.
        n_labelled: of these, with a label; ``n_unsure`` of them ``unsure``.
    """

    language: str
    labeller: str
    n_sheet: int
    n_labelled: int
    n_unsure: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Two labellers on the replies both labelled.

    Attributes:
        language: None is all languages together.
        n_sure: replies that both gave one of the three classes; ``n_agree`` of them the same one.
        n_unsure: replies that both labelled, at least one of them ``unsure``; in no other figure.
        kappa, low, high: Cohen's kappa over the three classes and its 95 % interval
            (`isogloss.stats.agreement.cohen_kappa`); at most 1, and 0 is what chance would give.
            None where nothing is labelled twice, or where both only ever said one same word.
    """

    language: str | None
    labellers: tuple[str, str]
    n_sure: int
    n_agree: int
    n_unsure: int
    kappa: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is labelled of a sheet.

    Attributes:
        progress: by language, then labeller; languages without any label have none.
        agreement: for every two labellers, languages together first.
        n_off_sheet: labels on replies that are not on this sheet; calibration leaves them out.
    """

    sheet: Sheet
    progress: tuple[LabellerProgress, ...]
    agreement: tuple[Agreement, ...]
    n_off_sheet: int

    @property
    def n_labels(self) -> int:
        return sum(progress.n_labelled for progress in self.progress)


class _Word(NamedTuple):
    language: str
    cluster: str
    outcome: str


def label_status(store: RunStore, sheet: Sheet) -> Status:
    """Count the labels of a sheet."""
    on_sheet = frozenset(sheet.responses)
    words: defaultdict[str, dict[int, _Word]] = defaultdict(dict)
    frame = store.labels.frame()
    here = (frame["target"] == sheet.target) & (frame["arm"] == sheet.arm)
    n_off_sheet = 0
    for row in frame.filter(here & (frame["variant"] == sheet.variant)).iter_rows(named=True):
        if row["response"] in on_sheet:
            word = _Word(row["language"], row["cluster_id"], row["outcome"])
            words[row["labeller"]][row["response"]] = word
        else:
            n_off_sheet += 1
    pairs = combinations(sorted(words.keys() - {ADJUDICATED}), 2)
    agreement = [
        _agreement(language, (a, b), words[a], words[b])
        for a, b in pairs
        for language in (None, *sheet.languages)
    ]
    return Status(
        sheet=sheet,
        progress=tuple(_progress(sheet, words)),
        agreement=tuple(r for r in agreement if r.language is None or r.n_sure + r.n_unsure),
        n_off_sheet=n_off_sheet,
    )


def _progress(sheet: Sheet, words: Mapping[str, Mapping[int, _Word]]) -> Iterator[LabellerProgress]:
    n_sheet: Counter[str] = Counter()
    for stratum in sheet.strata:
        n_sheet[stratum.language] += stratum.n_sheet
    for language in sheet.languages:
        for labeller, said in sorted(words.items()):
            mine = [word.outcome for word in said.values() if word.language == language]
            if mine:
                yield LabellerProgress(
                    language=language,
                    labeller=labeller,
                    n_sheet=n_sheet[language],
                    n_labelled=len(mine),
                    n_unsure=mine.count("unsure"),
                )


def _agreement(
    language: str | None,
    labellers: tuple[str, str],
    ours: Mapping[int, _Word],
    theirs: Mapping[int, _Word],
) -> Agreement:
    both = [
        (ours[i], theirs[i])
        for i in sorted(ours.keys() & theirs.keys())
        if language in (None, ours[i].language)
    ]
    sure = [(a, b) for a, b in both if a.outcome in TRUTHS and b.outcome in TRUTHS]
    clusters = sorted({a.cluster for a, _ in sure})
    table = np.zeros((len(clusters), 3, 3))
    for a, b in sure:
        place = TRUTHS.index(a.outcome), TRUTHS.index(b.outcome)
        table[(clusters.index(a.cluster), *place)] += 1
    kappa = cohen_kappa(table)
    return Agreement(
        language=language,
        labellers=labellers,
        n_sure=len(sure),
        n_agree=sum(a.outcome == b.outcome for a, b in sure),
        n_unsure=len(both) - len(sure),
        kappa=kappa.estimate,
        low=kappa.low,
        high=kappa.high,
    )
