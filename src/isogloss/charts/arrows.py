"""From before to after in a plane of two rates: a panel a method, an arrow a language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, ceil, degrees, hypot
from typing import Any

import altair as alt

from isogloss.charts.grid import Tables, grid
from isogloss.charts.labels import place_texts
from isogloss.charts.palette import light
from isogloss.charts.render import Picture, Specification

_HEAD = "M0,0L-0.55,1.3L0.55,1.3Z"
"""A tip that points up, at the place it marks."""
_STILL = 2.5
"""An arrow shorter than this, in pixels, is a dot: nothing moved."""
_LETTER = 6.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One language.

    Attributes:
        label: written at the tip.
        before, after: (x, y), rates in [0, 1].
        tip: what the tooltip says.
        colour: of the palette.
    """

    label: str
    before: tuple[float, float]
    after: tuple[float, float]
    tip: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrowPanel:
    """One method; a ``quiet`` one stands back."""

    title: str
    arrows: Sequence[Arrow]
    quiet: bool = False


def arrows_picture(
    panels: Sequence[ArrowPanel],
    *,
    name: str,
    title: str,
    description: str,
    x_title: str,
    y_title: str,
) -> Picture | None:
    """Small multiples on common axes: four a row, two where narrow; None without an arrow."""
    panels = [panel for panel in panels if panel.arrows]
    if not panels:
        return None
    spots = [spot for panel in panels for a in panel.arrows for spot in (a.before, a.after)]
    ends = (_reach(x for x, _ in spots), _reach(y for _, y in spots))

    def laid_out(columns: int, width: int, height: int) -> Specification:
        tables = Tables()
        charts = [
            _panel(
                panel,
                tables,
                ends,
                (width, height),
                titles=(
                    x_title if i >= len(panels) - columns else None,
                    y_title if i % columns == 0 else None,
                ),
            )
            for i, panel in enumerate(panels)
        ]
        rows = [charts[i : i + columns] for i in range(0, len(charts), columns)]
        return grid(rows, tables, across=20, down=22)

    columns = min(4, len(panels)) if len(panels) != 3 else 3
    width = {1: 420, 2: 380, 3: 262, 4: 192}[columns]
    return Picture(
        name=name,
        title=title,
        description=description,
        wide=laid_out(columns, width, min(220, width)),
        narrow=laid_out(min(2, columns), 134 if columns > 1 else 280, 134 if columns > 1 else 200),
    )


def _reach(values: Any) -> float:
    """The next tenth above all of them, 1 at most."""
    return min(1.0, max(0.1, ceil(10 * max(values) - 1e-9) / 10))


def heading(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Clockwise degrees from straight up, of a line in pixels that grow downwards.

    Example:
        >>> heading((0.0, 10.0), (10.0, 10.0))
        90.0
    """
    return degrees(atan2(after[0] - before[0], before[1] - after[1]))


def _panel(
    panel: ArrowPanel,
    tables: Tables,
    ends: tuple[float, float],
    size: tuple[int, int],
    *,
    titles: tuple[str | None, str | None],
) -> Any:
    width, height = size
    labels = "format(100 * datum.value, '.0f')"
    x_axis = alt.Axis(title=titles[0], tickCount=3, labelExpr=labels, grid=False, labelFlush=False)
    y_axis = alt.Axis(title=titles[1], tickCount=4, labelExpr=labels, labels=titles[1] is not None)
    x_scale, y_scale = (alt.Scale(domain=[0, end], nice=False) for end in ends)

    def x_of(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=x_scale, axis=x_axis)

    def y_of(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=y_scale, axis=y_axis)

    rows = _rows(panel.arrows, ends, size)
    colour = alt.Color("colour:N", scale=None)
    strength = 0.55 if panel.quiet else 0.9
    moved = [row for row in rows if row["moved"]]
    still = [row for row in rows if not row["moved"]]
    going, staying = alt.Chart(tables.put(moved)), alt.Chart(tables.put(still))
    drawn: list[Any] = [
        going.mark_rule(strokeWidth=1.7, strokeOpacity=strength, aria=False).encode(
            x=x_of("x"), x2="x_to:Q", y=y_of("y"), y2="y_to:Q", color=colour
        ),
        going.mark_point(filled=True, shape=_HEAD, size=58, opacity=1).encode(
            x=x_of("x_to"),
            y=y_of("y_to"),
            angle=alt.Angle("angle:Q", scale=None),
            color=colour,
            description="tip:N",
        ),
        staying.mark_point(filled=True, size=30, opacity=1).encode(
            x=x_of("x_to"), y=y_of("y_to"), color=colour, description="tip:N"
        ),
    ]
    for placement in dict.fromkeys(row["placement"] for row in rows if row["placement"]):
        align, dx, dy = placement
        mine = alt.Chart(tables.put([row for row in rows if row["placement"] == placement]))
        drawn.append(
            mine.mark_text(align=align, dx=dx, dy=dy, fontSize=10.5, aria=False).encode(
                x=x_of("x_to"), y=y_of("y_to"), text="text:N", color=colour
            )
        )
    # A text mark, for a chart title moves up with whatever sticks out of its plot.
    title = (
        alt.Chart(tables.put([{}]))
        .mark_text(
            align="left",
            fontSize=13,
            fontWeight=400 if panel.quiet else 600,
            color=light("muted" if panel.quiet else "ink"),
            aria=False,
            limit=width + 16,
        )
        .encode(x=alt.value(0), y=alt.value(-14), text=alt.value(panel.title))
    )
    return alt.layer(*drawn, title).properties(width=width, height=height)


def _rows(
    arrows: Sequence[Arrow], ends: tuple[float, float], size: tuple[int, int]
) -> list[dict[str, Any]]:
    """What is drawn of each arrow, its label's place among it."""
    width, height = size

    def pixel(spot: tuple[float, float]) -> tuple[float, float]:
        return spot[0] / ends[0] * width, (1 - spot[1] / ends[1]) * height

    tips = [pixel(arrow.after) for arrow in arrows]
    # Texts keep off the tails, too, as far as there is room: spots without a text of their own.
    tails = [
        (a + (b - a) * part, c + (d - c) * part)
        for (a, c), (b, d) in zip([pixel(x.before) for x in arrows], tips, strict=True)
        for part in (0.0, 0.25, 0.5, 0.75)
    ]
    letters = [_LETTER * len(arrow.label) for arrow in arrows]
    room = (-2.0, -5.0, width + 8.0, height + 6.0)
    places = place_texts([*tips, *tails], [*letters, *([0.0] * len(tails))], room=room)
    places = places[: len(tips)]
    rows: list[dict[str, Any]] = []
    for arrow, tip, place in zip(arrows, tips, places, strict=True):
        start = pixel(arrow.before)
        rows.append(
            {
                "x": arrow.before[0],
                "y": arrow.before[1],
                "x_to": arrow.after[0],
                "y_to": arrow.after[1],
                "angle": round(heading(start, tip), 1),
                "moved": hypot(tip[0] - start[0], tip[1] - start[1]) >= _STILL,
                "colour": light(arrow.colour),
                "tip": arrow.tip,
                "text": arrow.label if place else "",
                "placement": place,
            }
        )
    return rows
