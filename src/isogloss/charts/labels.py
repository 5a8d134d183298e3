"""Where short texts go beside points, so that none covers another text or a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Placement = tuple[Literal["left", "center", "right"], int, int]
"""Alignment, and how far right and down of the point, in pixels."""

PLACEMENTS: tuple[Placement, ...] = (
    ("left", 6, -6), ("left", 6, 7), ("right", -6, -6), ("right", -6, 7),
    ("center", 0, -12), ("center", 0, 13), ("left", 8, 0), ("right", -8, 0),
)  # fmt: skip

_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
FAR_PLACEMENTS: tuple[Placement, ...] = tuple(
    (side, dx if side == "left" else -dx, dy)
    for dx in (14, 26, 40, 56)
    for dy in (0, -14, 14, -26, 26, -38, 38, -50)
    for side in _SIDES
)
"""For crowds: so far from the point that a line must lead to the text."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def place_texts(
    spots: Sequence[tuple[float, float]],
    widths: Sequence[float],
    *,
    room: Box,
    placements: Sequence[Placement] = PLACEMENTS,
) -> list[Placement | None]:
    """The first free place of each text, in the order of the texts.

    Args:
        spots: of the points, in pixels, downwards.
        widths: of the texts; 0 for a point without one.
        room: what no text may stick out of.
        placements: where to look, the best first.

    Returns:
        None where there is no text, or no free place for it: a tooltip and a table name the point.
    """
    taken: list[Box] = [(x - 4.0, y - 4.0, x + 4.0, y + 4.0) for x, y in spots]
    found: list[Placement | None] = []
    for (x, y), width in zip(spots, widths, strict=True):
        chosen = None
        for placement in placements if width else ():
            box = _box(x, y, width, placement)
            if _inside(box, room) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                chosen = placement
                break
        found.append(chosen)
    return found


def _box(x: float, y: float, width: float, placement: Placement) -> Box:
    align, dx, dy = placement
    left = x + dx - {"left": 0.0, "center": width / 2, "right": width}[align]
    return left, y + dy - 5, left + width, y + dy + 5


def _inside(box: Box, room: Box) -> bool:
    return box[0] >= room[0] and box[1] >= room[1] and box[2] <= room[2] and box[3] <= room[3]


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
