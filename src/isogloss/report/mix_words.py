"""What a comparison of recipes found, in sentences; what cannot be told is said so."""

from __future__ import annotations

from isogloss.report.arm_facts import side_of
from isogloss.report.glossary import BY_METRIC
from isogloss.report.mix_facts import KINDS, MixFacts
from isogloss.report.numbers import figure, figure_interval, listed
from isogloss.report.verdicts import Pointer

HEADLINE = "helpful_rate"
GAPS = ("following_rate", "harmful_rate")
ALPHA = 0.05


def arms_that_are(mixes: MixFacts, verdict: str, metric: str, kind: str) -> list[str]:
    """Labels of the arms with a verdict in one ranking."""
    found: list[str] = []
    for arm in mixes.arms:
        row = mixes.standing(metric, kind, arm)
        if row is not None and row.verdict == verdict:
            found.append(mixes.labels[arm])
    return found


def mixes_headline(mixes: MixFacts) -> str:
    """Which recipe serves all languages best, if one is shown to."""
    metric = HEADLINE if HEADLINE in mixes.served else next(iter(mixes.served), None)
    if metric is None:
        return f"{len(mixes.arms)} recipes side by side"
    label = metric.replace("_", " ")
    mean, worst = (arms_that_are(mixes, "best", metric, kind) for kind in KINDS)
    if mean and mean == worst:
        return f"{mean[0]} is best on average over languages and in the worst one, by {label}"
    if mean or worst:
        parts = [
            f"{best[0]} is best {where}"
            for best, where in ((mean, "on average over languages"), (worst, "in the worst one"))
            if best
        ]
        return f"{', '.join(parts)}, by {label}"
    beaten = [
        name for name in mixes.labels.values()
        if any(name in arms_that_are(mixes, "worse", metric, kind) for kind in KINDS)
    ]  # fmt: skip
    if not beaten:
        return f"No recipe is told apart from the others in how it serves all languages, by {label}"
    verb = "is" if len(beaten) == 1 else "are"
    none = "No recipe is shown to be best for all languages"
    return f"{none}; {listed(beaten)} {verb} worse than others, by {label}"


def mixes_pointers(mixes: MixFacts) -> tuple[Pointer, ...]:
    """The reference's gaps, and who surely has another."""
    pointers: list[Pointer] = []
    for metric in GAPS:
        row = mixes.gap(metric, mixes.reference)
        if row is None or row.estimate is None:
            continue
        moved = [
            f"{mixes.labels[arm]} {figure(change)}"
            for arm in mixes.arms[1:]
            if (change := mixes.gap_change(metric, arm)) is not None
            and change.estimate is not None
            and side_of(change, BY_METRIC[metric].higher_is)
            and change.p_value is not None
            and change.p_value < ALPHA
        ]
        told = f"; surely another: {listed(moved)}" if moved else "; no recipe is shown to move it"
        pointers.append(
            Pointer(
                lead=f"Gap in {BY_METRIC[metric].label.lower()}",
                text=f"{figure(row)} {figure_interval(row)} points in "
                f"{mixes.labels[mixes.reference]}{told}",
                anchor="mixes-gaps",
            )
        )
    return tuple(pointers)
