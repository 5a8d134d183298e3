"""One rate per language with its interval, beside English's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from isogloss.charts.palette import light
from isogloss.charts.render import PERCENT_LABELS, Picture, styled
from isogloss.charts.share import SharePoint


def forest_picture(points: Sequence[SharePoint], *, title: str) -> Picture | None:
    """Intervals in the order of ``points``; an unverified language has no dot.

    The vertical line is English's rate where measured.
    """
    if not points:
        return None
    english = [point for point in points if point.tier == "english"]

    def chart(width: int) -> Any:
        values = [
            {
                "name": p.name,
                "rate": p.rate,
                "low": p.low,
                "high": p.high,
                "verified": p.verified,
                "tip": f"{p.name}: {100 * p.rate:.0f} % [{100 * p.low:.0f}, {100 * p.high:.0f}], "
                f"n {p.n}",
            }
            for p in points
        ]
        y = alt.Y(
            "name:N",
            sort=[p.name for p in points],
            axis=alt.Axis(title=None, labelColor=light("ink"), grid=False),
        )
        axis = alt.Axis(title=None, labelExpr=PERCENT_LABELS, values=[0, 0.25, 0.5, 0.75, 1])
        base = alt.Chart(alt.Data(values=values)).encode(y=y)
        sure = alt.Chart(alt.Data(values=[v for v in values if v["verified"]])).encode(y=y)
        x = alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
        layers: list[Any] = [
            base.mark_rule(color=light("complied"), strokeWidth=2, opacity=0.55).encode(
                x=x, x2="high:Q"
            ),
            sure.mark_point(filled=True, size=64, color=light("complied"), opacity=1).encode(
                x="rate:Q", description="tip:N"
            ),
        ]
        if english:
            line = alt.Chart(alt.Data(values=[{"rate": english[0].rate}]))
            layers.insert(
                0, line.mark_rule(color=light("ink"), strokeDash=[4, 3]).encode(x="rate:Q")
            )
        return styled(alt.layer(*layers).properties(width=width, height=alt.Step(22), title=title))

    return Picture(
        name="languages",
        title=title,
        description=f"{title} of {len(points)} languages with 95 % intervals",
        wide=chart(560),
    )
