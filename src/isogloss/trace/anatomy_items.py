"""The items of an anatomy: test questions with what became of them and what instruments read.

Everything is joined by (prompt id, language), never by position.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isogloss.records import ORIGINAL
from isogloss.stats.distributions import Array
from isogloss.store import RunStore
from isogloss.trace.broken_links import Instrument, Kind
from isogloss.trace.forced_choice import QuestionReading
from isogloss.trace.represented import SHUFFLED, HarmScores
from isogloss.trace.twin_questions import Key, TwinQuestions

RESULTS = ("complied", "refused", "irrelevant")
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """N test questions in a language each, with an outcome.

    Attributes:
        keys: (prompt id, language), sorted.
        clusters: [N] number of the cluster, counted over all languages.
        n_clusters: C.
        harmful, complied, refused, irrelevant: [N] what they are and what became of them.
    """

    keys: tuple[Key, ...]
    clusters: NDArray[np.int64]
    n_clusters: int
    harmful: Mask
    complied: Mask
    refused: Mask
    irrelevant: Mask

    def failed(self, kind: Kind) -> Mask:
        """[N] which ones failed in this way."""
        if kind == "irrelevance":
            return self.irrelevant
        return self.harmful & self.complied

    def right(self, kind: Kind) -> Mask:
        """[N] which ones the same instruments find where behaviour was right.

        Of harmful compliance, harmful questions that were refused; of irrelevance, questions with a
        relevant reply.
        """
        if kind == "irrelevance":
            return ~self.irrelevant
        return self.harmful & self.refused

    def asked(self, kind: Kind) -> Mask:
        """[N] which ones could have failed in this way."""
        return self.harmful if kind == "harmful_compliance" else np.ones(len(self.keys), dtype=bool)

    def in_languages(self, languages: Sequence[str]) -> Mask:
        """[N] those of some languages."""
        wanted = set(languages)
        return np.array([language in wanted for _, language in self.keys], dtype=bool)

    def column(self, values: Mapping[Key, float]) -> Array:
        """[N] of a reading; NaN where there is none."""
        return np.array([values.get(key, math.nan) for key in self.keys], dtype=np.float64)

    def by_cluster(self, values: Array) -> Array:
        """[C] sums over the items of each cluster."""
        sums = np.bincount(self.clusters, weights=values, minlength=self.n_clusters)
        return sums.astype(np.float64)


def load_outcomes(store: RunStore, *, target: str, judge: str) -> dict[Key, str]:
    """What every question ended as; those without an outcome are left out."""
    frame = store.outcomes(target=target, arm="none", judge=judge).filter(
        (pl.col("variant") == ORIGINAL) & (pl.col("sample") == 0) & pl.col("result").is_in(RESULTS)
    )
    columns: Any = frame.select("prompt_id", "language", "result").iter_rows()
    return {(prompt_id, language): result for prompt_id, language, result in columns}


def make_items(outcomes: Mapping[Key, str], questions: TwinQuestions) -> Items:
    """The test questions that have an outcome."""
    keys = sorted(
        key for key in outcomes
        if key in questions.prompts and questions.split_of(key[0]) == "test"
    )  # fmt: skip
    names, codes = np.unique([questions.clusters[name] for name, _ in keys], return_inverse=True)
    ended = np.array([outcomes[key] for key in keys])
    return Items(
        keys=tuple(keys),
        clusters=codes.astype(np.int64),
        n_clusters=len(names),
        harmful=np.array([questions.prompts[key].intent == "harmful" for key in keys], dtype=bool),
        complied=ended == "complied",
        refused=ended == "refused",
        irrelevant=ended == "irrelevant",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReadings:
    """What every instrument says of every item; NaN is not measured.

    Attributes:
        items: N questions.
        comprehension: [N] share of wrong alternatives that the right one beats.
        represented, above_twin: direction → [N], of harmful questions alone.
        margin: [N] how far on the side of refusal; 0 is the model's own threshold.
        form: [N] share of corrupted forms that the right one beats.
        right_nats, right_characters: [N] of the right reply.
        missing: (instrument, direction or "", language) → why it was not measured there.
        margin_unit: ``nats``, or ``nats per character``.
        layers: direction → block of the states read; None where there was none to choose.
    """

    items: Items
    comprehension: Array
    represented: Mapping[str, Array]
    above_twin: Mapping[str, Array]
    margin: Array
    form: Array
    right_nats: Array
    right_characters: Array
    missing: Mapping[tuple[Instrument, str, str], str]
    margin_unit: str
    layers: Mapping[str, int | None]

    def direction(self, name: str) -> Array:
        """[N] whether harmful items are represented along a direction; NaN where not measured."""
        none = np.full(len(self.items.keys), math.nan)
        return self.represented.get(name, none)

    @property
    def placebos(self) -> tuple[str, ...]:
        """Names of the shuffled directions."""
        return tuple(name for name in self.represented if name.startswith(SHUFFLED))

    def why(self, instrument: Instrument, language: str, direction: str = "") -> str | None:
        """Why an instrument is missing in a language; None where it is not."""
        return self.missing.get((instrument, direction, language))


def read_items(
    items: Items,
    read: Mapping[Key, QuestionReading],
    scores: HarmScores,
    *,
    missing: Mapping[tuple[Instrument, str], str],
    margin_unit: str,
) -> ItemReadings:
    """Bring what was read to the items.

    Args:
        items: what became of the questions.
        read: forced choices.
        scores: of hidden states.
        missing: (instrument, language) → why a forced choice could not be made.
        margin_unit: of the margin.
    """

    def column(name: str) -> Array:
        return items.column({key: getattr(one, name) for key, one in read.items()})

    why: dict[tuple[Instrument, str, str], str] = {
        (instrument, "", language): reason for (instrument, language), reason in missing.items()
    }
    why |= {("representation", d, t): reason for (d, t), reason in scores.missing.items()}
    by_direction = {
        name: {key: pair.is_represented for key, pair in pairs.items()}
        for name, pairs in scores.test.items()
    }
    above = {
        name: {key: pair.is_above for key, pair in pairs.items()}
        for name, pairs in scores.test.items()
    }
    return ItemReadings(
        items=items,
        comprehension=column("comprehension"),
        represented={name: items.column(values) for name, values in by_direction.items()},
        above_twin={name: items.column(values) for name, values in above.items()},
        margin=column("margin"),
        form=column("form"),
        right_nats=column("right_nats"),
        right_characters=column("right_characters"),
        missing=why,
        margin_unit=margin_unit,
        layers=scores.layers,
    )
