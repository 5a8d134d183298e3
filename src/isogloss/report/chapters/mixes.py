"""The chapter on mixes: recipes side by side, and which serves all languages best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isogloss.report.chapter import Chapter, Section
from isogloss.report.compared_pictures import gaps_picture
from isogloss.report.facts import RunFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.inlining import inlined
from isogloss.report.mix_facts import KINDS, MixFacts, read_mixes
from isogloss.report.mix_pictures import language_pictures, standing_picture
from isogloss.report.tables import rows_csv
from isogloss.report.templates import render
from isogloss.store import RunStore


def mixes_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run compares no recipes."""
    del store
    mixes = read_mixes(facts)
    if mixes is None:
        return None
    gaps = gaps_picture(mixes, name="mixes-gaps", of="every recipe")
    made = (standing_picture(mixes), *language_pictures(mixes), gaps)
    pictures = tuple(picture for picture in made if picture)
    shared: dict[str, Any] = {
        "mixes": mixes,
        "facts": facts,
        "pictures": {picture.name: inlined(picture) for picture in pictures},
        "terms": BY_METRIC,
        "kinds": KINDS,
    }
    return Chapter(
        sections=tuple(_sections(mixes, shared)),
        pictures=pictures,
        tables={"mixes": rows_csv(mixes.rows)},
    )


def _sections(mixes: MixFacts, shared: Mapping[str, Any]) -> Iterator[Section]:
    parts = (
        ("mixes", "Recipes", True),
        ("languages", "By language", True),
        ("gaps", "Gaps by recipe", mixes.gap_tiers is not None),
        ("claims", "Claims on recipes", bool(mixes.claims)),
    )
    for name, title, is_there in parts:
        if is_there:
            html = render(f"mixes/{name}.html.jinja", **shared)
            anchor = name if name == "mixes" else f"mixes-{name}"
            yield Section(anchor=anchor, title=title, html=html)
