"""The chapter on translation: who translated, and what share a reader should doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.records import Measurement
from isogloss.report.chapter import Chapter, Section
from isogloss.report.facts import RunFacts
from isogloss.report.templates import render
from isogloss.store import RunStore

AREA = "translation"


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedLanguage:
    """One language and variant as it was translated.

    Attributes:
        engines: who translated, joined by ``+``.
        flagged: share with a flag or more.
        flags: (name, row) of the flags raised, the most frequent first.
        chrf: mean chrF++ of back-translations, 0 to 100.
    """

    name: str
    variant: str
    engines: str
    flagged: Measurement
    flags: tuple[tuple[str, Measurement], ...]
    chrf: Measurement | None


def translation_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where no prompt of the run came through a translator."""
    del store
    rows = [row for row in facts.rows if row.area == AREA]
    if not rows:
        return None
    names = {language.tag: language.name for language in facts.languages}
    order = list(names)
    keys = sorted(
        {(row.language or "", row.variant or "") for row in rows},
        key=lambda key: (order.index(key[0]) if key[0] in order else len(order), key),
    )
    lines = [_line(rows, language, variant, names) for language, variant in keys]
    html = render("instruments/translation.html.jinja", lines=lines)
    section = Section(anchor="translation", title="Translation", html=html)
    return Chapter(sections=(section,))


def _line(
    rows: Sequence[Measurement], language: str, variant: str, names: dict[str, str]
) -> TranslatedLanguage:
    mine = [row for row in rows if (row.language, row.variant) == (language, variant)]
    flags = [row for row in mine if row.metric == "flag_rate"]
    whole = next(row for row in flags if row.category is None)
    raised = sorted(
        ((row.category, row) for row in flags if row.category is not None),
        key=lambda pair: (-(pair[1].k or 0), pair[0]),
    )
    return TranslatedLanguage(
        name=names.get(language, language),
        variant=variant,
        engines=whole.target,
        flagged=whole,
        flags=tuple(raised),
        chrf=next((row for row in mine if row.metric == "back_translation_chrf"), None),
    )
