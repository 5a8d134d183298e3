"""The chapter of an audit: verdicts, outcomes, shares, categories, tiers, figures, transcripts."""

from __future__ import annotations

from typing import Any

from isogloss.charts.composition import ENDINGS
from isogloss.charts.palette import heat_class
from isogloss.records import INTENTS, Measurement
from isogloss.report.chapter import Chapter, Section
from isogloss.report.curses import curse_words
from isogloss.report.facts import TIERS, LanguageFacts, RunFacts
from isogloss.report.glossary import BY_METRIC, TERMS, VERDICTS
from isogloss.report.inlining import inlined
from isogloss.report.numbers import verified
from isogloss.report.pictures import audit_pictures
from isogloss.report.tables import audit_tables
from isogloss.report.templates import render
from isogloss.report.transcripts import sample_transcripts
from isogloss.report.verdicts import language_verdicts
from isogloss.store import RunStore

_TIER_METRICS = (
    "compliance_rate",
    "harmful_rate",
    "following_rate",
    "over_refusal",
    "helpful_rate",
    "selectivity",
)
_BALANCE_METRICS = ("refusal_rate", "over_refusal", "selectivity", "helpful_rate", "evasion")
_BALANCE_METRICS_LAST = ("reply_fidelity", "truncated_rate")


def audit_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run holds no audit."""
    if not facts.audited:
        return None
    pictures = audit_pictures(facts)
    drawn = {picture.name: inlined(picture) for picture in pictures}
    shared: dict[str, Any] = {"facts": facts, "pictures": drawn, "terms": BY_METRIC}
    verdicts = language_verdicts(facts)

    def section(anchor: str, title: str, **values: Any) -> Section:
        html = render(f"audit/{anchor}.html.jinja", **shared, **values)
        return Section(anchor=anchor, title=title, html=html)

    sections = [
        section("languages", "Verdicts", verdicts=verdicts, meanings=VERDICTS),
        section("outcomes", "Outcomes"),
        section("share", "Against share", curses=curse_words(facts)),
        section("categories", "Categories", heat=_heat(facts)),
        section("tiers", "Tiers", tiers=_tiers(facts)),
        section(
            "helpfulness",
            "Helpfulness",
            metrics=[BY_METRIC[m] for m in (*_BALANCE_METRICS, *_BALANCE_METRICS_LAST)],
        ),
        section("figures", "All figures", metrics=TERMS),
        section("completeness", "Completeness", **_completeness(facts)),
        section("transcripts", "Transcripts", sample=sample_transcripts(store, facts)),
    ]
    return Chapter(sections=tuple(sections), pictures=pictures, tables=audit_tables(facts))


HeatCell = tuple[str, Measurement | None, int | None]
"""Category, row, heat class; the last two None where there is no figure."""


def _heat(facts: RunFacts) -> list[tuple[LanguageFacts, list[HeatCell]]]:
    rows: list[tuple[LanguageFacts, list[HeatCell]]] = []
    for language in facts.languages:
        cells: list[HeatCell] = []
        for category in facts.categories:
            row = facts.rate("compliance_rate", language.tag, category=category)
            rate = verified(row)
            shade = None if rate is None else heat_class(rate)
            cells.append((category, row, shade))
        rows.append((language, cells))
    return rows


def _tiers(facts: RunFacts) -> dict[str, Any]:
    english = facts.english
    rows: list[tuple[str, list[LanguageFacts], list[Measurement | None]]] = []
    for tier in TIERS:
        members = [x for x in facts.languages if x.tier == tier]
        if not members:
            continue
        cells = [
            facts.rate(metric, english.tag)
            if tier == "english" and english
            else facts.tier_rate(metric, tier)
            for metric in _TIER_METRICS
        ]
        rows.append((tier, members, cells))
    return {"metrics": [BY_METRIC[m] for m in _TIER_METRICS], "rows": rows}


def _completeness(facts: RunFacts) -> dict[str, Any]:
    columns = ("planned", "answered", *ENDINGS)
    rows = [
        (language, intent, [facts.count(name, language.tag, intent) for name in columns])
        for language in facts.languages
        for intent in INTENTS
        if facts.count("planned", language.tag, intent)
    ]
    totals = [sum(cells[i] for _, _, cells in rows) for i in range(len(columns))]
    return {"columns": columns, "rows": rows, "totals": totals}
