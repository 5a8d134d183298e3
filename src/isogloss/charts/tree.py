"""A family tree as lines beside a matrix: which languages share which branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.grid import Tables
from isogloss.charts.palette import light


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A horizontal or vertical stroke; x in [0, 1] from root to leaf, y in leaves from the top."""

    x: float
    y: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A node that two leaves or more hang on, with its name and where its stroke is."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Leaves in an order in which no two strokes cross."""

    leaves: tuple[str, ...]
    lines: tuple[Line, ...]
    branches: tuple[Branch, ...]


def family_tree(lineages: Mapping[str, Sequence[str]]) -> Tree:
    """Lay out a forest.

    Args:
        lineages: leaf → its branches from the root; empty for a leaf of unknown family. Families
            and branches keep the order in which they first appear.

    Returns:
        One stroke a leaf, and one down each node with two members or more; nodes with a single
        child are not drawn.
    """
    depth = max((len(branches) for branches in lineages.values()), default=0) + 1
    leaves: list[str] = []
    lines: list[Line] = []
    nodes: list[Branch] = []

    def place(members: list[str], level: int, reach: float) -> float:
        """Lay out ``members``, which share ``level`` branches; a stroke goes back to ``reach``."""
        groups: dict[str, list[str]] = {}
        for leaf in members:
            branches = lineages[leaf]
            key = branches[level] if len(branches) > level else f"\x00{leaf}"
            groups.setdefault(key, []).append(leaf)
        if len(groups) == 1 and len(members) > 1:
            return place(members, level + 1, reach)
        if len(members) == 1:
            leaves.append(members[0])
            y = len(leaves) - 0.5
            lines.append(Line(x=reach, y=y, x2=1.0, y2=y))
            return y
        x = level / depth
        ys = [place(group, level + 1, x) for group in groups.values()]
        middle = (ys[0] + ys[-1]) / 2
        lines.append(Line(x=x, y=ys[0], x2=x, y2=ys[-1]))
        if reach < x:
            lines.append(Line(x=reach, y=middle, x2=x, y2=middle))
        nodes.append(Branch(name=lineages[members[0]][level - 1], x=x, y=middle))
        return middle

    families: dict[str, list[str]] = {}
    for leaf, branches in lineages.items():
        families.setdefault(branches[0] if branches else f"\x00{leaf}", []).append(leaf)
    for members in families.values():
        alone = len(members) == 1
        place(members, 1, 1 - 0.5 / depth if alone else _first_split(members, lineages) / depth)
    return Tree(leaves=tuple(leaves), lines=tuple(lines), branches=tuple(nodes))


def _first_split(members: Sequence[str], lineages: Mapping[str, Sequence[str]]) -> int:
    """How many branches all ``members`` share."""
    first, *rest = (lineages[leaf] for leaf in members)
    shared = 0
    while all(len(other) > shared for other in (first, *rest)) and all(
        other[shared] == first[shared] for other in rest
    ):
        shared += 1
    return shared


def tree_chart(tree: Tree, tables: Tables, *, width: int, step: int, names: bool) -> Any:
    """The strokes in a plot of ``step`` pixels a leaf, and the branches' names where there is room.

    Its height equals that of a matrix of as many rows, so that a horizontal concat lines them up.
    """
    n = len(tree.leaves)
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, 1]), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[n, 0], nice=False), axis=None)
    strokes = [{"x": a.x, "y": a.y, "x2": a.x2, "y2": a.y2} for a in tree.lines]
    lines = (
        alt.Chart(tables.put(strokes))
        .mark_rule(color=light("muted"), strokeWidth=1.2, aria=False)
        .encode(x=x, y=y, x2="x2:Q", y2="y2:Q")
    )
    layers: list[Any] = [lines]
    if names:
        nodes = [{"x": b.x, "y": b.y, "name": b.name} for b in tree.branches]
        layers.append(
            alt.Chart(tables.put(nodes))
            .mark_text(align="right", dx=-4, dy=-7, fontSize=11, color=light("muted"), aria=False)
            .encode(x=x, y=y, text="name:N")
        )
    return alt.layer(*layers).properties(width=width, height=step * n)
