"""Quantities along the steps of training: a panel a quantity, a strong line and its runs thin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.grid import Row, Tables, grid
from isogloss.charts.palette import light
from isogloss.charts.render import Picture, Specification

Points = Sequence[tuple[float, float]]
"""(step, value) by rising step."""

_POINTS, _IN_A_CROWD = 15, 9
"""Points a line has, at most, and a thin one among many."""
_LETTER = 5.6
_NARROW_ROOM = 60
"""Names wider than this, in pixels, leave no room for two panels side by side on a telephone."""
_GAP = 11.0
"""Pixels between two names at the ends of lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line.

    Attributes:
        name: written at its end; empty where a panel has one line only.
        runs: what it is the mean of; several are drawn thin.
        tip: what the tooltip of its end says.
        colour: of the palette.
    """

    name: str
    runs: Sequence[Points]
    tip: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePanel:
    """One quantity of one stage.

    Attributes:
        domain: of the values; None is theirs.
        percent: values are rates in [0, 1] and written in percent.
        level: a dashed line at what means nothing.
    """

    title: str
    curves: Sequence[Curve]
    domain: tuple[float, float] | None = None
    percent: bool = False
    level: float | None = None


def curves_picture(
    panels: Sequence[CurvePanel], *, name: str, title: str, description: str, across: int
) -> Picture | None:
    """Small multiples, ``across`` a row, at most two where narrow; None without a line."""
    panels = [panel for panel in panels if any(len(mean_of(c.runs)) > 1 for c in panel.curves)]
    if not panels:
        return None
    longest = max(len(curve.name) for panel in panels for curve in panel.curves)
    room = round(_LETTER * longest) + 8 if longest else 0

    def laid_out(columns: int, width: int, height: int, most: int) -> Specification:
        tables = Tables()
        charts = [_panel(panel, tables, (width, height), most) for panel in panels]
        rows = [charts[i : i + columns] for i in range(0, len(charts), columns)]
        return grid(rows, tables, across=16, down=22)

    columns = min(across, len(panels))
    width = {1: 420, 2: 380, 3: 250}.get(columns, 182) - room
    pair = columns > 1 and room < _NARROW_ROOM
    return Picture(
        name=name,
        title=title,
        description=description,
        wide=laid_out(columns, width, 120, 24),
        narrow=laid_out(2 if pair else 1, (132 if pair else 280) - room, 100, 6 if pair else 24),
    )


def binned(points: Points, n: int) -> list[tuple[float, float]]:
    """At most ``n`` points, each the mean of as many neighbours as any other, but for the last.

    Example:
        >>> binned([(0, 1), (1, 3), (2, 5), (3, 7)], 2)
        [(0.5, 2.0), (2.5, 6.0)]
    """
    size = max(1, -(-len(points) // n))
    found: list[tuple[float, float]] = []
    for i in range(0, len(points), size):
        mine = points[i : i + size]
        found.append((sum(x for x, _ in mine) / len(mine), sum(y for _, y in mine) / len(mine)))
    return found


def mean_of(runs: Sequence[Points]) -> list[tuple[float, float]]:
    """Mean over the runs that have a step, at every step that all runs have.

    Example:
        >>> mean_of([[(1, 0.0), (2, 1.0)], [(1, 1.0), (2, 3.0), (3, 9.0)]])
        [(1, 0.5), (2, 2.0)]
    """
    by_step: dict[float, list[float]] = {}
    for points in runs:
        for step, value in points:
            by_step.setdefault(step, []).append(value)
    n = len([points for points in runs if points])
    return [(x, sum(v) / n) for x, v in sorted(by_step.items()) if len(v) == n]


def one_path(runs: Sequence[Points], n: int) -> list[tuple[float, float | None]]:
    """All runs one after another with a gap between two, for one path is half as long as many.

    Args:
        n: points a run, at most.

    Example:
        >>> one_path([[(1, 2.0)], [(1, 3.0)]], 9)
        [(1.0, 2.0), (1.0, None), (1.0, 3.0)]
    """
    if len(runs) < 2:
        return []
    found: list[tuple[float, float | None]] = []
    for run in runs:
        if found:
            found.append((found[-1][0], None))
        found += binned(run, n)
    return found


def spread_out(
    places: Mapping[str, float], gap: float, *, least: float, most: float
) -> dict[str, float]:
    """Places along an axis, moved apart until each is ``gap`` from the next, order kept.

    Args:
        least, most: where the first of them may be, and the last.

    Example:
        >>> spread_out({"a": 1.0, "b": 2.0, "c": 8.9}, 3.0, least=0.0, most=9.0)
        {'a': 0.0, 'b': 3.0, 'c': 8.9}
    """
    ordered = sorted(places, key=lambda name: places[name])
    groups: list[tuple[list[str], float]] = []
    for name in ordered:
        mine, middle = [name], min(most, max(least, places[name]))
        while groups and middle - groups[-1][1] < gap * (len(mine) + len(groups[-1][0])) / 2:
            others, at = groups.pop()
            middle = (middle * len(mine) + at * len(others)) / (len(mine) + len(others))
            mine = others + mine
            half = gap * (len(mine) - 1) / 2
            middle = min(most - half, max(least + half, middle))
        groups.append((mine, middle))
    return {
        name: middle + gap * (i - (len(mine) - 1) / 2)
        for mine, middle in groups
        for i, name in enumerate(mine)
    }


def _panel(panel: CurvePanel, tables: Tables, size: tuple[int, int], most: int) -> Any:
    """One panel; of more than ``most`` thin lines none is drawn."""
    width, height = size
    curves = [
        (curve, binned(mean, _POINTS))
        for curve in panel.curves
        if len(mean := mean_of(curve.runs)) > 1
    ]
    n_thin = sum(len(curve.runs) for curve, _ in curves)
    n_points = _IN_A_CROWD if n_thin > 16 else _POINTS
    thin: list[Row] = [
        {"curve": i, "order": k, "x": x, "y": y, "colour": light(curve.colour)}
        for i, (curve, _) in enumerate(curves if n_thin <= most else ())
        for k, (x, y) in enumerate(one_path(curve.runs, n_points))
    ]
    strong: list[Row] = [
        {"curve": i, "x": x, "y": y, "colour": light(curve.colour)}
        for i, (curve, points) in enumerate(curves)
        for x, y in points
    ]
    domain = panel.domain or _domain([*thin, *strong], panel.level)
    last = max(row["x"] for row in strong)
    for row in (*thin, *strong):
        # Whole pixels: what is between them nobody sees, and it is a third of the page's bytes.
        row["x"] = _snapped(row["x"], 0.0, last, width)
        row["y"] = None if row["y"] is None else _snapped(row["y"], *domain, height)
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[0, last], nice=False),
        axis=alt.Axis(title=None, tickCount=2 if width < 150 else 3, grid=False, labelFlush=True),
    )
    labels = "format(100 * datum.value, '.0f')" if panel.percent else "format(datum.value, '~g')"
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=list(domain), nice=False, clamp=True),
        axis=alt.Axis(title=None, tickCount=3, labelExpr=labels, minExtent=27),
    )
    colour = alt.Color("colour:N", scale=None)
    drawn: list[Any] = []
    if panel.level is not None:
        rule = alt.Chart(tables.put([{"y": panel.level}]))
        drawn.append(
            rule.mark_rule(color=light("muted"), strokeDash=[4, 3], aria=False).encode(y=y)
        )
    if thin:
        drawn.append(
            alt.Chart(tables.put(thin))
            .mark_line(strokeWidth=0.7, strokeOpacity=0.35, aria=False)
            .encode(x=x, y=y, color=colour, detail="curve:N", order="order:Q")
        )
    drawn.append(
        alt.Chart(tables.put(strong))
        .mark_line(strokeWidth=2, aria=False)
        .encode(x=x, y=y, color=colour, detail="curve:N")
    )
    ends = [
        {"x": points[-1][0], "y": points[-1][1], "tip": curve.tip, "colour": light(curve.colour)}
        for curve, points in curves
    ]
    drawn.append(
        alt.Chart(tables.put(ends))
        .mark_point(filled=True, size=26, opacity=1)
        .encode(x=x, y=y, color=colour, description="tip:N")
    )
    drawn += _names(curves, tables, domain, size)
    # A text mark, for a chart title moves up with whatever sticks out of its plot.
    title = (
        alt.Chart(tables.put([{}]))
        .mark_text(align="left", fontSize=12.5, fontWeight=600, color=light("ink"), aria=False)
        .encode(x=alt.value(0), y=alt.value(-13), text=alt.value(panel.title))
    )
    return alt.layer(*drawn, title).properties(width=width, height=height)


def _snapped(value: float, low: float, high: float, n_pixels: int) -> float:
    """The value of the nearest whole pixel of an axis."""
    span = (high - low) or 1.0
    return low + round((value - low) / span * n_pixels) / n_pixels * span


def _names(
    curves: Sequence[tuple[Curve, list[tuple[float, float]]]],
    tables: Tables,
    domain: tuple[float, float],
    size: tuple[int, int],
) -> list[Any]:
    """The name of each line right of its end."""
    width, height = size
    span = (domain[1] - domain[0]) or 1.0
    ends = {
        curve.name: height
        * (1 - (min(domain[1], max(domain[0], points[-1][1])) - domain[0]) / span)
        for curve, points in curves
        if curve.name
    }
    colours = {curve.name: curve.colour for curve, _ in curves}
    return [
        alt.Chart(tables.put([{}]))
        .mark_text(align="left", fontSize=10.5, color=light(colours[name]), aria=False)
        .encode(x=alt.value(width + 6), y=alt.value(at), text=alt.value(name))
        for name, at in spread_out(ends, _GAP, least=4.0, most=height).items()
    ]


def _domain(rows: Sequence[Mapping[str, Any]], level: float | None) -> tuple[float, float]:
    values = [float(row["y"]) for row in rows if row["y"] is not None] + (
        [] if level is None else [level]
    )
    low, high = min(values), max(values)
    if low >= 0 and low < 0.4 * high:
        low = 0.0
    pad = 0.06 * ((high - low) or 1.0)
    return (low - (pad if low else 0.0), high + pad)
