"""The chapter on a ladder: which stage made the gap between languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isogloss.report.chapter import Chapter, Section
from isogloss.report.facts import RunFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.inlining import inlined
from isogloss.report.ladder_facts import LadderFacts, read_ladder
from isogloss.report.ladder_pictures import gaps_picture, parts_picture, rates_picture
from isogloss.report.ladder_words import part, rate_words, verdict_of
from isogloss.report.tables import Cell, csv_text, rows_csv
from isogloss.report.templates import render
from isogloss.store import RunStore


def ladder_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run holds no ladder."""
    del store
    ladder = read_ladder(facts)
    if ladder is None:
        return None
    made = (gaps_picture(ladder), parts_picture(ladder), rates_picture(ladder))
    pictures = tuple(picture for picture in made if picture)
    shared: dict[str, Any] = {
        "ladder": ladder,
        "facts": facts,
        "pictures": {picture.name: inlined(picture) for picture in pictures},
        "terms": BY_METRIC,
        "part": part,
        "verdict": verdict_of,
    }
    return Chapter(
        sections=tuple(_sections(ladder, shared)),
        pictures=pictures,
        tables={
            "ladder": rows_csv(ladder.rows),
            "ladder_rates": csv_text(
                ["rung", "tier", "rate", "estimate", "low", "high", "n"], _rate_cells(ladder)
            ),
        },
    )


def _sections(ladder: LadderFacts, shared: Mapping[str, Any]) -> Iterator[Section]:
    parts: tuple[tuple[str, str, bool, dict[str, Any]], ...] = (
        ("ladder", "Ladder", True, {"words": rate_words(ladder)}),
        ("parts", "Stages", True, {}),
        ("rates", "Rates by rung", any(rung.targets for rung in ladder.rungs), {}),
        ("claims", "Claims on stages", bool(ladder.claims), {}),
    )
    for name, title, is_there, values in parts:
        if is_there:
            html = render(f"ladder/{name}.html.jinja", **shared, **values)
            anchor = name if name == "ladder" else f"ladder-{name}"
            yield Section(anchor=anchor, title=title, html=html)


def _rate_cells(ladder: LadderFacts) -> Iterator[list[Cell]]:
    for at, rung in enumerate(ladder.rungs):
        for tier in ladder.tiers:
            for metric in ladder.rates:
                row = ladder.rate(metric, at, tier)
                ends = [row.estimate, row.low, row.high, row.n] if row else [None] * 4
                yield [rung.name, tier, metric, *ends]
