"""What faulty translations are said to do to a gap, as questions to one model under several seeds.

P1 translated its prompts and its replies by machine and names that as a limitation; the question
here is on which side such errors err. The claims are about the highest rate. They were written down
after a first version of the experiment, with other errors, had been seen. Verdicts are those of
`isogloss.stats.verdict`; intervals are not corrected for the number of claims.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from isogloss.records import Measurement
from isogloss.trace.instrument_conditions import Condition
from isogloss.trace.outcomes import RunValues, claim_row
from isogloss.trace.tier_figures import TierFigures

FOLLOWING, COMPLIANCE = "following_rate", "compliance_rate"
LIMITS = "ours, after P1, section 2 and limitations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A claim with its figure.

    Attributes:
        said: what the figure is.
    """

    words: str
    said: str
    metric: str
    found: RunValues
    sign: Literal[1, -1]
    condition: Condition


def claim_rows(area: str, figures: TierFigures[Condition]) -> list[Measurement]:
    """A row a claim: metric ``claim``, words in ``category``, source in ``variant``."""
    return [
        claim_row(
            area, case.found, sign=case.sign, target=case.condition.group,
            arm=case.condition.name, category=case.words, variant=LIMITS,
            unit="rate difference", method=case.said,
        )
        for case in _cases(figures)
        if case.metric in figures.outcomes.metrics
    ]  # fmt: skip


def _cases(figures: TierFigures[Condition]) -> Iterator[Case]:
    weak, strong = figures.gap_tiers
    gap = figures.gap(figures.reference, FOLLOWING)
    if gap is not None:
        yield Case(
            words=f"with exact translations and an exact judge the {weak} tier follows less than "
            f"the {strong} one",
            said=f"{FOLLOWING}, {weak} minus {strong}", metric=FOLLOWING, found=gap, sign=-1,
            condition=figures.reference,
        )  # fmt: skip
    worst = max(condition.rate for condition in figures.arms)
    for condition in figures.arms[1:]:
        if condition.rate == worst:
            yield from _fault_cases(figures, condition)


def _fault_cases(figures: TierFigures[Condition], condition: Condition) -> Iterator[Case]:
    """As frequent in every language; and, of faulty prompts, in the weak tier alone."""
    weak, _ = figures.gap_tiers
    moved = figures.gap_change(condition, FOLLOWING)
    if moved is not None:
        yield Case(
            words=f"translations as faulty in every language ({condition.name}) widen the gap in "
            "following rate",
            said=f"change of the gap in {FOLLOWING}", metric=FOLLOWING, found=moved, sign=-1,
            condition=condition,
        )  # fmt: skip
    if condition.replies:
        return
    wanted: tuple[tuple[str, str, Literal[1, -1]], ...] = (
        (FOLLOWING, "widen the gap in following rate", -1),
        (COMPLIANCE, f"make the {weak} tier look more harmful (every harmful request counted)", 1),
    )
    for metric, words, sign in wanted:
        yield Case(
            words=f"translations faulty in the {weak} tier alone ({condition.name}) {words}",
            said=f"change of {metric}, {weak} tier", metric=metric,
            found=figures.change(condition, metric, figures.of_tier(weak)), sign=sign,
            condition=condition,
        )  # fmt: skip
