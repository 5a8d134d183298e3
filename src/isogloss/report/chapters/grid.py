"""The chapter on a grid: trained in every language, tested in every language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isogloss.report.chapter import Chapter, Section
from isogloss.report.facts import RunFacts
from isogloss.report.grid_facts import KINDS, MODELS, GridFacts, read_grid
from isogloss.report.grid_pictures import best_picture, matrix_pictures, predictors_picture
from isogloss.report.grid_words import change_words
from isogloss.report.inlining import inlined
from isogloss.report.tables import rows_csv
from isogloss.report.templates import render
from isogloss.store import RunStore
from isogloss.trace.grid_matrices import ABOUT_THE_TEST_LANGUAGE
from isogloss.trace.grid_rows import CORRELATION, DIFFERENCE, ERROR, NULL_MODEL, R_SQUARED

HEADS = {
    "left_out_error": "Error",
    "left_out_difference": "Minus the null model’s",
    "left_out_r2": "R²",
    "correlation": "Rank correlation",
    "partial_correlation": "Competence taken out",
}
"""Kind of figure → what its column is called."""


def grid_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run holds no grid."""
    del store
    grid = read_grid(facts)
    if grid is None:
        return None
    made = (*matrix_pictures(grid), predictors_picture(grid), best_picture(grid))
    pictures = tuple(picture for picture in made if picture)
    shared: dict[str, Any] = {
        "grid": grid,
        "facts": facts,
        "pictures": {picture.name: inlined(picture) for picture in pictures},
        "words": change_words,
        "heads": HEADS,
        "kinds": KINDS,
        "models": MODELS,
        "correlation": CORRELATION,
        "of_test": ABOUT_THE_TEST_LANGUAGE,
        "null_model": NULL_MODEL,
        "error": ERROR,
        "difference": DIFFERENCE,
        "of_one_size": (ERROR, R_SQUARED),
    }
    return Chapter(
        sections=tuple(_sections(grid, shared)),
        pictures=pictures,
        tables={"grid": rows_csv(grid.rows)},
    )


def _sections(grid: GridFacts, shared: Mapping[str, Any]) -> Iterator[Section]:
    for name, title in (("grid", "Train by test"), ("predictors", "Predictors")):
        html = render(f"grid/{name}.html.jinja", **shared)
        anchor = name if name == "grid" else f"grid-{name}"
        yield Section(anchor=anchor, title=title, html=html)
