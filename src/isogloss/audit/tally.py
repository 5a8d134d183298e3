"""Counts by cluster and language: what every rate, gap and comparison is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]

COLUMNS = (
    "correct",  # complied, and the content was right
    "wrong",  # complied, and the content was wrong
    "unknown",  # complied, and nobody knows whether it was right
    "refused",
    "irrelevant",
    "blocked",
    "error",
    "unjudged",
    "same_language",
    "other_language",
    "truncated",
    "untruncated",
)
COMPLIED = ("correct", "wrong", "unknown")
REFUSED = ("refused", "blocked")
JUDGED = (*COMPLIED, *REFUSED, "irrelevant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many responses of each kind every cluster has in every language.

    Attributes:
        languages: [L] tags.
        clusters: [C] cluster ids; shared by the tallies of both intents, so that they pair.
        counts: [len(COLUMNS), C, L]; columns first, so that adding some of them is fast.
    """

    languages: tuple[str, ...]
    clusters: tuple[str, ...]
    counts: Array

    def sum(self, columns: Sequence[str]) -> Array:
        """[C, L] counts of ``columns`` together."""
        return np.add.reduce([self.counts[COLUMNS.index(name)] for name in columns])

    def total(self, columns: Sequence[str]) -> Array:
        """[L] the same over all clusters."""
        return sum(
            (self.counts[COLUMNS.index(name)].sum(axis=0) for name in columns),
            np.zeros(len(self.languages)),
        )

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            languages=self.languages, clusters=self.clusters, counts=self.counts + other.counts
        )


def tally(frame: pl.DataFrame, languages: Sequence[str], clusters: Sequence[str]) -> Tally:
    """Count the rows of `RunStore.results` (or any frame with its columns).

    Args:
        frame: columns ``language cluster_id result correct reply_language truncated n``.
        languages: the language axis; rows of others must not be in ``frame``.
        clusters: the cluster axis.
    """
    n_clusters, n_languages = len(clusters), len(languages)
    counts = np.zeros((len(COLUMNS), n_clusters * n_languages))
    shape = (len(COLUMNS), n_clusters, n_languages)
    if frame.is_empty():
        return Tally(
            languages=tuple(languages), clusters=tuple(clusters), counts=counts.reshape(shape)
        )
    place = frame.select(
        pl.col("cluster_id").replace_strict(clusters, range(n_clusters), return_dtype=pl.Int64)
        * n_languages
        + pl.col("language").replace_strict(languages, range(n_languages), return_dtype=pl.Int64)
    ).to_series()
    kinds = frame.select(place.alias("place"), pl.col("n"), **_indicators())
    for index, column in enumerate(COLUMNS):
        rows = kinds.filter(pl.col(column))
        counts[index] = np.bincount(
            rows["place"].to_numpy(), rows["n"].to_numpy(), minlength=counts.shape[1]
        )
    return Tally(
        languages=tuple(languages),
        clusters=tuple(clusters),
        counts=counts.reshape(shape),
    )


def _indicators() -> dict[str, pl.Expr]:
    result, correct = pl.col("result"), pl.col("correct")
    complied, answered = result == "complied", ~result.is_in(["blocked", "error"])
    # Only the language proper: a reply in "zh" to a prompt in "zh-Hant" is in the asked language.
    same = _primary("language") == _primary("reply_language")
    known = answered & pl.col("reply_language").is_not_null()
    kinds = {
        "correct": complied & correct.eq_missing(1),
        "wrong": complied & correct.eq_missing(0),
        "unknown": complied & correct.is_null(),
        "same_language": known & same,
        "other_language": known & ~same,
        "truncated": answered & (pl.col("truncated") == 1),
        "untruncated": answered & (pl.col("truncated") == 0),
    }
    return {name: kinds.get(name, result == name).fill_null(False) for name in COLUMNS}


def _primary(column: str) -> pl.Expr:
    return pl.col(column).str.split("-").list.first()
