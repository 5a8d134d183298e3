"""Figures over training runs: a panel a figure, a line a group of runs, its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.grid import Tables, grid
from isogloss.charts.palette import light
from isogloss.charts.render import Picture

_FINE = 0.06
"""Where rates lie closer than this, an axis has tenths of a point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsLine:
    """One group's figure; without ``low`` there is a dot only (one run)."""

    group: str
    estimate: float
    low: float | None
    high: float | None
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPanel:
    """One figure of all groups.

    Attributes:
        null: where an upright line says "nothing".
    """

    title: str
    lines: Sequence[RunsLine]
    percent: bool
    null: float | None = 0.0


def runs_picture(
    panels: Sequence[RunsPanel], *, name: str, title: str, description: str
) -> Picture | None:
    """Small multiples with axes of their own and all groups in each; None without panels."""
    panels = [panel for panel in panels if panel.lines]
    if not panels:
        return None
    desk, telephone = Tables(), Tables()
    groups = list(dict.fromkeys(line.group for panel in panels for line in panel.lines))
    names = 7 * max(map(len, groups)) + 8
    # A desk has some 940 pixels: panels take what names leave, within reason.
    width = max(165, min(250, (880 - names) // min(3, len(panels)) - 20))
    charts = [
        _panel(panel, groups, desk, (width, names if i % 3 == 0 else 0))
        for i, panel in enumerate(panels)
    ]
    narrow = [[_panel(panel, groups, telephone, (200, names))] for panel in panels]
    return Picture(
        name=name,
        title=title,
        description=description,
        wide=grid([charts[i : i + 3] for i in range(0, len(charts), 3)], desk),
        narrow=grid(narrow, telephone),
    )


def _panel(panel: RunsPanel, groups: Sequence[str], tables: Tables, size: tuple[int, int]) -> Any:
    """One panel; without room for names it has none."""
    width, names = size
    values = [
        {"group": x.group, "x": x.estimate, "low": x.low, "high": x.high, "tip": x.tip}
        for x in panel.lines
    ]
    ends = [
        v for x in panel.lines for v in (x.estimate, x.low, x.high, panel.null) if v is not None
    ]
    pad = 0.05 * (max(ends) - min(ends) or 1.0)
    scale = alt.Scale(domain=[min(ends) - pad, max(ends) + pad], nice=False)
    digits = ".1~f" if max(ends) - min(ends) < _FINE else ".0f"
    labels = (
        f"format(100 * datum.value, '{digits}')" if panel.percent else "format(datum.value, '~g')"
    )
    axis = alt.Axis(title=None, tickCount=4, labelExpr=labels, labelFlush=False)
    y = alt.Y(
        "group:N",
        # Not `sort`: Vega-Lite writes its names into an expression, and a name may hold anything.
        scale=alt.Scale(domain=list(groups)),
        axis=alt.Axis(
            title=None,
            labels=names > 0,
            labelColor=light("ink"),
            grid=False,
            labelLimit=260,
            minExtent=names,
        ),
    )
    x = alt.X("x:Q", scale=scale, axis=axis)
    layers: list[Any] = []
    if panel.null is not None:
        layers.append(
            alt.Chart(tables.put([{"x": panel.null}]))
            .mark_rule(color=light("ink"), strokeDash=[4, 3])
            .encode(x=x)
        )
    sure = [value for value in values if value["low"] is not None]
    layers.append(
        alt.Chart(tables.put(sure))
        .mark_rule(color=light("following-rate"), strokeWidth=2, opacity=0.55)
        .encode(y=y, x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q")
    )
    layers.append(
        alt.Chart(tables.put(values))
        .mark_point(filled=True, size=56, color=light("following-rate"), opacity=1)
        .encode(y=y, x=x, description="tip:N")
    )
    return alt.layer(*layers).properties(width=width, height=alt.Step(20), title=panel.title)
