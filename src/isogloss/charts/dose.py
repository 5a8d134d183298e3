"""Dose and response: rates against the strength of an intervention, a panel a language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.grid import Tables, grid
from isogloss.charts.palette import light
from isogloss.charts.render import Picture, Specification


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseCurve:
    """One rate of one arm.

    Attributes:
        points: (strength, rate in [0, 1], tip) in order.
        colour: of the palette.
        shape: of the points; None draws a thin line without any.
    """

    points: Sequence[tuple[float, float, str]]
    colour: str
    shape: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DosePanel:
    """One language; ``chosen`` is where a dashed line stands, None where there is none."""

    title: str
    curves: Sequence[DoseCurve]
    chosen: float | None = None
    chosen_tip: str = ""


def dose_picture(
    panels: Sequence[DosePanel], *, name: str, title: str, description: str
) -> Picture | None:
    """Small multiples on common axes: four a row, two where narrow; None without a curve."""
    panels = [panel for panel in panels if any(len(c.points) > 1 for c in panel.curves)]
    if not panels:
        return None
    most = max(x for panel in panels for curve in panel.curves for x, _, _ in curve.points)

    def laid_out(columns: int, width: int, height: int) -> Specification:
        tables = Tables()
        charts = [
            _panel(panel, tables, most, (width, height), first=i % columns == 0)
            for i, panel in enumerate(panels)
        ]
        rows = [charts[i : i + columns] for i in range(0, len(charts), columns)]
        return grid(rows, tables, across=18, down=20)

    return Picture(
        name=name,
        title=title,
        description=description,
        wide=laid_out(4, 205, 130),
        narrow=laid_out(2, 138, 104),
    )


def _panel(
    panel: DosePanel, tables: Tables, most: float, size: tuple[int, int], *, first: bool
) -> Any:
    x = alt.X(
        "strength:Q",
        scale=alt.Scale(domain=[0, most], nice=False),
        axis=alt.Axis(title=None, tickCount=4, format="~g", grid=False, labelFlush=False),
    )
    y = alt.Y(
        "rate:Q",
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(
            title=None,
            values=[0, 0.25, 0.5, 0.75, 1],
            labelExpr="format(100 * datum.value, '.0f')",
            labels=first,
        ),
    )
    drawn: list[Any] = []
    if panel.chosen is not None:
        mark = alt.Chart(tables.put([{"strength": panel.chosen, "tip": panel.chosen_tip}]))
        drawn.append(
            mark.mark_rule(color=light("ink"), strokeDash=[4, 3]).encode(x=x, description="tip:N")
        )
    # Thin lines first: the strong ones lie on top.
    for curve in sorted(panel.curves, key=lambda curve: curve.shape is not None):
        values = [{"strength": s, "rate": rate, "tip": tip} for s, rate, tip in curve.points]
        base = alt.Chart(tables.put(values)).encode(x=x, y=y)
        colour = light(curve.colour)
        if curve.shape is None:
            drawn.append(base.mark_line(strokeWidth=1, opacity=0.6, color=colour, aria=False))
        else:
            drawn.append(base.mark_line(strokeWidth=2, color=colour, aria=False))
            drawn.append(
                base.mark_point(
                    filled=True, size=30, opacity=1, color=colour, shape=curve.shape
                ).encode(description="tip:N")
            )
    # A text mark, for a chart title moves up with whatever sticks out of its plot.
    title = (
        alt.Chart(tables.put([{}]))
        .mark_text(align="left", fontSize=13, fontWeight=600, color=light("ink"), aria=False)
        .encode(x=alt.value(0), y=alt.value(-16), text=alt.value(panel.title))
    )
    width, height = size
    return alt.layer(*drawn, title).properties(width=width, height=height)
