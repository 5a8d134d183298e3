"""What a grid found, in sentences; what cannot be told is said so."""

from __future__ import annotations

from collections.abc import Iterator

from isogloss.records import Measurement
from isogloss.report.glossary import BY_METRIC
from isogloss.report.grid_facts import GridFacts
from isogloss.report.numbers import listed
from isogloss.report.verdicts import Pointer
from isogloss.trace.grid_findings import TOGETHER
from isogloss.trace.grid_matrices import PREDICTORS
from isogloss.trace.grid_rows import CORRELATION, DIFFERENCE

UNTOLD = "No measurement is shown to tell who benefits from training in another language"

OVER_REFUSAL = "over_refusal_change"
CHANCE = 0.025
"""Of a 95 % interval to lie above 0 where nothing is there."""
TOGETHER_WORDS = "all measurements together"


def change_words(metric: str) -> str:
    """``selectivity_change`` as ``selectivity``."""
    return BY_METRIC[metric.removesuffix("_change")].label


def grid_headline(grid: GridFacts) -> str:
    """Which measurements tell, of a language never looked at, what it gains in selectivity."""
    for benefit in grid.benefits:
        found = grid.better(benefit)
        if found:
            verb = "tells" if len(found) == 1 else "tell"
            names = listed([TOGETHER_WORDS if name == TOGETHER else name for name in found])
            return (
                f"{names[:1].upper()}{names[1:]} {verb} which languages gain in "
                f"{change_words(benefit).lower()} from training in another"
            )
    return UNTOLD


def grid_pointers(grid: GridFacts) -> tuple[Pointer, ...]:
    """What crosses over, how far the best predictor is from knowing nothing, what could be seen."""
    pointers = [*_transfer(grid)]
    for benefit in grid.benefits:
        best = grid.best(benefit)
        row = best and grid.predictor(benefit, DIFFERENCE, best.name)
        if best is None or row is None or row.estimate is None:
            continue
        points = abs(100 * row.estimate)
        side = "less" if row.estimate < 0 else "more"
        pointers.append(
            Pointer(
                lead=change_words(benefit),
                text=f"{best.name} errs least on left-out languages: {points:.1f} points {side} "
                f"than knowing nothing ({row.verdict or 'no verdict'})",
                anchor="grid-predictors",
            )
        )
    known = [row.detectable for row in _correlations(grid) if row.detectable is not None]
    if known:
        pointers.append(
            Pointer(
                lead=f"{len(grid.languages)} languages",
                text=f"are few: correlations had to be {min(known):.2f} to {max(known):.2f} to be "
                "seen with 80 % power, by predictor",
                anchor="grid-predictors",
            )
        )
    return tuple(pointers)


def _transfer(grid: GridFacts) -> Iterator[Pointer]:
    """In how many pairs of languages benefits, and refusals of what is harmless, surely rose."""
    told: list[str] = []
    n_pairs = 0
    for metric in (*grid.benefits, OVER_REFUSAL):
        cells = [
            grid.cell(metric, trained.tag, tested.tag)
            for trained in grid.train
            for tested in grid.languages
            if trained is not tested
        ]
        known = [cell for cell in cells if cell is not None and cell.estimate is not None]
        n_pairs = max(n_pairs, len(known))
        rose = sum(cell.low is not None and cell.low > 0 for cell in known)
        told.append(f"{change_words(metric).lower()} in {rose}")
    if n_pairs:
        yield Pointer(
            lead="Transfer",
            text=f"of {n_pairs} pairs of languages the 95 % interval lies above 0 for "
            f"{listed(told)}; by chance alone in about {round(n_pairs * CHANCE)}",
            anchor="grid",
        )


def _correlations(grid: GridFacts) -> list[Measurement]:
    """Of every predictor with the first benefit."""
    found = [
        grid.predictor(benefit, CORRELATION, name)
        for benefit in grid.benefits[:1]
        for name in PREDICTORS
    ]
    return [row for row in found if row is not None]
