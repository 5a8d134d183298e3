"""How alike two languages are, kind by kind, from the lab's truth or from a table of facts.

Every kind is a matrix of similarities in [0, 1], 1 on the diagonal, NaN where a fact is missing.
P2 (section 4) takes the four kinds of lang2vec as one minus its distances. Here:

- ``genetic``: 2 s / (a + b), where two languages share s nodes of the family tree and lie a and b
  nodes deep (Wu and Palmer 1994); 0 across families;
- ``geographic``: one minus the great circle between the languages' homelands over half the Earth's
  circumference, as lang2vec scales it;
- ``syntactic``, ``phonological``: the share of the table's features on which two languages agree,
  over those known of both; missing where these are fewer than `MIN_FEATURES`;
- ``lexical``, ``word_order`` (lab only): one minus the true distances of the lexicon and grammar.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from isogloss.lab.lexicon import Lexicon
from isogloss.lab.tongues import TONGUES, word_order_distance
from isogloss.languages import is_lab

Array = NDArray[np.float64]
_Similarity = Callable[[str, str], float | None]

KINDS = ("genetic", "syntactic", "geographic", "phonological", "lexical", "word_order")
REAL_KINDS = KINDS[:4]
LAB_KINDS = ("genetic", "lexical", "word_order")
SYNTACTIC = (
    "order",
    "adposition",
    "adjective",
    "genitive",
    "numeral",
    "definite_article",
    "noun_case",
    "gender",
    "classifiers",
)
PHONOLOGICAL = (
    "tone",
    "front_rounded",
    "nasal_vowels",
    "vowel_harmony",
    "retroflex",
    "voiced_stops",
)
MIN_FEATURES = 4
"""Features known of both languages; a share of fewer says nothing."""
EARTH_RADIUS = 6371.0  # km


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Similarities:
    """Kinds of similarity between the same languages.

    Attributes:
        languages: L tags, in the order of rows and columns.
        matrices: kind -> (L, L) symmetric, in [0, 1], NaN where missing.
        source: where the facts come from, for readers.
        notes: what was masked, and why.
    """

    languages: tuple[str, ...]
    matrices: Mapping[str, Array]
    source: str
    notes: tuple[str, ...] = field(default=())


def lineage(tag: str) -> tuple[str, ...]:
    """Branches of the family tree from the root to the language; empty where none is listed.

    Example:
        >>> lineage("es"), lineage("fi-x-lab")
        (('Indo-European', 'Romance', 'Western Romance', 'West Iberian'), ('Uralic', 'Finno-Ugric'))
    """
    if is_lab(tag):
        return TONGUES[tag].lineage
    facts = _facts(tag)
    return tuple(facts["lineage"].split("/")) if facts and facts["lineage"] else ()


def lab_similarities(lexicon: Lexicon, languages: Sequence[str]) -> Similarities:
    """The true similarities of micro-languages: tree, words, and word order. No geography."""
    tags = tuple(languages)
    return Similarities(
        languages=tags,
        matrices={
            "genetic": _matrix(tags, _genetic),
            "lexical": _matrix(tags, lambda a, b: 1 - lexicon.distance(a, b)),
            "word_order": _matrix(tags, lambda a, b: 1 - word_order_distance(a, b)),
        },
        source="the lab's own family tree, lexicon and grammar",
    )


def shipped_similarities(languages: Sequence[str]) -> Similarities:
    """Similarities of real languages from the shipped table of textbook facts.

    Coarse on purpose: only facts that are sure are in it. For figures to publish give a table with
    more features (`isogloss.concepts.similarity_file.load_similarities`).
    """
    tags = tuple(languages)
    unknown = [tag for tag in tags if _facts(tag) is None]
    notes = (f"not in the shipped table: {', '.join(unknown)}",) if unknown else ()
    return Similarities(
        languages=tags,
        matrices={
            "genetic": _matrix(tags, _genetic),
            "syntactic": _matrix(tags, lambda a, b: _agreement(a, b, SYNTACTIC)),
            "geographic": _matrix(tags, _geographic),
            "phonological": _matrix(tags, lambda a, b: _agreement(a, b, PHONOLOGICAL)),
        },
        source="shipped table of textbook facts",
        notes=notes,
    )


def great_circle(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance in km of two points given as (latitude, longitude) in degrees (haversine)."""
    (a, x), (b, y) = np.radians(one), np.radians(other)
    chord = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin((y - x) / 2) ** 2
    return float(2 * EARTH_RADIUS * np.arcsin(np.sqrt(min(1.0, chord))))


def _matrix(tags: Sequence[str], similarity: _Similarity) -> Array:
    result = np.eye(len(tags))
    for i, one in enumerate(tags):
        for j in range(i):
            value = similarity(one, tags[j]) if _base(one) != _base(tags[j]) else 1.0
            result[i, j] = result[j, i] = np.nan if value is None else value
    return result


def _genetic(one: str, other: str) -> float | None:
    a, b = lineage(one), lineage(other)
    if not a or not b:
        return None
    shared = 0
    while shared < min(len(a), len(b)) and a[shared] == b[shared]:
        shared += 1
    return 2 * shared / (len(a) + len(b) + 2)  # the languages themselves are nodes too


def _geographic(one: str, other: str) -> float | None:
    a, b = _homeland(one), _homeland(other)
    return None if a is None or b is None else 1 - great_circle(a, b) / (np.pi * EARTH_RADIUS)


def _agreement(one: str, other: str, features: Sequence[str]) -> float | None:
    a, b = _facts(one), _facts(other)
    if a is None or b is None:
        return None
    known = [name for name in features if a[name] and b[name]]
    if len(known) < MIN_FEATURES:
        return None
    return sum(a[name] == b[name] for name in known) / len(known)


def _homeland(tag: str) -> tuple[float, float] | None:
    facts = _facts(tag)
    if facts is None or not facts["latitude"]:
        return None
    return float(facts["latitude"]), float(facts["longitude"])


def _facts(tag: str) -> dict[str, str] | None:
    return _table().get(_base(tag))


def _base(tag: str) -> str:
    """The language without its script: writing is in none of these facts."""
    return tag if is_lab(tag) else tag.split("-")[0]


@cache
def _table() -> dict[str, dict[str, str]]:
    text = resources.files("isogloss.concepts").joinpath("linguistic_table.csv").read_text("utf-8")
    return {row["tag"]: row for row in csv.DictReader(text.splitlines())}
