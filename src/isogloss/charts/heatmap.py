"""A rate by language and category as a map of ten classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from isogloss.charts.palette import FIRST_LIGHT_TEXT, HEAT_LIGHT, heat_class, light
from isogloss.charts.render import Picture, styled


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One rate in [0, 1], or None where it was not measured."""

    language: str
    category: str
    rate: float | None


def heat_picture(cells: Sequence[Cell], *, title: str) -> Picture | None:
    """Languages down, categories across, both in the order they first appear; percent in cells."""
    if not any(cell.rate is not None for cell in cells):
        return None
    languages = list(dict.fromkeys(cell.language for cell in cells))
    categories = list(dict.fromkeys(cell.category for cell in cells))
    values = [
        {
            "language": cell.language,
            "category": cell.category,
            "class": None if cell.rate is None else heat_class(cell.rate),
            "text": "–" if cell.rate is None else f"{100 * cell.rate:.0f}",
            "dark": cell.rate is not None and heat_class(cell.rate) >= FIRST_LIGHT_TEXT,
        }
        for cell in cells
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X(
            "category:N",
            sort=categories,
            axis=alt.Axis(title=None, orient="top", labelAngle=-40, labelColor=light("ink")),
        ),
        y=alt.Y("language:N", sort=languages, axis=alt.Axis(title=None, labelColor=light("ink"))),
    )
    squares = base.mark_rect(stroke=light("panel"), strokeWidth=2).encode(
        color=alt.condition(
            alt.datum["class"] == None,  # noqa: E711  (a Vega expression)
            alt.value(light("pending")),
            alt.Color(
                "class:O",
                scale=alt.Scale(domain=list(range(10)), range=list(HEAT_LIGHT)),
                legend=None,
            ),
        )
    )
    text = base.mark_text(fontSize=11).encode(
        text="text:N",
        color=alt.condition(
            alt.datum.dark, alt.value(light("on-dark")), alt.value(light("on-light"))
        ),
    )
    chart = alt.layer(squares, text).properties(
        width=alt.Step(46), height=alt.Step(24), title=title
    )
    return Picture(
        name="categories",
        title=title,
        description=f"{title}: {len(languages)} languages by {len(categories)} categories",
        wide=styled(chart),
    )
