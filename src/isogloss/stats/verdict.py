"""When a claim about training holds: the replicate is the run, and two of them say too little."""

from __future__ import annotations

from typing import Literal, Protocol

Verdict = Literal["confirmed", "refuted", "cannot tell"]
MIN_RUNS = 3
"""With fewer runs nothing is claimed: the spread of two says little about the next."""


class OverRuns(Protocol):
    """A figure over runs: an `isogloss.stats.intervals.Estimate` or a row made of one."""

    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def n(self) -> int: ...


def claim_verdict(found: OverRuns, *, sign: Literal[1, -1], null: float = 0.0) -> Verdict:
    """Where the interval lies: on the claimed side of ``null``, on the other, or on both.

    Args:
        found: over ``n`` runs; without an interval nothing can be told.
        sign: on which side of ``null`` the figure lies if the claim is right.
        null: the value between.

    Example:
        >>> from isogloss.stats.paired import t_over_runs
        >>> claim_verdict(t_over_runs([0.2, 0.3, 0.25]), sign=1)
        'confirmed'
        >>> claim_verdict(t_over_runs([0.2, 0.3]), sign=1)
        'cannot tell'
    """
    if found.low is None or found.high is None or found.n < MIN_RUNS:
        return "cannot tell"
    low, high = sorted((sign * (found.low - null), sign * (found.high - null)))
    return "confirmed" if low > 0 else "refuted" if high < 0 else "cannot tell"
