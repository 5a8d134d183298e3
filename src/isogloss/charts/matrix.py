"""A matrix of shaded cells, with figures and marks in them and a family tree beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.grid import Tables, grid
from isogloss.charts.palette import light, shade_ink
from isogloss.charts.render import Picture
from isogloss.charts.tree import Tree, tree_chart


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """One cell.

    Attributes:
        shade: a name of `isogloss.charts.palette.SHADES`; None where not measured.
        text: a short figure.
        tip: what it says when pointed at.
        mark: a sign beside the figure, in narrow layouts in its place; empty for none.
    """

    row: str
    column: str
    shade: str | None
    text: str
    tip: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Names along one side, in order: full for the rows, short for columns and telephones."""

    keys: tuple[str, ...]
    names: tuple[str, ...]
    codes: tuple[str, ...]

    def shown(self, *, short: bool) -> dict[str, str]:
        """Key → label; the keys themselves where two labels would be one."""
        labels = self.codes if short else self.names
        if len(set(labels)) < len(self.keys):
            labels = self.keys
        return dict(zip(self.keys, labels, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixPanel:
    """One matrix; ``across`` and ``down`` say what the columns and the rows are."""

    title: str
    cells: Sequence[MatrixCell]
    across: str = ""
    down: str = ""


def matrix_picture(
    panels: Sequence[MatrixPanel],
    *,
    name: str,
    title: str,
    description: str,
    rows: Axis,
    columns: Axis,
    tree: Tree | None = None,
) -> Picture | None:
    """Panels of the same rows and columns: beside or, where narrow, below one another.

    Args:
        tree: of the rows, in whose order they then are.

    Returns:
        None where nothing is measured. Wide cells hold figures, narrow ones only marks.
    """
    panels = [panel for panel in panels if any(cell.shade for cell in panel.cells)]
    if not panels:
        return None
    n = len(columns.keys)
    # A desk has some 940 pixels: cells take what names and tree leave, within reason.
    room = 940 - 130 - (150 if tree else 0)
    step = max(22, min(92, room // (n * len(panels))))
    small = max(11, min(30, 268 // n))
    height = max(small, 15)
    desk, telephone = Tables(), Tables()
    size, little = (step, min(step, 34)), (small, height)
    wide: list[Any] = [
        _panel(panel, desk, rows, columns, size=size, short=i > 0, text=True)
        for i, panel in enumerate(panels)
    ]
    narrow: list[Any] = [
        _panel(panel, telephone, rows, columns, size=little, short=True, text=small > 24)
        for panel in panels
    ]
    rows_of = [[chart] for chart in narrow]
    if tree:
        wide.insert(0, tree_chart(tree, desk, width=140, step=min(step, 34), names=True))
        beside = [tree_chart(tree, telephone, width=34, step=height, names=False) for _ in narrow]
        rows_of = [list(pair) for pair in zip(beside, narrow, strict=True)]
    return Picture(
        name=name,
        title=title,
        description=description,
        wide=grid([wide], desk, across=14),
        narrow=grid(rows_of, telephone, across=2, down=22),
    )


def _panel(
    panel: MatrixPanel,
    tables: Tables,
    rows: Axis,
    columns: Axis,
    *,
    size: tuple[int, int],
    short: bool,
    text: bool,
) -> Any:
    width, height = size
    down, across = rows.shown(short=short), columns.shown(short=True)
    values = [
        _value(cell, text=text) | {"row": down[cell.row], "column": across[cell.column]}
        for cell in panel.cells
    ]
    ink = light("ink")
    upright = max(map(len, across.values())) * 6.5 > width - 4
    x = alt.X(
        "column:N",
        # Not `sort`: Vega-Lite writes its names into an expression, and a name may hold anything.
        scale=alt.Scale(domain=list(across.values()), paddingInner=0, paddingOuter=0),
        axis=alt.Axis(
            title=panel.across or None,
            orient="top",
            labelAngle=-90 if upright else 0,
            labelColor=ink,
            labelFontSize=10.5,
            labelOverlap=False,
            labelPadding=3,
        ),
    )
    y = alt.Y(
        "row:N",
        scale=alt.Scale(domain=list(down.values()), paddingInner=0, paddingOuter=0),
        axis=alt.Axis(
            title=panel.down or None,
            labelColor=ink,
            labelFontSize=11,
            labelOverlap=False,
            labelLimit=160,
            labelPadding=4,
        ),
    )
    base = alt.Chart(tables.put(values)).encode(x=x, y=y)
    layers: list[Any] = [
        base.mark_rect(stroke=light("panel"), strokeWidth=1).encode(
            color=alt.Color("fill:N", scale=None), description="tip:N"
        )
    ]
    if any(value["text"] for value in values):
        font = min(11.0, (width - 2) / (0.58 * max(len(str(v["text"])) for v in values)))
        layers.append(
            base.mark_text(fontSize=font, aria=False).encode(
                text="text:N", color=alt.Color("ink:N", scale=None)
            )
        )
    return alt.layer(*layers).properties(
        width=width * len(columns.keys),
        height=height * len(rows.keys),
        title=alt.TitleParams(panel.title),
    )


def _value(cell: MatrixCell, *, text: bool) -> dict[str, Any]:
    shown = f"{cell.text}{cell.mark}" if text else cell.mark
    return {
        "fill": light(cell.shade or "pending"),
        "ink": light(shade_ink(cell.shade) if cell.shade else "muted"),
        "text": shown if cell.shade else "–",
        "tip": cell.tip,
    }
