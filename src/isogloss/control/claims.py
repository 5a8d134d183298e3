"""What Xu et al. 2024 (section 5) claim about control, as questions to several training runs.

A claim is about one figure of a group of runs, or about the difference of a larger model's to a
smaller one's, paired by seed. It is confirmed where the 95 % interval over three runs or more lies
on the claimed side of ``null``, refuted where it lies on the other, and otherwise cannot be told.
Margins are five points, fixed before the first run; the claims were put into this form after three
seeds of the smallest preset had been seen. The paper's source is English, its average leaves
English out, and what it prints (Table 2) is one figure a cell. The intervals are not corrected for
the number of claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from isogloss.control.arms import GUARD, NONE, OWN, SOURCE
from isogloss.control.run_figures import EVERYWHERE, TIERS, Key, Place
from isogloss.control.settings import Toward
from isogloss.control.table import AGAINST_OWN, AS_GOOD, BEYOND, MARGIN
from isogloss.lab.recipe import LabRecipe, parse_spec

CHANGE = "compliance_rate_change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim.

    Attributes:
        words: the claim, in ours.
        source: where the paper makes it.
        said: what the figure is, for people.
        key: the figure it is about.
        toward: of the experiments it is asked of; None is both ways.
        sign: on which side of ``null`` the figure lies if the claim is right.
        null: the value between.
        of_sizes: about the largest model's figure minus the smallest's, of models alike but in
            size.
    """

    words: str
    source: str
    said: str
    key: Key
    toward: Toward | None = "comply"
    sign: Literal[1, -1] = 1
    null: float = 0.0
    of_sizes: bool = False

    def cases(self, groups: Sequence[str]) -> list[tuple[str, str | None]]:
        """(group, the group it is compared with or None), for every case there is."""
        return [*_sizes(groups)] if self.of_sizes else [(group, None) for group in groups]


_P2, _OURS = "P2, section 5", "ours"


def _by_tier(claim: Claim, *tiers: str) -> tuple[Claim, ...]:
    """The same claim of one tier each."""
    return tuple(
        replace(
            claim,
            words=f"{claim.words}: {tier} tier",
            key=claim.key._replace(place=Place(tier=tier)),
        )
        for tier in tiers
    )


_OWN = Claim(
    words="a language's own direction controls it",
    source=_P2, said="compliance rate, change under the own direction",
    key=Key(CHANGE, OWN, EVERYWHERE),
)  # fmt: skip
_CROSSING = Claim(
    words="control crosses over from the source to other languages",
    source=_P2, said="compliance rate, change under the source's direction",
    key=Key(CHANGE, SOURCE, EVERYWHERE),
)  # fmt: skip

CLAIMS: tuple[Claim, ...] = (
    *_by_tier(_OWN, *TIERS),
    _CROSSING,
    *_by_tier(_CROSSING, *TIERS[1:]),
    Claim(
        words="the source's direction does more than directions that mean nothing",
        source=_OURS, said="compliance rate, change minus the placebos' mean change",
        key=Key(BEYOND, SOURCE, EVERYWHERE),
    ),
    Claim(
        words="the source's direction is nearly as effective as the own (at most 5 points less)",
        source=f"{_P2}; the margin is ours", said="compliance rate, source minus own",
        key=Key(AS_GOOD, AGAINST_OWN, EVERYWHERE), null=-MARGIN,
    ),
    Claim(
        words="larger models comply more outside the source language, unsteered",
        source=_P2, said="compliance rate, unsteered", toward=None,
        key=Key("compliance_rate", NONE, EVERYWHERE), of_sizes=True,
    ),
    Claim(
        words="larger models resist control more",
        source=_P2, said="compliance rate, change under the own direction",
        key=Key(CHANGE, OWN, EVERYWHERE), sign=-1, of_sizes=True,
    ),
    Claim(
        words="a guard from the source lowers compliance with harm in other languages",
        source=_OURS, said="compliance rate, change under the guard",
        key=Key(CHANGE, GUARD, EVERYWHERE), toward="refuse", sign=-1,
    ),
    Claim(
        words="a guard from the source does more than directions that mean nothing",
        source=_OURS, said="compliance rate, change minus the placebos' mean change",
        key=Key(BEYOND, GUARD, EVERYWHERE), toward="refuse", sign=-1,
    ),
    Claim(
        words="a guard from the source costs less than 5 points of over-refusal in other "
            "languages",
        source=_OURS, said="over-refusal, change under the guard",
        key=Key("over_refusal_change", GUARD, EVERYWHERE), toward="refuse", sign=-1, null=MARGIN,
    ),
)  # fmt: skip


def _sizes(groups: Sequence[str]) -> list[tuple[str, str]]:
    """(largest, smallest) of lab groups that differ in their size alone."""
    families: dict[str, list[tuple[LabRecipe, str]]] = {}
    for group in groups:
        if group.startswith("lab:"):
            recipe = parse_spec(group)
            alike = replace(recipe, hidden_size=1, n_layers=1, n_heads=1).key()
            families.setdefault(f"{recipe.preset} {alike}", []).append((recipe, group))
    ordered = [sorted(found, key=lambda one: _n_weights(one[0])) for found in families.values()]
    return [(found[-1][1], found[0][1]) for found in ordered if len(found) > 1]


def _n_weights(recipe: LabRecipe) -> int:
    """Grows with the weights of the blocks."""
    return recipe.n_layers * recipe.hidden_size**2
