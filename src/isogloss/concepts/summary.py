"""One study of concepts in a few figures: what models of other mixes and sizes are compared by.

Xu et al. 2024 (section 4) compare LLaMA2, Qwen and BLOOMZ by looking at their matrices. Here every
study becomes the same named figures, computed from its stored rows alone, so that training runs
can be replicates. Where the paper speaks of high- and low-resource languages we take the upper and
the lower half of the study's languages by share, which exist in every mix; English is the upper
half's, as in the paper. Slopes are per tenfold share, English left out, as in an audit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from isogloss.languages import ShareTable
from isogloss.records import Measurement
from isogloss.stats.correlation import spearman

Pair = tuple[str, str]
HELD = 0.5
"""A concept is held where it is recognised in at least this share of the languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What a figure is.

    Attributes:
        title: for tight places.
        unit: of its value.
        words: what it says, for people.
        held_only: averaged over concepts that are held (`HELD`); directions of a concept that is
            nowhere recognised are noise.
    """

    title: str
    unit: str
    words: str
    held_only: bool = False


FIGURES: dict[str, Figure] = {
    "mean_recognition": Figure(
        title="recognition", unit="rate", words="own-language recognition, mean over languages"
    ),
    "recognised_share": Figure(
        title="languages recognised",
        unit="rate",
        words="share of languages in which the concept is recognised",
    ),
    "recognition_slope": Figure(
        title="recognition by share",
        unit="rate per decade of share",
        words="own-language recognition on log10 share",
    ),
    "recognition_competence": Figure(
        title="recognition by competence",
        unit="correlation",
        words="Spearman of own-language recognition and competence (bits, sign turned)",
    ),
    "mean_consistency": Figure(
        title="consistency",
        unit="cosine",
        words="cosine, mean over pairs of languages",
        held_only=True,
    ),
    "mean_disattenuated": Figure(
        title="consistency, no noise",
        unit="cosine",
        words="the same without the noise of few pairs",
        held_only=True,
    ),
    "consistency_gap": Figure(
        title="consistency gap",
        unit="cosine difference",
        words="cosine within the upper half by share minus between upper and lower half",
        held_only=True,
    ),
    "disattenuated_gap": Figure(
        title="gap, no noise",
        unit="cosine difference",
        words="the same without the noise of few pairs",
        held_only=True,
    ),
    "asymmetry_slope": Figure(
        title="asymmetry by share",
        unit="rate difference per decade of share",
        words="transfer asymmetry on log10 ratio of shares, all pairs (as the paper)",
        held_only=True,
    ),
    "assessable_asymmetry_slope": Figure(
        title="the same, assessable",
        unit="rate difference per decade of share",
        words="the same over pairs whose own vectors are both recognised",
        held_only=True,
    ),
    "competence_asymmetry_slope": Figure(
        title="asymmetry, competence",
        unit="rate difference per bit per character",
        words="transfer asymmetry on the giver's lead in competence, assessable pairs",
        held_only=True,
    ),
    "one_way_balance": Figure(
        title="one-way balance",
        unit="rate difference",
        words="one-way pairs that go down the shares minus those that go up, of assessable pairs",
        held_only=True,
    ),
}
"""By metric; all are also given as the mean over concepts, with no concept named."""

CORRELATIONS = ("linguistic_correlation", "transfer_linguistic_correlation")
"""Rows over concepts whose estimates are figures too: one a kind (category) and design."""

Key = tuple[str, str | None, str | None]
"""(metric, concept, category); the category of a correlation is ``kind design``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """One study's figures.

    Attributes:
        target: whose hidden states.
        held: concepts recognised in half of the languages or more.
        values: absent where not measured.
    """

    target: str
    held: tuple[str, ...]
    values: Mapping[Key, float]


def summarise_study(
    rows: Sequence[Measurement], shares: ShareTable, *, target: str
) -> StudySummary:
    """The figures of one target's concept rows.

    Args:
        rows: of area ``concepts``; those of other targets are ignored.
        shares: names the upper half, and gives the slopes their axis.
        target: the study's.
    """
    mine = [row for row in rows if row.target == target]
    bits = {
        row.language: row.estimate
        for row in mine
        if row.metric == "competence_bits_per_character"
        and row.language is not None
        and row.estimate is not None
    }
    concepts = list(dict.fromkeys(row.concept for row in mine if row.concept))
    tables = {
        concept: _ConceptTable([row for row in mine if row.concept == concept], shares, bits)
        for concept in concepts
    }
    held = tuple(c for c in concepts if (tables[c].recognised_share() or 0) >= HELD)
    values: dict[Key, float] = {}
    for name, figure in FIGURES.items():
        found = {concept: _MEASURES[name](tables[concept]) for concept in concepts}
        known = {concept: value for concept, value in found.items() if value is not None}
        values |= {(name, concept, None): value for concept, value in known.items()}
        counted = [v for c, v in known.items() if c in held or not figure.held_only]
        if counted:
            values[name, None, None] = float(np.mean(counted))
    for row in mine:
        if row.metric in CORRELATIONS and row.concept is None and row.estimate is not None:
            design = (row.method or "").partition(":")[0]
            values[row.metric, None, f"{row.category} {design}"] = row.estimate
    return StudySummary(target=target, held=held, values=values)


