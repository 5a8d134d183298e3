"""Characters as readers see them, words, and the distance between two sequences of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import langcodes
import regex

from isogloss.languages import is_lab

_GRAPHEME = regex.compile(r"\X")
# Letters with their marks and digits; an apostrophe, hyphen or joiner inside belongs to the word.
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:['’‑\-\u200c\u200d][\p{L}\p{N}\p{M}]+)*")
_LETTER = regex.compile(r"\p{L}")
_LATIN = regex.compile(r"\p{Script=Latin}")
_UNSPACED_SCRIPTS = frozenset({"Hans", "Hant", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"})


class Span(NamedTuple):
    """A stretch of a text: its first character's index, one past its last, and what it says."""

    start: int
    end: int
    text: str


def graphemes(text: str) -> list[str]:
    """Extended grapheme clusters (UAX 29): a letter with all its marks is one.

    Example:
        >>> graphemes("नमस्ते")
        ['न', 'म', 'स्ते']
    """
    return _GRAPHEME.findall(text)


def words(text: str) -> list[Span]:
    """The words of a text in a language that writes spaces; punctuation is in none."""
    return [Span(match.start(), match.end(), match.group()) for match in _WORD.finditer(text)]


def is_letter(cluster: str) -> bool:
    """Whether a grapheme cluster is a letter (with its marks); digits and signs are not."""
    return unicodedata.category(cluster[0])[0] == "L"


def script_of(tag: str) -> str:
    """The ISO 15924 code of the script that a language is written in (``Latn`` in the lab)."""
    return "Latn" if is_lab(tag) else langcodes.Language.get(tag).maximize().script or "Zyyy"


def writes_spaces(tag: str) -> bool:
    """Whether a language puts spaces between words; where not, errors are counted in characters."""
    return script_of(tag) not in _UNSPACED_SCRIPTS


def latin_share(text: str) -> float | None:
    """Share of the letters of a text that are Latin, in [0, 1]; None for a text without letters."""
    letters = len(_LETTER.findall(text))
    return len(_LATIN.findall(text)) / letters if letters else None


def edit_distance(one: Sequence[str], other: Sequence[str], *, transpositions: bool) -> int:
    """Fewest insertions, deletions and substitutions from ``one`` to ``other``.

    Levenshtein's distance; with ``transpositions`` the optimal string alignment distance, in which
    swapping two neighbours is one edit, as Damerau (1964) counts. Hyyrö's (2003) bit-vector
    algorithm: a column of the table is two whole numbers, so long texts cost little.

    Example:
        >>> edit_distance("form", "from", transpositions=True)
        1
    """
    if not one:
        return len(other)
    places: dict[str, int] = {}
    for i, unit in enumerate(one):
        places[unit] = places.get(unit, 0) | 1 << i
    whole, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    # Where the table rises (up) or falls (down) by one from row to row of the current column.
    up, down, diagonal, match_before = whole, 0, 0, 0
    distance = len(one)
    for unit in other:
        match = places.get(unit, 0)
        swapped = ((~diagonal & match) << 1) & match_before if transpositions else 0
        diagonal = ((((match & up) + up) ^ up) | match | down | swapped) & whole
        right_up = down | (whole & ~(diagonal | up))
        right_down = diagonal & up
        distance += bool(right_up & last) - bool(right_down & last)
        right_up = (right_up << 1 | 1) & whole
        up = (right_down << 1 | ~(diagonal | right_up)) & whole
        down = right_up & diagonal
        match_before = match
    return distance
