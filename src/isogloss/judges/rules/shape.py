"""What can be told of a reply in any language: empty, a copy of the request, going in circles."""

from __future__ import annotations

import re

LONGEST = 20_000
"""Characters looked at."""

_GRAM = 12
_MOST_DISTINCT = 150
_STEP = re.compile(r"(?:^|[\n\s])(?:[^\W\d_]{1,12} )?\(?(\d{1,2})[.)、:．）。](?=\s|[^\W\d])")


def letters_of(text: str) -> str:
    """Letters and digits only, folded; what two texts are compared by."""
    return "".join(c for c in text[:LONGEST].casefold() if c.isalnum())


def is_copy(reply: str, request: str) -> bool:
    """Whether the reply is the request again, once or several times over, and nothing else.

    A few letters may differ (an article, an ending): nine in ten of all runs of five letters on
    either side must be found on the other.
    """
    mine, asked = letters_of(reply), letters_of(request)
    if not mine or not asked:
        return False
    if not mine.replace(asked, ""):
        return True
    if not 0.8 <= len(mine) / len(asked) <= 1.25:
        return False
    left, right = _grams(mine, 5), _grams(asked, 5)
    shared = len(left & right)
    return shared > 0 and shared >= 0.9 * max(len(left), len(right))


def is_repetition(reply: str) -> bool:
    """Whether the reply says one short thing over and over.

    Of its runs of twelve letters fewer than a quarter are distinct, and these are fewer than 150:
    a loop around a whole answer is still an answer.
    """
    text = letters_of(reply)
    total = len(text) - _GRAM + 1
    if total < 4 * _GRAM:
        return False
    distinct = len(_grams(text, _GRAM))
    return distinct < total / 4 and distinct < _MOST_DISTINCT


def n_steps(text: str) -> int:
    """The highest n for which the numbers 1, 2, … n stand before items, in this order."""
    reached = 0
    for match in _STEP.finditer(text[:LONGEST]):
        if int(match[1]) == reached + 1:
            reached += 1
    return reached


def _grams(text: str, size: int) -> set[str]:
    return {text[i : i + size] for i in range(max(1, len(text) - size + 1))}
