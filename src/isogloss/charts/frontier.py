"""Two rates that pull at each other: a panel a language, a labelled point an arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import altair as alt

from isogloss.charts.grid import Tables, grid
from isogloss.charts.labels import FAR_PLACEMENTS, PLACEMENTS, place_texts
from isogloss.charts.palette import light
from isogloss.charts.render import Picture, Specification

_NEAR = 5.0
"""Points closer than this, in pixels, share one label."""
_LETTER = 5.6
"""Mean width of a letter of a label, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierPoint:
    """One arm.

    Attributes:
        label: written beside the point.
        x, y: rates in [0, 1]; the ends of their intervals where there are any.
        tip: what the tooltip says.
        colour: of the palette.
        shape: tells arms apart without colour.
        is_reference: dashed lines go through it: what the others are compared with.
        is_extreme: true by definition and far away; it does not widen the axes, and stands at the
            edge, with its value, where it lies beyond it.
    """

    label: str
    x: float
    y: float
    x_low: float | None = None
    x_high: float | None = None
    y_low: float | None = None
    y_high: float | None = None
    tip: str
    colour: str
    shape: str
    is_reference: bool = False
    is_extreme: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierPanel:
    """One language."""

    title: str
    points: Sequence[FrontierPoint]


def frontier_picture(
    panels: Sequence[FrontierPanel],
    *,
    name: str,
    title: str,
    description: str,
    x_title: str,
    y_title: str,
) -> Picture | None:
    """Small multiples on common axes: three a row, one where narrow; None without two points."""
    panels = [panel for panel in panels if len(panel.points) > 1]
    if not panels:
        return None
    points = [point for panel in panels for point in panel.points if not point.is_extreme]
    if not points:
        return None
    ends = (
        _end([end for p in points for end in (p.x, p.x_high)]),
        _end([end for p in points for end in (p.y, p.y_high)]),
    )

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
        return grid(rows, tables, across=22, down=22)

    return Picture(
        name=name,
        title=title,
        description=description,
        wide=laid_out(3, 264, 180),
        narrow=laid_out(1, 270, 170),
    )


def _end(values: Sequence[float | None]) -> float:
    """The next tenth above all of them, 1 at most."""
    most = max(value for value in values if value is not None)
    return min(1.0, max(0.1, ceil(10 * most - 1e-9) / 10))


def merged_labels(spots: Sequence[tuple[float, float]], labels: Sequence[str]) -> list[str]:
    """One label for points that lie on one another, so that none is written over another.

    Example:
        >>> merged_labels([(0, 0), (1, 1), (50, 0)], ["a", "b", "c"])
        ['a, b', '', 'c']
    """
    found = list(labels)
    for i, (x, y) in enumerate(spots):
        for j in range(i):
            near = abs(x - spots[j][0]) < _NEAR and abs(y - spots[j][1]) < _NEAR
            if near and found[j] and found[i]:
                found[j], found[i] = f"{found[j]}, {found[i]}", ""
    return found


