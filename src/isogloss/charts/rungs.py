"""A quantity at every rung of a ladder: a panel a quantity, a line a group, with its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.grid import Row, Tables, grid
from isogloss.charts.palette import light
from isogloss.charts.render import Picture

_BESIDE = 0.09
"""How far groups stand from one another at a rung, in rungs."""
_ROOM = 0.4
"""What is free left of the first rung and right of the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RungPoint:
    """One group at one rung: a rate in [0, 1], or a difference of rates.

    Attributes:
        at: number of the rung, 0-based.
        wide: ends of a wider interval, drawn thin; None where there is none.
        tip: what it says when pointed at.
    """

    at: int
    estimate: float
    low: float | None
    high: float | None
    tip: str
    wide: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RungLine:
    """One group; a rung without a point breaks its line.

    Attributes:
        joined: whether there is a line, for what is of one kind at every rung.
    """

    points: Sequence[RungPoint]
    colour: str
    shape: str
    joined: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RungPanel:
    """One quantity."""

    title: str
    lines: Sequence[RungLine]


def rungs_picture(
    panels: Sequence[RungPanel],
    rungs: Sequence[str],
    *,
    name: str,
    title: str,
    description: str,
    signed: bool,
) -> Picture | None:
    """Small multiples on common axes, three a row and one where narrow.

    Args:
        rungs: names, in order.
        signed: differences in points, with a line at 0; else rates in percent.

    Returns:
        None where nothing is measured.
    """
    panels = [panel for panel in panels if any(line.points for line in panel.lines)]
    if not panels:
        return None
    domain = _signed_domain(panels) if signed else (0.0, 1.0)
    desk, telephone = Tables(), Tables()
    across = 3 if len(panels) > 4 or len(panels) == 3 else min(2, len(panels))
    width = {1: 520, 2: 390}.get(across, 252)
    charts = [
        _panel(panel, rungs, desk, domain, (width, 150), signed=signed, first=i % across == 0)
        for i, panel in enumerate(panels)
    ]
    narrow = [
        [_panel(panel, rungs, telephone, domain, (286, 130), signed=signed, first=True)]
        for panel in panels
    ]
    rows = [charts[i : i + across] for i in range(0, len(charts), across)]
    return Picture(
        name=name,
        title=title,
        description=description,
        wide=grid(rows, desk, across=16, down=18),
        narrow=grid(narrow, telephone, down=18),
    )


def _signed_domain(panels: Sequence[RungPanel]) -> tuple[float, float]:
    """What all intervals need, within what a difference of rates can be."""
    ends = [0.0]
    for point in (p for panel in panels for line in panel.lines for p in line.points):
        ends += [point.estimate, *(point.wide or ())]
        ends += [end for end in (point.low, point.high) if end is not None]
    low, high = max(-1.0, min(ends)), min(1.0, max(ends))
    pad = 0.05 * ((high - low) or 1.0)
    return max(-1.0, low - pad), min(1.0, high + pad)


def _panel(
    panel: RungPanel,
    rungs: Sequence[str],
    tables: Tables,
    domain: tuple[float, float],
    size: tuple[int, int],
    *,
    signed: bool,
    first: bool,
) -> Any:
    width, height = size
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[-_ROOM, len(rungs) - 1 + _ROOM], nice=False),
        axis=None,
    )
    labels = "format(100 * datum.value, '.0f')"
    if signed:
        labels = "datum.value == 0 ? '0' : format(100 * datum.value, '+.0f')"
    y_scale = alt.Scale(domain=list(domain), nice=False, clamp=True)
    y = alt.Y(
        "y:Q",
        scale=y_scale,
        axis=alt.Axis(title=None, tickCount=5, labelExpr=labels, labels=first, minExtent=27),
    )
    layers: list[Any] = []
    if signed:
        rule = alt.Chart(tables.put([{"y": 0.0}]))
        layers.append(rule.mark_rule(color=light("ink"), strokeDash=[4, 3], aria=False).encode(y=y))
    layers += _lines(panel.lines, len(rungs), tables, (x, y, y_scale))
    # Text marks: an axis would write its labels into an expression, and a name may hold anything.
    spacing = width / (len(rungs) - 1 + 2 * _ROOM)
    names = [{"x": float(k), "name": name} for k, name in enumerate(rungs)]
    layers.append(
        alt.Chart(tables.put(names))
        .mark_text(fontSize=11.5, color=light("ink"), limit=spacing - 6, aria=False)
        .encode(x=x, y=alt.value(height + 14), text="name:N")
    )
    title = (
        alt.Chart(tables.put([{}]))
        .mark_text(align="left", fontSize=13, fontWeight=600, color=light("ink"), aria=False)
        .encode(x=alt.value(0), y=alt.value(-14), text=alt.value(panel.title))
    )
    return alt.layer(*layers, title).properties(width=width, height=height)


def _lines(
    lines: Sequence[RungLine], n_rungs: int, tables: Tables, axes: tuple[Any, Any, Any]
) -> list[Any]:
    """Thin wide intervals, strong narrow ones, lines, and points on top; of all groups at once."""
    x, y, y_scale = axes
    paths: list[Row] = []
    ends: dict[bool, list[Row]] = {True: [], False: []}
    points: list[Row] = []
    for k, line in enumerate(lines):
        offset = _BESIDE * (k - (len(lines) - 1) / 2)
        common: Row = {"line": k, "colour": light(line.colour)}
        known = {point.at: point for point in line.points}
        if line.joined:
            paths += [
                common | {"x": at + offset, "y": known[at].estimate if at in known else None}
                for at in range(n_rungs)
            ]
        for point in line.points:
            at = common | {"x": point.at + offset}
            if point.wide is not None:
                ends[True].append(at | {"low": point.wide[0], "high": point.wide[1]})
            if point.low is not None:
                ends[False].append(at | {"low": point.low, "high": point.high})
            points.append(at | {"y": point.estimate, "tip": point.tip, "shape": line.shape})
    colour = alt.Color("colour:N", scale=None)
    drawn: list[Any] = []
    if paths:
        drawn.append(
            alt.Chart(tables.put(paths))
            .mark_line(strokeWidth=1.2, strokeOpacity=0.5, aria=False)
            .encode(x=x, y=y, color=colour, detail="line:N")
        )
    for wide, stroke, opacity in ((True, 1.0, 0.55), (False, 3.0, 0.5)):
        if ends[wide]:
            drawn.append(
                alt.Chart(tables.put(ends[wide]))
                .mark_rule(strokeWidth=stroke, strokeOpacity=opacity, aria=False)
                .encode(x=x, y=alt.Y("low:Q", scale=y_scale), y2="high:Q", color=colour)
            )
    shape = alt.Shape("shape:N", scale=None)
    drawn.append(
        alt.Chart(tables.put(points))
        .mark_point(filled=True, size=56, opacity=1)
        .encode(x=x, y=y, color=colour, shape=shape, description="tip:N")
    )
    return drawn
