"""Sentences close to a right one that are none: what a model must find less likely to produce it.

They are of the kinds in which replies of weak languages fail in the lab: words in another order, a
name that runs into one that begins alike, a word that breaks off. Chosen on validation objects of
one small model, where a letter changed at random told nothing: nobody says such words.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

N_ORDERS = 4
N_NEAR = 4
N_CUT = 2
SHORTEST = 2
"""Letters that a word which breaks off keeps at least."""
_TRIES = 100


def corrupted_sentences(
    words: Sequence[str],
    *,
    seed: int,
    slips: Mapping[int, Sequence[str]] | None = None,
    n_orders: int = N_ORDERS,
    end: str = "",
) -> list[str]:
    """Different corruptions of a sentence.

    Args:
        words: of the right sentence.
        seed: of the orders.
        slips: place of a word → what is said in its stead.
        n_orders: how many have their words in another order; fewer where there are not as many.
        end: what stands unmoved behind the words.

    Returns:
        None of them twice, none equal to the right sentence.

    Example:
        >>> corrupted_sentences(["cut", "it"], seed=0, slips={0: ["cu"]}, end=" .")
        ['it cut .', 'cu it .']
    """
    rng = random.Random(seed)
    right = tuple(words)
    found: dict[tuple[str, ...], None] = {}
    for _ in range(_TRIES):
        if len(found) == n_orders:
            break
        other = tuple(rng.sample(right, len(right)))
        if other != right:
            found[other] = None
    for place, others in (slips or {}).items():
        for word in others:
            found[*right[:place], word, *right[place + 1 :]] = None
    found.pop(right, None)
    return [" ".join(sentence) + end for sentence in found]


def near_words(word: str, others: Iterable[str], *, n: int = N_NEAR) -> list[str]:
    """The words that begin most like one, the most alike in length first among equals.

    Example:
        >>> near_words("kanra", ["kanale", "jufo", "kirak"], n=2)
        ['kanale', 'kirak']
    """

    def unlike(other: str) -> tuple[int, int, str]:
        shared = sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False))
        )
        return -shared, abs(len(other) - len(word)), other

    return sorted({other for other in others if other != word}, key=unlike)[:n]


def cut_words(word: str, *, n: int = N_CUT) -> list[str]:
    """A word that breaks off one letter and more before its end; none where it is too short.

    Example:
        >>> cut_words("kanra")
        ['kanr', 'kan']
    """
    return [word[:-k] for k in range(1, n + 1) if len(word) - k >= SHORTEST]
