"""Who decides the outcome: the one-method protocol behind every judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from isogloss.records import Response, Verdict


class Judge(Protocol):
    """Something that gives every answered response an outcome, or says ``unjudged``.

    Attributes:
        name: part of every verdict's key.
        settings: what shapes its verdicts besides (version of a rubric or of patterns); "" where
            nothing does. Verdicts given under different settings never mix in one run.
    """

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> str: ...

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        """Yield exactly one verdict a response, in order; only ``status == "ok"`` is passed in."""
        ...
