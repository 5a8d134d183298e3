"""Typing errors at a stated character error rate, on the keyboard of the row's language.

The four classes are Damerau's (1964, "A technique for computer detection and correction of spelling
errors"): a wrong letter, one missing, one too many, two swapped. A wrong letter is a neighbour on
the keyboard, one too many is the same letter twice. Their proportions (`MIXTURE`) are ours:
published ones vary with the corpus. Errors fall on letters alone (digits and signs stay); the rate
is over all characters, as a character error rate is. A character is a grapheme cluster.
"""

from __future__ import annotations

import random
import unicodedata

from isogloss.records import Prompt
from isogloss.variants.hangul import jamo_neighbours
from isogloss.variants.layouts import layout_of, neighbours
from isogloss.variants.made import Made, Maker, NotMade, draw_count
from isogloss.variants.units import edit_distance, graphemes, is_letter

MIXTURE = {"substitution": 0.4, "omission": 0.3, "doubling": 0.15, "transposition": 0.15}
"""Share of each class; where one is impossible (no neighbour known) another is drawn instead."""

NO_LAYOUT = "no keyboard table for this language: letters missing, doubled and swapped only"


def keyboard_maker(rate: float) -> Maker:
    """A maker of texts mistyped at ``rate``, the expected character error rate, in (0, 0.5].

    The realised rate of a row is the optimal string alignment distance (swapped neighbours are one
    error) over the original's characters. Whole errors are drawn so that its mean is ``rate``; a
    short prompt may get none.
    """

    def make(prompt: Prompt, rng: random.Random) -> Made | NotMade:
        original = graphemes(prompt.text)
        letters = [place for place, cluster in enumerate(original) if is_letter(cluster)]
        if not letters:
            return NotMade("no letter that could be mistyped")
        n_errors = min(draw_count(rate, len(original), rng), len(letters))
        places = _spread(letters, n_errors, rng)
        text = _mistyped(original, places, prompt.language, rng)
        distance = edit_distance(original, graphemes(text), transpositions=True)
        note = None if layout_of(prompt.language) else NO_LAYOUT
        return Made(text=text, n_units=len(original), n_edits=distance, note=note)

    return make


def _spread(letters: list[int], n: int, rng: random.Random) -> set[int]:
    """``n`` places, no two side by side while that is possible: then each error counts as one."""
    order = rng.sample(letters, len(letters))
    chosen: set[int] = set()
    for place in order:
        if len(chosen) < n and not chosen & {place - 1, place + 1}:
            chosen.add(place)
    for place in order:
        if len(chosen) < n:
            chosen.add(place)
    return chosen


def _mistyped(original: list[str], places: set[int], language: str, rng: random.Random) -> str:
    out: list[str] = []
    place = 0
    while place < len(original):
        if place not in places:
            out.append(original[place])
            place += 1
            continue
        after = place + 1
        swappable = after < len(original) and after not in places and is_letter(original[after])
        typed, used = _error(original[place], original[after] if swappable else None, language, rng)
        out.append(typed)
        place += used
    return "".join(out)


def _error(cluster: str, after: str | None, language: str, rng: random.Random) -> tuple[str, int]:
    """What is typed instead of a letter, and of how many letters it takes the place."""
    kinds, weights = list(MIXTURE), list(MIXTURE.values())
    while True:
        kind = rng.choices(kinds, weights)[0]
        if kind == "omission":
            return "", 1
        if kind == "doubling":
            return cluster + cluster, 1
        if kind == "transposition" and after is not None and after != cluster:
            return after + cluster, 2
        if kind == "substitution" and (wrong := wrong_letters(cluster, language)):
            return rng.choice(wrong), 1
        weights[kinds.index(kind)] = 0.0


def wrong_letters(cluster: str, language: str) -> list[str]:
    """What a slip to a neighbouring key makes of a letter; empty where no key is known.

    One character of the cluster is replaced, a letter by a letter and a mark by a mark. A letter
    with an accent that has no key of its own loses the accent. All are one grapheme cluster.

    Example:
        >>> wrong_letters("Q", "en"), wrong_letters("é", "vi")
        (['W', 'A'], ['e'])
    """
    if wrong := jamo_neighbours(cluster):
        return wrong
    beside = neighbours(language)
    found: list[str] = []
    for i, character in enumerate(cluster):
        lower = character.lower()
        for other in beside.get(lower, ""):
            typed = other.upper() if character != lower else other
            if unicodedata.category(typed[0])[0] == unicodedata.category(character)[0]:
                found.append(cluster[:i] + typed + cluster[i + 1 :])
    bare = unicodedata.normalize("NFD", cluster)[0]
    if not found and bare.lower() in beside:
        found = [bare]
    slips = dict.fromkeys(slip for slip in found if slip != cluster)
    return [slip for slip in slips if len(graphemes(slip)) == 1]
