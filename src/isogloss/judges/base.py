"""Who decides the outcome: the one-method protocol behind every judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class JudgesAsTheyCome(Protocol):
    """A judge with many replies in work, which need not wait for one another."""

    def judge_unordered(self, responses: Sequence[Response]) -> Iterator[tuple[int, Verdict]]:
        """The same as `Judge.judge`, as they are given, each with its response's position."""
        ...


def numbered_verdicts(judge: Judge, responses: Sequence[Response]) -> Iterator[tuple[int, Verdict]]:
    """Verdicts as soon as the judge gives them, so that a kill loses little that was paid for."""
    if isinstance(judge, JudgesAsTheyCome):
        return judge.judge_unordered(responses)
    return enumerate(judge.judge(responses))


def in_order(verdicts: Iterator[tuple[int, Verdict]]) -> Iterator[Verdict]:
    """Numbered verdicts in the order of their responses."""
    return (verdict for _, verdict in sorted(verdicts, key=lambda numbered: numbered[0]))
