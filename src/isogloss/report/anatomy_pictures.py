"""Pictures of the anatomy chapter: failures by broken link, rival readings, thresholds."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.charts.parts import Part, PartPanel, PartRow, parts_picture
from isogloss.charts.render import Picture
from isogloss.charts.rungs import RungLine, RungPanel, RungPoint, rungs_picture
from isogloss.printable import printable
from isogloss.report.anatomy_facts import (
    KINDS,
    MAIN,
    PAID,
    RECOVERED,
    AnatomyFacts,
    Place,
)
from isogloss.report.numbers import figure, figure_interval

COLOURS = {
    "not understood": "irrelevant",
    "not represented": "harmful-rate",
    "not acted on": "complied",
    "not producible": "refused",
    "unexplained": "muted",
    "not measured": "pending",
}
"""Link → name in the palette, in the order of the chain."""
_SHORT = {"english": "English’s", "question": "at question"}
LINES = {RECOVERED: ("following-rate", "circle"), PAID: ("complied", "square")}


def link_pictures(a: AnatomyFacts) -> tuple[Picture, ...]:
    """A kind of failure each: failures by first broken link, and the same of what did not fail."""
    found = (_links(a, kind) for kind in KINDS)
    return tuple(picture for picture in found if picture)


def _links(a: AnatomyFacts, kind: str) -> Picture | None:
    failed, right = KINDS[kind]
    return parts_picture(
        [
            PartPanel(
                title=title,
                rows=[_row(a, kind, place, place.name, MAIN, figure_name) for place in a.places],
            )
            for title, figure_name in ((failed, ""), (f"{right}: false alarms", "false_alarm"))
        ],
        COLOURS,
        name=f"anatomy-{kind.replace('_', '-')}",
        title=f"{failed} by first broken link",
        description=f"{failed.lower()} by language and tier, percent ascribed to each link, beside "
        "the same of what did not fail",
    )  # fmt: skip


def rivals_picture(a: AnatomyFacts) -> Picture | None:
    """Other ways of reading the same instruments, by tier."""
    panels = [
        PartPanel(
            title=KINDS[kind][0],
            rows=[
                _row(a, kind, place, f"{place.tier.capitalize()}, {_short(reading)}", reading, "")
                for place in a.tiers
                for reading in a.readings[kind]
                if _is_measured(a, kind, place, reading)
            ],
        )
        for kind in KINDS
    ]
    return parts_picture(
        [panel for panel in panels if panel.rows],
        COLOURS,
        name="anatomy-rivals",
        title="Rival readings of the same instruments",
        description="failures by first broken link, by tier and way of reading the instruments",
    )


def _short(reading: str) -> str:
    """A reading in a word or two, for the side of a bar."""
    return _SHORT.get(reading, reading)


def _is_measured(a: AnatomyFacts, kind: str, place: Place, reading: str) -> bool:
    rows = (a.link(kind, link, place, reading=reading) for link in a.links[kind])
    return any(row is not None and row.estimate is not None for row in rows)


def _row(
    a: AnatomyFacts, kind: str, place: Place, label: str, reading: str, figure_name: str
) -> PartRow:
    parts: list[Part] = []
    missing = "not measured"
    for link in a.links[kind]:
        row = a.link(kind, link, place, reading=reading, figure=figure_name)
        if row is None or row.estimate is None:
            missing = printable((row.reason if row else None) or missing)
            continue
        n = f"{row.n} runs" if row.scope == "runs" else f"n {row.n}"
        tip = f"{label}: {link} {figure(row)} {figure_interval(row)}, {n}"
        parts.append(Part(name=link, share=row.estimate, tip=tip))
    return PartRow(label=label, parts=parts, missing=_brief(missing))


def _brief(reason: str) -> str:
    """A reason as far as there is room; the table has it whole."""
    return reason if len(reason) <= 44 else "not measured"


def threshold_picture(a: AnatomyFacts) -> Picture | None:
    """What a threshold from k examples recovers and costs, a panel a tier."""
    panels = [
        RungPanel(
            title=place.name,
            lines=[
                RungLine(points=_points(a, metric, place), colour=colour, shape=shape)
                for metric, (colour, shape) in LINES.items()
            ],
        )
        for place in a.tiers
    ]
    return rungs_picture(
        panels,
        [k.removeprefix("k=") for k in a.examples],
        name="anatomy-threshold",
        title="What a threshold from k examples recovers, and what it costs",
        description="share of harm represented but not acted on that is recovered, and of benign "
        "requests refused besides, against labelled examples a class, a panel a tier",
        signed=False,
    )


def _points(a: AnatomyFacts, metric: str, place: Place) -> Sequence[RungPoint]:
    points: list[RungPoint] = []
    for at, k in enumerate(a.examples):
        row = a.threshold(metric, k, place)
        if row is not None and row.estimate is not None:
            tip = f"{k}, {metric.replace('_', ' ')}: {figure(row)} {figure_interval(row)}"
            points.append(
                RungPoint(at=at, estimate=row.estimate, low=row.low, high=row.high, tip=tip)
            )
    return points
