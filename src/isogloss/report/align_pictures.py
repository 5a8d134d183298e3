"""Pictures of the alignment chapter: who was helped, reward models by share, training curves."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.charts.arrows import Arrow, ArrowPanel, arrows_picture
from isogloss.charts.curves import Curve, CurvePanel, Points, curves_picture, mean_of
from isogloss.charts.palette import TIER_COLOURS
from isogloss.charts.render import Picture
from isogloss.charts.share import SharePanel, SharePoint, share_picture
from isogloss.printable import printable
from isogloss.report.align_facts import ACCURACY, REWARDS, AlignFacts, StageFacts
from isogloss.report.facts import LanguageFacts
from isogloss.report.numbers import decimal, percent

Quantity = tuple[str, str, bool, float | None]
"""(key in the curve, words, whether a rate, value that means nothing)."""

LINES: dict[str, tuple[Quantity, ...]] = {
    "sft": (("loss", "loss", False, None),),
    "reward": (
        ("loss", "loss", False, None),
        ("accuracy", "accuracy", True, 0.5),
        ("margin", "margin", False, 0.0),
    ),
    "dpo": (
        ("loss", "loss", False, None),
        ("rewards/accuracies", "accuracy", True, 0.5),
        ("rewards/margins", "margin", False, 0.0),
    ),
    "mpo": (("gap_loss", "gap loss", False, None), ("retention_loss", "retention", False, None)),
}
"""Kind of stage → what is drawn of it, a panel each."""
BY_TIER: tuple[Quantity, ...] = (
    ("reward", "reward", False, None),
    ("compliance", "compliance", True, None),
    ("over_refusal", "over-refusal", True, None),
)
"""What reinforcement learning is watched by, a line a tier."""
_COLOURS = ("following-rate", "complied", "refused", "harmful-rate", "ink", "muted")
KINDS: dict[str, tuple[str, int]] = {
    "rl": ("Reinforcement learning", 4),
    "sft": ("Fine-tuning", 2),
    "reward": ("Reward models", 3),
    "dpo": ("Preferences", 3),
    "mpo": ("Reward gap", 2),
}
"""Kind → (heading, panels a row), in the order of the page."""


def plane_picture(a: AlignFacts) -> Picture | None:
    """Compliance and helpfulness before and after, a panel an arm, an arrow a language."""
    panels = [
        ArrowPanel(
            title=printable(arm),
            arrows=[arrow for x in a.languages if (arrow := _arrow(a, arm, x))],
            quiet=a.is_aside(arm),
        )
        for arm in a.arms
    ]
    return arrows_picture(
        panels,
        name="align-plane",
        title="Before and after",
        description="compliance with harmful requests and helpfulness with benign ones, from "
        "before to after, a panel a method, an arrow a language",
        x_title="compliance, %",
        y_title="helpful, %",
    )


def _arrow(a: AlignFacts, arm: str, language: LanguageFacts) -> Arrow | None:
    found = a.before_and_after(arm, language.tag)
    if found is None:
        return None
    before, after, n = found
    runs = f", {n} of {a.n_runs} runs" if n < a.n_runs else ""
    return Arrow(
        label=language.code,
        before=before,
        after=after,
        tip=f"{language.name}: compliance {percent(before[0])} → {percent(after[0])}, helpful "
        f"{percent(before[1])} → {percent(after[1])}{runs}",
        colour=TIER_COLOURS[language.tier],
    )


def reward_picture(a: AlignFacts) -> Picture | None:
    """Accuracy of every reward model against the share, with chance."""
    panels = [
        SharePanel(
            title=printable(arm),
            colour="following-rate",
            points=[point for x in a.languages if (point := _point(a, arm, x))],
        )
        for arm in a.rewards
    ]
    return share_picture(
        panels, name="align-reward", title="Reward models against share", level=0.5
    )


def _point(a: AlignFacts, arm: str, language: LanguageFacts) -> SharePoint | None:
    row = a.row(ACCURACY, arm, language=language.tag, category=None, area=REWARDS)
    if row is None or row.estimate is None or not language.share:
        return None
    return SharePoint(
        code=language.code,
        name=language.name,
        tier=language.tier,
        share=language.share,
        rate=row.estimate,
        # Student's t over runs may leave what a rate can be.
        low=row.estimate if row.low is None else max(0.0, row.low),
        high=row.estimate if row.high is None else min(1.0, row.high),
        n=row.n,
    )


def curve_pictures(a: AlignFacts) -> dict[str, Picture]:
    """Kind of stage → its curves, of the kinds this run has curves of."""
    found: dict[str, Picture] = {}
    for kind, (heading, across) in KINDS.items():
        stages = [stage for stage in a.stages.values() if stage.kind == kind]
        stages.sort(key=lambda stage: not stage.asked_for)
        panels = [panel for stage in stages for panel in _watched(a, stage)]
        picture = curves_picture(
            panels if kind == "rl" else _compared(kind, stages),
            name=f"align-curves-{kind}",
            title=f"{heading} by step",
            description=f"training curves of {', '.join(printable(s.arm) for s in stages)}"
            + (", runs thin, their mean strong" if a.is_over_runs else ""),
            across=across,
        )
        if picture is not None:
            found[kind] = picture
    return found


def _compared(kind: str, stages: Sequence[StageFacts]) -> list[CurvePanel]:
    """A panel a quantity, a line a stage; those on the way, which are short, by themselves."""
    if kind not in LINES:
        return []
    panels: list[CurvePanel] = []
    asked = [stage for stage in stages if stage.asked_for]
    on_the_way = [stage for stage in stages if not stage.asked_for]
    for mine, aside in ((asked, ""), (on_the_way, ", stages on the way" if asked else "")):
        for key, words, is_rate, level in LINES[kind]:
            curves = [
                curve
                for k, stage in enumerate(mine)
                if (curve := _curve(stage, key, words, printable(stage.arm), _colour(k), is_rate))
            ]
            panels.append(
                CurvePanel(
                    title=f"{words}{aside}",
                    curves=curves,
                    percent=is_rate,
                    domain=(0.0, 1.0) if is_rate else None,
                    level=level if curves else None,
                )
            )
    return panels


def _colour(k: int) -> str:
    return _COLOURS[k % len(_COLOURS)]


def _watched(a: AlignFacts, stage: StageFacts) -> list[CurvePanel]:
    name = printable(stage.arm)
    panels: list[CurvePanel] = []
    for key, words, is_rate, level in BY_TIER:
        curves = [
            curve
            for tier in a.tiers
            if (
                curve := _curve(
                    stage, f"{key}/{tier}", f"{words}, {tier}", tier, TIER_COLOURS[tier], is_rate
                )
            )
        ]
        panels.append(
            CurvePanel(
                title=f"{name}: {words}",
                curves=curves,
                percent=is_rate,
                domain=(0.0, 1.0) if is_rate else None,
                level=level,
            )
        )
    kl = _curve(stage, "kl", "KL", "", "harmful-rate", False)
    return [*panels, CurvePanel(title=f"{name}: KL", curves=[kl] if kl else [])]


def series(stage: StageFacts, key: str) -> list[Points]:
    """One quantity along the steps, a line a run; a step without it is left out."""
    return [
        [(point["step"], point[key]) for point in curve if key in point] for curve in stage.curves
    ]


def _curve(
    stage: StageFacts, key: str, words: str, name: str, colour: str, is_rate: bool
) -> Curve | None:
    runs = [run for run in series(stage, key) if run]
    mean = mean_of(runs)
    if len(mean) < 2:
        return None
    write = percent if is_rate else decimal
    (_, first), (step, last) = mean[0], mean[-1]
    return Curve(
        name=name,
        runs=runs,
        tip=f"{printable(stage.arm)}, {words}: {write(first)} at first, {write(last)} at step "
        f"{step:.0f}",
        colour=colour,
    )
