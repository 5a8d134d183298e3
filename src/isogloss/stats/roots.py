"""A root between two ends (Brent 1973, chapter 4), typed: scipy ships no type stubs."""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable

from scipy.optimize import brentq


def root_between(
    function: Callable[[float], float], one: float, other: float, *, within: float
) -> float:
    """Where a function is 0 between two ends, in either order, at which its signs differ.

    Of several such places one is told.

    Args:
        within: how near to it, in units of the argument.

    Raises:
        ValueError: the signs are the same, or the function is not a number at an end.
        RuntimeError: a hundred steps were not enough.
    """
    return float(brentq(function, one, other, xtol=within))  # pyright: ignore[reportArgumentType]
