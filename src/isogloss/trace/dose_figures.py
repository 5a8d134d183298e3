"""The figures of a dose-response, each with one value a run.

*Dosed* are the languages whose text varies (several are averaged), *others* all the rest: what they
lose is what the dose costs. Slopes are on log2 of the dosed languages' tokens as counted, so one
unit is one doubling of their text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.stats.distributions import Array
from isogloss.trace.dose_design import Contrast, DoseDesign, Kind
from isogloss.trace.outcomes import BETTER, Outcomes, RunValues
from isogloss.trace.parity import Parity, tokens_to_parity

OTHERS = "other languages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Languages that are averaged.

    Attributes:
        name: in the rows' ``tier``: a resource tier, or ``other languages``.
    """

    name: str
    languages: tuple[str, ...]

    @property
    def fields(self) -> dict[str, Any]:
        """What rows about it say."""
        single = self.languages[0] if len(self.languages) == 1 else None
        return {"language": single, "tier": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One figure at the doses where every run has it.

    Attributes:
        doses: D names, by rising text.
        languages: that are averaged.
        seeds: R.
        log_tokens: [R, D] log2 of the dosed languages' tokens.
        values: [R, D].
        reason: why there is no curve; None with two doses or more.
    """

    doses: tuple[str, ...]
    languages: tuple[str, ...]
    seeds: tuple[int, ...]
    log_tokens: Array
    values: Array
    reason: str | None = None


class DoseFigures:
    """What a design's runs came to.

    Args:
        design: which arms there are.
        outcomes: of all of them.
    """

    def __init__(self, design: DoseDesign, outcomes: Outcomes) -> None:
        self.design, self.outcomes = design, outcomes
        shares, dosed = design.shares, design.dosed
        tiers = {shares.tier(tag) for tag in dosed}
        rest = [tag for tag in design.undosed.recipe.languages if tag not in dosed]
        self.dosed = Group(
            name=tiers.pop() if len(tiers) == 1 else "dosed languages", languages=dosed
        )
        self.others = Group(name=OTHERS, languages=tuple(rest))
        self.reference = next(
            (
                Group(name=tier, languages=found)
                for tier in ("high", "english")
                if (found := tuple(tag for tag in rest if shares.tier(tag) == tier))
            ),
            None,
        )

    def contrasts(self, kind: Kind) -> list[Contrast]:
        """Those of one kind."""
        return [contrast for contrast in self.design.contrasts if contrast.kind == kind]

    def change(self, metric: str, contrast: Contrast, group: Group | None = None) -> RunValues:
        """An arm minus what it is set against, in `compared` languages, paired by seed."""
        languages = self.compared(metric, contrast, group or self.dosed)
        one, other = (
            self.outcomes.of(arm, metric, languages) for arm in (contrast.arm, contrast.since)
        )
        return one.combined(other)

    def compared(self, metric: str, contrast: Contrast, group: Group) -> tuple[str, ...]:
        """The group's languages that every run of both arms has; all of them where none is."""
        arms = (contrast.arm, contrast.since)
        return self.outcomes.measured_in(metric, group.languages, arms) or group.languages

    def curve(self, metric: str, group: Group) -> Curve:
        """The dosed languages: doses at which all of them are measured in every run; the others:
        all doses, and those languages that are measured in every run of each."""
        names = tuple(arm.name for arm in self.design.doses)
        languages = group.languages
        if group is self.dosed:
            doses = tuple(n for n in names if len(self._measured(metric, n)) == len(languages))
        else:
            doses, languages = names, self.outcomes.measured_in(metric, languages, names)
        tokens = [self.outcomes.log_tokens(dose, self.dosed.languages) for dose in doses]
        values = [self.outcomes.of(dose, metric, languages) for dose in doses]
        seeds = tuple(self.outcomes.seeds)
        reason = None
        if len(doses) < 2:
            missing = next(name for name in names if name not in doses)
            reason = (
                f"measured in every run at {len(doses)} of {len(names)} doses (such as: "
                f"{self.outcomes.why_not(missing, metric, languages)})"
            )
        elif not languages:
            reason = "no language is measured in every run at every dose"
        elif any(len(found.values) < len(seeds) for found in tokens):
            reason = "a run has no text of a dosed language"
        if reason:
            empty = np.empty((0, 0))
            return Curve(
                doses=doses, languages=languages, seeds=seeds, log_tokens=empty, values=empty,
                reason=reason,
            )  # fmt: skip
        return Curve(
            doses=doses,
            languages=languages,
            seeds=seeds,
            log_tokens=_table(tokens, seeds),
            values=_table(values, seeds),
        )

    def per_doubling(self, metric: str, group: Group | None = None) -> RunValues:
        """Least-squares slope of every run on log2 tokens."""
        curve = self.curve(metric, group or self.dosed)
        if curve.reason:
            return RunValues(values={}, n_runs=len(curve.seeds), reason=curve.reason)
        slopes = slopes_by_run(curve.log_tokens, curve.values)
        values = dict(zip(curve.seeds, slopes.tolist(), strict=True))
        return RunValues(values=values, n_runs=len(curve.seeds))

    def parity(self, metric: str) -> Parity | str:
        """Tokens at which the dosed languages reach the reference of the undosed arm; or why not.

        The reference is the mean of the high tier (of English where there is none) in the same run,
        the dosed languages left out of it.
        """
        if self.reference is None:
            return "every language of the high tier is dosed, and so is English"
        curve = self.curve(metric, self.dosed)
        if curve.reason:
            return curve.reason
        undosed = self.design.undosed.name
        level = self.outcomes.of(undosed, metric, self.reference.languages)
        if level.reason:
            return f"the reference is not measured in every run ({level.reason})"
        reference = np.array([[level.values[seed]] for seed in curve.seeds])
        surplus = BETTER[metric] * (curve.values - reference)
        return tokens_to_parity(curve.log_tokens.mean(axis=0), surplus)

    def _measured(self, metric: str, dose: str) -> tuple[str, ...]:
        return self.outcomes.measured_in(metric, self.dosed.languages, [dose])


def slopes_by_run(log_tokens: Array, values: Array) -> Array:
    """[R] least-squares slopes of [R, D] values on [R, D] log2 tokens.

    Example:
        >>> slopes_by_run(np.array([[1.0, 2.0, 3.0]]), np.array([[0.1, 0.2, 0.3]]))
        array([0.1])
    """
    x = log_tokens - log_tokens.mean(axis=1, keepdims=True)
    return (x * values).sum(axis=1) / np.square(x).sum(axis=1)


def _table(found: Sequence[RunValues], seeds: Sequence[int]) -> Array:
    return np.array([[one.values[seed] for one in found] for seed in seeds])
