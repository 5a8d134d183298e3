"""One model under exact and faulty instruments, by name: levels, gaps, claims."""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.printable import printable
from isogloss.records import CLAIM
from isogloss.report.arm_facts import METRICS
from isogloss.report.compared_facts import ComparedFacts, gap_tiers_of, indexed, levels_of
from isogloss.report.facts import INSTRUMENTS, RunFacts, languages_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionFacts(ComparedFacts):
    """One model measured in several ways. Build it with `read_conditions`.

    Attributes:
        group: the target without a seed.
    """

    group: str

    @property
    def worst(self) -> str:
        """The last condition: prompts and replies at the highest rate of errors."""
        return self.arms[-1]


def read_conditions(facts: RunFacts) -> ConditionFacts | None:
    """The experiment of a run; None without one."""
    mine = tuple(row for row in facts.rows if row.area == INSTRUMENTS)
    levels = levels_of(mine)
    arms = tuple(dict.fromkeys(row.arm for row in levels))
    if not arms:
        return None
    present = {row.metric for row in levels}
    return ConditionFacts(
        reference=arms[0],
        arms=arms,
        labels={arm: printable(arm) for arm in arms},
        n_runs=max(row.n for row in levels),
        metrics=tuple(name for name in METRICS if name in present),
        gap_tiers=gap_tiers_of(mine),
        languages=languages_of(levels, facts.meta),
        claims=tuple(row for row in mine if row.metric == CLAIM),
        rows=mine,
        index=indexed(mine),
        group=levels[0].target,
    )
