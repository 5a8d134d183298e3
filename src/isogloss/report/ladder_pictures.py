"""Pictures of the ladder chapter: gaps at the rungs, their parts, rates by tier."""

from __future__ import annotations

from collections.abc import Callable

from isogloss.charts.palette import TIER_COLOURS, TIER_SHAPES
from isogloss.charts.render import Picture
from isogloss.charts.rungs import RungLine, RungPanel, RungPoint, rungs_picture
from isogloss.records import Measurement
from isogloss.report.glossary import BY_METRIC
from isogloss.report.ladder_facts import LadderFacts
from isogloss.report.numbers import figure, figure_interval, verified

Find = Callable[[str, int, str, bool], Measurement | None]
"""(rate, rung, sides or tier, wide) → row."""


def gaps_picture(ladder: LadderFacts) -> Picture | None:
    """The gap at every rung, a panel a rate, a line a pair of tiers."""
    return _picture(
        ladder,
        ladder.sides,
        lambda rate, at, sides, wide: ladder.gap(rate, at, sides, wide=wide),
        name="ladder-gaps",
        title="Gaps between tiers at every rung",
        signed=True,
    )


def parts_picture(ladder: LadderFacts) -> Picture | None:
    """The first rung's gap and what every stage added to it."""
    return _picture(
        ladder,
        ladder.sides,
        lambda rate, at, sides, wide: ladder.added(rate, at, sides, wide=wide),
        name="ladder-parts",
        title="What every rung added to the gap",
        signed=True,
        joined=False,
    )


def rates_picture(ladder: LadderFacts) -> Picture | None:
    """Rates by tier at every rung."""
    return _picture(
        ladder,
        ladder.tiers,
        lambda rate, at, tier, wide: None if wide else ladder.rate(rate, at, tier),
        name="ladder-rates",
        title="Rates by tier at every rung",
        signed=False,
    )


def _picture(
    ladder: LadderFacts,
    places: tuple[str, ...],
    find: Find,
    *,
    name: str,
    title: str,
    signed: bool,
    joined: bool = True,
) -> Picture | None:
    panels = [
        RungPanel(
            title=BY_METRIC[rate].label,
            lines=[
                RungLine(
                    points=[
                        point
                        for at in range(len(ladder.rungs))
                        if (point := _point(ladder, find, rate, at, place))
                    ],
                    colour=TIER_COLOURS[place.partition(" ")[0]],
                    shape=TIER_SHAPES[place.partition(" ")[0]],
                    joined=joined,
                )
                for place in places
            ],
        )
        for rate in ladder.rates
        if rate in BY_METRIC
    ]
    rungs = [rung.label for rung in ladder.rungs]
    of = "means over runs" if ladder.is_over_runs else "of one model"
    return rungs_picture(
        panels,
        rungs,
        name=name,
        title=title,
        description=f"{', '.join(places)}, {of}, at {', '.join(rungs)}; "
        + ("percentage points" if signed else "percent"),
        signed=signed,
    )


def _point(ladder: LadderFacts, find: Find, rate: str, at: int, place: str) -> RungPoint | None:
    row, wide = find(rate, at, place, False), find(rate, at, place, True)
    if row is None or row.estimate is None or verified(row) is None:
        return None
    label = f"{ladder.rungs[at].label}, {place}"
    tip = f"{label}: {figure(row)} {figure_interval(row)}".rstrip()
    ends = None
    if wide is not None and wide is not row and wide.low is not None and wide.high is not None:
        ends = (wide.low, wide.high)
        tip += f"; for languages like these {figure_interval(wide)}"
    if ladder.is_over_runs:
        tip += f", {row.n} runs"
    return RungPoint(at=at, estimate=row.estimate, low=row.low, high=row.high, wide=ends, tip=tip)
