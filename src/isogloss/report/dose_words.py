"""What a dose-response found, in sentences; what cannot be told is said so."""

from __future__ import annotations

from isogloss.records import Measurement
from isogloss.report.arm_facts import side_of
from isogloss.report.dose_facts import Contrast, DoseFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.numbers import NO_BREAK, figure, figure_interval, integer, listed
from isogloss.report.verdicts import Pointer

TOLD = {
    "following_rate": "following",
    "harmful_rate": "the harmful rate",
    "compliance_rate": "compliance with harm",
    "helpful_rate": "helpfulness",
    "recognition_auroc": "the recognition of harm",
}
"""Figures that the headline is about → words."""
OPEN = "…"


def dose_headline(dose: DoseFacts) -> str:
    """What more text surely makes better and worse in the dosed languages."""
    sides: dict[str, list[str]] = {"better": [], "worse": []}
    for metric in TOLD:
        side = dose_side(dose, metric)
        if side in sides:
            sides[side].append(TOLD[metric])
    more = f"More text of {dose.dosed_words}"
    if not any(sides.values()):
        return f"{more}: these runs cannot tell what it changes there"
    parts = [
        f"{verb} {listed(sides[side], at_most=len(TOLD))}"
        for side, verb in (("better", "improves"), ("worse", "worsens"))
        if sides[side]
    ]
    return f"{more} {'; it '.join(parts)}"


def dose_side(dose: DoseFacts, metric: str, *, others: bool = False) -> str:
    """Whether a doubling surely makes a figure better or worse."""
    row = dose.per_doubling(metric, others=others)
    return side_of(row, BY_METRIC[metric].higher_is)


def parity_words(row: Measurement | None) -> str:
    """Tokens to parity with their interval, or on which side of the doses it lies.

    Example: ``12 700 [9 800, …]``: the high end lies beyond the doses; one run has no interval.
    """
    if row is None or row.verdict == "not measured":
        return "not measured"
    what = row.verdict or "not measured" if row.estimate is None else integer(row.estimate)
    if row.n < 2:
        return what
    low, high = (OPEN if end is None else integer(end) for end in (row.low, row.high))
    return f"{what} [{low},{NO_BREAK}{high}]"


def contrast_words(contrast: Contrast) -> str:
    """``x4 − x1``, ``own − fixed tokenizer``."""
    if contrast.kind == "parallel":
        return f"{contrast.since}: parallel − not"
    if contrast.kind == "tokenizer":
        return "own − fixed tokenizer"
    if contrast.kind == "extra":
        return f"{contrast.arm} − mix"
    return f"{contrast.arm} − {contrast.since}"


def dose_pointers(dose: DoseFacts) -> tuple[Pointer, ...]:
    """How much text is enough, and what the dose costs the others."""
    pointers: list[Pointer] = []
    row = dose.parity("following_rate")
    if row is not None:
        pointers.append(
            Pointer(
                lead="Text to parity",
                text=f"in following: {parity_words(row)}"
                + (" tokens" if row.estimate is not None else ""),
                anchor="dose-parity",
            )
        )
    lost = [metric for metric in TOLD if dose_side(dose, metric, others=True) == "worse"]
    if lost:
        worst = dose.per_doubling(lost[0], others=True)
        assert worst is not None
        pointers.append(
            Pointer(
                lead="The other languages pay",
                text=f"in {listed([TOLD[m] for m in lost])}; "
                f"{TOLD[lost[0]]} {figure(worst)} {figure_interval(worst)} "
                "a doubling",
                anchor="dose-parity",
            )
        )
    return tuple(pointers)
