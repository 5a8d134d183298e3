"""The chapter that walks through both papers: the claims of a study by section, and its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from isogloss.charts.render import Picture
from isogloss.errors import StoreError
from isogloss.records import Measurement
from isogloss.report.chapter import Chapter, ChapterBuilder, Section
from isogloss.report.chapters.align import align_chapter
from isogloss.report.chapters.anatomy import anatomy_chapter
from isogloss.report.chapters.control import control_chapter
from isogloss.report.chapters.dose import dose_chapter
from isogloss.report.chapters.grid import grid_chapter
from isogloss.report.chapters.ladder import ladder_chapter
from isogloss.report.chapters.measuring import measuring_chapter
from isogloss.report.chapters.mixes import mixes_chapter
from isogloss.report.chapters.models import models_chapter
from isogloss.report.facts import RunFacts, read_facts
from isogloss.report.inlining import inlined
from isogloss.report.stored import as_list, as_mapping
from isogloss.report.tables import csv_text
from isogloss.report.templates import render
from isogloss.report.walk import AREA, Place, arm_told, claimed, verdict_of, walk_through
from isogloss.store import RunStore

LEADS: dict[str, tuple[Place, ChapterBuilder]] = {
    "align": (Place("P1", 3), align_chapter),
    "ladder": (Place("P1", 4), ladder_chapter),
    "dose": (Place("P1", 4), dose_chapter),
    "grid": (Place("P1", 3), grid_chapter),
    "anatomy": (Place("P1", 2), anatomy_chapter),
    "instruments": (Place("P1", 2), measuring_chapter),
    "concepts": (Place("P2", 4), models_chapter),
    "control": (Place("P2", 5), control_chapter),
    "mixes": (Place("P2", 6), mixes_chapter),
}
"""Kind of a step → the section that its first picture belongs to, and the chapter that draws it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """An experiment's first picture.

    Attributes:
        href: the experiment's own page.
    """

    step: str
    title: str
    svg: Markup
    href: str
    picture: Picture


def study_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run is no study."""
    meta = as_mapping(store.meta(AREA))
    if not meta:
        return None
    claims = [row for row in facts.rows if row.area == AREA]
    leads = _leads(store, as_list(meta.get("steps")))
    sections = [
        Section(
            anchor=part.anchor,
            title=part.short,
            html=render(
                "study/part.html.jinja",
                part=part,
                first=at == 0,
                leads=leads.get(part.place, ()),
                arm_told=arm_told,
                claimed=claimed,
                verdict_of=verdict_of,
            ),
        )
        for at, part in enumerate(walk_through(claims))
    ]
    shown = [lead.picture for found in leads.values() for lead in found]
    return Chapter(
        sections=(*sections, _steps_section(store, meta)),
        pictures=tuple(shown),
        tables={"claims": _table(claims)},
    )


def _leads(store: RunStore, steps: Sequence[Any]) -> dict[Place, list[Lead]]:
    found: dict[Place, list[Lead]] = {}
    for step in map(as_mapping, steps):
        if step.get("kind") not in LEADS or step.get("seconds") is None:
            continue
        place, builder = LEADS[step["kind"]]
        lead = _lead(store, step, builder)
        if lead is not None:
            found.setdefault(place, []).append(lead)
    return found


def _lead(store: RunStore, step: Mapping[str, Any], builder: ChapterBuilder) -> Lead | None:
    try:
        with RunStore(store.folder / step["folder"]) as inner:
            chapter = builder(inner, read_facts(inner))
    except StoreError:  # the experiment's folder was moved: the claims are here all the same
        return None
    if chapter is None or not chapter.pictures:
        return None
    first = chapter.pictures[0]
    # Several steps of one kind draw pictures of one name.
    picture = replace(first, name=f"{Path(step['folder']).name}-{first.name}")
    return Lead(
        step=step["name"],
        title=picture.title,
        svg=inlined(picture),
        href=f"{step['folder']}/report.html",
        picture=picture,
    )


def _steps_section(store: RunStore, meta: Mapping[str, Any]) -> Section:
    steps = [
        {
            "name": step.get("name"),
            "kind": step.get("kind"),
            "minutes": None if step.get("seconds") is None else round(step["seconds"] / 60, 1),
            "href": _page_of(store, step),
        }
        for step in map(as_mapping, as_list(meta.get("steps")))
    ]
    return Section(
        anchor="steps",
        title="What was run",
        html=render("study/steps.html.jinja", meta=meta, steps=steps),
    )


def _page_of(store: RunStore, step: Mapping[str, Any]) -> str | None:
    page = f"{step.get('folder')}/report.html"
    return page if (store.folder / page).is_file() else None


def _table(claims: Sequence[Measurement]) -> str:
    columns = [field.name for field in fields(Measurement)]
    return csv_text(columns, ([getattr(row, c) for c in columns] for row in claims))
