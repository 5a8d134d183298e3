"""A root between two ends, typed (scipy ships no type stubs)."""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportArgumentType=false

from __future__ import annotations

from collections.abc import Callable

from scipy.optimize import brentq


def root_between(
    function: Callable[[float], float], low: float, high: float, *, within: float
) -> float:
    """Where a continuous function that changes its sign between two ends is 0 (Brent's method)."""
    return float(brentq(function, low, high, xtol=within))
