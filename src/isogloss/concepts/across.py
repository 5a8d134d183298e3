"""Studies of several models side by side: mixes, sizes, families; seeds are replicates.

The replicate of a claim about training is the run: a group is one recipe under several seeds, its
figures have Student's t intervals over runs, and two groups are compared by differences paired by
seed. A single model gets figures without intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.concepts.claims import CLAIMS, Claim, judge_claim
from isogloss.concepts.summary import FIGURES, Key, StudySummary
from isogloss.lab.recipe import group_of
from isogloss.records import Measurement
from isogloss.stats.intervals import Estimate
from isogloss.stats.paired import t_over_runs

AREA = "concepts across models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One recipe, or one model.

    Attributes:
        name: the target without its seed.
        studies: seed → its study; a model that has no seed stands under 0.
    """

    name: str
    studies: Mapping[int, StudySummary]


def group_studies(studies: Sequence[StudySummary]) -> list[Group]:
    """Lab models of one recipe are one group; every other target is a group of its own.

    Example:
        >>> group_studies([])
        []
    """
    groups: dict[str, dict[int, StudySummary]] = {}
    for study in studies:
        name, seed = group_of(study.target)
        groups.setdefault(name, {})[seed] = study
    return [Group(name=name, studies=dict(sorted(found.items()))) for name, found in groups.items()]


def across_rows(groups: Sequence[Group]) -> list[Measurement]:
    """Every figure of every group, its difference to the first group, and the claims.

    Rows have the group as ``target``; a difference names the group it is taken from in ``arm``
    (``minus GROUP``). A claim's row has the metric ``claim``, its words in ``category`` and
    ``confirmed``, ``refuted`` or ``cannot tell`` as verdict.
    """
    rows: list[Measurement] = []
    for key in _keys(groups):
        for group in groups:
            rows.append(_row(key, group, t_over_runs(list(_values(key, group).values()))))
        for group in groups[1:]:
            rows.append(_difference(key, group, groups[0]))
    return rows + [row for claim in CLAIMS for row in _claim_rows(claim, groups)]


def _keys(groups: Sequence[Group]) -> list[Key]:
    """All figures that some study has, in the order of `FIGURES`, the mean over concepts first."""
    order = {name: place for place, name in enumerate(FIGURES)}
    found = {key for group in groups for study in group.studies.values() for key in study.values}
    return sorted(
        found, key=lambda key: (order.get(key[0], len(order)), key[0], key[1] or "", key[2] or "")
    )


def _values(key: Key, group: Group) -> dict[int, float]:
    return {seed: study.values[key] for seed, study in group.studies.items() if key in study.values}


def _row(key: Key, group: Group, found: Estimate, minus: str | None = None) -> Measurement:
    metric, concept, category = key
    unit = FIGURES[metric].unit if metric in FIGURES else "correlation"
    held = metric in FIGURES and FIGURES[metric].held_only and concept is None
    told = f"{found.method}, seeds {', '.join(map(str, group.studies))}"
    return Measurement(
        area=AREA,
        metric=metric,
        target=group.name,
        arm=f"minus {minus}" if minus else "none",
        concept=concept,
        category=category,
        n=found.n,
        n_clusters=found.n_clusters,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        unit=f"{unit} difference" if minus and unit in ("rate", "cosine") else unit,
        method=f"{told}; concepts recognised in half of the languages" if held else told,
        scope="runs",
        detectable=found.detectable,
        p_value=found.p_value,
        reason=found.reason,
    )


def _difference(key: Key, group: Group, first: Group) -> Measurement:
    """Paired by seed where the groups share seeds."""
    mine, other = _values(key, group), _values(key, first)
    seeds = sorted(mine.keys() & other.keys())
    found = t_over_runs([mine[seed] - other[seed] for seed in seeds])
    return _row(key, group, found, minus=first.name)


def _claim_rows(claim: Claim, groups: Sequence[Group]) -> list[Measurement]:
    rows: list[Measurement] = []
    for subject, other in claim.cases([group.name for group in groups]):
        by_name = {group.name: group for group in groups}
        mine = _values(claim.key, by_name[subject])
        if other is not None:
            theirs = _values(claim.key, by_name[other])
            mine = {seed: mine[seed] - theirs[seed] for seed in mine.keys() & theirs.keys()}
        found = t_over_runs([mine[seed] for seed in sorted(mine)])
        row = _row(claim.key, by_name[subject], found, other)
        rows.append(judge_claim(claim, row))
    return rows
