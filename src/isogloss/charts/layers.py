"""A quantity along the layers of a model: one panel a concept, the chosen layer marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.grid import Tables, grid
from isogloss.charts.palette import light
from isogloss.charts.render import Picture, Specification


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPanel:
    """One concept.

    Attributes:
        curves: name → (layer, value) in order; drawn thin.
        mean: their mean, drawn strong.
        chosen: the chosen layer; None where every cell has its own or none is stored.
        chosen_tip: how it was chosen.
        references: name → (layer, value) of baselines or a ceiling, drawn dashed.
    """

    title: str
    curves: Mapping[str, Sequence[tuple[int, float]]]
    mean: Sequence[tuple[int, float]]
    chosen: int | None = None
    chosen_tip: str = ""
    references: Mapping[str, Sequence[tuple[int, float]]]


def layers_picture(
    panels: Sequence[LayerPanel],
    *,
    name: str,
    title: str,
    description: str,
    domain: tuple[float, float],
    percent: bool,
    colour: str = "complied",
) -> Picture | None:
    """Small multiples on common axes: four a row, two where narrow.

    Args:
        domain: of the values.
        percent: values are rates in [0, 1] and written in percent.
        colour: of the palette, of the mean.
    """
    panels = [panel for panel in panels if len(panel.mean) > 1]
    if not panels:
        return None

    def laid_out(columns: int, width: int, height: int) -> Specification:
        tables = Tables()
        charts = [
            _panel(panel, tables, domain, percent, colour, (width, height), first=i % columns == 0)
            for i, panel in enumerate(panels)
        ]
        rows = [charts[i : i + columns] for i in range(0, len(charts), columns)]
        return grid(rows, tables, across=18, down=20)

    return Picture(
        name=name,
        title=title,
        description=description,
        wide=laid_out(4, 205, 140),
        narrow=laid_out(2, 138, 104),
    )


def _panel(
    panel: LayerPanel,
    tables: Tables,
    domain: tuple[float, float],
    percent: bool,
    colour: str,
    size: tuple[int, int],
    *,
    first: bool,
) -> Any:
    layers = sorted({layer for layer, _ in panel.mean})
    x = alt.X(
        "layer:Q",
        scale=alt.Scale(domain=[layers[0], layers[-1]], nice=False),
        axis=alt.Axis(title=None, values=_ticks(layers), format="d", grid=False, labelFlush=False),
    )
    labels = "format(100 * datum.value, '.0f')" if percent else "format(datum.value, '.1f')"
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=list(domain), nice=False, clamp=True),
        axis=alt.Axis(title=None, tickCount=4, labelExpr=labels, labels=first),
    )
    thin = [
        {"curve": curve, "layer": layer, "value": value}
        for curve, points in panel.curves.items()
        for layer, value in points
    ]
    drawn: list[Any] = []
    if panel.chosen is not None:
        mark = alt.Chart(tables.put([{"layer": panel.chosen, "tip": panel.chosen_tip}]))
        drawn.append(
            mark.mark_rule(color=light("ink"), strokeDash=[4, 3]).encode(x=x, description="tip:N")
        )
    drawn.append(
        alt.Chart(tables.put(thin))
        .mark_line(strokeWidth=0.8, opacity=0.45, color=light("muted"), aria=False)
        .encode(x=x, y=y, detail="curve:N")
    )
    for reference, points in panel.references.items():
        values = [{"layer": layer, "value": v, "tip": reference} for layer, v in points]
        base = alt.Chart(tables.put(values)).encode(x=x, y=y)
        drawn.append(
            base.mark_line(strokeDash=[2, 3], strokeWidth=1.6, color=light("refused"), aria=False)
        )
        drawn.append(
            base.mark_point(filled=True, size=14, opacity=1, color=light("refused")).encode(
                description="tip:N"
            )
        )
    means = [
        {
            "layer": layer,
            "value": value,
            "tip": f"{panel.title}, layer {layer}: mean "
            + (f"{100 * value:.0f} %" if percent else f"{value:.2f}"),
        }
        for layer, value in panel.mean
    ]
    strong = alt.Chart(tables.put(means)).encode(x=x, y=y)
    drawn += [
        strong.mark_line(strokeWidth=2.4, color=light(colour), aria=False),
        strong.mark_point(filled=True, size=40, opacity=1, color=light(colour)).encode(
            description="tip:N"
        ),
    ]
    # A text mark, for a chart title moves up with whatever sticks out of its plot.
    title = (
        alt.Chart(tables.put([{}]))
        .mark_text(align="left", fontSize=13, fontWeight=600, color=light("ink"), aria=False)
        .encode(x=alt.value(0), y=alt.value(-16), text=alt.value(panel.title))
    )
    width, height = size
    return alt.layer(*drawn, title).properties(width=width, height=height)


def _ticks(layers: Sequence[int]) -> list[int]:
    """At most nine whole layers, the first and the last among them."""
    step = max(1, -(-(layers[-1] - layers[0]) // 8))
    return (
        sorted({*range(layers[0], layers[-1] + 1, step), layers[-1]})
        if step < 2
        else [
            *range(layers[0], layers[-1] - step // 2, step),
            layers[-1],
        ]
    )
