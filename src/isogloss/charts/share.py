"""Rates against the share of each language in pre-training, with the fitted slope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log10
from typing import Any

import altair as alt

from isogloss.charts.labels import Placement, place_texts
from isogloss.charts.palette import TIER_SHAPES, light
from isogloss.charts.render import PERCENT_LABELS, Picture, styled


@dataclass(frozen=True, slots=True, kw_only=True)
class SharePoint:
    """One language: share in percent, rate and ends of its interval in [0, 1].

    Attributes:
        fitted: in the slope.
        verified: enough replies had an outcome; else the interval alone says something.
    """

    code: str
    name: str
    tier: str
    share: float
    rate: float
    low: float
    high: float
    n: int
    fitted: bool = True
    verified: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Change of the rate per tenfold share, with its interval (rate in [0, 1])."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SharePanel:
    """One rate: its points, its slope where there is one, and a palette name for its colour."""

    title: str
    colour: str
    points: Sequence[SharePoint]
    slope: Slope | None = None


def share_picture(
    panels: Sequence[SharePanel],
    *,
    name: str = "share",
    title: str = "Rates against share",
    level: float | None = None,
) -> Picture | None:
    """One panel a rate, common axes; None where fewer than two languages have a share.

    Args:
        panels: at most three stand in a row.
        level: a dashed line, such as that of chance.
    """
    panels = [panel for panel in panels if len(panel.points) > 1]
    if not panels:
        return None
    shares = [point.share for panel in panels for point in panel.points]
    domain = (_step(min(shares) / 1.25, floor), _step(max(shares) * 1.25, ceil))
    across = 2 if len(panels) == 4 else 3
    width = {1: 560, 2: 380}.get(min(len(panels), across), 246)
    wide = [
        _panel(panel, domain, width, 250, first=i % across == 0, level=level)
        for i, panel in enumerate(panels)
    ]
    narrow = [_panel(panel, domain, 282, 200, first=True, level=level) for panel in panels]
    rows = [alt.hconcat(*wide[i : i + across]) for i in range(0, len(wide), across)]
    return Picture(
        name=name,
        title=title,
        description="; ".join(f"{p.title} of {len(p.points)} languages" for p in panels)
        + ", against the share of pre-training on a logarithmic axis",
        wide=styled(rows[0] if len(rows) == 1 else alt.vconcat(*rows)),
        narrow=styled(alt.vconcat(*narrow)),
    )


def _step(share: float, rounding: Any) -> float:
    """The nearest 1, 2 or 5 times a power of ten beyond ``share``."""
    exponent = floor(log10(share))
    steps = [m * 10.0**e for e in (exponent, exponent + 1) for m in (1, 2, 5)]
    beyond = [s for s in steps if (s <= share if rounding is floor else s >= share)]
    return max(beyond) if rounding is floor else min(beyond)


def fitted_line(
    points: Sequence[SharePoint], slope: Slope
) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """The line through the middle of the fitted languages, and the fan of its interval.

    The fan turns around the middle: it shows what slopes the interval allows, not where a new
    language would fall.

    Returns:
        Rows ``share, rate`` and rows ``share, low, high``, all within [0, 1].
    """
    fitted = [point for point in points if point.fitted]
    xs = [log10(point.share) for point in fitted]
    middle_x = sum(xs) / len(xs)
    middle_y = sum(point.rate for point in fitted) / len(fitted)
    n_steps = 24
    grid = [min(xs) + (max(xs) - min(xs)) * i / n_steps for i in range(n_steps + 1)]

    def at(x: float, value: float) -> float:
        return min(1.0, max(0.0, middle_y + value * (x - middle_x)))

    line = [{"share": 10**x, "rate": at(x, slope.estimate)} for x in grid]
    fan = [
        {
            "share": 10**x,
            "low": min(at(x, slope.low), at(x, slope.high)),
            "high": max(at(x, slope.low), at(x, slope.high)),
        }
        for x in grid
    ]
    return line, fan


def _panel(
    panel: SharePanel,
    domain: tuple[float, float],
    width: int,
    height: int,
    *,
    first: bool,
    level: float | None,
) -> Any:
    colour = light(panel.colour)
    ticks = [
        m * 10.0**e for e in range(-4, 3) for m in (1,) if domain[0] <= m * 10.0**e <= domain[1]
    ]
    if len(ticks) < 3:
        grid = [m * 10.0**e for e in range(-4, 3) for m in (1, 3)]
        ticks = [t for t in grid if domain[0] <= t <= domain[1]]
    x = alt.X(
        "share:Q",
        scale=alt.Scale(type="log", domain=list(domain), nice=False),
        axis=alt.Axis(title="share of pre-training, %", values=ticks, grid=False, format="~g"),
    )
    scale = alt.Scale(domain=[0, 1])
    y_axis = alt.Axis(
        title=None, labelExpr=PERCENT_LABELS, values=[0, 0.25, 0.5, 0.75, 1], labels=first
    )
    values = [_row(point) for point in panel.points]
    base = alt.Chart(alt.Data(values=values)).encode(x=x)
    layers: list[Any] = []
    if level is not None:
        layers.append(
            alt.Chart(alt.Data(values=[{"rate": level}]))
            .mark_rule(color=light("muted"), strokeDash=[4, 3], aria=False)
            .encode(y=alt.Y("rate:Q", scale=scale, axis=y_axis))
        )
    if panel.slope and sum(point.fitted for point in panel.points) > 1:
        line, fan = fitted_line(panel.points, panel.slope)
        layers += [
            alt.Chart(alt.Data(values=fan))
            .mark_area(color=colour, opacity=0.13, aria=False)
            .encode(x=x, y=alt.Y("low:Q", scale=scale, axis=y_axis), y2="high:Q"),
            alt.Chart(alt.Data(values=line))
            .mark_line(color=colour, strokeWidth=1.6, aria=False)
            .encode(x=x, y=alt.Y("rate:Q", scale=scale, axis=y_axis)),
        ]
    domain_tiers = list(TIER_SHAPES)
    layers += [
        base.mark_rule(color=colour, opacity=0.45, strokeWidth=1.3, aria=False).encode(
            y=alt.Y("low:Q", scale=scale, axis=y_axis), y2="high:Q"
        ),
        base.mark_point(
            filled=True, size=58, color=colour, opacity=1, stroke=light("panel"), strokeWidth=1
        ).encode(
            y=alt.Y("rate:Q", scale=scale, axis=y_axis),
            shape=alt.Shape(
                "tier:N",
                scale=alt.Scale(domain=domain_tiers, range=[TIER_SHAPES[t] for t in domain_tiers]),
                legend=None,
            ),
            description="tip:N",
        ),
        *(
            alt.Chart(alt.Data(values=[_row(p) for p in placed]))
            .mark_text(align=align, dx=dx, dy=dy, fontSize=10.5, color=light("muted"), aria=False)
            .encode(x=x, y=alt.Y("rate:Q", scale=scale, axis=y_axis), text=alt.Text("code:N"))
            for (align, dx, dy), placed in place_labels(
                panel.points, domain=domain, width=width, height=height
            ).items()
        ),
    ]
    # A text mark, for a chart title moves up with whatever sticks out of its plot.
    title = (
        alt.Chart(alt.Data(values=[{}]))
        .mark_text(align="left", fontSize=13.5, fontWeight=600, color=light("ink"), aria=False)
        .encode(x=alt.value(0), y=alt.value(-24), text=alt.value(panel.title))
    )
    return alt.layer(*layers, title).properties(width=width, height=height)


def place_labels(
    points: Sequence[SharePoint], *, domain: tuple[float, float], width: int, height: int
) -> dict[Placement, list[SharePoint]]:
    """Where each code goes so that none covers another code or point.

    A code for which no place is free is left out: the tooltip and the tables still name it.

    Returns:
        Placement (alignment, dx, dy in pixels) → the points labelled there.
    """
    span = log10(domain[1]) - log10(domain[0])
    spots = [
        ((log10(p.share) - log10(domain[0])) / span * width, (1 - p.rate) * height) for p in points
    ]
    found = place_texts(
        spots,
        [6.4 * len(point.code) for point in points],
        room=(0.0, -inf, inf, height),
    )
    placed: dict[Placement, list[SharePoint]] = {}
    for point, placement in zip(points, found, strict=True):
        if placement is not None:
            placed.setdefault(placement, []).append(point)
    return placed


def _row(point: SharePoint) -> dict[str, Any]:
    return {
        "share": point.share,
        "rate": point.rate,
        "low": point.low,
        "high": point.high,
        "tier": point.tier,
        "code": point.code,
        "tip": f"{point.name}, share {point.share:.3g} %: {100 * point.rate:.0f} % "
        f"[{100 * point.low:.0f}, {100 * point.high:.0f}], n {point.n}",
    }
