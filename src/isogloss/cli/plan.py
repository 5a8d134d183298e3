"""``isogloss plan``: how many prompts a question needs, or what a prompt set could see."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.errors import InputError

if TYPE_CHECKING:
    from isogloss.stats.power import Design, Question

PROMPTS_SHOWN = (50, 100, 200, 315, 500, 1000)
"""Sizes tabled where neither --prompts nor --points is given; 315 is MultiJail's."""

EPILOG = """Examples:

isogloss plan --prompts 315 : what can 315 prompts in 16 languages see?

isogloss plan --points 5 --rate 2 : how many prompts find 5 points above a rate of 2 %?

isogloss plan --points 5 --prompts 300 --samples 4 --icc 0.6 : do 300 prompts, four samples of each,
suffice?

isogloss plan --points 15 --languages 30 --language-sd 12 : a tier gap in a varied world.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One question's answer; differences are rates in [0, 1].

    Attributes:
        question: in words.
        scope: what the answer generalises to.
        n_prompts: per language, as asked; None where only ``needed_prompts`` was asked for.
        detectable: smallest difference (or margin) seen; None with a reason.
        difference: the difference asked about.
        needed_prompts: prompts per language to find it; None with a reason.
    """

    question: str
    scope: str
    n_prompts: int | None
    detectable: float | None
    difference: float | None
    needed_prompts: int | None
    reason: str | None


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("plan", epilog=EPILOG)(plan)