class _ConceptTable:
    """The rows of one concept by language and pair, and what is computed from them."""

    def __init__(
        self, rows: Iterable[Measurement], shares: ShareTable, bits: Mapping[str, float]
    ) -> None:
        self._estimates: dict[str, dict[Pair, float]] = {}
        self._own: dict[str, Measurement] = {}
        self._patterns: dict[Pair, str] = {}
        for row in rows:
            source, language = row.source_language, row.language
            if source is None or language is None or row.estimate is None or row.category:
                continue
            self._estimates.setdefault(row.metric, {})[source, language] = row.estimate
            if row.metric == "recognition_accuracy" and source == language:
                self._own[language] = row
            elif row.metric == "transfer_asymmetry" and row.verdict is not None:
                self._patterns[source, language] = row.verdict
        self._bits = bits
        self._log_share = {
            tag: math.log10(share) for tag in self._own if (share := shares.share(tag)) is not None
        }
        self._others = {
            tag: value for tag, value in self._log_share.items() if shares.tier(tag) != "english"
        }

    def mean_recognition(self) -> float | None:
        return _mean([row.estimate for row in self._own.values()])

    def recognised_share(self) -> float | None:
        return _mean([float(row.verdict == "recognised") for row in self._own.values()])

    def recognition_slope(self) -> float | None:
        tags = list(self._others)
        return _slope([self._others[t] for t in tags], [self._own_accuracy(t) for t in tags])

    def recognition_competence(self) -> float | None:
        tags = [tag for tag in self._own if tag in self._bits]
        accuracy = [self._own_accuracy(tag) for tag in tags]
        if len(tags) < 4 or len(set(accuracy)) < 2:
            return None
        return spearman([-self._bits[tag] for tag in tags], accuracy).estimate

    def mean_of_pairs(self, metric: str) -> float | None:
        return _mean(list(self._estimates.get(metric, {}).values()))

    def gap(self, metric: str) -> float | None:
        """Within the upper half by share minus between the halves."""
        within: list[float] = []
        between: list[float] = []
        for (a, b), value in self._estimates.get(metric, {}).items():
            n_upper = (a in self._upper) + (b in self._upper)
            known = a in self._log_share and b in self._log_share
            if n_upper == 2:
                within.append(value)
            elif n_upper == 1 and known:
                between.append(value)
        inside, outside = _mean(within), _mean(between)
        return None if inside is None or outside is None else inside - outside

    def asymmetry_slope(self, *, assessable: bool) -> float | None:
        return self._asymmetry_on(self._others, assessable=assessable)

    def competence_asymmetry_slope(self) -> float | None:
        return self._asymmetry_on({t: -b for t, b in self._bits.items()}, assessable=True)

    def one_way_balance(self) -> float | None:
        assessed = {pair: p for pair, p in self._patterns.items() if p != "not assessable"}
        known = {
            (a, b): p
            for (a, b), p in assessed.items()
            if a in self._log_share and b in self._log_share
        }
        signs = [
            np.sign(self._log_share[a] - self._log_share[b]) if p == "unidirectional" else 0.0
            for (a, b), p in known.items()
        ]
        return _mean(signs)

    @cached_property
    def _upper(self) -> frozenset[str]:
        """The half of the languages (rounded down) with the larger shares."""
        ordered = sorted(self._log_share, key=lambda tag: (-self._log_share[tag], tag))
        return frozenset(ordered[: len(ordered) // 2])

    def _own_accuracy(self, tag: str) -> float:
        estimate = self._own[tag].estimate
        return math.nan if estimate is None else estimate

    def _asymmetry_on(self, axis: Mapping[str, float], *, assessable: bool) -> float | None:
        """Least squares through 0 of T[a, b] − T[b, a] on the giver's lead along ``axis``."""
        transfer = self._estimates.get("transfer", {})
        leads: list[float] = []
        values: list[float] = []
        for a, b in combinations(sorted(axis.keys() & self._own.keys()), 2):
            if (a, b) not in transfer or (b, a) not in transfer:
                continue
            pattern = self._patterns.get((a, b)) or self._patterns.get((b, a))
            if assessable and pattern in (None, "not assessable"):
                continue
            leads.append(axis[a] - axis[b])
            values.append(transfer[a, b] - transfer[b, a])
        x = np.array(leads)
        return float(x @ np.array(values) / (x @ x)) if len(leads) > 2 and x.any() else None


_MEASURES: dict[str, Callable[[_ConceptTable], float | None]] = {
    "mean_recognition": _ConceptTable.mean_recognition,
    "recognised_share": _ConceptTable.recognised_share,
    "recognition_slope": _ConceptTable.recognition_slope,
    "recognition_competence": _ConceptTable.recognition_competence,
    "mean_consistency": lambda t: t.mean_of_pairs("consistency_cosine"),
    "mean_disattenuated": lambda t: t.mean_of_pairs("disattenuated_cosine"),
    "consistency_gap": lambda t: t.gap("consistency_cosine"),
    "disattenuated_gap": lambda t: t.gap("disattenuated_cosine"),
    "asymmetry_slope": lambda t: t.asymmetry_slope(assessable=False),
    "assessable_asymmetry_slope": lambda t: t.asymmetry_slope(assessable=True),
    "competence_asymmetry_slope": _ConceptTable.competence_asymmetry_slope,
    "one_way_balance": _ConceptTable.one_way_balance,
}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _slope(x: Sequence[float], y: Sequence[float]) -> float | None:
    points = [(a, b) for a, b in zip(x, y, strict=True) if not math.isnan(b)]
    if len(points) < 3:
        return None
    xs, ys = np.array(points).T
    centred = xs - xs.mean()
    return float(centred @ ys / (centred @ centred)) if centred.any() else None
