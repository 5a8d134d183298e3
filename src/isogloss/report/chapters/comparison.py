"""The chapter of a comparison: two runs or arms, paired, language by language."""

from __future__ import annotations

from isogloss.report.chapter import Chapter, Section
from isogloss.report.facts import RunFacts
from isogloss.report.templates import render
from isogloss.store import RunStore

COMPARE = "compare"


def comparison_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where nothing was compared in this run."""
    rows = [row for row in facts.rows if row.area == COMPARE]
    if not rows:
        return None
    names = {language.tag: language.name for language in facts.languages}
    html = render("comparison.html.jinja", rows=rows, names=names)
    return Chapter(sections=(Section(anchor="comparison", title="Comparison", html=html),))
