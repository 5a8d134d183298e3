"""Pictures of the control chapter: dose and response, and what safety costs, from stored rows."""

from __future__ import annotations

from isogloss.charts.dose import DoseCurve, DosePanel, dose_picture
from isogloss.charts.frontier import FrontierPanel, FrontierPoint, frontier_picture
from isogloss.charts.render import Picture
from isogloss.printable import printable
from isogloss.records import Measurement
from isogloss.report.control_facts import (
    ARMS,
    BY_DEFINITION,
    COST_WORDS,
    GUARD,
    NONE,
    OWN,
    OWN_GUARD,
    SAFETY_LINE,
    SOURCE,
    WEAK_REFUSAL,
    ControlFacts,
    cost_metric,
)
from isogloss.report.facts import LanguageFacts
from isogloss.report.numbers import figure, figure_interval, percent, verified

DOSE_RATES: dict[str, tuple[str, str, str, str]] = {
    "compliance_rate": ("compliance", "Compliance", "complied", "circle"),
    "over_refusal": ("over-refusal", "Over-refusal", "refused", "square"),
    "use": ("use", "Use", "following-rate", "triangle-up"),
}
"""Rate by strength → (word, heading, colour, shape)."""

_LOOKS: dict[str, tuple[str, str]] = {
    NONE: ("ink", "diamond"),
    OWN: ("following-rate", "circle"),
    SOURCE: ("complied", "circle"),
    GUARD: ("refused", "square"),
    OWN_GUARD: ("harmful-rate", "square"),
    SAFETY_LINE: ("muted", "triangle-up"),
    WEAK_REFUSAL: ("muted", "triangle-down"),
}


def strength_picture(c: ControlFacts) -> Picture | None:
    """Rates on validation prompts against the strength, a panel a language."""
    return dose_picture(
        [_dose_panel(c, language) for language in c.languages],
        name="control-strength",
        title="Rates by strength",
        description="compliance, over-refusal and use on validation prompts against the strength "
        "of the source's direction and of the language's own, a panel a language",
    )


def _dose_panel(c: ControlFacts, language: LanguageFacts) -> DosePanel:
    curves: list[DoseCurve] = []
    for arm in (OWN, SOURCE):
        for metric, (word, _, colour, shape) in DOSE_RATES.items():
            points = [
                (row.strength, row.estimate, f"{language.name}, strength {row.strength:g}: "
                 f"{word} {percent(row.estimate)}, n {row.n}")
                for row in c.doses
                if (row.metric, row.arm, row.language) == (metric, arm, language.tag)
                and row.strength is not None
                and row.estimate is not None
            ]  # fmt: skip
            if points:
                strong = shape if arm == SOURCE else None
                curves.append(DoseCurve(points=sorted(points), colour=colour, shape=strong))
    chosen = c.row("chosen_setting", SOURCE, language.tag)
    at = chosen.strength if chosen else None
    drawn = any(curve.shape for curve in curves)
    return DosePanel(
        title=language.name,
        curves=curves,
        chosen=at if drawn else None,
        chosen_tip=f"chosen: {printable(chosen.category or '')}" if chosen else "",
    )


def safety_picture(c: ControlFacts) -> Picture | None:
    """Compliance against what it costs, a panel a language, a point an arm."""
    cost, words = cost_metric(c), COST_WORDS[c.toward]
    panels = [
        FrontierPanel(
            title=language.name,
            points=[p for arm in c.arms if (p := _point(c, arm, language, cost, words))],
        )
        for language in c.languages
    ]
    return frontier_picture(
        panels,
        name="control-frontier",
        title=f"Compliance against {words}",
        description=f"compliance with harmful requests against {words}, a panel a language, a "
        "point an arm",
        x_title=f"{words}, percent",
        y_title="compliance, percent",
    )


def _point(
    c: ControlFacts, arm: str, language: LanguageFacts, cost: str, words: str
) -> FrontierPoint | None:
    """None where either rate is missing, or where the arm is the unsteered model here."""
    across, up = c.row(cost, arm, language.tag), c.row("compliance_rate", arm, language.tag)
    x, y = verified(across), verified(up)
    if across is None or up is None or x is None or y is None or is_unsteered(c, arm, language):
        return None
    label = ARMS[arm][0].lower() if arm in ARMS else printable(arm)
    colour, shape = _LOOKS.get(arm, ("muted", "cross"))
    return FrontierPoint(
        label=label,
        x=x,
        y=y,
        x_low=across.low,
        x_high=across.high,
        y_low=up.low,
        y_high=up.high,
        tip=f"{language.name}, {label}: compliance {_told(up)}, {words} {_told(across)}, "
        f"n {up.n} and {across.n}",
        colour=colour,
        shape=shape,
        is_reference=arm == NONE,
        is_extreme=arm == WEAK_REFUSAL,
    )


def is_unsteered(c: ControlFacts, arm: str, language: LanguageFacts) -> bool:
    """Whether what an arm does in a language is nothing at all."""
    if arm == WEAK_REFUSAL:
        row = c.row("compliance_rate", arm, language.tag)
        return row is not None and not (row.method or "").startswith(BY_DEFINITION)
    return c.is_left(arm, language.tag)


def _told(row: Measurement) -> str:
    return f"{figure(row)} {figure_interval(row)}"
