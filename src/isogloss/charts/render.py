"""From an Altair chart to files (SVG, PNG) and to a small themed SVG inside a page.

Charts in pages are static SVG rather than a Vega runtime: a page needs no script to be read, none
to be printed, no ``unsafe-eval``, and weighs 0.9 MB less. Marks keep their description as
``data-tip``, which the page's tooltip shows on hover, focus and tap.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt
import vl_convert

from isogloss.charts.palette import FONT, PALETTE, SHADES, light

_SVG = "http://www.w3.org/2000/svg"
_DROPPED = {"role", "aria-roledescription", "aria-hidden", "font-family", "pointer-events", "class"}
_INHERITED = (
    "fill",
    "font-size",
    "font-weight",
    "stroke",
    "stroke-dasharray",
    "stroke-opacity",
    "stroke-width",
    "text-anchor",
)
_NUMBER = re.compile(r"-?\d+\.\d{2,}")


Specification = dict[str, Any]
"""A Vega-Lite specification as plain data (`isogloss.charts.grid`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A chart ready for every place it goes to.

    Attributes:
        name: stem of the files.
        title: what it shows, in a few words.
        description: the same for someone who cannot see it.
        wide, narrow: one chart for a desk and one for a telephone (390 px).
    """

    name: str
    title: str
    description: str
    wide: alt.TopLevelMixin | Specification
    narrow: alt.TopLevelMixin | Specification | None = None


PERCENT_LABELS = "format(100 * datum.value, '.0f') + (datum.value == 1 ? ' %' : '')"
"""Axis labels of a rate: 0, 25, … and the sign at the end only."""


def styled(chart: Any) -> Any:
    """The chart with the house style: no frame, few ticks, quiet rules."""
    return (
        chart.configure(font=FONT, background=light("panel"), padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            domain=False,
            ticks=False,
            gridColor=light("rule"),
            labelColor=light("muted"),
            titleColor=light("muted"),
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelPadding=7,
        )
        .configure_title(
            color=light("ink"), fontSize=13.5, fontWeight=600, anchor="start", offset=9
        )
        .configure_legend(
            labelColor=light("ink"), labelFontSize=12, title=None, symbolType="square", offset=14
        )
        .configure_concat(spacing=26)
    )


def specification_of(chart: alt.TopLevelMixin | Specification) -> Specification:
    """What is drawn, as plain data."""
    # Validation against the schema is for tests: it takes longer than drawing.
    return chart if isinstance(chart, dict) else chart.to_dict(validate=False)


def svg_of(chart: alt.TopLevelMixin | Specification) -> str:
    """A complete SVG document, light theme, opaque background."""
    return _compiled(json.dumps(specification_of(chart), sort_keys=True))


@lru_cache(maxsize=16)
def _compiled(spec: str) -> str:
    return vl_convert.vegalite_to_svg(spec)


def png_of(chart: alt.TopLevelMixin | Specification, *, scale: float = 2.0) -> bytes:
    """A PNG at ``scale`` pixels per CSS pixel."""
    return vl_convert.svg_to_png(svg_of(chart), scale=scale)


def inline_svg(svg: str, *, label: str, css_class: str) -> str:
    """An SVG element for a page: colours as custom properties, no ids, no scripts, a third as big.

    Args:
        svg: what `svg_of` gave.
        label: accessible name of the whole picture.
        css_class: class of the element, so that a style sheet can choose between layouts.

    Returns:
        Markup that is safe in HTML: it is serialised from a parsed tree, never pasted.
    """
    root = ET.fromstring(svg)
    for element in list(root):
        if element.tag == f"{{{_SVG}}}rect":
            root.remove(element)
    names = {values[0]: f"var(--{name})" for name, values in (SHADES | PALETTE).items()}
    _clean(root, names)
    root.attrib |= {"class": css_class, "role": "img", "aria-label": label}
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    ET.register_namespace("", _SVG)
    return ET.tostring(root, encoding="unicode")


def _clean(element: ET.Element, names: dict[str, str]) -> None:
    attributes = element.attrib
    is_mark = attributes.get("role") == "graphics-symbol" and len(element) == 0
    tip = attributes.pop("aria-label", None)
    for name in _DROPPED & attributes.keys():
        del attributes[name]
    if attributes.get("opacity") == "1":
        del attributes["opacity"]
    for name, value in attributes.items():
        attributes[name] = names.get(value) or _NUMBER.sub(_rounded, value)
    if tip and is_mark:
        attributes["data-tip"] = tip
    if attributes.get("transform") == "translate(0,0)":
        del attributes["transform"]
    kept: list[ET.Element] = []
    for child in list(element):
        _clean(child, names)
        if not _invisible(child):
            # Of a panel's markup a third are groups that say nothing.
            kept += list(child) if child.tag == f"{{{_SVG}}}g" and not child.attrib else [child]
    element[:] = kept
    _hoist(element)


def _hoist(element: ET.Element) -> None:
    """Write what all marks of a group say alike once, on the group: a matrix has hundreds."""
    children = list(element)
    if len(children) < 3 or any(len(child) for child in children):
        return
    for name in _INHERITED:
        values = {child.get(name) for child in children}
        if len(values) == 1 and (value := values.pop()) is not None:
            element.set(name, value)
            for child in children:
                del child.attrib[name]


def _invisible(element: ET.Element) -> bool:
    if element.tag == f"{{{_SVG}}}g":
        return len(element) == 0
    return element.tag == f"{{{_SVG}}}path" and not (
        {"fill", "stroke"} & element.attrib.keys() and element.get("d")
    )


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}".removesuffix(".0")
