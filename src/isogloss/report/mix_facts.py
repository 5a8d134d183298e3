"""The rows of a comparison of recipes by name: levels, gaps, who serves all best, claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.printable import printable
from isogloss.records import CLAIM, Measurement
from isogloss.report.arm_facts import METRICS
from isogloss.report.compared_facts import (
    ALL,
    ComparedFacts,
    gap_tiers_of,
    indexed,
    levels_of,
)
from isogloss.report.facts import MIXES, RunFacts, languages_of
from isogloss.report.stored import as_list, as_mapping

KINDS = ("mean over languages", "worst language")
SERVED = ("helpful_rate", "selectivity", "following_rate", "recognition_auroc")
TOKENIZERS = "tokenizers differ"
"""How a method's note on tokenizers begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixFacts(ComparedFacts):
    """One comparison of recipes. Build it with `read_mixes`.

    Attributes:
        recipes: arm → target string without a seed.
        differences: arm → fields of the recipe in which it is not like the reference.
        served: figures that arms are ranked by.
        note: what every row says of the recipes' tokenizers; empty where they are alike.
    """

    recipes: Mapping[str, str]
    differences: Mapping[str, tuple[str, ...]]
    served: tuple[str, ...]
    note: str

    def standing(self, metric: str, kind: str, arm: str) -> Measurement | None:
        """The figure that an arm is ranked by, with its verdict."""
        return self.index.get((metric, arm, kind, ALL))

    def said(self, text: str | None) -> str:
        """A reason with arms called as on the page."""
        found = text or ""
        for arm in sorted(self.arms, key=len, reverse=True):
            found = found.replace(arm, self.labels[arm])
        return found


def read_mixes(facts: RunFacts) -> MixFacts | None:
    """The comparison of a run; None without one."""
    mine = tuple(row for row in facts.rows if row.area == MIXES)
    levels = levels_of(mine)
    arms = list(dict.fromkeys(row.arm for row in levels))
    if not arms:
        return None
    meta = as_mapping(facts.meta.get(MIXES))
    reference = str(meta.get("reference") or arms[0])
    arms = [reference, *(arm for arm in arms if arm != reference)] if reference in arms else arms
    recipes = {row.arm: row.target for row in levels}
    present = {row.metric for row in levels}
    ranked = {row.metric for row in mine if row.category in KINDS}
    return MixFacts(
        reference=reference,
        arms=tuple(arms),
        labels=dict(zip(arms, short_recipes([recipes[arm] for arm in arms]), strict=True)),
        recipes=recipes,
        differences={
            str(arm): tuple(str(name) for name in as_list(names))
            for arm, names in as_mapping(meta.get("differences")).items()
        },
        n_runs=max(row.n for row in levels),
        metrics=tuple(name for name in METRICS if name in present),
        gap_tiers=gap_tiers_of(mine),
        served=tuple(name for name in SERVED if name in ranked),
        languages=languages_of(levels, facts.meta),
        claims=tuple(row for row in mine if row.metric == CLAIM),
        rows=mine,
        note=next((p for p in (mine[0].method or "").split("; ") if p.startswith(TOKENIZERS)), ""),
        index=indexed(mine),
    )


def short_recipes(specs: Sequence[str]) -> list[str]:
    """Target strings without stage, and without the preset that all have in common.

    Example:
        >>> short_recipes(["lab:tiny:english@chat", "lab:tiny:english+neox@chat"])
        ['english', 'english+neox']
    """
    plain = [spec.removesuffix("@chat").split(":", 2) for spec in specs]
    presets = {tuple(parts[:2]) for parts in plain}
    short = [parts[-1] if len(presets) == 1 else ":".join(parts) for parts in plain]
    if len(set(short)) < len(specs):
        short = list(specs)
    return [printable(name) for name in short]
