"""The figures by which recipes are compared.

A tier is what the *reference* mix makes of a language, in every arm: the same languages are
compared, whatever share they have there.
"""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.trace.arms import Arm, differences
from isogloss.trace.outcomes import Outcomes
from isogloss.trace.tier_figures import TierFigures

TEXT = frozenset({"shares", "bilingual", "parallel", "extra", "tokenizer", "n_tokens"})
"""Fields of a recipe that are about what is read."""
ARCHITECTURE, SIZE = frozenset({"architecture"}), frozenset({"hidden_size", "n_layers", "n_heads"})


class MixFigures(TierFigures[Arm]):
    """What the runs of several recipes came to.

    Args:
        arms: the reference first.
        outcomes: of all of them.
    """

    def __init__(self, arms: Sequence[Arm], outcomes: Outcomes) -> None:
        recipe = arms[0].recipe
        shares = recipe.share_table()
        tiers = {tag: str(shares.tier(tag)) for tag in recipe.languages}
        super().__init__(arms, tiers, arms[0].name, outcomes)

    def said(self, arm: Arm) -> str:
        """See `TierFigures.said`."""
        fields = [name.replace("_", " ") for name in differences(arm, self.reference)]
        return f"differs from {self.reference.name} in {', '.join(fields)}"

    def differing_in(self, fields: frozenset[str]) -> list[Arm]:
        """Arms that differ from the reference in these fields of the recipe, and in no others."""
        return [arm for arm in self.arms[1:] if set(differences(arm, self.reference)) <= fields]
