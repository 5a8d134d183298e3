"""One quantity in several steps of a check, each with its interval; the rule marks no gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.palette import light
from isogloss.charts.render import Picture, styled

_POINTS = "format(100 * datum.value, '+.0f')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of a panel.

    Attributes:
        name: what was changed.
        estimate, low, high: differences of rates in [-1, 1].
    """

    name: str
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPanel:
    """All steps of one quantity; ``colour`` is a name of the palette."""

    title: str
    colour: str
    steps: Sequence[Step]


def steps_picture(panels: Sequence[StepPanel], *, name: str, title: str) -> Picture | None:
    """Panels above one another on one axis, in percentage points; None without a step."""
    panels = [panel for panel in panels if panel.steps]
    if not panels:
        return None
    ends = [end for panel in panels for step in panel.steps for end in (step.low, step.high)]
    domain = [min(0.0, *ends), max(0.0, *ends)]
    wide, narrow = (
        styled(
            alt.vconcat(
                *(_panel(panel, width, domain, last=panel is panels[-1]) for panel in panels),
                title=title,
                spacing=14,
            )
        )
        for width in (520, 210)
    )
    return Picture(
        name=name,
        title=title,
        description=f"{title}: {', '.join(panel.title for panel in panels)}, in percentage points "
        "with 95 % intervals, one instrument changed at a time",
        wide=wide,
        narrow=narrow,
    )


def _panel(panel: StepPanel, width: int, domain: list[float], *, last: bool) -> Any:
    values = [
        {
            "name": step.name,
            "estimate": step.estimate,
            "low": step.low,
            "high": step.high,
            "tip": f"{panel.title}, {step.name}: {100 * step.estimate:+.0f} points "
            f"[{100 * step.low:+.0f}, {100 * step.high:+.0f}]",
        }
        for step in panel.steps
    ]
    axis = alt.Axis(title=None, labelExpr=_POINTS, labels=last, tickCount=6)
    x = alt.X("low:Q", scale=alt.Scale(domain=domain, nice=True), axis=axis)
    y = alt.Y(
        "name:N",
        sort=[step.name for step in panel.steps],
        axis=alt.Axis(title=None, labelColor=light("ink"), grid=False, minExtent=110),
    )
    base = alt.Chart(alt.Data(values=values)).encode(y=y)
    zero = alt.Chart(alt.Data(values=[{"zero": 0}]))
    return alt.layer(
        zero.mark_rule(color=light("ink"), strokeDash=[4, 3]).encode(x="zero:Q"),
        base.mark_rule(color=light(panel.colour), strokeWidth=2, opacity=0.55).encode(
            x=x, x2="high:Q"
        ),
        base.mark_point(filled=True, size=64, color=light(panel.colour), opacity=1).encode(
            x="estimate:Q", description="tip:N"
        ),
    ).properties(width=width, height=alt.Step(22), title=panel.title)
