"""The chapter on control: the paper's table, what control costs, by strength, safety and use."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from isogloss.languages import describe_language
from isogloss.printable import printable
from isogloss.records import Measurement
from isogloss.report.chapter import Chapter, Section
from isogloss.report.chapters.models import short_names
from isogloss.report.control_facts import (
    AGAINST_OWN,
    ARMS,
    OWN,
    SOURCE,
    WITHOUT_SOURCE,
    ControlFacts,
    Spread,
    cost_metric,
    read_control,
    spread,
)
from isogloss.report.control_pictures import (
    DOSE_RATES,
    is_unsteered,
    safety_picture,
    strength_picture,
)
from isogloss.report.control_runs import RATES, ControlRuns, read_control_runs
from isogloss.report.facts import LanguageFacts, RunFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.inlining import inlined
from isogloss.report.tables import rows_csv
from isogloss.report.templates import render
from isogloss.store import RunStore

CHANGES = (
    "compliance_rate", "actionable_rate", "refusal_rate", "following_rate", "over_refusal",
    "helpful_rate", "reply_fidelity",
)  # fmt: skip
COSTS: dict[str, tuple[str, str]] = {
    "over_refusal": ("Over-refusal", "Benign requests refused; higher is worse."),
    "helpful_rate": ("Helpful", "Benign requests answered correctly; higher is better."),
    "reply_fidelity": ("Fidelity", "Replies in the language of the request; higher is better."),
    "perplexity_ratio": (
        "Perplexity",
        "Of clean text under the edits, over the unsteered model's: above 1 is less fluent.",
    ),
    "repetition": (
        "Repetition",
        "Mean share of a reply's four-word runs that it said before; higher is worse. No interval: "
        "most replies repeat nothing.",
    ),
}
"""Metric → (heading, how to read it)."""
_BOUNDS = {
    "use_loss": "use may fall by {points} points",
    "over_refusal_rise": "over-refusal rise by {points}",
    "repetition_rise": "repetition by {points}",
    "fidelity_loss": "replies in the asked language fall by {points}",
    "perplexity_ratio": "clean text become {value:g} times as perplexing",
}
_PAPER_ARMS = {"No-Control": "none", "LS-Control": OWN, "En-Control": SOURCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingLine:
    """What an arm was given in some languages, all alike.

    Attributes:
        places: names of the languages; empty where it is all of them.
        row: one of the rows, which are alike.
    """

    arm: str
    places: tuple[str, ...]
    row: Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboSearch:
    """What the same search found for directions that mean nothing.

    Attributes:
        n: placebos; ``n_left`` of them found no setting.
        effects: on validation prompts, of the others.
    """

    n: int
    n_left: int
    effects: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseLine:
    """One language under one strength: rows of the source's direction and of its own."""

    language: LanguageFacts
    strength: float
    rows: Mapping[tuple[str, str], Measurement]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """Table 2 of Xu et al. 2024, as printed.

    Attributes:
        languages: code and name of each column but the last, the average without English.
        rows: model, arm there, arm here, figures in percent.
    """

    languages: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, str, str, tuple[str, ...]], ...]


