"""What the six experiments of a trace add to the last chapter: runs, gaps, methods."""

from __future__ import annotations

from collections.abc import Iterator

from isogloss.records import Measurement
from isogloss.report.anatomy_facts import KINDS, AnatomyFacts, read_anatomy
from isogloss.report.compared_facts import ComparedFacts
from isogloss.report.condition_facts import read_conditions
from isogloss.report.dose_facts import DoseFacts, read_dose
from isogloss.report.facts import RunFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.grid_facts import MODELS, GridFacts, read_grid
from isogloss.report.grid_words import change_words
from isogloss.report.ladder_facts import LadderFacts, read_ladder
from isogloss.report.mix_facts import read_mixes
from isogloss.trace.grid_rows import DIFFERENCE

Missing = tuple[str, str, Measurement]
"""(label, place, row without an estimate)."""


def trace_runs(facts: RunFacts) -> int | None:
    """Runs that figures over runs rest on; None where nothing is traced."""
    found = (
        read_ladder(facts), read_dose(facts), read_mixes(facts), read_grid(facts),
        read_anatomy(facts), read_conditions(facts),
    )  # fmt: skip
    return max((one.n_runs for one in found if one is not None), default=None)


def traced(facts: RunFacts) -> dict[str, object]:
    """Name of an experiment → its facts, None where it is not in the run; for the methods."""
    return {
        "ladder": read_ladder(facts),
        "dose": read_dose(facts),
        "mixes": read_mixes(facts),
        "grid": read_grid(facts),
        "anatomy": read_anatomy(facts),
        "conditions": read_conditions(facts),
    }


def missing_trace(facts: RunFacts) -> dict[str, dict[str, list[str]]]:
    """Label → reason → places of what was not measured; what follows from it is in the tables."""
    grouped: dict[str, dict[str, list[str]]] = {}
    for label, place, row in _missing(facts):
        where = grouped.setdefault(label, {}).setdefault(row.reason or "no reason stored", [])
        if place not in where:
            where.append(place)
    return grouped


def _missing(facts: RunFacts) -> Iterator[Missing]:
    ladder, dose, mixes = read_ladder(facts), read_dose(facts), read_mixes(facts)
    grid, anatomy, conditions = read_grid(facts), read_anatomy(facts), read_conditions(facts)
    found = (
        _of_ladder(ladder) if ladder else (),
        _of_dose(dose) if dose else (),
        _of_compared(mixes, "recipe") if mixes else (),
        _of_grid(grid) if grid else (),
        _of_anatomy(anatomy) if anatomy else (),
        _of_compared(conditions, "way of measuring") if conditions else (),
    )
    for part in found:
        for label, place, row in part:
            if row is not None and row.estimate is None:
                yield label, place, row


def _of_ladder(ladder: LadderFacts) -> Iterator[tuple[str, str, Measurement | None]]:
    for rate in ladder.rates:
        for sides in ladder.sides:
            for at, rung in enumerate(ladder.rungs):
                label = f"{BY_METRIC[rate].label}, gap on the ladder"
                yield label, f"{sides} (at {rung.label})", ladder.gap(rate, at, sides)
                if at:
                    place = f"{sides} ({rung.label} {ladder.since(at)})"
                    yield label, place, ladder.added(rate, at, sides)


def _of_dose(dose: DoseFacts) -> Iterator[tuple[str, str, Measurement | None]]:
    for metric in dose.metrics:
        label = f"{BY_METRIC[metric].label} by dose"
        for arm in dose.arms:
            yield label, arm, dose.level(metric, arm)
        yield label, "a doubling", dose.per_doubling(metric)
        row = dose.parity(metric)
        # Beyond the doses is an answer, not a gap.
        yield label, "parity", row if row and row.verdict == "not measured" else None


def _of_compared(found: ComparedFacts, what: str) -> Iterator[tuple[str, str, Measurement | None]]:
    for metric in found.metrics:
        label = f"{BY_METRIC[metric].label} by {what}"
        for arm in found.arms:
            for x in found.languages:
                yield label, f"{x.name} ({found.labels[arm]})", found.level(metric, arm, x.tag)
            if found.gap_tiers:
                place = f"{found.gap_tiers} ({found.labels[arm]})"
                yield label, place, found.gap(metric, arm)


def _of_grid(grid: GridFacts) -> Iterator[tuple[str, str, Measurement | None]]:
    for metric in grid.metrics:
        for one in grid.train:
            for other in grid.languages:
                place = f"{one.code} → {other.code}"
                yield (
                    f"{change_words(metric)} in the grid",
                    place,
                    grid.cell(metric, one.tag, other.tag),
                )
    for benefit in grid.benefits:
        for name in MODELS:
            label = f"Predictors of {change_words(benefit).lower()}"
            yield label, name, grid.predictor(benefit, DIFFERENCE, name)


def _of_anatomy(a: AnatomyFacts) -> Iterator[tuple[str, str, Measurement | None]]:
    for kind, (name, _) in KINDS.items():
        for place in a.places:
            for link in a.links[kind]:
                yield f"{name} by link", place.name, a.link(kind, link, place)
