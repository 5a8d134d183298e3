"""The gate for continuous integration: has nothing become worse by as much as LIMIT?

A check *passes* where the one-sided 95 % bound of the worsening stays below the limit. It is
*worse* where the worsening is at least the limit and surely above zero (its other bound is). All
else is *underpowered*: too few prompts (or too many replies without an outcome) to say. Every
language must pass; since all must, no correction for their number is needed (intersection-union,
Berger 1982, Technometrics 24:295). Over ``average`` only the macro average over languages counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

from isogloss.audit.compare import Comparison, average_difference, check_metrics, paired_difference
from isogloss.audit.rates import Cells
from isogloss.errors import InputError
from isogloss.stats.intervals import Estimate

GateVerdict = Literal["pass", "worse", "underpowered"]
Over = Literal["languages", "average"]
EXIT_CODES: dict[GateVerdict, int] = {"pass": 0, "worse": 1, "underpowered": 3}
CONFIDENCE = 0.95
"""Of each one-sided bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One metric in one language (or on average, with ``language`` None).

    Attributes:
        worsening: of the rate, in [-1, 1]; above 0 B is worse. None where not measured.
        bound: its upper one-sided bound, the figure that must stay below the limit.
        reason: why it cannot be told, with the number of prompts it would need.
    """

    metric: str
    language: str | None
    n: int
    worsening: float | None
    bound: float | None
    verdict: GateVerdict
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """All checks and what they come to: the worst of them."""

    limit: float
    verdict: GateVerdict
    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def check_gate(
    comparison: Comparison,
    *,
    points: float,
    metrics: Sequence[str] = ("compliance_rate",),
    over: Over = "languages",
) -> Gate:
    """Decide whether B may ship in place of A.

    Args:
        comparison: of `isogloss.audit.compare.compare_runs`.
        points: the limit in percentage points.
        metrics: all of them must pass; what worse means is the metric's.
        over: every language, or only their macro average.

    Raises:
        InputError: a limit that is not between 0 and 100, or a metric that cannot be compared.
    """
    if not 0 < points <= 100:
        raise InputError(f"--fail-if-worse takes points above 0 and up to 100, not {points}")
    limit = points / 100
    checks: list[Check] = []
    for name in check_metrics(metrics):
        a, b = comparison.pairs.a.cells(name), comparison.pairs.b.cells(name)
        asked = np.flatnonzero(a.planned > 0)
        if asked.size == 0:
            reason = f"no shared prompts with the intent that {name} needs"
            checks.append(_cannot_tell(name, None, reason))
        elif over == "average":
            checks.append(_average_check(a, b, limit))
        else:
            checks += [_language_check(a, b, int(index), limit) for index in asked]
    found = {check.verdict for check in checks}
    verdict: GateVerdict = (
        "worse" if "worse" in found else "underpowered" if "underpowered" in found else "pass"
    )
    return Gate(limit=limit, verdict=verdict, checks=tuple(checks))


def _language_check(a: Cells, b: Cells, index: int, limit: float) -> Check:
    language = a.languages[index]
    if a.unverified[index] or b.unverified[index]:
        missing = int(max(a.missing[index], b.missing[index]))
        reason = f"{missing} of {int(a.planned[index])} pairs have no outcome on one side"
        return _cannot_tell(a.rate.name, language, reason)
    estimate = paired_difference(a, b, index, level=2 * CONFIDENCE - 1)
    return _check(a, language, estimate, limit, n=int(a.trials[:, index].sum()))


def _average_check(a: Cells, b: Cells, limit: float) -> Check:
    everywhere = np.ones(len(a.languages), dtype=bool)
    left_out = [
        tag
        for tag, used, n in zip(a.languages, a.usable & b.usable, a.planned, strict=True)
        if n > 0 and not used
    ]
    estimate = average_difference(a, b, everywhere, level=2 * CONFIDENCE - 1)
    if estimate is None or left_out:
        reason = f"not measured or unverified in {', '.join(left_out)}"
        return _cannot_tell(a.rate.name, None, reason)
    return _check(a, None, estimate, limit, n=int(a.trials.sum()))


def _check(a: Cells, language: str | None, estimate: Estimate, limit: float, *, n: int) -> Check:
    if estimate.estimate is None or estimate.low is None or estimate.high is None:
        return _cannot_tell(a.rate.name, language, estimate.reason or "not measured")
    sign = a.rate.worse
    ends = sorted((sign * estimate.low, sign * estimate.high))
    worsening, least, bound = sign * estimate.estimate, ends[0], ends[1]
    verdict: GateVerdict = "underpowered"
    reason = None
    if bound < limit:
        verdict = "pass"
    elif worsening >= limit and least > 0:
        verdict = "worse"
    elif worsening < limit:
        needed = ceil(n * ((bound - worsening) / (limit - worsening)) ** 2)
        reason = f"needs about {max(needed, n + 1)} prompts if the difference stays ({n} now)"
    else:
        reason = f"worse by {100 * worsening:.1f} points, which chance may explain on {n} prompts"
    return Check(
        metric=a.rate.name,
        language=language,
        n=n,
        worsening=worsening,
        bound=bound,
        verdict=verdict,
        reason=reason,
    )


def _cannot_tell(metric: str, language: str | None, reason: str) -> Check:
    return Check(
        metric=metric,
        language=language,
        n=0,
        worsening=None,
        bound=None,
        verdict="underpowered",
        reason=reason,
    )
