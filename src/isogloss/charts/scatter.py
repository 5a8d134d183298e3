"""One quantity against another, a point a pair of languages or a language; no line is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.grid import Tables, grid
from isogloss.charts.palette import light
from isogloss.charts.render import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterPoint:
    """One point; ``label`` is written beside it where there is one."""

    x: float
    y: float
    tip: str
    label: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterPanel:
    """One horizontal quantity; ``note`` stands under the title (r, p and languages)."""

    title: str
    note: str
    points: Sequence[ScatterPoint]
    colour: str = "following-rate"


def scatter_picture(
    panels: Sequence[ScatterPanel],
    *,
    name: str,
    title: str,
    description: str,
    x_title: str,
    y_title: str,
    x_domain: tuple[float, float] | None = (0, 1),
    y_percent: bool = False,
) -> Picture | None:
    """Panels with a common vertical axis; None where none has three points."""
    panels = [panel for panel in panels if len(panel.points) > 2]
    if not panels:
        return None
    values = [end for panel in panels for p in panel.points for end in (p.y, p.low, p.high)]
    known = [value for value in values if value is not None]
    domain = [min(known), max(known)]
    pad = 0.05 * (domain[1] - domain[0] or 1.0)
    domain = [domain[0] - pad, domain[1] + pad]
    axes = (x_title, y_title, list(x_domain) if x_domain else None, domain, y_percent)
    desk, telephone = Tables(), Tables()
    across = min(len(panels), 4)
    width = {1: 520, 2: 380, 3: 255, 4: 190}[across]
    charts = [
        _panel(panel, desk, axes, (width, 210), first=i % across == 0)
        for i, panel in enumerate(panels)
    ]
    rows = [charts[i : i + across] for i in range(0, len(charts), across)]
    narrow = [[_panel(panel, telephone, axes, (270, 170), first=True)] for panel in panels]
    return Picture(
        name=name,
        title=title,
        description=description,
        wide=grid(rows, desk),
        narrow=grid(narrow, telephone),
    )


def shared_labels(points: Sequence[ScatterPoint]) -> list[str]:
    """One label for points that lie on one another, so that none is written over another."""
    spans = [
        max((getattr(p, side) for p in points), default=0.0)
        - min((getattr(p, side) for p in points), default=0.0)
        for side in ("x", "y")
    ]
    labels = [point.label for point in points]
    for i, point in enumerate(points):
        for j in range(i):
            near = (
                abs(point.x - points[j].x) <= 0.04 * spans[0]
                and abs(point.y - points[j].y) <= 0.05 * spans[1]
            )
            if near and labels[j] and labels[i]:
                labels[j], labels[i] = f"{labels[j]}, {labels[i]}", ""
    return labels


def _panel(
    panel: ScatterPanel,
    tables: Tables,
    axes: tuple[str, str, list[float] | None, list[float], bool],
    size: tuple[int, int],
    *,
    first: bool,
) -> Any:
    x_title, y_title, x_domain, y_domain, y_percent = axes
    x_scale = alt.Scale(domain=x_domain) if x_domain else alt.Scale(zero=False)
    axis = alt.Axis(title=x_title, tickCount=4, grid=False, labelFlush=False)
    x = alt.X("x:Q", scale=x_scale, axis=axis)
    labels = "format(100 * datum.value, '.0f')" if y_percent else "format(datum.value, '~g')"
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=y_domain, nice=False),
        axis=alt.Axis(
            title=y_title if first else None, labels=first, tickCount=5, labelExpr=labels
        ),
    )
    labels_of = shared_labels(panel.points)
    values = [
        {"x": p.x, "y": p.y, "tip": p.tip, "label": label, "low": p.low, "high": p.high}
        for p, label in zip(panel.points, labels_of, strict=True)
    ]
    base = alt.Chart(tables.put(values)).encode(x=x, y=y)
    layers: list[Any] = []
    if any(p.low is not None for p in panel.points):
        ends = [value for value in values if value["low"] is not None]
        layers.append(
            alt.Chart(tables.put(ends))
            .mark_rule(color=light(panel.colour), opacity=0.4, strokeWidth=1.5)
            .encode(x=x, y=alt.Y("low:Q", scale=alt.Scale(domain=y_domain)), y2="high:Q")
        )
    layers.append(
        base.mark_point(filled=True, size=34, opacity=0.62, color=light(panel.colour)).encode(
            description="tip:N"
        )
    )
    if any(p.label for p in panel.points):
        layers.append(
            base.mark_text(
                align="left", dx=5, dy=-5, fontSize=10.5, color=light("ink"), aria=False
            ).encode(text="label:N")
        )
    width, height = size
    heading = alt.TitleParams(
        panel.title, subtitle=panel.note, subtitleColor=light("muted"), subtitleFontSize=11.5
    )
    return alt.layer(*layers).properties(width=width, height=height, title=heading)
