"""The chapter on alignment: what was trained, whom it helped, reward models, curves, claims."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from isogloss.languages import describe_language
from isogloss.printable import printable
from isogloss.report.align_facts import (
    ACCURACY,
    ASSOCIATION,
    NONE,
    REWARDS,
    SEEN,
    UNSEEN,
    AlignFacts,
    StageFacts,
    read_align,
)
from isogloss.report.align_pictures import (
    BY_TIER,
    KINDS,
    LINES,
    curve_pictures,
    plane_picture,
    reward_picture,
    series,
)
from isogloss.report.chapter import Chapter, Section
from isogloss.report.facts import RunFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.inlining import inlined
from isogloss.report.numbers import MINUS, integer, points
from isogloss.report.tables import Cell, csv_text, rows_csv
from isogloss.report.templates import render
from isogloss.store import RunStore

CHANGES = (
    "harmful_rate", "compliance_rate", "helpful_rate", "over_refusal", "following_rate",
)  # fmt: skip
"""Rates whose changes are told by tier, in order; the first three stand open."""
SINCE_START = ("harmful_rate", "compliance_rate", "over_refusal", "helpful_rate")
CAUSE = ("refusal_rate", "over_refusal", "compliance_rate", "helpful_rate")
LEARNED, PERFECT = "xrlhf", "xrlhf-oracle"
WITH = {
    "share": "Share of pre-training",
    "competence": "Competence in the language",
    "share, competence held": "Share, competence held fixed",
}
"""What accuracy goes with → words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLine:
    """One stage in words."""

    stage: StageFacts
    languages: str
    too_long: str
    weights: str
    settings: str
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLine:
    """Whether an arm kept benign skill, over the targets.

    Attributes:
        change, bound: plain means over the targets that have them.
        verdicts: verdict → targets.
        reason: of the first target without a figure.
    """

    arm: str
    change: float | None
    bound: float | None
    verdicts: Mapping[str, int]
    reason: str | None

    @property
    def passed(self) -> bool:
        """In every target."""
        return bool(self.verdicts) and set(self.verdicts) == {"pass"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One line of P1's figures, as printed there, with true minus signs."""

    figure: str
    arm: str
    words: str
    high: str
    low: str
    unit: str
    source: str


def align_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run holds no alignment."""
    del store
    a = read_align(facts)
    if a is None:
        return None
    curves = curve_pictures(a)
    made = (plane_picture(a), reward_picture(a), *curves.values())
    pictures = tuple(picture for picture in made if picture)
    shared: dict[str, Any] = {
        "a": a,
        "pictures": {picture.name: inlined(picture) for picture in pictures},
        "terms": BY_METRIC,
        "published": published_lines(),
    }
    return Chapter(
        sections=tuple(_sections(a, shared)),
        pictures=pictures,
        tables={
            "align": rows_csv(a.rows),
            "align_curves": csv_text(
                ["arm", "target", "quantity", "step", "value"], _curve_cells(a)
            ),
        },
    )


def _sections(a: AlignFacts, shared: Mapping[str, Any]) -> Iterator[Section]:
    parts: tuple[tuple[str, str, bool, dict[str, Any]], ...] = (
        (
            "align",
            "Alignment",
            True,
            {"lines": stage_lines(a), "gates": gate_lines(a), "versions": versions_in_words(a)},
        ),
        ("plane", "Who was helped", bool(a.arms), {}),
        (
            "tiers",
            "Changes by tier",
            bool(a.arms),
            {
                "metrics": CHANGES,
                "since_start": SINCE_START,
                "columns": tier_columns(a),
                "started": [
                    arm for arm in a.arms
                    if (stage := a.stages.get(arm)) and stage.start and stage.kind != "sft"
                ],
            },
        ),
        (
            "rewards",
            "Reward models",
            bool(a.rewards),
            {
                "accuracy": ACCURACY,
                "association": ASSOCIATION,
                "area": REWARDS,
                "with": WITH,
                "cause": cause_arms(a),
                "cause_metrics": CAUSE,
                "cause_claims": [
                    row for row in a.claims if "perfect reward" in (row.category or "")
                ],
            },
        ),
        ("curves", "Training", bool(a.stages), {"kinds": KINDS}),
        ("claims", "Claims on alignment", bool(a.claims), {}),
    )  # fmt: skip
    for name, title, is_there, values in parts:
        if is_there:
            html = render(f"align/{name}.html.jinja", **shared, **values)
            anchor = name if name == "align" else f"align-{name}"
            yield Section(anchor=anchor, title=title, html=html)


def stage_lines(a: AlignFacts) -> list[StageLine]:
    """Every stage, those on the way after those asked for."""
    stages = sorted(a.stages.values(), key=lambda stage: not stage.asked_for)
    n_all = len(a.languages)
    return [
        StageLine(
            stage=stage,
            languages=languages_in_words(stage.languages, n_all),
            too_long=languages_in_words(stage.too_long, 0) if stage.too_long else "",
            weights=_weights(stage),
            settings=_settings(stage),
            seconds=sum(stage.seconds) / len(stage.seconds) if stage.seconds else None,
        )
        for stage in stages
    ]


def languages_in_words(counts: Mapping[str, int], n_all: int) -> str:
    """Languages with their examples, those with the same number together.

    Example:
        >>> languages_in_words({"en": 90, "fr": 30, "sw": 30}, 3)
        'English 90, 2 languages 30 each'
    """
    groups: dict[int, list[str]] = {}
    for tag, n in counts.items():
        # One or two more or less is a remainder of the division, no other share.
        near = next((known for known in groups if abs(known - n) <= 2), n)
        groups.setdefault(near, []).append(tag)
    parts: list[str] = []
    for n, tags in sorted(groups.items(), reverse=True):
        if len(tags) == 1:
            name = describe_language(tags[0]).name.removesuffix(" (lab)")
            parts.append(f"{printable(name)} {integer(n)}")
        else:
            which = f"all {n_all}" if len(tags) == n_all else str(len(tags))
            parts.append(f"{which} languages {integer(n)} each")
    if len(parts) > 4:
        rest = sum(counts.values()) - sum(sorted(counts.values(), reverse=True)[:3])
        parts = [*parts[:3], f"{len(counts) - 3} others {integer(rest)} together"]
    return ", ".join(parts) or "not stored"


def _weights(stage: StageFacts) -> str:
    if not stage.profile:
        return "not stored"
    lora = stage.profile.get("lora")
    if not lora:
        return "all"
    return f"LoRA, rank {lora.get('rank')}" if isinstance(lora, Mapping) else "LoRA"  # pyright: ignore[reportUnknownMemberType]


def _settings(stage: StageFacts) -> str:
    """What the method has beside its optimisation."""
    left_out = ("kind", "optimisation", "dominant")
    return ", ".join(
        f"{name.replace('_', ' ')} {value:g}"
        if isinstance(value, float)
        else f"{name.replace('_', ' ')} {value}"
        for name, value in stage.method.items()
        if name not in left_out
    )


def versions_in_words(a: AlignFacts) -> str:
    """Of what shaped the weights; empty where nothing is stored."""
    found = dict.fromkeys(
        f"{name} {version}"
        for stage in a.stages.values()
        for name, version in stage.versions.items()
    )
    return ", ".join(found)


def gate_lines(a: AlignFacts) -> list[GateLine]:
    """The gate of every arm that has one."""
    lines: list[GateLine] = []
    for arm in a.arms:
        rows = a.gates(arm)
        if not rows:
            continue
        verdicts: dict[str, int] = {}
        for row in rows:
            verdict = row.verdict or "no verdict"
            verdicts[verdict] = verdicts.get(verdict, 0) + 1
        lines.append(
            GateLine(
                arm=arm,
                change=_mean([row.estimate for row in rows]),
                bound=_mean([row.low for row in rows]),
                verdicts=verdicts,
                reason=next((row.reason for row in rows if row.reason), None),
            )
        )
    return lines


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def tier_columns(a: AlignFacts) -> list[tuple[str, str]]:
    """(tier of the rows, heading); seen and unseen where some language was not trained on."""
    columns = [(tier, tier.capitalize()) for tier in a.tiers]
    if any(row.tier == UNSEEN and row.estimate is not None for row in a.rows):
        columns += [(SEEN, "Seen"), (UNSEEN, "Unseen")]
    return columns


def cause_arms(a: AlignFacts) -> tuple[tuple[str, str], ...]:
    """(arm, words) of the learned and of the perfect reward; empty unless both were trained."""
    if not {LEARNED, PERFECT} <= set(a.arms):
        return ()
    return ((LEARNED, "a reward model"), (PERFECT, "the truth"))


def published_lines() -> list[Published]:
    """P1's figures."""
    text = files("isogloss.report").joinpath("published_alignment.csv").read_text("utf-8")
    return [
        Published(**{**line, "high": _typeset(line["high"]), "low": _typeset(line["low"])})
        for line in csv.DictReader(text.splitlines())
    ]


def _typeset(text: str) -> str:
    return text.replace("-", MINUS)


def since(stage: StageFacts | None) -> str:
    """The category of rows that compare a stage with what it started from."""
    return f"since {stage.start if stage and stage.start else NONE}"


def _curve_cells(a: AlignFacts) -> Iterator[Sequence[Cell]]:
    for stage in a.stages.values():
        keys = [key for key, *_ in LINES.get(stage.kind, ())]
        if stage.kind == "rl":
            keys = [f"{key}/{tier}" for key, *_ in BY_TIER for tier in a.tiers] + ["kl"]
        for key in keys:
            for target, points_ in zip(a.targets, series(stage, key), strict=False):
                for step, value in points_:
                    yield (stage.arm, target, key, step, value)


def change_in_words(value: float | None) -> str:
    """Points, or a dash."""
    return "–" if value is None else points(value)
