"""Arrows from before to after and curves by step: valid, drawn, labelled, safe and small."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.charts.arrows import Arrow, ArrowPanel, arrows_picture, heading
from isogloss.charts.curves import (
    Curve,
    CurvePanel,
    binned,
    curves_picture,
    mean_of,
    one_path,
    spread_out,
)
from isogloss.charts.palette import PALETTE, SHADES
from isogloss.charts.render import Picture, inline_svg, specification_of, svg_of
from isogloss.charts.share import SharePanel, SharePoint, share_picture

HOSTILE = "'}) + alert(1) //</script>\u2028\"\\"
NAMES: dict[str, Any] = {"name": "x", "title": "X", "description": "d"}


def arrow(label: str, before: tuple[float, float], after: tuple[float, float]) -> Arrow:
    return Arrow(label=label, before=before, after=after, tip=f"tip of {label}", colour="complied")


def arrows(*given_: Arrow, n: int = 5) -> Picture:
    panel = ArrowPanel(title=HOSTILE, arrows=given_, quiet=False)
    quiet = ArrowPanel(title="warm-up", arrows=given_, quiet=True)
    picture = arrows_picture(
        [*[panel] * (n - 1), quiet], **NAMES, x_title="compliance", y_title="helpful"
    )
    assert picture is not None
    return picture


def moving() -> Picture:
    return arrows(
        arrow("en", (0.5, 0.8), (0.1, 0.8)),
        arrow("fr", (0.6, 0.4), (0.6, 0.1)),
        arrow("sw", (0.3, 0.2), (0.3, 0.2)),
    )


def curves() -> Picture:
    runs = [[(float(k), 0.1 * k + s) for k in range(40)] for s in range(3)]
    named = [Curve(name=n, runs=runs, tip=f"end of {n}", colour="refused") for n in ("low", "high")]
    alone = [Curve(name="", runs=runs[:1], tip="end", colour="complied")]
    panels = [
        CurvePanel(title=HOSTILE, curves=named),
        CurvePanel(title="rate", curves=alone, percent=True, domain=(0.0, 1.0), level=0.5),
    ] * 2
    picture = curves_picture(panels, **NAMES, across=4)
    assert picture is not None
    return picture


@pytest.mark.parametrize("make", [moving, curves])
def test_specifications_are_valid_draw_and_inline_clean(make) -> None:
    picture = make()
    for chart in (picture.wide, picture.narrow):
        alt.Chart.from_dict(chart, validate=True)
        inlined = inline_svg(svg_of(chart), label="x", css_class="chart")
        ET.fromstring(inlined)
        for colour in (values[0] for values in (SHADES | PALETTE).values()):
            assert colour not in inlined
        assert not re.search(r"<(script|style|image|a)\b|\sstyle=|\sid=|\son\w+=", inlined)
        assert "<g>" not in inlined  # groups that say nothing are left out


def test_an_arrow_points_where_its_language_went() -> None:
    assert heading((0.0, 10.0), (0.0, 0.0)) == 0.0  # up the page: more helpful
    assert heading((0.0, 0.0), (5.0, 5.0)) == 135.0
    assert heading((10.0, 0.0), (0.0, 0.0)) == -90.0  # left: safer
    rows = [
        row
        for rows in specification_of(moving().wide)["datasets"].values()
        for row in rows
        if row.get("tip") in ("tip of en", "tip of fr")
    ]
    assert {row["tip"]: row["angle"] for row in rows} == {"tip of en": -90.0, "tip of fr": 180.0}


def test_what_did_not_move_is_a_dot_and_every_language_can_be_asked() -> None:
    spec = specification_of(moving().wide)
    still = [row for rows in spec["datasets"].values() for row in rows if row.get("moved") is False]
    assert {row["tip"] for row in still} == {"tip of sw"}
    inlined = inline_svg(svg_of(moving().wide), label="x", css_class="chart")
    for label in ("en", "fr", "sw"):
        assert inlined.count(f'data-tip="tip of {label}"') == 5
        assert inlined.count(f">{label}</text>") == 5


def test_all_panels_have_the_axes_of_the_widest() -> None:
    picture = arrows_picture(
        [
            ArrowPanel(title="a", arrows=[arrow("en", (0.31, 0.1), (0.1, 0.1))]),
            ArrowPanel(title="b", arrows=[arrow("en", (0.1, 0.1), (0.1, 0.52))]),
        ],
        **NAMES, x_title="x", y_title="y",
    )  # fmt: skip
    assert picture is not None
    text = str(specification_of(picture.wide))
    assert text.count("[0, 0.4]") > 1
    assert text.count("[0, 0.6]") > 1
    assert "[0, 0.2]" not in text


def test_panels_without_arrows_or_lines_are_no_picture() -> None:
    titles = {"x_title": "x", "y_title": "y"}
    assert arrows_picture([], **NAMES, **titles) is None
    assert arrows_picture([ArrowPanel(title="x", arrows=[])], **NAMES, **titles) is None
    one = Curve(name="", runs=[[(1.0, 2.0)]], tip="", colour="ink")
    none = Curve(name="", runs=[], tip="", colour="ink")
    panels = [CurvePanel(title="x", curves=[one]), CurvePanel(title="y", curves=[none])]
    assert curves_picture(panels, **NAMES, across=3) is None


def test_runs_are_thin_and_one_path_and_their_mean_is_strong() -> None:
    panel = CurvePanel(
        title="loss",
        curves=[Curve(name="", runs=[[(1.0, 0.0), (2.0, 2.0)], [(1.0, 2.0), (2.0, 4.0)]],
                      tip="end", colour="refused")],
    )  # fmt: skip
    picture = curves_picture([panel], **NAMES, across=2)
    assert picture is not None
    svg = svg_of(picture.wide)
    thin = re.findall(r'<path[^>]*d="([^"]*)"[^>]*stroke-width="0.7"', svg)
    strong = re.findall(r'<path[^>]*d="([^"A]*)"[^>]*stroke-width="2"', svg)
    assert len(thin) == len(strong) == 1
    assert thin[0].count("M") == 2  # a gap between the two
    assert strong[0].count("M") == 1
    values = [row for rows in specification_of(picture.wide)["datasets"].values() for row in rows]
    means = [(row["x"], row["y"]) for row in values if "curve" in row and "order" not in row]
    assert means == [pytest.approx((1.0, 1.0), abs=0.02), pytest.approx((2.0, 3.0), abs=0.02)]


def test_a_mean_is_of_all_runs_or_not_given() -> None:
    assert mean_of([[(1, 0.0), (2, 1.0)], [(2, 3.0), (3, 5.0)]]) == [(2, 2.0)]
    assert mean_of([]) == []
    assert one_path([[(1, 2.0)]], 9) == []


def test_lines_are_thinned_by_means_not_by_leaving_out() -> None:
    points = [(float(k), float(k % 2)) for k in range(100)]
    found = binned(points, 10)
    assert len(found) == 10
    assert {y for _, y in found} == {0.5}
    assert binned(points[:3], 10) == points[:3]


@given(st.dictionaries(st.text(min_size=1), st.floats(-50, 200), max_size=6))
def test_names_keep_their_distance_and_their_room(places: dict[str, float]) -> None:
    found = spread_out(places, 11.0, least=0.0, most=120.0)
    assert found.keys() == places.keys()
    ends = sorted(found.values())
    assert all(b - a >= 11.0 - 1e-6 for a, b in pairwise(ends))
    assert all(-1e-6 <= end <= 120.0 + 1e-6 for end in ends)


def test_shares_can_have_a_level_and_many_panels() -> None:
    points = [
        SharePoint(code=code, name=code, tier="low", share=share, rate=0.5, low=0.4, high=0.6, n=9)
        for code, share in (("a", 1.0), ("b", 10.0))
    ]
    panel = SharePanel(title="accuracy", colour="following-rate", points=points)
    with_level = share_picture([panel] * 4, name="reward", title="Reward", level=0.5)
    without = share_picture([panel])
    assert with_level is not None
    assert without is not None
    assert (with_level.name, without.name) == ("reward", "share")
    assert svg_of(with_level.wide).count('stroke-dasharray="4,3"') == 4
    assert "stroke-dasharray" not in svg_of(without.wide)
    assert alt.Chart.from_dict(specification_of(with_level.wide), validate=True) is not None
