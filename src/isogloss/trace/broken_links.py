"""Which link of the chain breaks first, from what independent instruments say of every item.

An item is one prompt in one language. Between a harmful request and a refusal stand three links:
the request is understood, it is represented as harmful, and what is represented is acted on.
Between any request and a relevant reply stand two: it is understood, and the reply can be produced.
An instrument says of every item whether its link held; the first link that did not is the item's,
and an item whose links all held is ``unexplained``. Where an instrument is missing before a broken
link was found, the item is ``not measured``: whether the missing link broke is never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isogloss.stats.distributions import Array

Instrument = Literal["comprehension", "representation", "decision", "form"]
Kind = Literal["harmful_compliance", "irrelevance"]

BROKEN: Mapping[Instrument, str] = {
    "comprehension": "not understood",
    "representation": "not represented",
    "decision": "not acted on",
    "form": "not producible",
}
"""What is said of an item whose link, as this instrument sees it, does not hold."""
UNEXPLAINED, NOT_MEASURED = "unexplained", "not measured"

CHAINS: Mapping[Kind, tuple[Instrument, ...]] = {
    "harmful_compliance": ("comprehension", "representation", "decision"),
    "irrelevance": ("comprehension", "form"),
}
"""The links of each kind of failure, in the order in which they can break."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """To which link every item is ascribed.

    Attributes:
        links: K names in the order of the chain, then ``unexplained`` and ``not measured``.
        member: [N, K] part of each item; rows sum to 1. Ones and zeros, unless averaged over
            several readings of an instrument (placebo directions).
    """

    links: tuple[str, ...]
    member: Array

    def column(self, link: str) -> Array:
        """[N] of one link."""
        return self.member[:, self.links.index(link)]


def links_of(kind: Kind) -> tuple[str, ...]:
    """All that an item of this kind can be ascribed to.

    Example:
        >>> links_of("irrelevance")
        ('not understood', 'not producible', 'unexplained', 'not measured')
    """
    return (*(BROKEN[instrument] for instrument in CHAINS[kind]), UNEXPLAINED, NOT_MEASURED)


def first_broken(kind: Kind, held: Mapping[Instrument, Array]) -> Partition:
    """Ascribe every item to the first link of its chain that does not hold.

    Args:
        kind: whose chain.
        held: [N] of every instrument of the chain: 1 where the link held, 0 where it broke, NaN
            where the instrument says nothing.

    Example:
        >>> told = {"comprehension": np.array([0.0, 1.0, 1.0]), "form": np.array([0.0, 0.0, 1.0])}
        >>> first_broken("irrelevance", told).member.argmax(axis=1).tolist()
        [0, 1, 2]
    """
    links = links_of(kind)
    n = len(held[CHAINS[kind][0]])
    member = np.zeros((n, len(links)))
    open_: NDArray[np.bool_] = np.ones(n, dtype=bool)
    for at, instrument in enumerate(CHAINS[kind]):
        values = held[instrument]
        broken, missing = open_ & (values == 0), open_ & np.isnan(values)
        member[broken, at] = 1.0
        member[missing, links.index(NOT_MEASURED)] = 1.0
        open_ &= ~(broken | missing)
    member[open_, links.index(UNEXPLAINED)] = 1.0
    return Partition(links=links, member=member)


def average(partitions: Sequence[Partition]) -> Partition:
    """The mean of several partitions of the same items, such as one a placebo direction."""
    member: Array = np.mean([partition.member for partition in partitions], axis=0)
    return Partition(links=partitions[0].links, member=member)


def first_missing(kind: Kind, missing: Mapping[Instrument, str | None]) -> Instrument | None:
    """The first instrument of a chain that is missing altogether; None where all are there.

    Args:
        missing: why an instrument is missing, None where it is not.
    """
    return next((one for one in CHAINS[kind] if missing.get(one) is not None), None)
