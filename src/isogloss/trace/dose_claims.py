"""What more text of a language is said to do, as questions to doses under several seeds.

P1 (Shen et al. 2024, arXiv 2401.13136, section 4) holds that both curses come from how little text
of a language there is in pre-training; then more of it must lift them. The claims were fixed, with
their figures and directions, before the first run: each is confirmed where the interval of its one
figure over three runs or more lies on the claimed side of 0, refuted where it lies on the other,
and otherwise cannot be told. Intervals are not corrected for the number of claims. All figures are
of the dosed languages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from isogloss.align.reward_accuracy import ACCURACY
from isogloss.trace.dose_design import Kind
from isogloss.trace.dose_figures import DoseFigures
from isogloss.trace.outcomes import RunValues
from isogloss.trace.recognised_harm import METRIC as RECOGNITION

ORIGIN, OURS = "P1, section 4", "ours"
FOLLOWING = "following_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim.

    Attributes:
        words: the claim, in ours.
        source: where a paper makes or implies it.
        said: what the figure is, for people.
        metric: of the figure; a claim about what was not measured has no row.
        figure: one value a run; None where the design has no such arms.
        sign: on which side of 0 the figure lies if the claim is right.
    """

    words: str
    source: str
    said: str
    metric: str
    figure: Callable[[DoseFigures, str], RunValues | None]
    sign: Literal[1, -1] = 1


def per_doubling(figures: DoseFigures, metric: str) -> RunValues:
    """What a doubling of the text changes."""
    return figures.per_doubling(metric)


def mean_change(kind: Kind) -> Callable[[DoseFigures, str], RunValues | None]:
    """Arm minus the arm it is set against, the mean over all contrasts of a kind."""

    def figure(figures: DoseFigures, metric: str) -> RunValues | None:
        found = [figures.change(metric, contrast) for contrast in figures.contrasts(kind)]
        if not found:
            return None
        total = found[0]
        for one in found[1:]:
            total = total.combined(one, lambda a, b: a + b)
        return total.scaled(1 / len(found))

    return figure


def dose_beyond_tokenizer(figures: DoseFigures, metric: str) -> RunValues | None:
    """What the largest dose brings, minus what a tokenizer fair to all languages brings."""
    own = figures.contrasts("tokenizer")
    most = figures.design.doses[-1].name
    dose = [contrast for contrast in figures.contrasts("dose") if contrast.arm == most]
    if not own or not dose:
        return None
    # The contrast is own minus fixed; what the fixed one brings is its negative.
    brought = figures.change(metric, dose[0])
    return brought.combined(figures.change(metric, own[0]), lambda a, b: a + b)


_SLOPE = "change per doubling of its text"
_EXTRA = "extra tokens of the language minus as many of the mix, mean over amounts"
_PARALLEL = "parallel minus monolingual text, mean over doses above the undosed one"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        words="more text of a language lifts its following rate",
        source=ORIGIN, said=_SLOPE, metric=FOLLOWING, figure=per_doubling,
    ),
    Claim(
        words="more text of a language lowers its harmful rate",
        source=ORIGIN, said=_SLOPE, metric="harmful_rate", figure=per_doubling, sign=-1,
    ),
    Claim(
        words="more text of a language lowers its compliance rate (every harmful request counted)",
        source="ours, after P1, section 4", said=_SLOPE, metric="compliance_rate",
        figure=per_doubling, sign=-1,
    ),
    Claim(
        words="more text of a language lifts its helpful rate",
        source="ours, after P1, section 4", said=_SLOPE, metric="helpful_rate",
        figure=per_doubling,
    ),
    Claim(
        words="more text of a language lifts its selectivity",
        source=OURS, said=_SLOPE, metric="selectivity", figure=per_doubling,
    ),
    Claim(
        words="more text of a language lifts how well harmfulness is recognised in it",
        source="ours, after P2, section 3", said=_SLOPE, metric=RECOGNITION, figure=per_doubling,
    ),
    Claim(
        words="more text of a language lifts the accuracy of a reward model in it",
        source="ours, after P1, section 5.1", said=_SLOPE, metric=ACCURACY, figure=per_doubling,
    ),
    Claim(
        words="the tokens do it and not the tokenizer: the largest dose lifts the following rate "
        "by more than a tokenizer trained on balanced text does",
        source=OURS, said="largest dose minus undosed, and minus fixed less own tokenizer",
        metric=FOLLOWING, figure=dose_beyond_tokenizer,
    ),
    Claim(
        words="continued pre-training on the language lifts its following rate by more than as "
        "many tokens of the mix",
        source=OURS, said=_EXTRA, metric=FOLLOWING, figure=mean_change("extra"),
    ),
    Claim(
        words="continued pre-training on the language lifts its helpful rate by more than as many "
        "tokens of the mix",
        source=OURS, said=_EXTRA, metric="helpful_rate", figure=mean_change("extra"),
    ),
    Claim(
        words="parallel text lifts the following rate by more than monolingual text",
        source=OURS, said=_PARALLEL, metric=FOLLOWING, figure=mean_change("parallel"),
    ),
    Claim(
        words="parallel text lifts how well harmfulness is recognised by more than monolingual "
        "text",
        source=OURS, said=_PARALLEL, metric=RECOGNITION, figure=mean_change("parallel"),
    ),
)  # fmt: skip
