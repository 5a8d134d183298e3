"""Experiments in control over training runs, by name: groups, arms, places, claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.printable import printable
from isogloss.records import CLAIM, Measurement
from isogloss.report.control_facts import AGAINST_OWN, ARMS, SOURCE, WITHOUT_SOURCE
from isogloss.report.facts import TIERS, RunFacts, language_facts
from isogloss.report.stored import as_mapping
from isogloss.store import RunStore

OVER_RUNS = "control over runs"
PLACEBO_MEAN = "placebos"
RATES = (
    "compliance_rate", "over_refusal", "helpful_rate", "refusal_rate", "actionable_rate",
)  # fmt: skip
"""In the order of the page."""
Place = tuple[str | None, str | None]
"""(tier, category): a tier's, or the average without the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRuns:
    """Several experiments. Build it with `read_control_runs`.

    Attributes:
        groups: recipes, each of one run or more; the first is what the others are compared with.
        runs: group → its runs.
        arms: in the order of the page, the placebos' mean last.
        places: with their headings.
        languages: tag → name.
        experiments: target → folder.
    """

    concept: str
    source: str
    toward: str
    groups: tuple[str, ...]
    runs: Mapping[str, int]
    arms: tuple[str, ...]
    places: Mapping[Place, str]
    languages: Mapping[str, str]
    claims: tuple[Measurement, ...]
    rows: tuple[Measurement, ...]
    experiments: Mapping[str, str]
    _index: Mapping[tuple[str, str, str, str | None, Place], Measurement]

    def row(
        self, metric: str, arm: str, group: str, place: Place, language: str | None = None
    ) -> Measurement | None:
        """A figure of a group over its runs."""
        return self._index.get((metric, arm, group, language, place))

    def of_language(self, metric: str, arm: str, group: str, language: str) -> Measurement | None:
        """The same, of one language."""
        return self.row(metric, arm, group, (None, None), language)

    def has(self, metric: str, arm: str, group: str) -> bool:
        """Whether there is such a figure of any place."""
        return any(self.row(metric, arm, group, place) for place in self.places)

    def heading(self, arm: str) -> str:
        """An arm in words."""
        if arm == PLACEBO_MEAN:
            return "Placebos, mean"
        if arm == AGAINST_OWN:
            return "Source \N{MINUS SIGN} own"
        return ARMS[arm][0] if arm in ARMS else printable(arm)

    def ranks(self, group: str) -> list[float]:
        """p of the source's direction among its placebos, run by run."""
        return [
            row.p_value
            for row in self.rows
            if row.metric == "beyond_placebo" and row.arm == SOURCE and row.p_value is not None
            and row.scope == "this model" and _is_run_of(row.target, group)
        ]  # fmt: skip


def read_control_runs(store: RunStore, facts: RunFacts) -> ControlRuns | None:
    """None where the run compares no experiments."""
    rows = tuple(row for row in facts.rows if row.area == OVER_RUNS)
    if not rows:
        return None
    stored = as_mapping(store.meta(OVER_RUNS))
    over = [row for row in rows if row.metric != CLAIM and row.scope == "runs" and not row.variant]
    groups = tuple(dict.fromkeys(row.target for row in over))
    tags = {row.language: row.tier or "unknown" for row in over if row.language}
    known = dict.fromkeys(row.arm for row in over)
    others = [arm for arm in known if arm not in (*ARMS, PLACEBO_MEAN, AGAINST_OWN)]
    source = next((row.source_language for row in rows if row.source_language), None)
    return ControlRuns(
        concept=printable(next((row.concept for row in rows if row.concept), "a concept")),
        source=_names([source], tags)[source] if source else "the source language",
        toward=str(stored.get("toward", "")),
        groups=groups,
        runs={group: max(row.n for row in over if row.target == group) for group in groups},
        arms=(
            *(arm for arm in ARMS if arm in known), *others,
            *(arm for arm in (PLACEBO_MEAN,) if arm in known),
        ),
        places=_places(over),
        languages=_names(list(tags), tags),
        claims=tuple(row for row in rows if row.metric == CLAIM),
        rows=rows,
        experiments={str(k): str(v) for k, v in as_mapping(stored.get("experiments")).items()},
        _index={
            (row.metric, row.arm, row.target, row.language, _place(row)): row for row in over
        },
    )  # fmt: skip


def _place(row: Measurement) -> Place:
    return (None, None) if row.language else (row.tier, row.category)


def _places(rows: Sequence[Measurement]) -> dict[Place, str]:
    found = {(row.tier, row.category) for row in rows if row.language is None}
    tiers = sorted({tier for tier, _ in found if tier}, key=_order)
    places: dict[Place, str] = {(tier, None): tier.capitalize() for tier in tiers}
    if (None, WITHOUT_SOURCE) in found:
        places[None, WITHOUT_SOURCE] = "All but the source"
    return places


def _order(tier: str) -> tuple[int, str]:
    return (TIERS.index(tier) if tier in TIERS else len(TIERS)), tier


def _names(tags: Sequence[str], tiers: Mapping[str, str]) -> dict[str, str]:
    return {x.tag: printable(x.name) for x in language_facts(tags, None, tiers)}


def _is_run_of(target: str, group: str) -> bool:
    return target.rpartition("#")[0] == group
