"""The chapter on doses of text: what more of a language changes, and how much is enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isogloss.report.arm_facts import side_of
from isogloss.report.chapter import Chapter, Section
from isogloss.report.dose_facts import DoseFacts, read_dose
from isogloss.report.dose_pictures import contrasts_picture, response_pictures
from isogloss.report.dose_words import contrast_words, parity_words
from isogloss.report.facts import RunFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.inlining import inlined
from isogloss.report.tables import rows_csv
from isogloss.report.templates import render
from isogloss.store import RunStore


def dose_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run holds no dose-response."""
    del store
    dose = read_dose(facts)
    if dose is None:
        return None
    pictures = tuple(p for p in (response_pictures(dose), contrasts_picture(dose)) if p)
    shared: dict[str, Any] = {
        "dose": dose,
        "facts": facts,
        "pictures": {picture.name: inlined(picture) for picture in pictures},
        "terms": BY_METRIC,
        "parity_words": parity_words,
        "contrast_words": contrast_words,
        "side": side_of,
    }
    return Chapter(
        sections=tuple(_sections(dose, shared)),
        pictures=pictures,
        tables={"dose": rows_csv(dose.rows)},
    )


def _sections(dose: DoseFacts, shared: Mapping[str, Any]) -> Iterator[Section]:
    parts = (
        ("dose", "Dose and response", True),
        ("parity", "Enough text", True),
        ("contrasts", "Against one another", bool(dose.contrasts)),
        ("figures", "Figures by dose", True),
        ("claims", "Claims on doses", bool(dose.claims)),
    )
    for name, title, is_there in parts:
        if is_there:
            html = render(f"dose/{name}.html.jinja", **shared)
            anchor = name if name == "dose" else f"dose-{name}"
            yield Section(anchor=anchor, title=title, html=html)
