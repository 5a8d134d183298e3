"""The experiment's table: rates by arm and language, what each arm changed, and what that proves.

Xu et al. 2024 print compliance by language and arm (Table 2, "following rate"), one number a cell,
and leave out what control costs. Here every figure has n and interval; changes are paired by
prompt; and the three questions have tests that were fixed beforehand: does an arm change anything
(paired, Holm over languages), is the source's direction as good as a language's own
(non-inferiority, five points), does it do more than directions that mean nothing (rank among the
placebos).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.audit.compare import average_difference, paired_difference
from isogloss.audit.pairing import CompareConfig, Pairs, pair_runs
from isogloss.audit.rate_rows import measurement
from isogloss.control.arms import NONE, OWN, SOURCE, Arm
from isogloss.control.settings import Toward
from isogloss.records import Measurement
from isogloss.stats.intervals import Estimate
from isogloss.stats.paired import holm

AREA = "control"
MARGIN = 0.05
"""As good as: not more than five points less, fixed beforehand."""
CHANGES = (
    "compliance_rate", "actionable_rate", "refusal_rate", "following_rate", "over_refusal",
    "helpful_rate",
)  # fmt: skip
"""Rates whose change is tested, arm by arm."""
SHOWN = (*CHANGES, "reply_fidelity", "selectivity")
"""Rates that are shown of every arm."""
AS_GOOD, BEYOND = "as_good_as_own", "beyond_placebo"
AGAINST_OWN = f"{SOURCE} minus {OWN}"
LEFT = "left as it is"
WITHOUT_SOURCE = "average without the source"
TEST = "paired by prompt, sign flip, Holm over languages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose replies: what every row shares.

    Attributes:
        target, judge, concept, source, seed: fields of the rows.
        toward: which way was steered; decides which changes count as an effect.
    """

    target: str
    judge: str | None
    concept: str
    source: str
    toward: Toward
    seed: int

    @property
    def fields(self) -> dict[str, Any]:
        """Fields of every row."""
        return {
            "area": AREA,
            "target": self.target,
            "judge": self.judge,
            "concept": self.concept,
            "source_language": self.source,
            "seed": self.seed,
        }


def control_rows(
    folder: Path, arms: Sequence[Arm], audited: Sequence[Measurement], subject: Subject
) -> list[Measurement]:
    """All rows of area ``control`` that come from replies to test prompts.

    Args:
        folder: the run, with every arm's replies judged.
        arms: of the experiment; an arm that steers nothing is the unsteered model by definition.
        audited: the rows of area ``audit`` of all arms.
        subject: of the rows.
    """
    rows = [
        replace(row, **_choice_fields(arm, row.language), **subject.fields)
        for arm in arms
        if arm.steers or arm.name == NONE
        for row in audited
        if row.arm == arm.name and row.category is None and row.metric in SHOWN
    ]
    rows += [row for arm in arms for row in choice_rows(arm, subject)]
    pairs = {arm.name: _pairs(folder, NONE, arm.name, subject) for arm in arms if arm.steers}
    for arm in arms:
        if arm.steers:
            for metric in CHANGES:
                rows += _change_rows(pairs[arm.name], metric, arm, subject)
    if OWN in pairs and SOURCE in pairs:
        rows += _as_good_rows(_pairs(folder, OWN, SOURCE, subject), subject)
    return rows + _placebo_rows(arms, rows, subject)


def choice_rows(arm: Arm, subject: Subject) -> list[Measurement]:
    """``chosen_setting``: the effect on validation prompts it was chosen for, or why there is none.

    The estimate is optimistic: it is the largest of ``n`` settings.
    """
    rows: list[Measurement] = []
    for language, choice in arm.choices.items():
        trial = choice.judged.trial if choice.judged else None
        rows.append(
            Measurement(
                **subject.fields,
                **_choice_fields(arm, language),
                metric="chosen_setting",
                arm=arm.name,
                language=language,
                n=0 if trial is None else trial.n_harmful + trial.n_benign,
                estimate=choice.judged.effect if choice.judged else None,
                unit="rate difference",
                method=f"the largest validation effect of {choice.n_settings} settings"
                if choice.n_settings
                else "given, not searched",
                reason=choice.reason,
                verdict=LEFT if choice.setting is None else None,
            )
        )
    return rows


def _choice_fields(arm: Arm, language: str | None) -> dict[str, Any]:
    choice = arm.choices.get(language or "")
    if choice is None or choice.setting is None:
        return {}
    setting = choice.setting
    return {"category": setting.name, "layer": setting.layers[0], "strength": setting.strength}


def _pairs(folder: Path, a: str, b: str, subject: Subject) -> Pairs:
    return pair_runs(
        CompareConfig(
            a=folder,
            b=folder,
            target_a=subject.target,
            arm_a=a,
            target_b=subject.target,
            arm_b=b,
            judge=subject.judge,
        )
    ).pairs


