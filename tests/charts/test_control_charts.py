"""Doses and frontiers: valid, drawn, labelled where there is room, safe."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.charts.dose import DoseCurve, DosePanel, dose_picture
from isogloss.charts.frontier import (
    FrontierPanel,
    FrontierPoint,
    frontier_picture,
    merged_labels,
)
from isogloss.charts.labels import FAR_PLACEMENTS, PLACEMENTS, place_texts
from isogloss.charts.palette import PALETTE, SHADES
from isogloss.charts.render import Picture, inline_svg, png_of, specification_of, svg_of

HOSTILE = "'}) + alert(1) //</script>\u2028\"\\"
NAMES: dict[str, Any] = {"name": "x", "title": "X", "description": "d"}


def doses() -> Picture:
    strong = DoseCurve(
        points=[(0, 0.5, "none"), (0.3, 0.2, "0.3: 20 %"), (1, 0.1, "1: 10 %")],
        colour="complied",
        shape="circle",
    )
    thin = DoseCurve(points=[(0, 0.5, "a"), (1, 0.4, "b")], colour="complied", shape=None)
    panel = DosePanel(title=HOSTILE, curves=[strong, thin], chosen=0.3, chosen_tip="chosen: 0.3")
    picture = dose_picture([panel] * 5, **NAMES)
    assert picture is not None
    return picture


def point(label: str, x: float, y: float, **fields: Any) -> FrontierPoint:
    options: dict[str, Any] = {
        "x_low": max(0, x - 0.1), "x_high": min(1, x + 0.1), "y_low": max(0, y - 0.1),
        "y_high": min(1, y + 0.1), "tip": f"tip of {label}", "colour": "complied",
        "shape": "circle",
    }  # fmt: skip
    return FrontierPoint(label=label, x=x, y=y, **options | fields)


def frontier_of(*points: FrontierPoint) -> Picture:
    panel = FrontierPanel(title=HOSTILE, points=points)
    picture = frontier_picture([panel] * 4, **NAMES, x_title="over-refusal", y_title="compliance")
    assert picture is not None
    return picture


def frontier() -> Picture:
    return frontier_of(
        point("unsteered", 0.12, 0.4, shape="diamond", colour="ink", is_reference=True),
        point("source", 0.13, 0.31),
        point("bare", 0.3, 0.2, x_low=None, x_high=None, y_low=None, y_high=None),
        point("weak", 1.0, 0.0, x_low=1.0, x_high=1.0, y_low=0.0, y_high=0.0, is_extreme=True),
    )


@pytest.mark.parametrize("make", [doses, frontier])
def test_specifications_are_valid_draw_and_inline_clean(make) -> None:
    picture = make()
    for chart in (picture.wide, picture.narrow):
        alt.Chart.from_dict(chart, validate=True)
        inlined = inline_svg(svg_of(chart), label="x", css_class="chart")
        ET.fromstring(inlined)
        for colour in (values[0] for values in (SHADES | PALETTE).values()):
            assert colour not in inlined
        assert not re.search(r"<(script|style|image|a)\b|\sstyle=|\sid=|\son\w+=", inlined)
    assert png_of(picture.wide, scale=1).startswith(b"\x89PNG")


def test_only_the_strong_curve_and_the_chosen_strength_can_be_asked() -> None:
    inlined = inline_svg(svg_of(doses().wide), label="x", css_class="chart")
    tips = re.findall(r'data-tip="([^"]*)"', inlined)
    assert sorted(set(tips)) == ["0.3: 20 %", "1: 10 %", "chosen: 0.3", "none"]
    assert len(tips) == 5 * 4


def test_every_arm_is_a_point_with_its_label() -> None:
    inlined = inline_svg(svg_of(frontier().wide), label="x", css_class="chart")
    tips = re.findall(r'data-tip="tip of ([^"]*)"', inlined)
    assert tips == ["unsteered", "source", "bare", "weak"] * 4
    for label in ("unsteered", "source", "bare", "weak → 100 %"):
        assert inlined.count(f">{label}</text>") == 4


def test_what_is_so_by_definition_does_not_widen_the_axes() -> None:
    spec = specification_of(frontier().wide)
    text = str(spec)
    assert "[0, 0.3]" in text  # over-refusal of the others
    assert "[0, 0.5]" in text  # compliance, with the ends of its intervals
    edge = next(
        row for rows in spec["datasets"].values() for row in rows if row.get("tip") == "tip of weak"
    )
    assert (edge["x"], edge["y"], edge["shape"]) == (0.3, 0.0, "triangle-right")


def test_lines_of_reference_go_through_the_unsteered_model() -> None:
    svg = svg_of(frontier().wide)
    assert svg.count('stroke-dasharray="4,3"') == 2 * 4
    without = frontier_of(point("a", 0.1, 0.1), point("b", 0.2, 0.2))
    assert "stroke-dasharray" not in svg_of(without.wide)


def test_points_on_one_another_share_a_label() -> None:
    spots = [(10.0, 10.0), (12.0, 9.0), (80.0, 10.0), (11.0, 30.0)]
    assert merged_labels(spots, ["a", "b", "c", "d"]) == ["a, b", "", "c", "d"]
    inlined = inline_svg(
        svg_of(frontier_of(point("a", 0.1, 0.1), point("b", 0.1, 0.1)).wide), label="x",
        css_class="c",
    )  # fmt: skip
    assert inlined.count(">a, b</text>") == 4


def test_a_crowd_keeps_its_labels_with_lines_that_lead_to_them() -> None:
    crowd = [point(f"arm number {i}", 0.02 + 0.025 * i, 0.05 + 0.01 * i) for i in range(7)]
    inlined = inline_svg(svg_of(frontier_of(*crowd).wide), label="x", css_class="c")
    for i in range(7):
        assert inlined.count(f"arm number {i}</text>") >= 3


@given(
    st.lists(
        st.tuples(st.floats(0, 264), st.floats(0, 180), st.floats(0, 90)), min_size=1, max_size=12
    )
)
def test_no_text_covers_a_text_or_a_point_or_leaves_its_room(
    given_: list[tuple[float, float, float]],
) -> None:
    spots, widths = [(x, y) for x, y, _ in given_], [w for _, _, w in given_]
    room = (0.0, -6.0, 268.0, 184.0)
    found = place_texts(spots, widths, room=room, placements=(*PLACEMENTS, *FAR_PLACEMENTS))
    boxes = []
    for (x, y), width, place in zip(spots, widths, found, strict=True):
        if place is None:
            continue
        assert width > 0
        align, dx, dy = place
        left = x + dx - {"left": 0, "center": width / 2, "right": width}[align]
        boxes.append((left, y + dy - 5, left + width, y + dy + 5))
    points = [(x - 4, y - 4, x + 4, y + 4) for x, y in spots]
    for i, a in enumerate(boxes):
        assert a[0] >= room[0]
        assert a[1] >= room[1]
        assert a[2] <= room[2]
        assert a[3] <= room[3]
        for b in (*boxes[i + 1 :], *points):
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def test_no_data_is_no_picture() -> None:
    lonely = DoseCurve(points=[(0, 0.5, "x")], colour="complied", shape="circle")
    assert dose_picture([DosePanel(title="x", curves=[lonely])], **NAMES) is None
    assert dose_picture([], **NAMES) is None
    titles = {"x_title": "x", "y_title": "y"}
    one = FrontierPanel(title="x", points=[point("a", 0.1, 0.1)])
    assert frontier_picture([one], **NAMES, **titles) is None
    weak = [point(name, 1.0, 0.0, is_extreme=True) for name in "ab"]
    assert frontier_picture([FrontierPanel(title="x", points=weak)], **NAMES, **titles) is None
