"""The chapter on concepts: recognised where, how alike, what transfers, and what goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isogloss.charts.render import Picture
from isogloss.concepts.similarity import lineage
from isogloss.records import Measurement
from isogloss.report.chapter import Chapter, Section
from isogloss.report.concept_facts import PATTERNS, ConceptFacts, read_concepts
from isogloss.report.concept_matrices import (
    consistency_picture,
    recognition_picture,
    transfer_picture,
    tree_of,
)
from isogloss.report.concept_pictures import (
    KIND_WORDS,
    competence_picture,
    consistency_layers,
    correlation_row,
    recognition_layers,
    relationships_picture,
)
from isogloss.report.facts import RunFacts
from isogloss.report.inlining import inlined
from isogloss.report.tables import rows_csv
from isogloss.report.templates import render
from isogloss.store import RunStore

DESIGNS = ("direct", "split", "partial")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionLine:
    """One concept: its layer, its mean, its languages, its baselines."""

    concept: str
    layer: int | None
    choice: str
    mean: Measurement | None
    n_recognised: int
    n_measured: int
    shuffled: Measurement | None
    random: Measurement | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyLine:
    """One concept: plain means of cosines over pairs of languages.

    Attributes:
        related, unrelated: pairs of the same branch of the tree, and of different families.
    """

    concept: str
    n_pairs: int
    mean: float | None
    related: float | None
    unrelated: float | None
    ceiling: float | None
    disattenuated: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLine:
    """One concept: pairs of languages by pattern, and the clearest one-way pairs."""

    concept: str
    counts: tuple[tuple[str, int], ...]
    one_way: tuple[tuple[str, str, Measurement], ...]
    rate: float | None


def concepts_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the run holds no concept rows."""
    del store
    c = read_concepts(facts)
    if c is None:
        return None
    tree = tree_of(c.languages)
    made = (
        recognition_picture(c),
        recognition_layers(c),
        consistency_picture(c, tree),
        consistency_layers(c),
        transfer_picture(c, tree),
        relationships_picture(c),
        competence_picture(c),
    )
    pictures = tuple(picture for picture in made if picture)
    return Chapter(
        sections=_sections(c, pictures, audited=bool(facts.audited)),
        pictures=pictures,
        tables={"concepts": _table(c)},
    )


def _sections(
    c: ConceptFacts, pictures: tuple[Picture, ...], *, audited: bool
) -> tuple[Section, ...]:
    shared: dict[str, Any] = {
        "c": c,
        "pictures": {picture.name: inlined(picture) for picture in pictures},
        "names": {x.tag: x.name for x in c.languages},
        "audited": audited,
    }
    parts: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("recognition", "Concepts", {"lines": recognition_lines(c)}),
        ("consistency", "Consistency", {"lines": consistency_lines(c)}),
        ("transfer", "Transfer", {"lines": transfer_lines(c), "patterns": PATTERNS}),
        ("relationships", "Relationships", {"blocks": relationship_blocks(c), "designs": DESIGNS}),
        ("competence", "Competence", {"rows": _competence(c)}),
    )
    return tuple(
        Section(
            anchor=anchor,
            title=title,
            html=render(f"concepts/{anchor}.html.jinja", **shared, **values),
        )
        for anchor, title, values in parts
    )


def recognition_lines(c: ConceptFacts) -> list[RecognitionLine]:
    """One line a concept."""
    lines: list[RecognitionLine] = []
    for concept in c.concepts:
        n_recognised, n_measured = c.recognised(concept)
        lines.append(
            RecognitionLine(
                concept=concept,
                layer=c.layers[concept],
                choice=c.choices[concept],
                mean=c.row("recognition_accuracy", concept),
                n_recognised=n_recognised,
                n_measured=n_measured,
                shuffled=c.row("shuffled_labels_accuracy", concept),
                random=c.row("random_direction_accuracy", concept),
            )
        )
    return lines


def consistency_lines(c: ConceptFacts) -> list[ConsistencyLine]:
    """One line a concept."""
    return [_consistency_line(c, concept) for concept in c.concepts]


def _consistency_line(c: ConceptFacts, concept: str) -> ConsistencyLine:
    tags = [x.tag for x in c.languages]
    pairs = [(a, b) for i, a in enumerate(tags) for b in tags[i + 1 :]]
    cosines = {pair: c.either("consistency_cosine", concept, *pair) for pair in pairs}
    known = [row for row in cosines.values() if row is not None and row.estimate is not None]
    related = [row for pair, row in cosines.items() if _kinship(*pair) == "branch"]
    unrelated = [row for pair, row in cosines.items() if _kinship(*pair) == "none"]

    def mean_of(metric: str) -> float | None:
        return c.mean_of_concepts([c.either(metric, concept, *pair) for pair in pairs])

    return ConsistencyLine(
        concept=concept,
        n_pairs=len(known),
        mean=c.mean_of_concepts(known),
        related=c.mean_of_concepts(related),
        unrelated=c.mean_of_concepts(unrelated),
        ceiling=mean_of("noise_ceiling_cosine"),
        disattenuated=mean_of("disattenuated_cosine"),
    )


def _kinship(one: str, other: str) -> str:
    """``branch``: two shared nodes or more, or the whole lineage; ``none``: different families."""
    a, b = lineage(one), lineage(other)
    if not a or not b:
        return "unknown"
    if a[0] != b[0]:
        return "none"
    return "branch" if a == b or a[:2] == b[:2] else "family"


def transfer_lines(c: ConceptFacts) -> list[TransferLine]:
    """One line a concept."""
    names = {x.tag: x.name for x in c.languages}
    lines: list[TransferLine] = []
    for concept in c.concepts:
        mine = [row for row in c.rows if row.concept == concept]
        rows = [row for row in mine if row.metric == "transfer_asymmetry"]
        one_way = [
            (names.get(row.source_language, ""), names.get(row.language, ""), row)
            for row in rows
            if row.verdict == "unidirectional" and row.source_language and row.language
        ]
        one_way.sort(key=lambda found: -(found[2].estimate or 0.0))
        counts = tuple((p, sum(row.verdict == p for row in rows)) for p in PATTERNS)
        unmeasured = sum(row.verdict not in PATTERNS for row in rows)
        lines.append(
            TransferLine(
                concept=concept,
                counts=(*counts, ("not measured", unmeasured)),
                one_way=tuple(one_way),
                rate=c.mean_of_concepts([row for row in mine if row.metric == "transfer_rate"]),
            )
        )
    return lines


Block = tuple[str, list[tuple[str, str, list[Measurement | None]]]]
"""Title → lines of (kind, concept or "", the designs' rows)."""


def relationship_blocks(c: ConceptFacts) -> list[Block]:
    """Correlations of consistency and of transfer; kinds without any row are left out."""
    blocks: list[Block] = []
    for title, of in (("Consistency", ""), ("Transfer", "transfer")):
        lines: list[tuple[str, str, list[Measurement | None]]] = []
        for concept in (None, *c.concepts):
            for kind, words in KIND_WORDS.items():
                rows = [correlation_row(c, kind, d, concept=concept, of=of) for d in DESIGNS]
                if any(rows):
                    lines.append((words, concept or "", rows))
        if lines:
            blocks.append((title, lines))
    return blocks


def _competence(c: ConceptFacts) -> list[tuple[Any, Measurement | None]]:
    metric = "competence_bits_per_character"
    rows = [(x, c.row(metric, None, x.tag, x.tag)) for x in c.languages]
    return rows if any(row for _, row in rows) else []


def _table(c: ConceptFacts) -> str:
    return rows_csv(c.rows)
