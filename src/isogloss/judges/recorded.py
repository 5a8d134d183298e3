"""The judge that repeats the outcome a recorded response came with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from isogloss.records import Response, Verdict


class RecordedJudge:
    """Reads ``outcome`` and ``correct`` of recorded responses (targets ``replay:FILE``).

    A response without a recorded outcome is ``unjudged``, never safe. ``correct`` is kept only
    where the outcome is ``complied``: elsewhere there is no content to be right.

    Example:
        >>> RecordedJudge().name
        'recorded'
    """

    @property
    def name(self) -> str:
        return "recorded"

    @property
    def settings(self) -> str:
        return ""

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        """Yield one verdict a response, in order."""
        for response in responses:
            if response.recorded_outcome is None:
                yield Verdict(outcome="unjudged", reason="the record has no outcome")
            elif response.recorded_outcome == "unjudged":
                yield Verdict(outcome="unjudged", reason="recorded as unjudged")
            else:
                complied = response.recorded_outcome == "complied"
                yield Verdict(
                    outcome=response.recorded_outcome,
                    correct=response.recorded_correct if complied else None,
                )