def _panel(
    panel: FrontierPanel,
    tables: Tables,
    ends: tuple[float, float],
    size: tuple[int, int],
    *,
    titles: tuple[str | None, str | None],
) -> Any:
    width, height = size
    x_scale, y_scale = (alt.Scale(domain=[0, end], nice=False) for end in ends)
    labels = "format(100 * datum.value, '.0f')"
    x_axis = alt.Axis(title=titles[0], tickCount=4, labelExpr=labels, grid=False, labelFlush=False)
    y_axis = alt.Axis(title=titles[1], tickCount=4, labelExpr=labels)
    rows = _rows(panel.points, ends, size)

    def x_of(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=x_scale, axis=x_axis)

    def y_of(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=y_scale, axis=y_axis)

    colour = alt.Color("colour:N", scale=None)
    references = alt.Chart(tables.put([row for row in rows if row["is_reference"]]))
    dashed: dict[str, Any] = {"color": light("muted"), "strokeDash": [4, 3], "opacity": 0.6}
    rule: dict[str, Any] = {"opacity": 0.35, "strokeWidth": 1.2, "aria": False}
    across = alt.Chart(tables.put([row for row in rows if row["x_low"] is not None]))
    along = alt.Chart(tables.put([row for row in rows if row["y_low"] is not None]))
    led = alt.Chart(tables.put([row for row in rows if row["is_led"]]))
    drawn: list[Any] = [
        references.mark_rule(**dashed, aria=False).encode(x=x_of("x")),
        references.mark_rule(**dashed, aria=False).encode(y=y_of("y")),
        across.mark_rule(**rule).encode(x=x_of("x_low"), x2="x_high:Q", y=y_of("y"), color=colour),
        along.mark_rule(**rule).encode(x=x_of("x"), y=y_of("y_low"), y2="y_high:Q", color=colour),
        led.mark_rule(color=light("muted"), strokeWidth=0.8, aria=False).encode(
            x=x_of("x"), x2="text_x:Q", y=y_of("y"), y2="text_y:Q"
        ),
        alt.Chart(tables.put(rows))
        .mark_point(filled=True, size=58, opacity=1)
        .encode(
            x=x_of("x"),
            y=y_of("y"),
            color=colour,
            shape=alt.Shape("shape:N", scale=None),
            description="tip:N",
        ),
    ]
    for align, dx, dy in dict.fromkeys(row["placement"] for row in rows if row["text"]):
        placed = [row for row in rows if row["text"] and row["placement"] == (align, dx, dy)]
        drawn.append(
            alt.Chart(tables.put(placed))
            .mark_text(align=align, dx=dx, dy=dy, fontSize=10.5, color=light("ink"), aria=False)
            .encode(x=x_of("x"), y=y_of("y"), text="text:N")
        )
    # A text mark, for a chart title moves up with whatever sticks out of its plot.
    title = (
        alt.Chart(tables.put([{}]))
        .mark_text(align="left", fontSize=13, fontWeight=600, color=light("ink"), aria=False)
        .encode(x=alt.value(0), y=alt.value(-16), text=alt.value(panel.title))
    )
    return alt.layer(*drawn, title).properties(width=width, height=height)


def _rows(
    points: Sequence[FrontierPoint], ends: tuple[float, float], size: tuple[int, int]
) -> list[dict[str, Any]]:
    """What is drawn of each point, its label's place among it."""
    width, height = size
    shown = [(min(p.x, ends[0]), min(p.y, ends[1])) for p in points]
    spots = [(x / ends[0] * width, (1 - y / ends[1]) * height) for x, y in shown]
    names = [f"{p.label} → {100 * p.x:.0f} %" if p.x > ends[0] else p.label for p in points]
    texts = merged_labels(spots, names)
    places = place_texts(
        spots,
        [_LETTER * len(text) for text in texts],
        room=(0.0, -6.0, width + 4.0, height + 4.0),
        placements=(*PLACEMENTS, *FAR_PLACEMENTS),
    )
    rows: list[dict[str, Any]] = []
    for point, (x, y), text, place in zip(points, shown, texts, places, strict=True):
        beyond = point.x > ends[0]
        _, dx, dy = place or ("left", 0, 0)
        rows.append(
            {
                "x": x,
                "y": y,
                "x_low": None if beyond else point.x_low,
                "x_high": point.x_high,
                "y_low": point.y_low if point.y_high is not None else None,
                "y_high": point.y_high,
                "tip": point.tip,
                "colour": light(point.colour),
                "shape": "triangle-right" if beyond else point.shape,
                "is_reference": point.is_reference,
                "text": text if place else "",
                "placement": place,
                "is_led": place in FAR_PLACEMENTS,
                "text_x": x + dx * ends[0] / width,
                "text_y": y - dy * ends[1] / height,
            }
        )
    return rows
