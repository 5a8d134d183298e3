"""Who answers: the one-method protocol behind every target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from isogloss.records import Decoding, Request, RequestKey, Response


class Target(Protocol):
    """Something that answers prompts.

    Attributes:
        name: the canonical target string (``lab:tiny:english@chat#0``, ``hf:…``), in every key.
        template: all that shapes a reply besides the decoding (chat template, few-shot examples,
            the weights where they are known); part of a response's key through
            `Decoding.fingerprint`.
    """

    @property
    def name(self) -> str: ...

    @property
    def template(self) -> str: ...

    def complete(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        skip: AbstractSet[RequestKey] = frozenset(),
    ) -> Iterator[Response]:
        """Yield one response for every request whose key is not in ``skip``, in any order.

        Batches are planned over *all* requests, so that a resumed run (with ``skip``) gives each
        request the same neighbours, and hence the same bits, as an uninterrupted one. What goes
        wrong with one request is a response with status ``error``; what is wrong with the target
        itself raises `isogloss.errors.ModelError`.
        """
        ...
