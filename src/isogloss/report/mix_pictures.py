"""Pictures of the chapter on mixes alone: rankings, arms by language."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.charts.matrix import Axis, MatrixCell, MatrixPanel, matrix_picture
from isogloss.charts.palette import heat_class
from isogloss.charts.render import Picture
from isogloss.charts.runs import runs_picture
from isogloss.printable import printable
from isogloss.records import Measurement
from isogloss.report.compared_pictures import over_runs_panel
from isogloss.report.glossary import BY_METRIC
from isogloss.report.mix_facts import KINDS, MixFacts
from isogloss.report.numbers import MINUS, figure, figure_interval, verified

BY_LANGUAGE = (("helpful_rate", "selectivity"), ("following_rate", "harmful_rate"))
"""Pairs of figures that stand side by side."""


def standing_picture(mixes: MixFacts) -> Picture | None:
    """What arms are ranked by: the mean over languages and the worst one, a panel a figure."""
    panels = [
        over_runs_panel(
            mixes,
            f"{BY_METRIC[metric].label}, {kind.removesuffix(' over languages')}",
            [(arm, mixes.standing(metric, kind, arm)) for arm in mixes.arms],
            null=None,
        )
        for metric in mixes.served
        for kind in KINDS
    ]
    return runs_picture(
        panels,
        name="mixes-standing",
        title="How recipes serve all languages",
        description="means over languages and the worst language, over runs, a panel a figure",
    )


def language_pictures(mixes: MixFacts) -> tuple[Picture, ...]:
    """Arms by language as heat maps, two figures a picture."""
    found = (_heat(mixes, pair) for pair in BY_LANGUAGE)
    return tuple(picture for picture in found if picture)


def _heat(mixes: MixFacts, metrics: Sequence[str]) -> Picture | None:
    rows = Axis(
        keys=mixes.arms,
        names=tuple(mixes.labels[arm] for arm in mixes.arms),
        codes=tuple(mixes.labels[arm] for arm in mixes.arms),
    )
    columns = Axis(
        keys=tuple(x.tag for x in mixes.languages),
        names=tuple(x.name for x in mixes.languages),
        codes=tuple(x.code for x in mixes.languages),
    )
    names = {x.tag: x.name for x in mixes.languages}
    return matrix_picture(
        [
            MatrixPanel(
                title=BY_METRIC[metric].label,
                cells=[
                    _cell(mixes.level(metric, arm, tag), arm, tag, (mixes.labels[arm], names[tag]))
                    for arm in mixes.arms
                    for tag in names
                ],
            )
            for metric in metrics
            if metric in mixes.metrics
        ],
        name=f"mixes-{metrics[0].removesuffix('_rate')}",
        title=f"Recipes by language: {', '.join(BY_METRIC[m].label for m in metrics)}",
        description="recipes down, languages across by falling share of the reference, means over "
        "runs in percent",
        rows=rows,
        columns=columns,
    )


def _cell(row: Measurement | None, arm: str, tag: str, words: tuple[str, str]) -> MatrixCell:
    value = verified(row)
    place = ", ".join(words)
    if row is None or value is None:
        why = printable((row.reason if row else None) or "no such row")
        return MatrixCell(
            row=arm, column=tag, shade=None, text="–", tip=f"{place}: not measured. {why}"
        )
    return MatrixCell(
        row=arm,
        column=tag,
        shade=f"heat-{heat_class(value)}",
        text=f"{100 * value:.0f}".replace("-0", "0").replace("-", MINUS),
        tip=f"{place}: {figure(row)} {figure_interval(row)}, {row.n} runs",
    )
