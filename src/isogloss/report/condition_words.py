"""What faulty instruments did to a gap, in sentences; what cannot be told is said so."""

from __future__ import annotations

from isogloss.records import Measurement
from isogloss.report.arm_facts import side_of
from isogloss.report.condition_facts import ConditionFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.numbers import figure, figure_interval
from isogloss.report.verdicts import Pointer

HEADLINE = "following_rate"


def conditions_headline(facts: ConditionFacts) -> str:
    """Whether the gap is there with exact instruments, and what the worst ones make of it."""
    gap, moved = facts.gap(HEADLINE, facts.reference), facts.gap_change(HEADLINE, facts.worst)
    if gap is None or gap.estimate is None:
        return f"One model measured in {len(facts.arms)} ways"
    label = BY_METRIC[HEADLINE].label.lower()
    if not side_of(gap, "better"):
        there = f"These runs cannot tell whether a gap in {label} is there with exact instruments"
    else:
        there = f"With exact instruments the gap in {label} is {figure(gap)} points"
    worst = facts.labels[facts.worst].replace(" %", "\N{NO-BREAK SPACE}%")
    return f"{there}; with {worst} {_moved(gap, moved)}"


def _moved(gap: Measurement, moved: Measurement | None) -> str:
    if moved is None or moved.estimate is None:
        return "it is not measured"
    if not side_of(moved, "better"):
        return "it is not shown to move"
    if not side_of(gap, "better"):
        return f"it moves by {figure(moved)}"
    wider = (moved.estimate > 0) == ((gap.estimate or 0.0) > 0)
    return f"it looks {'wider' if wider else 'narrower'} ({figure(moved)})"


def conditions_pointers(facts: ConditionFacts) -> tuple[Pointer, ...]:
    """Gaps of the two curses, with exact instruments and the worst ones."""
    pointers: list[Pointer] = []
    for metric in (HEADLINE, "harmful_rate", "compliance_rate"):
        row, worst = facts.gap(metric, facts.reference), facts.gap(metric, facts.worst)
        if row is None or row.estimate is None or worst is None or worst.estimate is None:
            continue
        pointers.append(
            Pointer(
                lead=f"Gap in {BY_METRIC[metric].label.lower()}",
                text=f"{figure(row)} {figure_interval(row)} points exactly, {figure(worst)} "
                f"{figure_interval(worst)} with {facts.labels[facts.worst]}",
                anchor="measuring",
            )
        )
    return tuple(pointers)
