"""The alignment rows of a run by name: methods, what they changed for whom, rewards, training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from isogloss.printable import printable
from isogloss.records import CLAIM, Measurement
from isogloss.report.facts import AUDIT, TIERS, LanguageFacts, RunFacts, languages_of
from isogloss.report.numbers import verified
from isogloss.report.stored import as_list, as_mapping

ALIGN, REWARDS, OVER_RUNS = "align", "align reward", "align over runs"
NONE, SAFETY_LINE, GUARD = "none", "safety line", "guard"
GATE = "gate_helpful_rate"
ACCURACY, OVERCONFIDENCE, ASSOCIATION = "reward_accuracy", "reward_overconfidence", "accuracy_with"
SEEN, UNSEEN = "seen languages", "unseen languages"
PLANE = ("compliance_rate", "helpful_rate")
"""What the plane of compliance and helpfulness is made of."""
_UNTRAINED = {
    SAFETY_LINE: "a line in the system prompt, no training",
    GUARD: "steering under a gate, no training",
}
_Key = tuple[str, str, str, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFacts:
    """One stage, of every target of the group.

    Attributes:
        arm, words, kind: what it is.
        start: the arm it starts from; None is the model itself.
        languages: tag → examples, of the first target.
        too_long: tag → examples left out for their length, of the first target.
        asked_for: named by the user; else another needs it.
        method, profile: settings as stored.
        seconds: of each target.
        curves: points of each target, in the order of the targets.
    """

    arm: str
    words: str
    kind: str
    start: str | None
    languages: Mapping[str, int]
    too_long: Mapping[str, int]
    asked_for: bool
    method: Mapping[str, Any]
    profile: Mapping[str, Any]
    versions: Mapping[str, str]
    seconds: tuple[float, ...]
    curves: tuple[tuple[Mapping[str, float], ...], ...]

    @property
    def is_warm_up(self) -> bool:
        return not self.asked_for and self.kind == "sft" and "warm-up" in self.arm

    def setting(self, name: str) -> Any:
        """One setting of the optimisation; None where it is not stored."""
        return as_mapping(self.method.get("optimisation")).get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignFacts:
    """One experiment in alignment. Build it with `read_align`.

    Attributes:
        targets: seeds of one model, the first of which the page's audit is about.
        group: their name without the seed.
        others: further targets whose alignment is in the run.
        languages: by falling share.
        stages: by arm, in the order of training.
        arms: that answer prompts, the asked for first, warm-ups and defences without training last.
        rewards: arms that are reward models.
        claims: rows, in order.
        rows: of areas `ALIGN`, `REWARDS` and `OVER_RUNS`, of these targets and their group.
        meta: as stored; empty where it is not of these targets.
    """

    targets: tuple[str, ...]
    group: str
    others: tuple[str, ...]
    judge: str | None
    languages: tuple[LanguageFacts, ...]
    stages: Mapping[str, StageFacts]
    arms: tuple[str, ...]
    rewards: tuple[str, ...]
    claims: tuple[Measurement, ...]
    rows: tuple[Measurement, ...]
    meta: Mapping[str, Any]
    _index: Mapping[_Key, Measurement]
    _audits: Mapping[tuple[str, str, str, str], Measurement]

    @property
    def n_runs(self) -> int:
        return len(self.targets)

    @property
    def is_over_runs(self) -> bool:
        """Whether figures are means over runs; else they are of one model."""
        return self.n_runs > 1

    @property
    def tiers(self) -> tuple[str, ...]:
        """Resource tiers of the languages."""
        return tuple(tier for tier in TIERS if any(x.tier == tier for x in self.languages))

    @property
    def trained(self) -> tuple[str, ...]:
        """Arms that answer prompts and that somebody asked for."""
        return tuple(arm for arm in self.arms if not self.is_aside(arm))

    @property
    def methods(self) -> tuple[str, ...]:
        """All that was asked for, reward models last."""
        return (*self.trained, *(arm for arm in self.rewards if not self.is_aside(arm)))

    def is_aside(self, arm: str) -> bool:
        """Whether an arm stands beside the methods: a stage on the way, or no training at all."""
        stage = self.stages.get(arm)
        return arm in _UNTRAINED or (stage is not None and not stage.asked_for)

    def words(self, arm: str) -> str:
        """What an arm is; empty where it is not stored."""
        stage = self.stages.get(arm)
        return stage.words if stage else _UNTRAINED.get(arm, "")

    def row(
        self,
        metric: str,
        arm: str,
        *,
        tier: str | None = None,
        language: str | None = None,
        category: str | None = f"since {NONE}",
        area: str = ALIGN,
    ) -> Measurement | None:
        """A figure over runs where there are several, else of the one model.

        ``tier`` is None for rows of a language. A figure that no run has says why not.
        """
        place = (metric, arm, category, language, tier)
        first = self._first(area, *place)
        if not self.is_over_runs:
            return first
        found = self._index.get((OVER_RUNS, *place))
        if found is None or found.estimate is not None:
            return found
        why = f": {first.reason}" if first is not None and first.reason else ""
        return replace(found, reason=f"measured in none of {self.n_runs} runs{why}")

    def _first(
        self, area: str, metric: str, arm: str, category: str | None, *place: str | None
    ) -> Measurement | None:
        return self._index.get((area, metric, arm, category, place[0], place[1]))

    def has(self, metric: str, arm: str, category: str) -> bool:
        """Whether any such row is measured."""
        return any(
            row.metric == metric and row.arm == arm and row.category == category
            and row.estimate is not None
            for row in self.rows
        )  # fmt: skip

    def audit(self, target: str, arm: str, metric: str, place: str) -> Measurement | None:
        """A rate of the audit of one target and arm; ``place`` is a language or a tier."""
        return self._audits.get((target, arm, metric, place))

    def mean_rate(self, arm: str, metric: str, place: str) -> tuple[float | None, int]:
        """Plain mean of a rate over the targets that have it, and how many these are."""
        rows = [self.audit(target, arm, metric, place) for target in self.targets]
        known = [value for row in rows if (value := verified(row)) is not None]
        return (sum(known) / len(known) if known else None), len(known)

    def before_and_after(
        self, arm: str, language: str
    ) -> tuple[tuple[float, float], tuple[float, float], int] | None:
        """Mean (compliance, helpfulness) before and after, over targets that have all four."""
        found: list[tuple[float, ...]] = []
        for target in self.targets:
            rows = [
                self.audit(target, a, metric, language) for a in (NONE, arm) for metric in PLANE
            ]
            values = [verified(row) for row in rows]
            if None not in values:
                found.append(tuple(value for value in values if value is not None))
        if not found:
            return None
        a, b, c, d = (sum(values) / len(found) for values in zip(*found, strict=True))
        return (a, b), (c, d), len(found)

    def gates(self, arm: str) -> list[Measurement]:
        """The gate of each target."""
        return [row for row in self.rows if row.metric == GATE and row.arm == arm]

    def overconfidence(self, arm: str, tier: str) -> float | None:
        """Plain mean over the languages of a tier and the targets; None where none is stored."""
        tags = {x.tag for x in self.languages if x.tier == tier}
        known = [
            row.estimate
            for row in self.rows
            if row.metric == OVERCONFIDENCE and row.arm == arm and row.category is None
            and row.language in tags and row.estimate is not None
        ]  # fmt: skip
        return sum(known) / len(known) if known else None


def read_align(facts: RunFacts) -> AlignFacts | None:
    """The alignment of the run's first target and the other seeds of it; None without one."""
    mine = [row for row in facts.rows if row.area in (ALIGN, REWARDS, OVER_RUNS)]
    every = list(dict.fromkeys(row.target for row in mine if row.area != OVER_RUNS))
    if not every:
        return None
    stored = as_mapping(facts.meta.get(ALIGN))
    named = [target for target in _strings(stored.get("targets")) if target in every]
    group = group_of((named or every)[0])
    targets = tuple(t for t in dict.fromkeys([*named, *every]) if group_of(t) == group)
    rows = tuple(row for row in mine if row.target == group or row.target in targets)
    meta: Mapping[str, Any] = stored if named else {}
    stages = _stages(meta, targets)
    changes = [row for row in rows if row.area == ALIGN]
    judge = next((row.judge for row in changes), None)
    return AlignFacts(
        targets=targets,
        group=group,
        others=tuple(target for target in every if target not in targets),
        judge=judge,
        languages=languages_of(rows, facts.meta),
        stages=stages,
        arms=_ordered({row.arm for row in changes}, stages),
        rewards=tuple(dict.fromkeys(row.arm for row in rows if row.area == REWARDS)),
        claims=tuple(row for row in rows if row.area == OVER_RUNS and row.metric == CLAIM),
        rows=rows,
        meta=meta,
        _index=_indexed(rows, targets[0]),
        _audits=_audits(facts, targets, judge),
    )


