"""A picture as markup inside the page: both layouts, the style sheet shows one."""

from __future__ import annotations

from markupsafe import Markup

from isogloss.charts.render import Picture, inline_svg, svg_of


def inlined(picture: Picture) -> Markup:
    """SVG elements for a desk and, where there is one, for a telephone."""
    label = f"{picture.title}. {picture.description}"
    layouts = [("wide", picture.wide)]
    if picture.narrow is not None:
        layouts.append(("narrow", picture.narrow))
    return Markup(
        "".join(
            inline_svg(svg_of(chart), label=label, css_class=f"chart chart-{layout}")
            for layout, chart in layouts
        )
    )