def _change_rows(pairs: Pairs, metric: str, arm: Arm, subject: Subject) -> list[Measurement]:
    """``METRIC_change``: the arm minus the unsteered model, by language, tier and on average."""
    a, b = pairs.a.cells(metric), pairs.b.cells(metric)
    found = [paired_difference(a, b, i, seed=subject.seed) for i in range(len(a.languages))]
    adjusted = holm([one.p_value for one in found])
    name = f"{metric}_change"
    rows = [
        replace(
            measurement(name, estimate, arm=arm.name, unit="rate difference", **subject.fields),
            language=language,
            tier=tier,
            p_value=p,
            method=f"{estimate.method}; {TEST}",
            **_choice_fields(arm, language),
        )
        for language, tier, estimate, p in zip(
            a.languages, pairs.tiers, found, adjusted, strict=True
        )
    ]
    others = np.array([language != subject.source for language in a.languages])
    groups = {WITHOUT_SOURCE: others}
    groups |= {tier: np.array(pairs.tiers) == tier for tier in dict.fromkeys(pairs.tiers)}
    for group, member in groups.items():
        estimate = average_difference(a, b, member)
        fields: dict[str, Any] = subject.fields | {"arm": arm.name, "unit": "rate difference"}
        fields |= {"category": group} if group == WITHOUT_SOURCE else {"tier": group}
        if estimate is None:
            rows.append(Measurement(metric=name, reason="no language is measured", **fields))
        else:
            rows.append(measurement(name, estimate, scope="these languages", **fields))
    return rows


def _as_good_rows(pairs: Pairs, subject: Subject) -> list[Measurement]:
    """``as_good_as_own``: the source's arm minus the own arm in compliance, and non-inferiority.

    Towards compliance the source's is as good where it complies at most five points less; towards
    refusal, where it complies at most five points more. One-sided at 5 %: the interval is of 90 %.
    """
    a, b = pairs.a.cells("compliance_rate"), pairs.b.cells("compliance_rate")
    cells: list[tuple[dict[str, Any], Estimate | None]] = [
        (
            {"language": language, "tier": tier},
            paired_difference(a, b, index, level=0.90, seed=subject.seed),
        )
        for index, (language, tier) in enumerate(zip(a.languages, pairs.tiers, strict=True))
        if language != subject.source
    ]
    others = np.array([language != subject.source for language in a.languages])
    cells.append(({"category": WITHOUT_SOURCE}, average_difference(a, b, others, level=0.90)))
    for tier in dict.fromkeys(pairs.tiers):
        member = np.array(pairs.tiers) == tier
        if (member & others).any():
            cells.append(({"tier": tier}, average_difference(a, b, member & others, level=0.90)))
    rows: list[Measurement] = []
    for fields, estimate in cells:
        shared: dict[str, Any] = subject.fields | {
            "arm": AGAINST_OWN,
            "unit": "rate difference",
        }
        if estimate is None:
            rows.append(
                Measurement(metric=AS_GOOD, reason="not measured in both arms", **shared, **fields)
            )
            continue
        row = measurement(AS_GOOD, estimate, **shared, **fields)
        method = f"{estimate.method}; 90 % interval, margin {100 * MARGIN:.0f} points"
        rows.append(replace(row, method=method, verdict=_as_good(estimate, subject.toward)))
    return rows


def _as_good(estimate: Estimate, toward: Toward) -> str:
    if estimate.low is None or estimate.high is None:
        return "cannot tell"
    sign = 1 if toward == "comply" else -1
    worst, best = sorted((sign * estimate.low, sign * estimate.high))
    if worst > -MARGIN:
        return "as good"
    return "worse" if best < -MARGIN else "cannot tell"


def _placebo_rows(
    arms: Sequence[Arm], rows: Sequence[Measurement], subject: Subject
) -> list[Measurement]:
    """``beyond_placebo``: the source's change of compliance among those of the placebos.

    p = (1 + placebos that move compliance as far the wanted way) / (1 + placebos); a placebo for
    which the search found nothing moved it by 0.
    """
    placebos = [arm for arm in arms if arm.is_placebo]
    changes: dict[tuple[str, str | None], Measurement] = {
        (row.arm, row.language): row
        for row in rows
        if row.metric == "compliance_rate_change"
        and (row.language is not None or row.category == WITHOUT_SOURCE)
    }
    found: list[Measurement] = []
    for (arm, language), row in changes.items():
        if arm != SOURCE or not placebos or row.estimate is None:
            continue
        values = [
            changes[p.name, language].estimate if (p.name, language) in changes else 0.0
            for p in placebos
        ]
        known = [value for value in values if value is not None]
        sign = 1 if subject.toward == "comply" else -1
        as_far = sum(sign * value >= sign * row.estimate for value in known)
        found.append(
            Measurement(
                **subject.fields,
                metric=BEYOND,
                arm=SOURCE,
                language=language,
                tier=row.tier,
                category=row.category if language is None else None,
                n=len(known),
                estimate=row.estimate - float(np.mean(known)),
                low=row.estimate - max(known),
                high=row.estimate - min(known),
                unit="rate difference",
                p_value=(1 + as_far) / (1 + len(known)),
                method="change of compliance minus the placebos' mean; in brackets minus their "
                "largest and smallest; p by rank, one-sided",
            )
        )
    return found
