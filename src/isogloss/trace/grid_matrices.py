"""A grid read from its rows: matrices of benefits and of predictors, without model or torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.records import Measurement
from isogloss.stats.distributions import Array

AREA = "trace grid"
SELECTIVITY = "selectivity_change"
REFUSAL = "refusal_rate_change"
MATRICES = (
    SELECTIVITY, REFUSAL, "compliance_rate_change", "over_refusal_change", "helpful_rate_change"
)  # fmt: skip
"""Metrics of the cells: what training in one language did to another."""
SIMILARITY = "linguistic_similarity"
COSINE = "consistency_cosine"
RETRIEVAL = "retrieval_accuracy"
TOKENS = "tokens_per_sentence"
SHARE = "share"
COMPETENCE = "competence_bits_per_character"
LAYER = "chosen_layer"
MEASURED = (SIMILARITY, COSINE, LAYER, RETRIEVAL, TOKENS, SHARE, COMPETENCE)
"""Metrics of what was measured before training; see `isogloss.trace.predictors`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What was measured of one model before training, NaN where it was not.

    Attributes:
        distance: [L, L] one minus the mean of those kinds of similarity that are known of all
            pairs that anything is known of.
        cosine: [L, L] symmetric.
        retrieval: [L, L] rows: the language that asks.
        tokens, share, competence: [L].
    """

    distance: Array
    cosine: Array
    retrieval: Array
    tokens: Array
    share: Array
    competence: Array


Predictor = Callable[[Measured], Array]
"""What is measured → [L, L], rows the language trained on."""


def _of_train(values: Array) -> Array:
    return np.repeat(values[:, None], values.size, axis=1)


def _of_test(values: Array) -> Array:
    return np.repeat(values[None, :], values.size, axis=0)


PREDICTORS: dict[str, Predictor] = {
    "linguistic distance": lambda m: m.distance,
    "concept cosine": lambda m: m.cosine,
    "sentence retrieval": lambda m: (m.retrieval + m.retrieval.T) / 2,
    "fertility": lambda m: _of_test(m.tokens),
    "fertility ratio": lambda m: _of_test(m.tokens) / _of_train(m.tokens),
    "share of the train language": lambda m: _of_train(np.log10(m.share)),
    "share of the test language": lambda m: _of_test(np.log10(m.share)),
    "competence": lambda m: _of_test(m.competence),
}
"""Fixed before the first grid. Fertility and competence are the test language's; competence is bits
per character, so that more is worse."""
ABOUT_THE_PAIR = ("linguistic distance", "concept cosine", "sentence retrieval")
ABOUT_THE_TEST_LANGUAGE = (
    *ABOUT_THE_PAIR, "fertility", "share of the test language", "competence"
)  # fmt: skip
"""Those that say something of a language without naming another: of pairs, the mean over others."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """One model.

    Attributes:
        target: its name, with its seed.
        method: what it was trained by.
        languages: L tags, in the order of rows and columns.
        benefits: metric of `MATRICES` → [L, L] change, rows the language
            trained on, NaN where not measured.
        everywhere: the same metrics → [L] change after training in several languages at once.
        everywhere_arm: name of that training; None where there was none.
        predictors: name of `PREDICTORS` → [L, L].
        competence: [L] bits per character.
    """

    target: str
    method: str
    languages: tuple[str, ...]
    benefits: Mapping[str, Array]
    everywhere: Mapping[str, Array]
    everywhere_arm: str | None
    predictors: Mapping[str, Array]
    competence: Array


def read_grids(rows: Sequence[Measurement]) -> list[Grid]:
    """The grids in rows of area ``trace grid``, a model each, in the order of the rows."""
    by_target: dict[str, list[Measurement]] = {}
    for row in rows:
        if row.area == AREA:
            by_target.setdefault(row.target, []).append(row)
    return [_read(target, mine) for target, mine in by_target.items()]


def _read(target: str, rows: Sequence[Measurement]) -> Grid:
    languages = tuple(
        dict.fromkeys(row.language for row in rows if row.metric == TOKENS and row.language)
    )
    cells = [row for row in rows if row.metric in MATRICES]
    own = [row for row in cells if row.source_language is not None]
    several = [row for row in cells if row.source_language is None]
    measured = Measured(
        distance=_distance(rows, languages),
        cosine=_symmetric(_pairs(rows, COSINE, languages)),
        retrieval=_pairs(rows, RETRIEVAL, languages),
        tokens=_single(rows, TOKENS, languages),
        share=_single(rows, SHARE, languages),
        competence=_single(rows, COMPETENCE, languages),
    )
    return Grid(
        target=target,
        method=own[0].arm if own else "none",
        languages=languages,
        benefits={metric: _pairs(own, metric, languages) for metric in MATRICES},
        everywhere={metric: _single(several, metric, languages) for metric in MATRICES},
        everywhere_arm=several[0].arm if several else None,
        predictors={name: predictor(measured) for name, predictor in PREDICTORS.items()},
        competence=measured.competence,
    )


def _single(rows: Sequence[Measurement], metric: str, languages: Sequence[str]) -> Array:
    """[L] a metric by language; NaN where not measured."""
    found = {row.language: row.estimate for row in rows if row.metric == metric}
    return np.array([np.nan if (v := found.get(tag)) is None else v for tag in languages])


def _pairs(
    rows: Sequence[Measurement], metric: str, languages: Sequence[str], kind: str | None = None
) -> Array:
    """[L, L] a metric by source language and language; NaN where not measured."""
    place = {tag: at for at, tag in enumerate(languages)}
    result = np.full((len(languages), len(languages)), np.nan)
    for row in rows:
        if row.metric != metric or row.estimate is None or (kind and row.category != kind):
            continue
        if row.source_language in place and row.language in place:
            result[place[row.source_language], place[row.language]] = row.estimate
    return result


def _symmetric(upper: Array) -> Array:
    """What is stored once a pair, both ways."""
    return np.where(np.isnan(upper), upper.T, upper)


def _distance(rows: Sequence[Measurement], languages: Sequence[str]) -> Array:
    kinds = dict.fromkeys(row.category for row in rows if row.metric == SIMILARITY)
    matrices = [_symmetric(_pairs(rows, SIMILARITY, languages, kind)) for kind in kinds if kind]
    if not matrices:
        return np.full((len(languages), len(languages)), np.nan)
    known = np.isfinite(matrices).any(axis=0)
    whole = [matrix for matrix in matrices if np.isfinite(matrix[known]).all()]
    return 1 - np.mean(whole, axis=0) if whole else np.full_like(matrices[0], np.nan)
