"""What one area of a run contributes to the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from isogloss.charts.render import Picture
from isogloss.report.facts import RunFacts
from isogloss.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One entry of the table of contents, with its HTML."""

    anchor: str
    title: str
    html: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Sections in order, and the files that go beside the page.

    Attributes:
        pictures: written as SVG and PNG.
        tables: file stem → CSV text.
    """

    sections: tuple[Section, ...]
    pictures: tuple[Picture, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict[str, str])


ChapterBuilder = Callable[[RunStore, RunFacts], Chapter | None]
"""Reads a run; None where the run holds nothing of its area."""
