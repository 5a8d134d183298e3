"""What more text of a language does: a quantity against tokens, a panel a quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

import altair as alt

from isogloss.charts.curves import Points, one_path
from isogloss.charts.grid import Row, Tables, grid
from isogloss.charts.palette import light
from isogloss.charts.render import Picture, Specification

DOSED, OTHERS = "following-rate", "muted"
"""Colours of the languages whose text varies, and of the rest."""
_MOST_POINTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePoint:
    """The mean over runs at one dose; without ``low`` there is no interval."""

    tokens: float
    value: float
    low: float | None
    high: float | None
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Where the mean meets the dashed level: tokens, and an interval whose ends may be open.

    Attributes:
        is_sure: whether there is an interval at all.
    """

    tokens: float | None
    low: float | None
    high: float | None
    tip: str
    is_sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePanel:
    """One quantity.

    Attributes:
        note: a few words under the title.
        runs: (tokens, value) of every run, drawn thin.
        dosed, others: means by rising tokens.
        level: what parity is with; None where it is not known.
        percent: values are rates, or differences of rates, and written times 100.
        domain: of the values; None is theirs.
    """

    title: str
    note: str
    runs: Sequence[Points]
    dosed: Sequence[ResponsePoint]
    others: Sequence[ResponsePoint]
    level: float | None
    parity: Parity | None
    percent: bool
    domain: tuple[float, float] | None = None


def response_picture(
    panels: Sequence[ResponsePanel], *, name: str, title: str, description: str
) -> Picture | None:
    """Small multiples on a common logarithmic axis; None where no panel has two doses."""
    panels = [panel for panel in panels if len(panel.dosed) > 1 or len(panel.others) > 1]
    if not panels:
        return None
    tokens = [p.tokens for panel in panels for p in (*panel.dosed, *panel.others)]
    span = (min(tokens) / 1.35, max(tokens) * 1.35)

    def laid_out(columns: int, width: int, height: int) -> Specification:
        tables = Tables()
        charts = [_panel(panel, tables, span, (width, height)) for panel in panels]
        rows = [charts[i : i + columns] for i in range(0, len(charts), columns)]
        return grid(rows, tables, across=18, down=24)

    columns = min(3, len(panels))
    return Picture(
        name=name,
        title=title,
        description=description,
        wide=laid_out(columns, {1: 520, 2: 380}.get(columns, 246), 140),
        narrow=laid_out(1, 280, 120),
    )


def ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two amounts, with steps between where there would be fewer than three.

    Example:
        >>> ticks(800, 30_000)
        [1000.0, 3000.0, 10000.0, 30000.0]
    """
    exponents = range(floor(log10(low)), ceil(log10(high)) + 1)
    inside: list[float] = []
    for steps in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10))):
        found = [m * 10.0**e for e in exponents for m in steps]
        inside = [value for value in found if low <= value <= high]
        if len(inside) > 2:
            break
    return inside


def _panel(
    panel: ResponsePanel, tables: Tables, span: tuple[float, float], size: tuple[int, int]
) -> Any:
    width, height = size
    domain = panel.domain or _domain(panel)
    x_scale = alt.Scale(type="log", domain=list(span), nice=False)
    y_scale = alt.Scale(domain=list(domain), nice=False, clamp=True)
    x = alt.X(
        "x:Q",
        scale=x_scale,
        axis=alt.Axis(
            title=None, values=ticks(*span), grid=False, labelExpr="format(datum.value, '~s')"
        ),
    )
    labels = "format(100 * datum.value, '.0f')" if panel.percent else "format(datum.value, '~g')"
    y = alt.Y(
        "y:Q",
        scale=y_scale,
        axis=alt.Axis(title=None, tickCount=4, labelExpr=labels, minExtent=27),
    )
    layers: list[Any] = _parity(panel.parity, tables, span, (x, x_scale)) if panel.parity else []
    if panel.level is not None:
        rule = alt.Chart(tables.put([{"y": panel.level}]))
        layers.append(rule.mark_rule(color=light("ink"), strokeDash=[4, 3], aria=False).encode(y=y))
    thin = [
        {"order": k, "x": tokens, "y": value}
        for k, (tokens, value) in enumerate(one_path(panel.runs, _MOST_POINTS))
    ]
    if thin:
        layers.append(
            alt.Chart(tables.put(thin))
            .mark_line(strokeWidth=0.8, strokeOpacity=0.35, color=light(DOSED), aria=False)
            .encode(x=x, y=y, order="order:Q")
        )
    layers += _means(panel, tables, (x, y, y_scale))
    for words, at, muted in ((panel.title, -26, False), (panel.note, -11, True)):
        layers.append(
            alt.Chart(tables.put([{}]))
            .mark_text(
                align="left", fontSize=11.5 if muted else 13, fontWeight="normal" if muted else 600,
                color=light("muted" if muted else "ink"), limit=width + 20, aria=False,
            )
            .encode(x=alt.value(0), y=alt.value(at), text=alt.value(words))
        )  # fmt: skip
    return alt.layer(*layers).properties(width=width, height=height)


def _parity(
    parity: Parity, tables: Tables, span: tuple[float, float], axis: tuple[Any, Any]
) -> list[Any]:
    """A band of the interval, to the edge where an end is open, and a line at the estimate."""
    x, x_scale = axis
    drawn: list[Any] = []
    if parity.is_sure:
        ends = {"low": parity.low or span[0], "high": parity.high or span[1], "tip": parity.tip}
        drawn.append(
            alt.Chart(tables.put([ends]))
            .mark_rect(color=light(DOSED), opacity=0.13)
            .encode(x=alt.X("low:Q", scale=x_scale), x2="high:Q", description="tip:N")
        )
    if parity.tokens is not None:
        drawn.append(
            alt.Chart(tables.put([{"x": parity.tokens, "tip": parity.tip}]))
            .mark_rule(color=light(DOSED), strokeWidth=1.5)
            .encode(x=x, description="tip:N")
        )
    return drawn


def _means(panel: ResponsePanel, tables: Tables, axes: tuple[Any, Any, Any]) -> list[Any]:
    """Lines, intervals and points of the others, then of the dosed languages."""
    x, y, y_scale = axes
    rows: list[Row] = [
        {
            "x": p.tokens, "y": p.value, "low": p.low, "high": p.high, "tip": p.tip,
            "colour": light(colour), "shape": shape,
        }
        for points, colour, shape in (
            (panel.others, OTHERS, "square"), (panel.dosed, DOSED, "circle"),
        )
        for p in points
    ]  # fmt: skip
    colour = alt.Color("colour:N", scale=None)
    base = alt.Chart(tables.put(rows)).encode(x=x, y=y, color=colour)
    drawn: list[Any] = [base.mark_line(strokeWidth=2, aria=False).encode(detail="shape:N")]
    sure = [row for row in rows if row["low"] is not None]
    if sure:
        drawn.append(
            alt.Chart(tables.put(sure))
            .mark_rule(strokeWidth=2.5, strokeOpacity=0.5, aria=False)
            .encode(x=x, y=alt.Y("low:Q", scale=y_scale), y2="high:Q", color=colour)
        )
    mark = base.mark_point(filled=True, size=44, opacity=1)
    return [*drawn, mark.encode(shape=alt.Shape("shape:N", scale=None), description="tip:N")]


def _domain(panel: ResponsePanel) -> tuple[float, float]:
    points = (*panel.dosed, *panel.others)
    values = [end for p in points for end in (p.value, p.low, p.high) if end is not None]
    values += [value for run in panel.runs for _, value in run]
    values += [] if panel.level is None else [panel.level]
    low, high = min(values), max(values)
    pad = 0.06 * ((high - low) or 1.0)
    return low - pad, high + pad
