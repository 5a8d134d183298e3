"""Rungs, responses to text, parts of wholes and figures over runs: valid, drawn, safe, small."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import altair as alt
import pytest

from isogloss.charts.palette import PALETTE, SHADES
from isogloss.charts.parts import Part, PartPanel, PartRow, parts_picture
from isogloss.charts.render import Picture, inline_svg, specification_of, svg_of
from isogloss.charts.response import (
    Parity,
    ResponsePanel,
    ResponsePoint,
    response_picture,
    ticks,
)
from isogloss.charts.rungs import RungLine, RungPanel, RungPoint, rungs_picture
from isogloss.charts.runs import RunsLine, RunsPanel, runs_picture

HOSTILE = "'}) + alert(1) //</script>\u2028\"\\"
NAMES: dict[str, Any] = {"name": "x", "title": "X", "description": "d"}
COLOURS = {"not understood": "irrelevant", "broken": "harmful-rate", "not measured": "pending"}


def made(picture: Picture | None) -> Picture:
    assert picture is not None
    return picture


def rung(at: int, value: float, wide: tuple[float, float] | None = None) -> RungPoint:
    return RungPoint(
        at=at, estimate=value, low=value - 0.1, high=value + 0.1, wide=wide, tip=f"tip {at} {value}"
    )


def rungs(signed: bool = True) -> Picture:
    broken = RungLine(points=[rung(0, 0.2), rung(2, 0.4)], colour="complied", shape="circle")
    whole = RungLine(
        points=[rung(0, 0.1, (-1.4, 1.2)), rung(1, 0.2), rung(2, 0.3)], colour="refused",
        shape="square", joined=False,
    )  # fmt: skip
    panel = RungPanel(title=HOSTILE, lines=[broken, whole])
    empty = RungPanel(title="nothing", lines=[RungLine(points=[], colour="ink", shape="cross")])
    return made(rungs_picture([panel, empty], ["base", HOSTILE, "chat"], **NAMES, signed=signed))


def response() -> Picture:
    def points(step: float) -> list[ResponsePoint]:
        return [
            ResponsePoint(tokens=1000.0 * 4**k, value=0.2 + step * k, low=0.1 if k else None,
                          high=0.3 + step * k if k else None, tip=f"{k}")
            for k in range(3)
        ]  # fmt: skip

    parity = Parity(tokens=5000.0, low=3000.0, high=None, tip="parity")
    panel = ResponsePanel(
        title=HOSTILE, note="parity: 5 000 [3 000, …]", runs=[[(1000.0, 0.2), (16000.0, 0.5)]] * 2,
        dosed=points(0.2), others=points(-0.02), level=0.35, parity=parity, percent=True,
        domain=(0.0, 1.0),
    )  # fmt: skip
    return made(response_picture([panel], **NAMES))


def parts() -> Picture:
    split = [
        Part(name="broken", share=0.7, tip="most"),
        Part(name="not measured", share=0.3, tip=""),
    ]
    rows = [
        PartRow(label=HOSTILE, parts=split),
        PartRow(label="English", parts=[], missing="no such failure"),
    ]
    panels = [PartPanel(title="failed", rows=rows), PartPanel(title="right", rows=rows)]
    return made(parts_picture(panels, COLOURS, **NAMES))


def over_runs() -> Picture:
    line = RunsLine(group=HOSTILE, estimate=0.2, low=0.1, high=0.3, tip="tip")
    alone = RunsLine(group="alone", estimate=0.0, low=None, high=None, tip="alone")
    panels = [
        RunsPanel(title="both", lines=[line, alone], percent=True),
        RunsPanel(title="one", lines=[alone], percent=False, null=None),
    ]
    return made(runs_picture(panels, **NAMES))


@pytest.mark.parametrize("make", [rungs, response, parts, over_runs])
def test_specifications_are_valid_draw_and_inline_clean(make: Callable[[], Picture]) -> None:
    picture = make()
    for chart in (picture.wide, picture.narrow):
        assert chart is not None
        specification = specification_of(chart)
        if chart is picture.wide:  # the other has the same parts, laid out otherwise
            alt.Chart.from_dict(specification, validate=True)
        assert HOSTILE not in expressions(specification)
        inlined = inline_svg(svg_of(chart), label="x", css_class="chart")
        ET.fromstring(inlined)
        for colour in (values[0] for values in (SHADES | PALETTE).values()):
            assert colour not in inlined
        assert not re.search(r"<(script|style|image|a)\b|\sstyle=|\sid=|\son\w+=", inlined)


def expressions(specification: Any) -> str:
    """All that Vega would evaluate: expressions and sort orders, which it writes into some."""
    if isinstance(specification, dict):
        return " ".join(
            str(value) if key in ("labelExpr", "expr", "sort", "calculate", "filter")
            else expressions(value)
            for key, value in specification.items() if key != "datasets"
        )  # fmt: skip
    if isinstance(specification, list):
        return " ".join(map(expressions, specification))
    return ""


def rows_of(picture: Picture) -> list[dict[str, Any]]:
    return [
        row for rows in specification_of(picture.wide)["datasets"].values() for row in rows
    ]  # fmt: skip


def test_a_rung_without_a_point_breaks_the_line() -> None:
    path = [row for row in rows_of(rungs()) if set(row) == {"line", "colour", "x", "y"}]
    assert [row["y"] for row in path] == [0.2, None, 0.4]
    assert len({row["line"] for row in path}) == 1  # the other group is not joined


def test_what_cannot_be_is_cut_and_zero_is_drawn_where_differences_are() -> None:
    text = str(specification_of(rungs().wide))
    assert "'domain': [-1.0, 1.0]" in text
    assert "datum.value == 0" in text
    rates = str(specification_of(rungs(signed=False).wide))
    assert "'domain': [0.0, 1.0]" in rates
    assert "datum.value == 0" not in rates


def test_nothing_measured_is_no_picture() -> None:
    empty = RungPanel(title="", lines=[])
    assert rungs_picture([empty], ["a"], **NAMES, signed=True) is None
    assert parts_picture(
        [PartPanel(title="", rows=[PartRow(label="a", parts=[])])], COLOURS, **NAMES
    ) is None  # fmt: skip
    assert response_picture([], **NAMES) is None
    assert runs_picture([RunsPanel(title="", lines=[], percent=True)], **NAMES) is None


def test_an_open_end_of_parity_reaches_the_edge() -> None:
    band = next(row for row in rows_of(response()) if set(row) == {"low", "high", "tip"})
    assert band["low"] == 3000.0
    assert band["high"] == pytest.approx(16000.0 * 1.35)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(800, 30_000, [1e3, 3e3, 1e4, 3e4]), (90, 2e6, [1e2, 1e3, 1e4, 1e5, 1e6]),
     (1200, 2100, [2e3]), (900, 2100, [9e2, 1e3, 2e3])],
)  # fmt: skip
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


def test_parts_lie_end_to_end_in_the_order_of_the_chain() -> None:
    bars = [row for row in rows_of(parts()) if "fill" in row and "start" in row and row["tip"]]
    assert (bars[0]["start"], bars[0]["end"], bars[0]["text"]) == (0.0, 0.7, "70")
    key = [row["name"] for row in rows_of(parts()) if "name" in row]
    assert key == ["broken", "not measured"]  # what no row has is not in the key
    assert any(row.get("text") == "no such failure" for row in rows_of(parts()))


def test_all_groups_stand_in_every_panel_so_that_rows_are_one_line() -> None:
    rows = specification_of(over_runs().wide)["vconcat"][0]["hconcat"]
    domains = [
        layer["encoding"]["y"]["scale"]["domain"]
        for panel in rows for layer in panel["layer"] if "y" in layer["encoding"]
    ]  # fmt: skip
    assert len(rows) == 2
    assert all(domain == [HOSTILE, "alone"] for domain in domains)
