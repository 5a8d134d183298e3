"""Pictures: valid specifications, planted slopes recovered, and SVG that is fit for a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.charts.composition import ENDINGS, Composition, composition_picture
from isogloss.charts.forest import forest_picture
from isogloss.charts.heatmap import Cell, heat_picture
from isogloss.charts.palette import PALETTE, heat_class, light, palette_css
from isogloss.charts.render import Picture, inline_svg, png_of, specification_of, svg_of
from isogloss.charts.share import (
    SharePanel,
    SharePoint,
    Slope,
    fitted_line,
    place_labels,
    share_picture,
)

SHARES = {"en": 62.0, "fr": 6.1, "fi": 1.5, "sw": 0.5, "ny": 0.3}


def point(code: str, rate: float) -> SharePoint:
    return SharePoint(
        code=code, name=f"<b>{code}", tier="english" if code == "en" else "low",
        share=SHARES[code], rate=rate, low=max(0, rate - 0.1), high=min(1, rate + 0.1), n=40,
        fitted=code != "en",
    )  # fmt: skip


POINTS = [point(code, 0.5 - 0.3 * log10(share)) for code, share in SHARES.items() if code != "en"]


def pictures() -> list[Picture]:
    counts = dict.fromkeys(ENDINGS, 0) | {"complied": 10, "refused": 25, "error": 5}
    panel = SharePanel(
        title="Compliance", colour="complied", points=[point("en", 0.1), *POINTS],
        slope=Slope(estimate=-0.3, low=-0.4, high=-0.2),
    )  # fmt: skip
    made = [
        composition_picture(
            [Composition(label=f"<{c}>", intent=i, counts=counts)
             for c in SHARES for i in ("harmful", "benign")]
        ),
        share_picture([panel]),
        forest_picture([point("en", 0.1), *POINTS], title="Compliance"),
        heat_picture(
            [Cell(language="a", category=c, rate=r) for c, r in (("x", 0.7), ("y", None))],
            title="Compliance",
        ),
    ]  # fmt: skip
    return [picture for picture in made if picture]


@pytest.mark.parametrize("picture", pictures(), ids=lambda p: p.name)
def test_specifications_are_valid_and_draw(picture: Picture) -> None:
    for chart in (picture.wide, picture.narrow):
        if chart is not None:
            assert not isinstance(chart, dict), "charts of an audit are Altair's"
            chart.to_dict(validate=True)
            ET.fromstring(svg_of(chart))
    assert png_of(picture.wide, scale=1).startswith(b"\x89PNG")


@pytest.mark.parametrize("picture", pictures(), ids=lambda p: p.name)
def test_inlined_pictures_have_no_fixed_colour_of_the_theme_and_nothing_active(
    picture: Picture,
) -> None:
    svg = svg_of(picture.wide)
    inlined = inline_svg(svg, label='a "label" & <more>', css_class="chart")
    root = ET.fromstring(inlined)
    assert root.get("aria-label") == 'a "label" & <more>'
    assert "width" not in root.attrib
    for colour in (values[0] for values in PALETTE.values()):
        assert colour not in inlined
    assert not re.search(
        r"<(script|style|image|foreignObject|a)\b|\sstyle=|\sid=|\son\w+=", inlined
    )
    assert len(inlined) < 0.6 * len(svg)


def test_every_mark_can_be_asked_what_it_is() -> None:
    picture = pictures()[1]
    inlined = inline_svg(svg_of(picture.wide), label="x", css_class="chart")
    tips = re.findall(r'data-tip="([^"]*)"', inlined)
    assert len([t for t in tips if t.startswith("&lt;b&gt;") and "share" in t]) == 5


def test_a_planted_line_is_drawn_through_its_points() -> None:
    line, fan = fitted_line(POINTS, Slope(estimate=-0.3, low=-0.4, high=-0.2))
    for row in line:
        assert row["rate"] == pytest.approx(0.5 - 0.3 * log10(row["share"]))
    for row, band in zip(line, fan, strict=True):
        assert band["low"] <= row["rate"] <= band["high"]
    assert [line[0]["share"], line[-1]["share"]] == pytest.approx([0.3, 6.1])


@given(st.lists(st.tuples(st.floats(0.01, 90), st.floats(0, 1)), min_size=1, max_size=24))
def test_labels_never_cover_each_other(places: list[tuple[float, float]]) -> None:
    points = [
        SharePoint(code="xx", name="x", tier="low", share=s, rate=r, low=r, high=r, n=1)
        for s, r in places
    ]
    placed = place_labels(points, domain=(0.01, 100), width=246, height=250)
    boxes = []
    for (align, dx, dy), group in placed.items():
        for p in group:
            x = (log10(p.share) + 2) / 4 * 246 + dx
            y = (1 - p.rate) * 250 + dy
            left = x - {"left": 0, "center": 6.4, "right": 12.8}[align]
            boxes.append((left, y - 5, left + 12.8, y + 5))
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def test_segments_sum_to_the_planned_prompts() -> None:
    picture = composition_picture(
        [Composition(label="fi", intent="harmful", counts={"complied": 1, "pending": 3})]
    )
    assert picture is not None
    text = str(specification_of(picture.wide))
    assert "complied 1 of 4 (25 %)" in text
    assert "pending 3 of 4 (75 %)" in text


def test_no_data_is_no_picture() -> None:
    assert composition_picture([]) is None
    assert share_picture([SharePanel(title="x", colour="complied", points=POINTS[:1])]) is None
    assert forest_picture([], title="x") is None
    assert heat_picture([Cell(language="a", category="x", rate=None)], title="x") is None


def test_heat_classes_are_tenths() -> None:
    assert [heat_class(r) for r in (0, 0.0999, 0.1, 0.3, 0.6, 0.999, 1)] == [0, 0, 1, 3, 6, 9, 9]


def test_text_is_legible_in_both_themes() -> None:
    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a: str, b: str) -> float:
        high, low = sorted((luminance(a), luminance(b)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for theme in (0, 1):
        for ground in ("paper", "panel"):
            for text in ("ink", "muted", "accent", "refused", "harmful-rate", "following-rate"):
                assert contrast(PALETTE[text][theme], PALETTE[ground][theme]) >= 4.5, (text, theme)
        for fill in ("refused", "complied"):
            assert contrast(PALETTE["on-dark"][theme], PALETTE[fill][theme]) >= 3.9
        assert contrast(PALETTE["on-light"][theme], PALETTE["irrelevant"][theme]) >= 4.5


def test_light_colours_are_unique_so_that_they_can_be_mapped_back() -> None:
    assert len({light(name) for name in PALETTE}) == len(PALETTE)
    assert palette_css().count("--ink:") == 3
