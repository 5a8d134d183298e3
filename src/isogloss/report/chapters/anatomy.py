"""The chapter on anatomy: which link of the chain broke first, by instruments of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isogloss.report.anatomy_facts import (
    GAINED,
    KINDS,
    MARGIN,
    NET,
    PAID,
    READINGS,
    RECOVERED,
    SHIFT,
    AnatomyFacts,
    read_anatomy,
)
from isogloss.report.anatomy_pictures import link_pictures, rivals_picture, threshold_picture
from isogloss.report.anatomy_words import link_sentences
from isogloss.report.chapter import Chapter, Section
from isogloss.report.facts import RunFacts
from isogloss.report.inlining import inlined
from isogloss.report.tables import rows_csv
from isogloss.report.templates import render
from isogloss.store import RunStore


def anatomy_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run holds no anatomy."""
    del store
    a = read_anatomy(facts)
    if a is None:
        return None
    made = (*link_pictures(a), rivals_picture(a), threshold_picture(a))
    pictures = tuple(picture for picture in made if picture)
    shared: dict[str, Any] = {
        "a": a,
        "facts": facts,
        "pictures": {picture.name: inlined(picture) for picture in pictures},
        "kinds": KINDS,
        "readings": READINGS,
        "sentences": {kind: link_sentences(a, kind) for kind in KINDS},
        "instruments": a.instruments,
        "margin": MARGIN,
        "shift": SHIFT,
        "unit": next((row.unit for row in a.rows if row.metric == SHIFT), ""),
        "gained": GAINED,
        "recovered": RECOVERED,
        "paid": PAID,
        "net": NET,
    }
    return Chapter(
        sections=tuple(_sections(a, shared)),
        pictures=pictures,
        tables={"anatomy": rows_csv(a.rows)},
    )


def _sections(a: AnatomyFacts, shared: Mapping[str, Any]) -> Iterator[Section]:
    parts = (
        ("anatomy", "Anatomy", True),
        ("rivals", "Rival readings", True),
        ("threshold", "Thresholds", bool(a.examples)),
        ("claims", "Claims on links", bool(a.claims)),
    )
    for name, title, is_there in parts:
        if is_there:
            html = render(f"anatomy/{name}.html.jinja", **shared)
            anchor = name if name == "anatomy" else f"anatomy-{name}"
            yield Section(anchor=anchor, title=title, html=html)
