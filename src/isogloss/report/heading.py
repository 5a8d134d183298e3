"""What stands above the chapters of a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.records import Measurement
from isogloss.report.verdicts import Pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class Lede:
    """What stands above the chapters.

    Attributes:
        kicker: the kind of page.
        tally: (sign, verdict, count), each a link to ``anchor``.
        anchor: the section that settles the headline.
        skip: words of the link that jumps there.
        settings: (name, value, whether it is code) in order.
    """

    kicker: str
    target: str
    headline: str
    tally: tuple[tuple[str, str, int], ...]
    anchor: str
    skip: str
    settings: tuple[tuple[str, str, bool], ...]
    pointers: tuple[Pointer, ...] = ()


def claim_tally(claims: Sequence[Measurement]) -> tuple[tuple[str, str, int], ...]:
    """(sign, verdict, how many claims have it), for those that some have."""
    verdicts = Counter("not measured" if row.estimate is None else row.verdict for row in claims)
    signs = {"confirmed": "●", "refuted": "▼", "cannot tell": "○", "not measured": "–"}
    return tuple((sign, word, verdicts[word]) for word, sign in signs.items() if verdicts[word])
