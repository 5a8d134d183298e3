"""Pictures of the grid chapter: train by test, errors of predictors, the best one."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from isogloss.charts.matrix import Axis, MatrixCell, MatrixPanel, matrix_picture
from isogloss.charts.palette import diverging_class
from isogloss.charts.render import Picture
from isogloss.charts.runs import RunsLine, RunsPanel, runs_picture
from isogloss.charts.scatter import ScatterPanel, ScatterPoint, scatter_picture
from isogloss.printable import printable
from isogloss.records import Measurement
from isogloss.report.grid_facts import MODELS, GridFacts
from isogloss.report.grid_words import change_words
from isogloss.report.numbers import (
    MINUS,
    decimal,
    figure,
    figure_interval,
    p_value,
    points,
    verified,
)
from isogloss.trace.grid_rows import CORRELATION, DIFFERENCE, NULL_MODEL

EVERYWHERE = "all"
"""The row of the training in several languages."""


def matrix_pictures(grid: GridFacts) -> tuple[Picture, ...]:
    """The primary benefits side by side, then the other changes."""
    others = tuple(name for name in grid.metrics if name not in grid.benefits)
    found = (
        _matrix(grid, grid.benefits, "grid-benefits"),
        _matrix(grid, others, "grid-changes"),
    )
    return tuple(picture for picture in found if picture)


def _matrix(grid: GridFacts, metrics: Sequence[str], name: str) -> Picture | None:
    trained = [x.tag for x in grid.train]
    names, codes = [x.name for x in grid.train], [x.code for x in grid.train]
    if grid.everywhere:
        trained, names, codes = [*trained, EVERYWHERE], [*names, "several"], [*codes, "all"]
    tested = {x.tag: x.name for x in grid.languages}
    reach = _reach(grid, metrics)
    return matrix_picture(
        [
            MatrixPanel(
                title=f"{change_words(metric)}, change",
                cells=[
                    _cell(grid, metric, (tag, tag_words), (test, tested[test]), reach)
                    for tag, tag_words in zip(trained, names, strict=True)
                    for test in tested
                ],
                across="tested",
                down="trained on",
            )
            for metric in metrics
        ],
        name=name,
        title=", ".join(change_words(metric) for metric in metrics) + " by train and test language",
        description="languages trained on down, languages tested across, change in points"
        + (", means over runs" if grid.is_over_runs else ""),
        rows=Axis(keys=tuple(trained), names=tuple(names), codes=tuple(codes)),
        columns=Axis(
            keys=tuple(tested),
            names=tuple(x.name for x in grid.languages),
            codes=tuple(x.code for x in grid.languages),
        ),
    )


def _reach(grid: GridFacts, metrics: Sequence[str]) -> float:
    """What takes the strongest shade: the largest change, in tens of points."""
    values = [
        abs(row.estimate)
        for row in grid.rows
        if row.metric in metrics and row.estimate is not None
        and (row.scope == "runs") is grid.is_over_runs
    ]  # fmt: skip
    return max(0.1, ceil(10 * max(values, default=0.0)) / 10)


def _cell(
    grid: GridFacts, metric: str, train: tuple[str, str], test: tuple[str, str], reach: float
) -> MatrixCell:
    tag, words = train
    row = grid.cell(metric, None if tag == EVERYWHERE else tag, test[0])
    value = verified(row)
    place = f"trained on {words}, tested on {test[1]}"
    if row is None or value is None:
        why = printable((row.reason if row else None) or "no such row")
        return MatrixCell(
            row=tag, column=test[0], shade=None, text="–", tip=f"{place}: not measured. {why}"
        )
    return MatrixCell(
        row=tag,
        column=test[0],
        shade=f"diverging-{diverging_class(value, reach)}",
        text=f"{100 * value:.0f}".replace("-0", "0").replace("-", MINUS),
        tip=f"{place}: {figure(row)} {figure_interval(row)} points",
    )


def predictors_picture(grid: GridFacts) -> Picture | None:
    """Error on left-out languages minus the null model's, a panel a benefit."""
    panels = [
        RunsPanel(
            title=change_words(benefit),
            lines=[
                line
                for name in MODELS
                if name != NULL_MODEL
                and (line := _line(grid.predictor(benefit, DIFFERENCE, name), name))
            ],
            percent=True,
        )
        for benefit in grid.benefits
    ]
    return runs_picture(
        panels,
        name="grid-predictors",
        title="Errors of predictors against knowing nothing",
        description="mean absolute error on left-out languages minus that of the null model, in "
        "points, a panel a benefit",
    )


def _line(row: Measurement | None, name: str) -> RunsLine | None:
    if row is None or row.estimate is None:
        return None
    tip = f"{name}: {figure(row)} {figure_interval(row)} points; {row.verdict or 'no verdict'}"
    return RunsLine(group=name, estimate=row.estimate, low=row.low, high=row.high, tip=tip)


def best_picture(grid: GridFacts) -> Picture | None:
    """Every ordered pair of languages: the best predictor against what was gained."""
    codes = {x.tag: x.code for x in grid.languages}
    panels: list[ScatterPanel] = []
    for benefit in grid.benefits:
        best = grid.best(benefit)
        if best is None:
            continue
        row = grid.predictor(benefit, CORRELATION, best.name)
        pairs = [
            ScatterPoint(
                x=told, y=gained,
                tip=f"{codes.get(one, one)} → {codes.get(other, other)}: {best.name} "
                f"{decimal(told)}, {points(gained)} points",
            )
            for one, other, told, gained in best.pairs
        ]  # fmt: skip
        note = f"{len(pairs)} pairs of {len(grid.languages)} languages"
        if row is not None and row.estimate is not None:
            note = f"rank r {decimal(row.estimate)}, {p_value(row.p_value)}; {note}"
        panels.append(
            ScatterPanel(title=f"{change_words(benefit)}: {best.name}", note=note, points=pairs)
        )
    return scatter_picture(
        panels,
        name="grid-best",
        title="The best predictor against the gain",
        description="a point an ordered pair of languages; no line is fitted",
        x_title="predictor",
        y_title="gain, points",
        x_domain=None,
        y_percent=True,
    )
