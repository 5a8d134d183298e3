"""The chapter that sets studies of several models side by side: figures over runs, and claims."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from isogloss.charts.render import Picture
from isogloss.charts.runs import RunsLine, RunsPanel, runs_picture
from isogloss.concepts.across import AREA
from isogloss.concepts.summary import FIGURES
from isogloss.printable import printable
from isogloss.records import CLAIM, Measurement
from isogloss.report.chapter import Chapter, Section
from isogloss.report.facts import RunFacts
from isogloss.report.inlining import inlined
from isogloss.report.numbers import PLAIN_UNITS, figure, figure_interval
from isogloss.report.tables import csv_text
from isogloss.report.templates import render
from isogloss.store import RunStore

NULLS = {"mean_recognition": 0.5, "recognised_share": None}
"""Where "nothing" lies, for figures for which it is not 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureLine:
    """One figure: a cell a group, and a cell a difference to the first group."""

    words: str
    concept: str | None
    category: str | None
    cells: tuple[Measurement | None, ...]
    differences: tuple[Measurement | None, ...]


def models_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run compares no models."""
    rows = [row for row in facts.rows if row.area == AREA]
    if not rows:
        return None
    groups = list(dict.fromkeys(row.target for row in rows))
    lines = figure_lines(rows, groups)
    names = short_names(groups)
    picture = _picture(rows, names)
    meta: Mapping[str, Any] = store.meta(AREA) or {}
    shared: dict[str, Any] = {
        "groups": groups,
        "names": names,
        "picture": inlined(picture) if picture else None,
        "lines": [line for line in lines if line.concept is None and line.category is None],
        "by_concept": [line for line in lines if line.concept is not None],
        "correlations": [line for line in lines if line.category is not None],
        "claims": [row for row in rows if row.metric == CLAIM],
        "studies": meta.get("studies", {}),
        "held": meta.get("held", {}),
    }
    columns = [field.name for field in fields(Measurement)]
    return Chapter(
        sections=(
            Section(
                anchor="models",
                title="Models side by side",
                html=render("concepts/models.html.jinja", **shared),
            ),
            Section(
                anchor="claims", title="Claims", html=render("concepts/claims.html.jinja", **shared)
            ),
        ),
        pictures=(picture,) if picture else (),
        tables={"models": csv_text(columns, ([getattr(r, c) for c in columns] for r in rows))},
    )


def figure_lines(rows: Sequence[Measurement], groups: Sequence[str]) -> list[FigureLine]:
    """Every figure in the order of the rows."""
    found: dict[tuple[str, str | None, str | None], dict[tuple[str, bool], Measurement]] = {}
    for row in rows:
        if row.metric != CLAIM:
            key = (row.metric, row.concept, row.category)
            found.setdefault(key, {})[row.target, row.arm == "none"] = row
    return [
        FigureLine(
            words=FIGURES[metric].words if metric in FIGURES else metric.replace("_", " "),
            concept=concept,
            category=category,
            cells=tuple(cells.get((group, True)) for group in groups),
            differences=tuple(cells.get((group, False)) for group in groups[1:]),
        )
        for (metric, concept, category), cells in found.items()
    ]


def short_names(groups: Sequence[str]) -> dict[str, str]:
    """Each group without what all of them begin and end with.

    Example:
        >>> short_names(["lab:tiny:english@chat", "lab:tiny:balanced@chat"])
        {'lab:tiny:english@chat': 'english', 'lab:tiny:balanced@chat': 'balanced'}
    """
    parts = [re.split(r"(?<=[:/@+])|(?=[@+])", group) for group in groups]
    shortest = min(len(part) for part in parts)
    head = tail = 0
    if len(groups) > 1:
        while head < shortest - 1 and len({part[head] for part in parts}) == 1:
            head += 1
        while tail < shortest - 1 - head and len({part[-1 - tail] for part in parts}) == 1:
            tail += 1
    return {
        group: printable("".join(part[head : len(part) - tail])).strip("@+:")
        for group, part in zip(groups, parts, strict=True)
    }


def _picture(rows: Sequence[Measurement], names: Mapping[str, str]) -> Picture | None:
    """The figures over concepts."""
    panels: list[RunsPanel] = []
    for metric, figure_ in FIGURES.items():
        mine = {
            row.target: row
            for row in rows
            if (row.metric, row.concept, row.category, row.arm) == (metric, None, None, "none")
        }
        lines = [_line(mine[group], name) for group, name in names.items() if group in mine]
        panels.append(
            RunsPanel(
                title=figure_.title,
                lines=[line for line in lines if line],
                percent=figure_.unit not in PLAIN_UNITS,
                null=NULLS.get(metric, 0.0),
            )
        )
    return runs_picture(
        panels,
        name="models",
        title="Models side by side",
        description="figures of concepts by group of runs, with intervals over runs",
    )


def _line(row: Measurement, name: str) -> RunsLine | None:
    if row.estimate is None:
        return None
    tip = f"{name}: {figure(row)} {figure_interval(row)}, {row.n} runs"
    return RunsLine(group=name, estimate=row.estimate, low=row.low, high=row.high, tip=tip)
