"""The concept rows of a run by name: what the chapter and the page's first lines read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from isogloss.languages import ShareTable
from isogloss.printable import printable
from isogloss.records import Measurement
from isogloss.report.facts import CONCEPTS, LanguageFacts, RunFacts, language_facts

_Key = tuple[str, str | None, str | None, str | None]

PATTERNS: dict[str, tuple[str, str]] = {
    "mutual": ("↔", "both are as good in the other language as its own, up to 5 points"),
    "unidirectional": ("→", "one is; the other is more than 5 points worse, and they differ"),
    "none": ("×", "both are more than 5 points worse"),
    "cannot tell": ("·", "the intervals are too wide for any of these"),
    "not assessable": ("?", "a language's own vector does not beat shuffled labels"),
}
"""Pattern of a pair of languages → (mark, meaning)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptFacts:
    """One target's concepts. Build it with `read_concepts`.

    Attributes:
        target: the page's, the run's latest.
        rows: of that target.
        others: further targets whose concepts are in the run.
        concepts: in the order of the rows.
        languages: by falling share.
        layers: concept → its chosen layer; None where every cell has its own or none is stored.
        choices: concept → how it was chosen.
    """

    target: str
    arm: str
    rows: tuple[Measurement, ...]
    others: tuple[str, ...]
    concepts: tuple[str, ...]
    languages: tuple[LanguageFacts, ...]
    layers: Mapping[str, int | None]
    choices: Mapping[str, str]
    _index: Mapping[_Key, Measurement]

    def row(
        self,
        metric: str,
        concept: str | None,
        source: str | None = None,
        language: str | None = None,
    ) -> Measurement | None:
        """The row at the chosen layer, or None where there is no such row."""
        return self._index.get((metric, concept, source, language))

    def own(self, metric: str, concept: str, language: str) -> Measurement | None:
        """The row of a language's own vector on its own pairs."""
        return self.row(metric, concept, language, language)

    def either(self, metric: str, concept: str, one: str, other: str) -> Measurement | None:
        """The row of an unordered pair, whichever way it is stored."""
        return self.row(metric, concept, one, other) or self.row(metric, concept, other, one)

    def mean_of_concepts(self, rows: Sequence[Measurement | None]) -> float | None:
        """The plain mean of the measured ones; None where none is."""
        known = [row.estimate for row in rows if row is not None and row.estimate is not None]
        return sum(known) / len(known) if known else None

    def by_layer(self, metric: str, concept: str) -> dict[str | None, list[tuple[int, float]]]:
        """Language (None: the mean) → (layer, value) by rising layer."""
        curves: dict[str | None, list[tuple[int, float]]] = {}
        for row in self.rows:
            same = row.metric == metric and row.concept == concept
            if same and row.layer is not None and row.estimate is not None:
                curves.setdefault(row.language, []).append((row.layer, row.estimate))
        return {language: sorted(points) for language, points in curves.items()}

    def recognised(self, concept: str) -> tuple[int, int]:
        """Languages in which the concept is recognised, of those measured."""
        rows = [self.own("recognition_accuracy", concept, x.tag) for x in self.languages]
        measured = [row for row in rows if row is not None and row.estimate is not None]
        return sum(is_recognised(row) for row in measured), len(measured)


def is_recognised(row: Measurement) -> bool:
    """Whether an own-language accuracy is shown to beat shuffled labels.

    By the stored verdict; where there is none, by an interval above one half.
    """
    if row.verdict is not None:
        return row.verdict == "recognised"
    return row.low is not None and row.low > 0.5


def read_concepts(facts: RunFacts) -> ConceptFacts | None:
    """The concept rows of the run's latest target; None where there are none."""
    # A concept's name may come from a file: it goes into pictures, and those are XML.
    rows = [
        replace(row, concept=printable(row.concept) if row.concept else None)
        for row in facts.rows
        if row.area == CONCEPTS
    ]
    if not rows:
        return None
    asked: Mapping[str, Any] = facts.meta.get("concepts") or {}
    targets = list(dict.fromkeys((row.target, row.arm) for row in rows))
    here = next((t for t in targets if t[0] == asked.get("target")), targets[-1])
    mine = tuple(row for row in rows if (row.target, row.arm) == here)
    concepts = tuple(dict.fromkeys(row.concept for row in mine if row.concept))
    tags = dict.fromkeys(tag for row in mine for tag in (row.source_language, row.language) if tag)
    table = ShareTable.from_json(facts.meta["share_table"]) if facts.meta["share_table"] else None
    index: dict[_Key, Measurement] = {}
    for row in mine:
        if row.category is None:
            key = (row.metric, row.concept, row.source_language, row.language)
            index.setdefault(key, row)
            if row.source_language is None and row.language is not None:
                index.setdefault((row.metric, row.concept, row.language, row.language), row)
    chosen = {row.concept: row for row in mine if row.metric == "chosen_layer" and row.concept}
    return ConceptFacts(
        target=here[0],
        arm=here[1],
        rows=mine,
        others=tuple(" · ".join(t) for t in targets if t != here),
        concepts=concepts,
        languages=language_facts(tags, table, {}),
        layers={c: chosen[c].layer if c in chosen else None for c in concepts},
        choices={c: _how(chosen.get(c)) for c in concepts},
        _index=index,
    )


def _how(row: Measurement | None) -> str:
    if row is None:
        return "no layer choice is stored"
    return row.method or row.reason or "not stored"
