"""What part of the last rung's gap each rung made: the first rung's own gap, then every stage.

The parts add up to the last gap, whatever the rate, as long as all are of the same languages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from isogloss.stats.contrast import fixed_language_bounds
from isogloss.stats.distributions import Array
from isogloss.stats.gaps import tier_weights
from isogloss.stats.roots import root_between
from isogloss.trace.change_gap import Counts

FURTHEST_SHARE = 100.0
"""Where the search for the end of a share's interval stops: a hundred times the last gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one rung adds to the last gap.

    Attributes:
        points: the gap of the first rung, else the change of the gap since the rung before.
        share: of the last gap; None where that gap may be 0.
        low, high: ends of the share's 95 % interval; None where it has none.
    """

    points: float
    share: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The last gap and what every rung adds; the parts add up to it."""

    gap: float
    low: float
    high: float
    parts: tuple[Part, ...]


def gap_parts(rungs: Sequence[Counts], weak: np.ndarray, strong: np.ndarray) -> Parts:
    """Split the last rung's gap into what each rung made of it; scope ``these languages``.

    The interval of a share holds every s for which *part - s * last gap* may be 0 (Fieller 1954,
    with MOVER's limits). There is none where the last gap may itself be 0.

    Args:
        rungs: [C, L] of every rung, in order, on the same clusters.
        weak, strong: [L] members of the tiers that are measured at every rung.
    """
    used = weak | strong
    weights = tier_weights(weak, strong)[used]
    shown = [counts.of(used) for counts in rungs]
    k = np.concatenate([counts.successes for counts in shown], axis=-1)
    n = np.concatenate([counts.trials for counts in shown], axis=-1)
    blocks = np.kron(np.eye(len(rungs)), weights)  # [rungs, rungs * L]: the gap at each
    made = np.vstack([blocks[:1], np.diff(blocks, axis=0)])
    rate = k.sum(axis=0) / n.sum(axis=0)
    gap = float(rate @ blocks[-1])
    low, high = (float(end) for end in fixed_language_bounds(k, n, blocks[-1])(0.95))
    points = [float(rate @ row) for row in made]
    if low <= 0 <= high:
        return Parts(gap=gap, low=low, high=high, parts=tuple(Part(points=p) for p in points))

    def within(row: Array, share: float) -> float:
        """Above 0 where *part - share * last gap* may be 0: how far inside its interval 0 lies."""
        coefficients = row - share * blocks[-1]
        if np.allclose(coefficients, 0.0):
            return 1.0
        ends = fixed_language_bounds(k, n, coefficients)(0.95)
        return float(min(ends[1], -ends[0]))

    return Parts(
        gap=gap,
        low=low,
        high=high,
        parts=tuple(
            Part(
                points=p,
                share=p / gap,
                low=_end(partial(within, row), p / gap, -1),
                high=_end(partial(within, row), p / gap, 1),
            )
            for p, row in zip(points, made, strict=True)
        ),
    )


def _end(within: Callable[[float], float], start: float, side: int) -> float | None:
    """Where shares stop being possible on one side; None where they never do."""
    step = 0.1
    while within(start + side * step) > 0:
        step *= 2
        if step > FURTHEST_SHARE:
            return None
    return root_between(within, start, start + side * step, within=1e-6)
