"""The report of a run: one HTML file that needs nothing else; charts and tables beside it."""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from isogloss.charts.palette import palette_css
from isogloss.charts.render import png_of, svg_of
from isogloss.errors import StoreError
from isogloss.report.chapter import Chapter, ChapterBuilder
from isogloss.report.chapters.align import align_chapter
from isogloss.report.chapters.anatomy import anatomy_chapter
from isogloss.report.chapters.audit import audit_chapter
from isogloss.report.chapters.comparison import comparison_chapter
from isogloss.report.chapters.concepts import concepts_chapter
from isogloss.report.chapters.control import control_chapter
from isogloss.report.chapters.dose import dose_chapter
from isogloss.report.chapters.grid import grid_chapter
from isogloss.report.chapters.instruments import instruments_chapter
from isogloss.report.chapters.judges import judges_chapter
from isogloss.report.chapters.ladder import ladder_chapter
from isogloss.report.chapters.measuring import measuring_chapter
from isogloss.report.chapters.mixes import mixes_chapter
from isogloss.report.chapters.models import models_chapter
from isogloss.report.chapters.record import record_chapter
from isogloss.report.chapters.study import study_chapter
from isogloss.report.chapters.translation import translation_chapter
from isogloss.report.facts import RunFacts, read_facts
from isogloss.report.lede import build_lede
from isogloss.report.templates import render, source
from isogloss.store import RunStore

CHAPTERS: tuple[ChapterBuilder, ...] = (
    study_chapter,
    ladder_chapter,
    dose_chapter,
    mixes_chapter,
    grid_chapter,
    anatomy_chapter,
    measuring_chapter,
    audit_chapter,
    instruments_chapter,
    judges_chapter,
    translation_chapter,
    concepts_chapter,
    control_chapter,
    align_chapter,
    models_chapter,
    comparison_chapter,
    record_chapter,
)
"""In the order of the page. A new area is one module with one such function, named here."""


def build_report(run: str | Path, out: str | Path | None = None) -> Path:
    """Write the page of a run, and charts (SVG, PNG) and tables (CSV) into a folder beside it.

    Args:
        run: a run folder with measurements.
        out: the HTML file; ``RUN/report.html`` unless given. The folder beside it has its name
            without the ending.

    Returns:
        The path of the page.

    Raises:
        StoreError: no run folder, nothing measured in it, or the place cannot be written.

    Example:
        >>> build_report("runs/demo")  # doctest: +SKIP
        PosixPath('runs/demo/report.html')
    """
    path = Path(run) / "report.html" if out is None else Path(out)
    folder = path.with_suffix("") if path.suffix else path.with_name(f"{path.name}-files")
    with RunStore(run) as store:
        facts = read_facts(store)
        built = (build(store, facts) for build in CHAPTERS)
        chapters = [chapter for chapter in built if chapter]
        html = _page(facts, chapters, files=folder.name)
    try:
        _write_beside(folder, chapters)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, html.encode("utf-8", "replace"))
    except OSError as error:
        raise StoreError(
            f"cannot write the report to {path}: {error.strerror or error}. "
            "Choose another place with --out FILE."
        ) from error
    return path


def _page(facts: RunFacts, chapters: list[Chapter], *, files: str) -> str:
    style = palette_css() + source("style.css")
    script = source("page.js")
    html = render(
        "page.html.jinja",
        facts=facts,
        sections=[section for chapter in chapters for section in chapter.sections],
        lede=build_lede(facts),
        files=files,
        style=Markup(style),
        script=Markup(script),
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
        written=datetime.now(UTC).strftime("%Y-%m-%d"),
    )
    return str(html)


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _write_beside(folder: Path, chapters: list[Chapter]) -> None:
    for kind in ("charts", "tables"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for chapter in chapters:
        for picture in chapter.pictures:
            _write(folder / "charts" / f"{picture.name}.svg", svg_of(picture.wide).encode())
            _write(folder / "charts" / f"{picture.name}.png", png_of(picture.wide))
        for name, text in chapter.tables.items():
            # The mark makes spreadsheets read UTF-8.
            _write(folder / "tables" / f"{name}.csv", text.encode("utf-8-sig", "replace"))


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: a reader never meets half a file."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
