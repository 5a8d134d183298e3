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
"""Told beside benefits: refusals may cross over without regard to harm."""
CHANCE = 0.025
"""That a 95 % interval lies above 0 where nothing is there."""
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
    """In how many pairs of languages an interval lies above 0: of benefits, of over-refusal."""
    told: list[str] = []
    n_most = 0
    for metric in (*grid.benefits, OVER_REFUSAL):
        cells = [
            grid.cell(metric, trained.tag, tested.tag)
            for trained in grid.train
            for tested in grid.languages
            if trained.tag != tested.tag
        ]
        ends = [cell.low for cell in cells if cell is not None and cell.low is not None]
        if ends:
            n_most = max(n_most, len(ends))
            told.append(
                f"{change_words(metric).lower()} in {sum(end > 0 for end in ends)} of {len(ends)}"
            )
    if told:
        by_chance = f"about {n_most * CHANCE:.0f}" if n_most * CHANCE >= 1 else "fewer than one"
        yield Pointer(
            lead="Transfer",
            text=f"pairs of languages whose 95 % interval lies above 0: {listed(told)}; chance "
            f"alone gives {by_chance}",
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
