"""What mixes, architectures and sizes are said to do, as questions to arms under several seeds.

P1 is Shen et al. 2024 (arXiv 2401.13136), P2 Xu et al. 2024 (arXiv 2402.18120). The claims were
fixed before the first run: one figure each, over three runs or more, read as in
`isogloss.stats.verdict`. Intervals are not corrected for the number of claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np

from isogloss.trace.arms import Arm
from isogloss.trace.mix_figures import ARCHITECTURE, SIZE, TEXT, MixFigures
from isogloss.trace.outcomes import RunValues
from isogloss.trace.tier_rows import both_tiers

FOLLOWING, HELPFUL = "following_rate", "helpful_rate"
MAX_DOMINANT = 2
"""Languages that may have more text than the others, for a mix to be of limited dominance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A claim about one arm, or about all.

    Attributes:
        arm: None where it is about all arms.
        said: what the figure is.
    """

    words: str
    source: str
    said: str
    metric: str
    found: RunValues
    sign: Literal[1, -1]
    arm: Arm | None = None


def claim_cases(figures: MixFigures) -> Iterator[Case]:
    """Every claim that the arms allow, with its figure."""
    for arm in figures.arms:
        yield from _gap_cases(figures, arm)
    for arm in figures.arms[1:]:
        if is_limited_dominance(arm, figures.reference):
            yield from _advice_cases(figures, arm)
    yield from _data_cases(figures)


def is_limited_dominance(arm: Arm, reference: Arm) -> bool:
    """Whether a mix is what P2 (section 6) advises: no language as dominant as in the reference,
    two at most above the others, and these all alike."""
    shares = sorted(arm.recipe.shares.values(), reverse=True)
    rest = shares[MAX_DOMINANT:]
    most = max(reference.recipe.shares.values())
    return len(rest) > 1 and shares[0] < most and bool(np.isclose(rest[0], rest[-1], rtol=0.02))


def _gap_cases(figures: MixFigures, arm: Arm) -> Iterator[Case]:
    weak, strong = figures.gap_tiers
    wanted: tuple[tuple[str, str, Literal[1, -1]], ...] = (
        (FOLLOWING, "follows less", -1),
        ("harmful_rate", "complies with harm more often", 1),
    )
    for metric, words, sign in wanted:
        found = figures.gap(arm, metric)
        if found is not None:
            yield Case(
                words=f"the {weak} tier {words} than the {strong} one",
                source="P1, section 2",
                said=f"{metric}, {weak} minus {strong}, {both_tiers(figures, metric)}",
                metric=metric, found=found, sign=sign, arm=arm,
            )  # fmt: skip


def _advice_cases(figures: MixFigures, arm: Arm) -> Iterator[Case]:
    kinds: tuple[tuple[str, Callable[[Sequence[float]], float]], ...] = (
        ("the mean over languages", fmean),
        ("the worst language", min),
    )
    for kind, over in kinds:
        mine, theirs = (
            figures.level(one, HELPFUL, figures.languages, over) for one in (arm, figures.reference)
        )
        yield Case(
            words="limited dominance and others alike serve all languages better than "
            f"{figures.reference.name}: helpful rate of {kind}",
            source="P2, section 6", said=f"{HELPFUL}, {kind}, minus the reference",
            metric=HELPFUL, found=mine.combined(theirs), sign=1, arm=arm,
        )  # fmt: skip


def _data_cases(figures: MixFigures) -> Iterator[Case]:
    """Data against network: how far each moves the gap, in either direction."""
    data = _mean_shift(figures, figures.differing_in(TEXT))
    for name, fields in (("architecture", ARCHITECTURE), ("size", SIZE)):
        network = _mean_shift(figures, figures.differing_in(fields))
        if data is not None and network is not None:
            yield Case(
                words=f"the data move the gap in following rate further than the {name} does",
                source="ours, after P1, section 4",
                said="size of the gap's difference from the reference's, mean over arms that "
                f"differ in data alone minus over arms that differ in {name} alone",
                metric=FOLLOWING, found=data.combined(network), sign=1,
            )  # fmt: skip


def _mean_shift(figures: MixFigures, arms: list[Arm]) -> RunValues | None:
    shifts = [figures.gap_change(arm, FOLLOWING) for arm in arms]
    known = [shift for shift in shifts if shift is not None]
    if not known:
        return None
    total = known[0].scaled(0.0)
    for shift in known:
        total = total.combined(shift, lambda a, b: a + abs(b))
    return total.scaled(1 / len(known))