def group_of(target: str) -> str:
    """A target without its seed.

    Example:
        >>> group_of("lab:tiny:english@helpful#3")
        'lab:tiny:english@helpful'
    """
    return target.rpartition("#")[0] if target.startswith("lab:") and "#" in target else target


def _indexed(rows: Sequence[Measurement], first: str) -> dict[_Key, Measurement]:
    """Rows of the first target and of all runs together; the latter by the metric alone."""
    index: dict[_Key, Measurement] = {}
    for row in rows:
        if row.area == OVER_RUNS or row.target == first:
            tier = row.tier if row.language is None else None
            key = (row.area, row.metric, row.arm, row.category, row.language, tier)
            index.setdefault(key, row)
    return index


def _audits(
    facts: RunFacts, targets: Sequence[str], judge: str | None
) -> dict[tuple[str, str, str, str], Measurement]:
    found: dict[tuple[str, str, str, str], Measurement] = {}
    known = set(targets)
    metrics = {*PLANE, "harmful_rate"}
    for row in facts.rows:
        if row.area != AUDIT or row.metric not in metrics or row.category is not None:
            continue
        if row.target not in known or row.judge != judge:
            continue
        if row.variant not in (None, facts.variant) or row.scope not in (None, "these languages"):
            continue
        place = row.language or row.tier
        if place is not None:
            found.setdefault((row.target, row.arm, row.metric, place), row)
    return found


