"""The chapter on the instruments: how much of a gap is translation's and the judge's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.charts.render import Picture
from isogloss.charts.steps import Step, StepPanel, steps_picture
from isogloss.records import Measurement
from isogloss.report.chapter import Chapter, Section
from isogloss.report.curses import DECIDING_SCOPE
from isogloss.report.facts import LanguageFacts, RunFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.inlining import inlined
from isogloss.report.numbers import listed, points
from isogloss.report.templates import render
from isogloss.store import RunStore

AREA = "instruments"
STEPS: dict[str, str] = {
    "raw": "As measured",
    "judge-corrected": "Judge corrected by labels",
    "flagged removed": "Flagged translations removed",
    "second engine": "Second translation engine",
}
"""Step as stored → words for a reader."""
_WITH = {
    "raw": "as measured",
    "judge-corrected": "with the judge corrected",
    "flagged removed": "without flagged translations",
    "second engine": "with the second engine",
}
_METRICS = ("harmful_rate", "compliance_rate", "following_rate")
_COLOURS = {
    "harmful_rate": "harmful-rate",
    "compliance_rate": "complied",
    "following_rate": "following-rate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One step of one metric: its gap in both scopes and how far it moved."""

    step: str
    narrow: Measurement | None
    wide: Measurement | None
    shift: Measurement | None


def instruments_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run was not audited."""
    del store
    rows = [row for row in facts.of_audit(AREA) if row.variant is not None]
    if not rows:
        return None
    picture = _picture(rows)
    tables = [(BY_METRIC[metric], _lines(rows, metric)) for metric in _METRICS]
    html = render(
        "instruments/check.html.jinja",
        picture=inlined(picture) if picture else None,
        name=picture.name if picture else None,
        tables=tables,
        steps=_taken(rows),
        languages=_by_language(rows, facts.languages),
        words=STEPS,
        untaken=_untaken(rows),
        sentence=_sentence(rows),
    )
    section = Section(anchor="instruments", title="Instruments", html=html)
    return Chapter(sections=(section,), pictures=(picture,) if picture else ())


def _find(
    rows: Sequence[Measurement], metric: str, step: str, scope: str | None = None
) -> Measurement | None:
    return next(
        (
            row
            for row in rows
            if row.language is None
            and (row.metric, row.category) == (metric, step)
            and scope in (None, row.scope)
        ),
        None,
    )


def _lines(rows: Sequence[Measurement], metric: str) -> list[_Line]:
    return [
        _Line(
            step=words,
            narrow=_find(rows, f"{metric}_gap", step, "these languages"),
            wide=_find(rows, f"{metric}_gap", step, DECIDING_SCOPE),
            shift=_find(rows, f"{metric}_gap_shift", step),
        )
        for step, words in STEPS.items()
    ]


def _taken(rows: Sequence[Measurement]) -> list[str]:
    """Steps in which some language's rate was measured."""
    there = {row.category for row in rows if row.language and row.estimate is not None}
    return [step for step in STEPS if step in there]


def _untaken(rows: Sequence[Measurement]) -> list[tuple[str, str]]:
    """Steps that this run could not take, with the reason."""
    taken = _taken(rows)
    found: list[tuple[str, str]] = []
    for step, words in STEPS.items():
        row = _find(rows, "following_rate_gap", step)
        if step not in taken and row is not None:
            found.append((words, row.reason or "no reason stored"))
    return found


LanguageLine = tuple[LanguageFacts, list[tuple[str, list[Measurement | None]]]]


def _by_language(
    rows: Sequence[Measurement], languages: Sequence[LanguageFacts]
) -> list[LanguageLine]:
    """For every language and metric, its rate in each step taken."""
    index = {(row.language, row.metric, row.category): row for row in rows if row.language}
    steps = _taken(rows)
    return [
        (
            language,
            [
                (
                    BY_METRIC[metric].label,
                    [index.get((language.tag, metric, step)) for step in steps],
                )
                for metric in ("compliance_rate", "following_rate")
            ],
        )
        for language in languages
    ]


def _picture(rows: Sequence[Measurement]) -> Picture | None:
    panels: list[StepPanel] = []
    for metric in _METRICS:
        steps: list[Step] = []
        for step, words in STEPS.items():
            row = _find(rows, f"{metric}_gap", step, DECIDING_SCOPE)
            if row is None or row.estimate is None or row.low is None or row.high is None:
                continue
            steps.append(Step(name=words, estimate=row.estimate, low=row.low, high=row.high))
        panels.append(
            StepPanel(title=BY_METRIC[metric].label, colour=_COLOURS[metric], steps=steps)
        )
    if all(len(panel.steps) < 2 for panel in panels):
        return None  # the raw gap alone is drawn elsewhere
    return steps_picture(panels, name="instruments", title="Low minus high tier, step by step")


def _sentence(rows: Sequence[Measurement]) -> str | None:
    """What a step moved beyond doubt, a sentence a metric; None where nothing did."""
    said: list[str] = []
    for metric in _METRICS:
        raw = _find(rows, f"{metric}_gap", "raw", DECIDING_SCOPE)
        if raw is None or raw.estimate is None:
            continue
        moved = [
            f"{points(raw.estimate + shift.estimate)} {_WITH[step]}"
            for step in STEPS
            if (shift := _find(rows, f"{metric}_gap_shift", step)) is not None
            and shift.estimate is not None
            and _is_sure(shift)
        ]
        if moved:
            label = BY_METRIC[metric].label
            said.append(
                f"{label}: a gap of {points(raw.estimate)} points as measured is {listed(moved)}."
            )
    return " ".join(said) or None


def _is_sure(shift: Measurement) -> bool:
    if shift.low is None or shift.high is None:
        return False
    return shift.low > 0 or shift.high < 0
