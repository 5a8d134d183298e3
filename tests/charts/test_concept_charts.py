"""Matrices, trees, layer curves and scatters: valid, drawn, in the right places, safe."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.charts.layers import LayerPanel, layers_picture
from isogloss.charts.matrix import Axis, MatrixCell, MatrixPanel, matrix_picture
from isogloss.charts.palette import (
    DIVERGING_LIGHT,
    PALETTE,
    SHADES,
    diverging_class,
    light,
    shade_ink,
)
from isogloss.charts.render import Picture, inline_svg, png_of, svg_of
from isogloss.charts.scatter import ScatterPanel, ScatterPoint, scatter_picture, shared_labels
from isogloss.charts.tree import family_tree

LINEAGES = {
    "en": ("IE", "Germanic"),
    "ja": ("Japonic",),
    "fr": ("IE", "Romance"),
    "xx": (),
    "es": ("IE", "Romance"),
    "fi": ("Uralic", "Finnic"),
    "hu": ("Uralic", "Ugric"),
}
HOSTILE = "'}) + alert(1) //</script>\u2028\"\\"


def matrix() -> Picture:
    tree = family_tree(LINEAGES)
    cells = [
        MatrixCell(
            row=a,
            column=b,
            shade=None if a == b else "heat-7" if a < b else "diverging-0",
            text="–" if a == b else ".42",
            tip=f"{a} and {b}",
            mark="→" if (a, b) == ("fr", "es") else "",
        )
        for a in tree.leaves
        for b in tree.leaves
    ]
    axis = Axis(keys=tree.leaves, names=(HOSTILE, *tree.leaves[1:]), codes=tree.leaves)
    picture = matrix_picture(
        [MatrixPanel(title="one", cells=cells), MatrixPanel(title="two", cells=cells)],
        name="m", title="M", description="d", rows=axis, columns=axis, tree=tree,
    )  # fmt: skip
    assert picture is not None
    return picture


def curves() -> Picture:
    panel = LayerPanel(
        title=HOSTILE,
        curves={"en": [(0, 0.5), (1, 0.9)], "fr": [(0, 0.4), (1, 0.6)]},
        mean=[(0, 0.45), (1, 0.75)],
        chosen=1,
        chosen_tip="layer 1: as given",
        references={"shuffled labels": [(0, 0.5), (1, 0.5)]},
    )
    picture = layers_picture(
        [panel, panel], name="l", title="L", description="d", domain=(0.4, 1), percent=True
    )
    assert picture is not None
    return picture


def scatter() -> Picture:
    dots = [ScatterPoint(x=i / 4, y=i**2, tip=f"point {i}", label=f"p{i}") for i in range(4)]
    picture = scatter_picture(
        [ScatterPanel(title=HOSTILE, note="r = 1", points=dots)],
        name="s", title="S", description="d", x_title="x", y_title="y",
    )  # fmt: skip
    assert picture is not None
    return picture


@pytest.mark.parametrize("make", [matrix, curves, scatter])
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


def test_every_cell_can_be_asked_and_says_what_was_said_once() -> None:
    inlined = inline_svg(svg_of(matrix().wide), label="x", css_class="chart")
    tips = re.findall(r'data-tip="([^"]*)"', inlined)
    assert len(tips) == 2 * 49
    assert tips.count("fr and es") == 2
    assert inlined.count("text-anchor") < 20  # on groups, and not on a hundred marks


def test_what_is_hoisted_to_a_group_was_said_by_all_of_it() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><g>'
        '<path d="M0" fill="#123456" stroke="#111111"/><path d="M1" fill="#123456"/>'
        '<path d="M2" fill="#123456" stroke="#111111"/></g></svg>'
    )
    root = ET.fromstring(inline_svg(svg, label="x", css_class="c"))
    [group] = list(root)
    assert group.get("fill") == "#123456"
    assert [child.get("stroke") for child in group] == ["#111111", None, "#111111"]
    assert all("fill" not in child.attrib for child in group)


def test_a_tree_by_hand() -> None:
    tree = family_tree(LINEAGES)
    assert tree.leaves == ("en", "fr", "es", "ja", "xx", "fi", "hu")
    assert {b.name: b.y for b in tree.branches} == {
        "IE": pytest.approx((0.5 + 2.0) / 2),
        "Romance": pytest.approx(2.0),
        "Uralic": pytest.approx(6.0),
    }
    at = {b.name: b.x for b in tree.branches}
    assert at["IE"] == at["Uralic"] < at["Romance"]


@given(
    st.dictionaries(
        st.text("abcdef", min_size=1, max_size=3),
        st.lists(st.sampled_from("PQR"), max_size=3),
        min_size=1,
        max_size=12,
    )
)
def test_no_two_families_cross(lineages: dict[str, list[str]]) -> None:
    tree = family_tree(lineages)
    assert sorted(tree.leaves) == sorted(lineages)
    for depth in range(1, 4):
        groups = [tuple(lineages[leaf][:depth]) for leaf in tree.leaves]
        full = [g for g in groups if len(g) == depth]
        starts = sum(a != b for a, b in pairwise(groups) if len(b) == depth)
        starts += len(groups[0]) == depth
        assert starts == len(set(full))  # every branch is one run of leaves
    for line in tree.lines:
        assert 0 <= line.x <= line.x2 <= 1
        assert 0 <= line.y <= line.y2 <= len(tree.leaves)


def test_diverging_classes_have_zero_in_the_middle() -> None:
    assert [diverging_class(v, 0.3) for v in (-1, -0.3, -0.01, 0, 0.01, 0.15, 0.3, 9)] == [
        0, 0, 4, 4, 4, 6, 8, 8
    ]  # fmt: skip
    assert len(set(DIVERGING_LIGHT)) == 9


def test_shades_are_unique_and_their_text_is_legible_in_both_themes() -> None:
    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert len({light(name) for name in SHADES | PALETTE}) == len(SHADES | PALETTE)
    for name, colours in SHADES.items():
        for theme in (0, 1):
            a, b = luminance(colours[theme]), luminance(PALETTE[shade_ink(name)][theme])
            assert (max(a, b) + 0.05) / (min(a, b) + 0.05) >= 3.5, (name, theme)


def test_labels_of_points_that_lie_on_one_another_are_one() -> None:
    dots = [
        ScatterPoint(x=0, y=0, tip="", label="a"),
        ScatterPoint(x=0.001, y=0.001, tip="", label="b"),
        ScatterPoint(x=1, y=1, tip="", label="c"),
    ]
    assert shared_labels(dots) == ["a, b", "", "c"]


def test_no_data_is_no_picture() -> None:
    axis = Axis(keys=("a",), names=("a",), codes=("a",))
    cell = MatrixCell(row="a", column="a", shade=None, text="–", tip="")
    options: Any = {"name": "x", "title": "x", "description": "x"}
    panel = MatrixPanel(title="x", cells=[cell])
    assert matrix_picture([panel], **options, rows=axis, columns=axis) is None
    flat = LayerPanel(title="x", curves={}, mean=[(0, 0.5)], references={})
    assert layers_picture([flat], **options, domain=(0, 1), percent=True) is None
    assert scatter_picture(
        [ScatterPanel(title="x", note="", points=[])], **options, x_title="x", y_title="y"
    ) is None  # fmt: skip
