"""Wholes split into named parts: a bar a row, panels beside one another, one key above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.grid import Row, Tables, grid
from isogloss.charts.palette import light
from isogloss.charts.render import PERCENT_LABELS, Picture, Specification

_LABELLED_FROM = 0.12
_ON_DARK = {"complied", "refused", "error", "harmful-rate", "following-rate", "muted"}
"""Colours on which text is light."""
_LETTER, _KEY_LETTER = 6.4, 5.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a row: share in [0, 1]."""

    name: str
    share: float
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """One whole; ``missing`` is written where it has no parts."""

    label: str
    parts: Sequence[Part]
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPanel:
    """One column of bars."""

    title: str
    rows: Sequence[PartRow]


def parts_picture(
    panels: Sequence[PartPanel],
    colours: Mapping[str, str],
    *,
    name: str,
    title: str,
    description: str,
) -> Picture | None:
    """Stacked bars; panels beside one another or, where narrow, below.

    Args:
        colours: part → name in the palette, in the order of the bars.

    Returns:
        None where no row has parts.
    """
    panels = [panel for panel in panels if any(row.parts for row in panel.rows)]
    if not panels:
        return None
    used = [
        part for part in colours
        if any(p.name == part for panel in panels for row in panel.rows for p in row.parts)
    ]  # fmt: skip
    keys = {part: colours[part] for part in used}
    labels = [[row.label for row in panel.rows] for panel in panels]

    def laid_out(columns: int, room: int) -> Specification:
        tables = Tables()
        names = round(_LETTER * max(len(label) for mine in labels for label in mine)) + 10
        n_named = 1 if all(mine == labels[0] for mine in labels) else columns
        width = (room - names * n_named - 18 * (columns - 1)) // columns
        charts = [
            _panel(panel, keys, tables, width, names if n_named > 1 or i % columns == 0 else 0)
            for i, panel in enumerate(panels)
        ]
        rows = [charts[i : i + columns] for i in range(0, len(charts), columns)]
        return grid([[_key(keys, tables, room - names)], *rows], tables, down=16)

    return Picture(
        name=name,
        title=title,
        description=description,
        wide=laid_out(len(panels), 900),
        narrow=laid_out(1, 330),
    )


def _panel(
    panel: PartPanel, colours: Mapping[str, str], tables: Tables, width: int, names: int
) -> Any:
    values = [value for row in panel.rows for value in _segments(row, colours)]
    y = alt.Y(
        "label:N",
        scale=alt.Scale(
            domain=[row.label for row in panel.rows], paddingInner=0.26, paddingOuter=0.1
        ),
        axis=alt.Axis(
            title=None, labels=names > 0, labelColor=light("ink"), labelLimit=190, minExtent=names
        ),
    )
    axis = alt.Axis(
        title=None, labelExpr=PERCENT_LABELS, grid=False, values=[0, 0.25, 0.5, 0.75, 1]
    )
    x = alt.X("start:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    layers: list[Any] = [
        alt.Chart(tables.put(values))
        .mark_bar(stroke=light("panel"), strokeWidth=1)
        .encode(y=y, x=x, x2="end:Q", color=alt.Color("fill:N", scale=None), description="tip:N")
    ]
    texts = [
        *(value for value in values if value["text"]),
        *(
            {"label": row.label, "middle": 0.01, "text": row.missing, "ink": light("muted")}
            for row in panel.rows
            if not row.parts and row.missing
        ),
    ]
    filled = [value for value in texts if "fill" in value]
    empty = [value for value in texts if "fill" not in value]
    for mine, mark in (
        (filled, alt.MarkDef(type="text", align="center", fontSize=10.5, aria=False)),
        (empty, alt.MarkDef(type="text", align="left", fontSize=10.5, aria=False)),
    ):
        if mine:
            base = alt.Chart(tables.put(mine), mark=mark)
            layers.append(
                base.encode(y=y, x="middle:Q", text="text:N", color=alt.Color("ink:N", scale=None))
            )
    return alt.layer(*layers).properties(
        width=width,
        height=21 * len(panel.rows),
        title=alt.TitleParams(panel.title),
    )


def _segments(row: PartRow, colours: Mapping[str, str]) -> list[Row]:
    segments: list[Row] = []
    start = 0.0
    shares = {part.name: part for part in row.parts}
    for name, colour in colours.items():
        part = shares.get(name)
        if part is None or part.share <= 0:
            continue
        end = min(1.0, start + part.share)
        segments.append(
            {
                "label": row.label, "start": start, "end": end, "middle": (start + end) / 2,
                "fill": light(colour), "tip": part.tip,
                "ink": light("on-dark" if colour in _ON_DARK else "on-light"),
                "text": f"{100 * part.share:.0f}" if part.share >= _LABELLED_FROM else "",
            }
        )  # fmt: skip
        start = end
    return segments


def _key(colours: Mapping[str, str], tables: Tables, room: int) -> Any:
    """Squares with the names of the parts, in as many lines as they need."""
    rows: list[Row] = []
    at, line = 0.0, 0
    for name, colour in colours.items():
        wide = _KEY_LETTER * len(name) + 30
        if at and at + wide > room:
            at, line = 0.0, line + 1
        rows.append({"x": at, "y": line, "name": name, "fill": light(colour)})
        at += wide
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, room], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[line + 0.5, -0.5], nice=False), axis=None)
    base = alt.Chart(tables.put(rows)).encode(x=x, y=y)
    squares = base.mark_point(
        shape="square", filled=True, size=120, opacity=1, xOffset=7, aria=False
    )
    names = base.mark_text(align="left", dx=18, fontSize=12, color=light("ink"), aria=False)
    return alt.layer(
        squares.encode(color=alt.Color("fill:N", scale=None)), names.encode(text="name:N")
    ).properties(width=room, height=18 * (line + 1))
