"""The chapter on faulty instruments: one model measured exactly and through bad translation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isogloss.report.chapter import Chapter, Section
from isogloss.report.compared_pictures import gaps_picture
from isogloss.report.condition_facts import ConditionFacts, read_conditions
from isogloss.report.facts import RunFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.inlining import inlined
from isogloss.report.tables import rows_csv
from isogloss.report.templates import render
from isogloss.store import RunStore


def measuring_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run compares no instruments."""
    del store
    found = read_conditions(facts)
    if found is None:
        return None
    picture = gaps_picture(found, name="measuring-gaps", of="every way of measuring")
    pictures = (picture,) if picture else ()
    shared: dict[str, Any] = {
        "found": found,
        "pictures": {picture.name: inlined(picture) for picture in pictures},
        "terms": BY_METRIC,
    }
    return Chapter(
        sections=tuple(_sections(found, shared)),
        pictures=pictures,
        tables={"measuring": rows_csv(found.rows)},
    )


def _sections(found: ConditionFacts, shared: Mapping[str, Any]) -> Iterator[Section]:
    yield Section(
        anchor="measuring",
        title="Ways of measuring",
        html=render("measuring/measuring.html.jinja", **shared),
    )
    if found.claims:
        yield Section(
            anchor="measuring-claims",
            title="Claims on instruments",
            html=render("measuring/claims.html.jinja", **shared),
        )
