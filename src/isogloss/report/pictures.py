"""Which facts go into which picture."""

from __future__ import annotations

from isogloss.charts.composition import ENDINGS, Composition, composition_picture
from isogloss.charts.forest import forest_picture
from isogloss.charts.heatmap import Cell, heat_picture
from isogloss.charts.render import Picture
from isogloss.charts.share import SharePanel, SharePoint, Slope, share_picture
from isogloss.records import INTENTS
from isogloss.report.curses import DECIDING_SCOPE
from isogloss.report.facts import LanguageFacts, RunFacts
from isogloss.report.numbers import verified

_PANELS = (
    ("compliance_rate", "Compliance", "complied"),
    ("harmful_rate", "Harmful rate", "harmful-rate"),
    ("following_rate", "Following rate", "following-rate"),
)


def audit_pictures(facts: RunFacts) -> tuple[Picture, ...]:
    """The pictures this run has data for."""
    pictures = (_outcomes(facts), _share(facts), _forest(facts), _categories(facts))
    return tuple(picture for picture in pictures if picture)


def _outcomes(facts: RunFacts) -> Picture | None:
    rows = [
        Composition(
            label=language.name,
            intent=intent,
            counts={ending: facts.count(ending, language.tag, intent) for ending in ENDINGS},
        )
        for intent in INTENTS
        for language in facts.languages
    ]
    return composition_picture(rows)


def _point(facts: RunFacts, language: LanguageFacts, metric: str) -> SharePoint | None:
    row = facts.rate(metric, language.tag)
    if row is None or row.estimate is None:
        return None
    return SharePoint(
        code=language.code,
        name=language.name,
        tier=language.tier,
        share=language.share or 0.0,
        rate=row.estimate,
        low=row.estimate if row.low is None else row.low,
        high=row.estimate if row.high is None else row.high,
        n=row.n,
        fitted=language.tier != "english",
        verified=verified(row) is not None,
    )


def _share(facts: RunFacts) -> Picture | None:
    panels: list[SharePanel] = []
    for metric, title, colour in _PANELS:
        # The slope leaves unverified languages out, and so does the line through the points.
        points = [
            _point(facts, x, metric)
            for x in facts.languages
            if x.share and verified(facts.rate(metric, x.tag)) is not None
        ]
        row = facts.curse(f"{metric}_slope", DECIDING_SCOPE)
        slope = None
        if row and row.estimate is not None and row.low is not None and row.high is not None:
            slope = Slope(estimate=row.estimate, low=row.low, high=row.high)
        panels.append(
            SharePanel(title=title, colour=colour, points=[p for p in points if p], slope=slope)
        )
    return share_picture(panels)


def _forest(facts: RunFacts) -> Picture | None:
    points = [_point(facts, x, "compliance_rate") for x in facts.languages]
    return forest_picture([p for p in points if p], title="Compliance with harmful prompts")


def _categories(facts: RunFacts) -> Picture | None:
    cells: list[Cell] = []
    for language in facts.languages:
        for category in facts.categories:
            row = facts.rate("compliance_rate", language.tag, category=category)
            cells.append(Cell(language=language.name, category=category, rate=verified(row)))
    return heat_picture(cells, title="Compliance with harmful prompts, by category")