def plan(
    prompts: Annotated[
        int | None, typer.Option(help="Source prompts asked in every language.", show_default=False)
    ] = None,
    points: Annotated[
        float | None,
        typer.Option(
            help="Difference (or margin) in percentage points to plan for.", show_default=False
        ),
    ] = None,
    rate: Annotated[
        float, typer.Option(help="Expected rate, in percent, in English or the better tier or arm.")
    ] = 10.0,
    languages: Annotated[int, typer.Option(help="Languages, English included.")] = 16,
    low: Annotated[
        int | None,
        typer.Option(help="Low-resource languages (default: a third).", show_default=False),
    ] = None,
    high: Annotated[
        int | None,
        typer.Option(help="High-resource languages (default: a third).", show_default=False),
    ] = None,
    samples: Annotated[
        int, typer.Option(help="Rows per source prompt and language (samples, variants).")
    ] = 1,
    icc: Annotated[
        float,
        typer.Option(help="How alike rows of one source prompt are: 0 not at all, 1 the same."),
    ] = 0.5,
    pairing: Annotated[
        float,
        typer.Option(
            help="Correlation of two languages (arms) through shared prompts; 0 is cautious."
        ),
    ] = 0.0,
    language_sd: Annotated[
        float,
        typer.Option(help="How much true rates vary between languages of one tier, in points."),
    ] = 8.0,
    power: Annotated[float, typer.Option(help="Chance of finding it, in percent.")] = 80.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
) -> None:
    """Say how many prompts a question needs, or the smallest difference a prompt set could see.

    Answers at once for one language against English (two-sided 5 %, corrected for the number of
    languages), for the gap between resource tiers in both scopes, and for the margin within which
    `compare` can rule out a worsening (one-sided 5 %).
    """
    from isogloss.stats.power import Design

    _check(prompts, points, rate, languages)
    third = max((languages - 1) // 3, 1)
    design = Design(
        n_clusters=prompts or 1,
        cluster_size=samples,
        icc=icc,
        rate=rate / 100,
        pairing=pairing,
        n_low=third if low is None else low,
        n_high=third if high is None else high,
        language_sd=language_sd / 100,
        n_comparisons=max(languages - 1, 1),
        power=power / 100,
    )
    if design.n_low + design.n_high > languages - 1:
        raise InputError(
            f"--low {design.n_low} and --high {design.n_high} are more than the {languages - 1} "
            f"languages besides English; raise --languages"
        )
    sizes = (prompts,) if prompts or points is not None else PROMPTS_SHOWN
    rows = answer(design, sizes, None if points is None else points / 100)
    if as_json:
        assumed = asdict(design) | {"n_clusters": prompts, "languages": languages}
        typer.echo(json.dumps({"design": assumed, "answers": [asdict(r) for r in rows]}, indent=2))
        return
    for line in _lines(design, rows, languages):
        typer.echo(line)


def _check(prompts: int | None, points: float | None, rate: float, languages: int) -> None:
    if prompts is not None and prompts < 2:
        raise InputError(f"--prompts must be at least 2, got {prompts}")
    if points is not None and not 0 < points < 100:
        raise InputError(f"--points must lie between 0 and 100 percentage points, got {points:g}")
    if not 0 <= rate <= 100:
        raise InputError(f"--rate is in percent, between 0 and 100; got {rate:g}")
    if languages < 3:
        raise InputError(f"--languages must be at least 3 (English and two more), got {languages}")


def answer(
    design: Design, sizes: tuple[int | None, ...], difference: float | None
) -> list[PlanRow]:
    """Every question's answer for every size; ``difference`` adds the prompts it needs."""
    from dataclasses import replace

    single = replace(design, language_sd=None)
    tiers = replace(design, n_comparisons=1)
    asked: tuple[tuple[str, str, Question, Design], ...] = (
        ("one language against English", "these languages", "difference", single),
        ("gap between tiers", "these languages", "gap", replace(tiers, language_sd=None)),
        ("gap between tiers", "languages like these", "gap", tiers),
        ("compare: margin ruled out", "these languages", "non-inferiority", single),
    )
    return [
        _row(question, scope, kind, replace(each, n_clusters=size or 1), size, difference)
        for size in sizes
        for question, scope, kind, each in asked
    ]


def _row(
    question: str,
    scope: str,
    kind: Question,
    design: Design,
    size: int | None,
    wanted: float | None,
) -> PlanRow:
    from isogloss.stats.power import detectable_difference, needed_n

    reasons: list[str] = []
    found = needed = None
    if scope == "languages like these" and min(design.n_low, design.n_high) < 2:
        reasons.append("needs two languages in each tier")
    else:
        if size is not None:
            found = detectable_difference(design, kind)
            if found is None:
                reasons.append("no possible difference would be found")
        if wanted is not None:
            needed = needed_n(design, wanted, kind)
            if needed is None:
                reasons.append(_why_never(design, wanted, kind))
    return PlanRow(
        question=question,
        scope=scope,
        n_prompts=size,
        detectable=found,
        difference=wanted,
        needed_prompts=needed,
        reason="; ".join(reasons) or None,
    )


def _why_never(design: Design, wanted: float, kind: Question) -> str:
    if kind != "non-inferiority" and design.rate + wanted > 1:
        return "the rate leaves no room for such a difference"
    return "no number of prompts suffices: ask more languages"


def _lines(design: Design, rows: list[PlanRow], languages: int) -> list[str]:
    """The answers as aligned text, what was assumed below."""
    lines = [f"{'question':<30} {'scope':<21} {'prompts':>7}  {'smallest seen':>13}  {'needed':>9}"]
    for row in rows:
        prompts = "" if row.n_prompts is None else f"{row.n_prompts:d}"
        seen = "" if row.detectable is None else f"{100 * row.detectable:.1f} points"
        needed = "" if row.needed_prompts is None else f"{row.needed_prompts:d}"
        cells = f"{row.question:<30} {row.scope:<21} {prompts:>7}  {seen:>13}  {needed:>9}"
        lines.append((cells + (f"  ({row.reason})" if row.reason else "")).rstrip())
    wanted = rows[0].difference
    if wanted is not None:
        lines.append(f"\n'needed': prompts per language that find {100 * wanted:g} points.")
    lines.append(
        f"\nAssumed: rate {100 * design.rate:g} %, {languages} languages ({design.n_low} low, "
        f"{design.n_high} high tier), {design.cluster_size:g} row(s) per prompt with correlation "
        f"{design.icc:g}, pairing {design.pairing:g}, languages of a tier vary by "
        f"{100 * (design.language_sd or 0):g} points, power {100 * design.power:g} %."
    )
    return lines