def _ordered(arms: set[str], stages: Mapping[str, StageFacts]) -> tuple[str, ...]:
    """Asked-for stages, then those on the way, then what nobody trained."""
    known = [arm for arm in stages if arm in arms]
    rest = sorted(arms - set(known) - set(_UNTRAINED))
    return (
        *(arm for arm in known if stages[arm].asked_for),
        *rest,
        *(arm for arm in known if not stages[arm].asked_for),
        *(arm for arm in _UNTRAINED if arm in arms),
    )


def _stages(meta: Mapping[str, Any], targets: Sequence[str]) -> dict[str, StageFacts]:
    by_arm: dict[str, list[Mapping[str, Any]]] = {}
    for stored in as_list(meta.get("stages")):
        stage = as_mapping(stored)
        if stage.get("target") in targets:
            by_arm.setdefault(str(stage.get("arm")), []).append(stage)
    found: dict[str, StageFacts] = {}
    for arm, mine in by_arm.items():
        one = mine[0]
        start = str(one.get("start") or "")
        found[arm] = StageFacts(
            arm=arm,
            words=printable(str(one.get("words") or "")),
            kind=str(one.get("kind") or ""),
            start=start if start in by_arm else None,
            languages={t: int(n) for t, n in as_mapping(one.get("languages")).items()},
            too_long={t: int(n) for t, n in as_mapping(one.get("too_long")).items()},
            asked_for=bool(one.get("asked_for", True)),
            method=as_mapping(one.get("method")),
            profile=as_mapping(one.get("profile")),
            versions={k: str(v) for k, v in as_mapping(one.get("versions")).items()},
            seconds=tuple(float(s["seconds"]) for s in mine if s.get("seconds") is not None),
            curves=tuple(_curve(stage.get("curve")) for stage in mine),
        )
    return found


def _curve(stored: Any) -> tuple[Mapping[str, float], ...]:
    """Points of the trainer, without its last, which sums up."""
    points = [as_mapping(point) for point in as_list(stored)]
    return tuple(point for point in points if "step" in point and "train_runtime" not in point)


def _strings(value: Any) -> Iterable[str]:
    return [str(one) for one in as_list(value)]