def control_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run holds no control rows."""
    c = read_control(facts)
    if c is None:
        runs = read_control_runs(store, facts)
        return None if runs is None else _over_runs(runs)
    made = (strength_picture(c), safety_picture(c))
    pictures = tuple(picture for picture in made if picture)
    shared: dict[str, Any] = {
        "c": c,
        "pictures": {picture.name: inlined(picture) for picture in pictures},
        "arms": _arms(c),
        "changed": [arm for arm in c.arms if c.has("compliance_rate_change", arm)],
    }
    return Chapter(
        sections=_sections(c, shared),
        pictures=pictures,
        tables={"control": rows_csv((*c.rows, *c.doses))},
    )


def _sections(c: ControlFacts, shared: Mapping[str, Any]) -> tuple[Section, ...]:
    parts: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (
            "control",
            "Control",
            {
                "average": WITHOUT_SOURCE,
                "against_own": AGAINST_OWN,
                "source_arm": SOURCE,
                "published": published_table(),
            },
        ),
        ("costs", "What it costs", {"costs": COSTS, "changes": CHANGES, "terms": BY_METRIC}),
        ("strength", "By strength", {"lines": dose_lines(c), "rates": DOSE_RATES}),
        (
            "frontier",
            "Safety and use",
            {
                "cost": cost_metric(c),
                "term": BY_METRIC[cost_metric(c)],
                "points": [
                    (x, arm) for x in c.languages for arm in c.arms if not is_unsteered(c, arm, x)
                ],
            },
        ),
        (
            "settings",
            "Settings",
            {
                "lines": setting_lines(c),
                "placebos": placebo_search(c),
                "bounds": bounds_in_words(c.asked.get("bounds")),
            },
        ),
    )
    return tuple(
        Section(
            anchor=name if name == "control" else f"control-{name}",
            title=title,
            html=render(f"control/{name}.html.jinja", **shared, **values),
        )
        for name, title, values in parts
    )


def _over_runs(runs: ControlRuns) -> Chapter:
    """Several experiments: figures over runs, and claims."""
    shared: dict[str, Any] = {"r": runs, "names": short_names(runs.groups)}
    figures = render(
        "control/runs.html.jinja", metrics=RATES, terms=BY_METRIC, against_own=AGAINST_OWN, **shared
    )
    claims = render("control/claims.html.jinja", **shared)
    return Chapter(
        sections=(
            Section(anchor="control-runs", title="Control over runs", html=figures),
            Section(anchor="control-claims", title="Claims on control", html=claims),
        ),
        tables={"control_runs": rows_csv(runs.rows)},
    )


def _arms(c: ControlFacts) -> dict[str, tuple[str, str]]:
    """Arm → (heading, what it is)."""
    found: dict[str, tuple[str, str]] = {}
    for arm in c.arms:
        heading, meaning = ARMS.get(arm, (printable(arm), "an arm of this run"))
        found[arm] = (heading, meaning.replace("{source}", c.source_name))
    return found


def setting_lines(c: ControlFacts) -> list[SettingLine]:
    """The chosen settings by arm; languages with the same one, or the same reason, together."""
    lines: list[SettingLine] = []
    for arm in c.arms:
        groups: dict[tuple[Any, ...], list[tuple[str, Measurement]]] = {}
        for language in c.languages:
            row = c.row("chosen_setting", arm, language.tag)
            if row is not None:
                effect = None if row.estimate is None else round(row.estimate, 9)
                key = (row.category, effect, row.reason, row.verdict, row.method)
                groups.setdefault(key, []).append((language.name, row))
        for found in groups.values():
            names = tuple(name for name, _ in found)
            everywhere = len(names) == len(c.languages)
            lines.append(SettingLine(arm=arm, places=() if everywhere else names, row=found[0][1]))
    return lines


def placebo_search(c: ControlFacts) -> PlaceboSearch | None:
    """None without placebos; a shared setting is counted once, not once a language."""
    if not c.placebos:
        return None
    effects: list[float | None] = []
    n_left = 0
    for arm in c.placebos:
        rows = [c.row("chosen_setting", arm, x.tag) for x in c.languages]
        known = [row.estimate for row in rows if row is not None and row.estimate is not None]
        if known:
            effects.append(known[0])
        elif c.is_left(arm, None):
            n_left += 1
    return PlaceboSearch(n=len(c.placebos), n_left=n_left, effects=spread(effects))


def bounds_in_words(stored: Any) -> str:
    """The bounds of the search; empty where none is stored."""
    if not isinstance(stored, Mapping):
        return ""
    said: list[str] = []
    for name, words in _BOUNDS.items():
        value: Any = stored.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(value, int | float):
            said.append(words.format(points=f"{100 * value:.0f}", value=value))
    return ", ".join(said)


def dose_lines(c: ControlFacts) -> list[DoseLine]:
    """Every language and strength with the rows of both directions."""
    found: dict[tuple[str, float], dict[tuple[str, str], Measurement]] = {}
    for row in c.doses:
        if row.language is not None and row.strength is not None and row.arm in (SOURCE, OWN):
            found.setdefault((row.language, row.strength), {})[row.arm, row.metric] = row
    return [
        DoseLine(language=language, strength=strength, rows=rows)
        for language in c.languages
        for (tag, strength), rows in sorted(found.items(), key=lambda item: item[0])
        if tag == language.tag
    ]


def published_table() -> PublishedTable:
    """The paper's figures, for orientation."""
    text = files("isogloss.report").joinpath("published_control.csv").read_text("utf-8")
    header, *rows = list(csv.reader(text.splitlines()))
    codes = header[2:-1]
    return PublishedTable(
        languages=tuple((code, describe_language(code).name) for code in codes),
        rows=tuple(_published(row) for row in rows),
    )


def _published(row: Sequence[str]) -> tuple[str, str, str, tuple[str, ...]]:
    model, arm, *figures = row
    return model, arm, ARMS[_PAPER_ARMS[arm]][0], tuple(figures)
