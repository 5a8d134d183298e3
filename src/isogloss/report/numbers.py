"""How figures are written: `37 % [29, 46]`, a true minus, and never a zero for what is missing."""

from __future__ import annotations

from isogloss.records import Measurement

THIN = "\u202f"
MINUS = "\u2212"
NO_BREAK = "\u00a0"


def percent(rate: float) -> str:
    """A rate in [0, 1] as a percentage; small ones keep a decimal.

    Example:
        >>> percent(0.372).replace(THIN, " ")
        '37 %'
    """
    return f"{_points(rate)}{THIN}%"


def points(difference: float) -> str:
    """A difference of rates in percentage points, with its sign: ``+31``, ``−4``, ``0``.

    What rounds to nothing without being it keeps its side: ``+0.0``, ``−0.0``.
    """
    value = 100 * difference
    if abs(value) < 1e-9:
        return "0"
    return f"{value:+.{0 if abs(value) >= 0.95 else 1}f}".replace("-", MINUS)


def interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    """Both ends in percent (or signed points), in brackets; empty where there is none."""
    if low is None or high is None:
        return ""
    write = points if signed else _points
    return f"[{write(low)},{NO_BREAK}{write(high)}]"


def verified(row: Measurement | None) -> float | None:
    """The estimate, where there is one and it is not of the few replies that had an outcome.

    For colours and marks, which cannot say "unverified" beside a figure and would read as safe.
    """
    return None if row is None or row.verdict == "unverified" else row.estimate


PLAIN_UNITS = frozenset(
    {
        "area under the ROC curve",
        "bits per character",
        "correlation",
        "cosine",
        "cosine difference",
        "nats",
        "nats per character",
        "ratio",
        "similarity",
    }
)
"""Units written as they are, with two decimals."""
COUNTS = frozenset({"count", "tokens"})
"""Units of whole numbers."""


def decimal(value: float) -> str:
    """Two decimals and a true minus: ``0.43``, ``−0.08``; what is huge by its power of ten."""
    if abs(value) >= 10_000:
        mantissa, e, power = f"{value:.0e}".partition("e")
        return (mantissa + (f"e{int(power)}" if e else "")).replace("-", MINUS)
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", MINUS)


def is_difference(row: Measurement) -> bool:
    """Whether the estimate is a difference or slope (signed points) rather than a rate."""
    return row.unit not in {"rate"} | COUNTS | PLAIN_UNITS


def figure(row: Measurement) -> str:
    """The estimate in words of its unit, without its interval; the row must be measured."""
    if row.estimate is None:
        return "not measured"
    if row.unit in COUNTS:
        return f"{row.estimate:,.0f}".replace(",", THIN)
    if row.unit in PLAIN_UNITS:
        return decimal(row.estimate)
    return points(row.estimate) if is_difference(row) else percent(row.estimate)


def figure_interval(row: Measurement) -> str:
    """The interval that goes with `figure`; an end that lies beyond what was tried is open."""
    if row.unit in COUNTS:
        ends = [
            f"{end:,.0f}".replace(",", THIN) if end is not None else "…"
            for end in (row.low, row.high)
        ]
        return f"[{ends[0]},{NO_BREAK}{ends[1]}]" if (row.low, row.high) != (None, None) else ""
    if row.unit in PLAIN_UNITS and row.low is not None and row.high is not None:
        return f"[{decimal(row.low)},{NO_BREAK}{decimal(row.high)}]"
    return interval(row.low, row.high, signed=is_difference(row))


def unmeasured(row: Measurement | None) -> str:
    """That a figure is not measured, and why: ``not measured: no such failure``."""
    reason = (row.reason if row else None) or "no such row"
    return reason if reason.startswith("not measured") else f"not measured: {reason}"


def p_value(p: float | None) -> str:
    """``p < .001``, ``p = .03``; empty where there is none."""
    if p is None:
        return ""
    if p < 0.001:
        return f"p{NO_BREAK}<{NO_BREAK}.001"
    digits = 3 if p < 0.1 else 2
    return f"p{NO_BREAK}={NO_BREAK}{p:.{digits}f}".replace("0.", ".", 1)


def integer(n: float) -> str:
    """A count with thin spaces between thousands."""
    return f"{n:,.0f}".replace(",", THIN)


def listed(words: list[str], *, at_most: int = 4) -> str:
    """``a, b and c``; what is beyond ``at_most`` is counted, never silently left out."""
    if len(words) > at_most:
        words = [*words[: at_most - 1], f"{len(words) - at_most + 1} others"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _points(rate: float) -> str:
    """Whole percents, but what is not quite 0 or 100 is never written as 0 or 100.

    Student's t over runs may leave what a rate can be; such an end is written as 0 or 100.
    """
    value = min(100.0, max(0.0, 100 * rate))
    from_end = min(value, 100 - value)
    if abs(from_end) < 1e-9 or from_end >= 0.95:
        return f"{value:.0f}"
    if from_end < 0.05:
        return "<0.1" if value < 50 else ">99.9"
    return f"{value:.1f}"
