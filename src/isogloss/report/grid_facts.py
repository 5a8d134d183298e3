"""The rows of a grid by name: who gained from which training, and what told it beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.records import Measurement
from isogloss.report.facts import GRID, LanguageFacts, RunFacts, languages_of
from isogloss.report.stored import as_list, as_mapping
from isogloss.stats.distributions import Array
from isogloss.trace.grid_findings import BENEFITS, TESTED, TRAIN_LANGUAGE
from isogloss.trace.grid_matrices import MATRICES, PREDICTORS, Grid, read_grids
from isogloss.trace.grid_over_runs import OVER_RUNS
from isogloss.trace.grid_rows import (
    BETTER,
    CORRELATION,
    DIFFERENCE,
    ERROR,
    NULL_MODEL,
    PARTIAL,
    R_SQUARED,
)

MODELS = (NULL_MODEL, TRAIN_LANGUAGE, *TESTED)
"""What predicts, in the order of the page."""
KINDS = (ERROR, DIFFERENCE, R_SQUARED, CORRELATION, PARTIAL)
_Key = tuple[str, str, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The predictor with the least error on left-out languages.

    Attributes:
        pairs: (train tag, test tag, predictor, benefit), means over the runs that have both.
    """

    name: str
    pairs: tuple[tuple[str, str, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFacts:
    """One grid. Build it with `read_grid`.

    Attributes:
        targets: a model a seed.
        group: their name without the seed; the target itself where there is one.
        method: what was trained.
        everywhere: the training in several languages at once; None where there was none.
        train: tags trained on, by falling share.
        languages: tested, by falling share.
        metrics: of the cells.
        rows: of areas `GRID` and ``trace grid over runs``.
    """

    targets: tuple[str, ...]
    group: str
    is_over_runs: bool
    method: str
    everywhere: str | None
    train: tuple[LanguageFacts, ...]
    languages: tuple[LanguageFacts, ...]
    metrics: tuple[str, ...]
    rows: tuple[Measurement, ...]
    _grids: tuple[Grid, ...]
    _index: Mapping[_Key, Measurement]

    @property
    def n_runs(self) -> int:
        return len(self.targets)

    @property
    def benefits(self) -> tuple[str, ...]:
        """The primary ones that were measured."""
        return tuple(name for name in BENEFITS if name in self.metrics)

    def cell(self, metric: str, train: str | None, test: str) -> Measurement | None:
        """What training in one language did to another; None: in several at once."""
        arm = self.method if train is not None else self.everywhere or ""
        return self._index.get((metric, arm, None, train, test))

    def predictor(self, benefit: str, kind: str, name: str) -> Measurement | None:
        """One figure of one predictor."""
        return self._index.get((f"{benefit}_{kind}", self.method, name, None, None))

    def told_everywhere(self, benefit: str, name: str) -> Measurement | None:
        """Correlation over test languages after training in several."""
        key = (f"{benefit}_{CORRELATION}", self.everywhere or "", name, None, None)
        return self._index.get(key)

    def better(self, benefit: str) -> list[str]:
        """Predictors that are told apart from knowing nothing."""
        found = ((name, self.predictor(benefit, DIFFERENCE, name)) for name in TESTED)
        return [name for name, row in found if row is not None and row.verdict == BETTER]

    def best(self, benefit: str) -> Best | None:
        """Of single predictors, the one with the least error beyond the null model's."""
        known = [
            (row.estimate, name)
            for name in PREDICTORS
            if (row := self.predictor(benefit, DIFFERENCE, name)) is not None
            and row.estimate is not None
        ]
        if not known:
            return None
        name = min(known)[1]
        return Best(name=name, pairs=tuple(_pairs(self._grids, benefit, name)))


def _pairs(grids: Sequence[Grid], benefit: str, name: str) -> list[tuple[str, str, float, float]]:
    languages = grids[0].languages
    mine = [grid for grid in grids if grid.languages == languages]
    told = _mean([grid.predictors[name] for grid in mine])
    gained = _mean([grid.benefits[benefit] for grid in mine])
    return [
        (one, other, float(told[i, j]), float(gained[i, j]))
        for i, one in enumerate(languages)
        for j, other in enumerate(languages)
        if i != j and np.isfinite(told[i, j]) and np.isfinite(gained[i, j])
    ]


def _mean(matrices: Sequence[Array]) -> Array:
    """Over the runs that have a figure; NaN where none has."""
    stacked = np.stack(matrices)
    there = np.isfinite(stacked)
    n = there.sum(axis=0)
    total = np.where(there, stacked, 0.0).sum(axis=0)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def read_grid(facts: RunFacts) -> GridFacts | None:
    """The grid of a run; None without one."""
    mine = tuple(row for row in facts.rows if row.area == GRID)
    cells = [row for row in mine if row.metric in MATRICES]
    if not cells:
        return None
    over = tuple(row for row in facts.rows if row.area == OVER_RUNS)
    targets = tuple(dict.fromkeys(row.target for row in mine))
    shown = over or tuple(row for row in mine if row.target == targets[0])
    languages = languages_of(cells, facts.meta)
    meta = as_mapping(facts.meta.get(GRID))
    trained = {row.source_language for row in cells if row.source_language}
    trained |= {str(tag) for tag in as_list(meta.get("train"))}
    present = {row.metric for row in cells}
    return GridFacts(
        targets=targets,
        group=over[0].target if over else targets[0],
        is_over_runs=bool(over),
        method=next((row.arm for row in cells if row.source_language), "none"),
        everywhere=next((row.arm for row in cells if not row.source_language), None),
        train=tuple(x for x in languages if x.tag in trained),
        languages=languages,
        metrics=tuple(name for name in MATRICES if name in present),
        rows=(*mine, *over),
        _grids=tuple(read_grids(mine)),
        _index=_indexed(shown),
    )


def _indexed(rows: Sequence[Measurement]) -> dict[_Key, Measurement]:
    index: dict[_Key, Measurement] = {}
    for row in rows:
        category = None if row.metric in MATRICES else row.category
        index.setdefault((row.metric, row.arm, category, row.source_language, row.language), row)
    return index
