"""Curves and scatters of the concepts chapter, from stored rows."""

from __future__ import annotations

from isogloss.charts.layers import LayerPanel, layers_picture
from isogloss.charts.render import Picture
from isogloss.charts.scatter import ScatterPanel, ScatterPoint, scatter_picture
from isogloss.records import Measurement
from isogloss.report.concept_facts import ConceptFacts
from isogloss.report.numbers import decimal, p_value

KIND_WORDS = {
    "genetic": "Genetic",
    "syntactic": "Syntactic",
    "geographic": "Geographic",
    "phonological": "Phonological",
    "lexical": "Lexical",
    "word_order": "Word order",
}
"""Kind of similarity as stored → words."""


def recognition_layers(c: ConceptFacts) -> Picture | None:
    """Own-language accuracy along the layers."""
    panels: list[LayerPanel] = []
    for concept in c.concepts:
        curves = c.by_layer("recognition_accuracy_by_layer", concept)
        mean = curves.pop(None, [])
        baseline = c.row("shuffled_labels_accuracy", concept)
        references: dict[str, list[tuple[int, float]]] = {}
        if baseline is not None and baseline.estimate is not None and mean:
            name = f"shuffled labels: {100 * baseline.estimate:.0f} %"
            references[name] = [(layer, baseline.estimate) for layer, _ in (mean[0], mean[-1])]
        panels.append(
            LayerPanel(
                title=concept,
                curves={str(tag): points for tag, points in curves.items()},
                mean=mean,
                chosen=c.layers[concept],
                chosen_tip=f"layer {c.layers[concept]}: {c.choices[concept]}",
                references=references,
            )
        )
    lowest = [value for p in panels for points in p.curves.values() for _, value in points]
    return layers_picture(
        panels,
        name="recognition-by-layer",
        title="Recognition by layer",
        description="own-language accuracy at every layer, a panel a concept",
        domain=(min([0.4, *lowest]), 1.0),
        percent=True,
    )


def consistency_layers(c: ConceptFacts) -> Picture | None:
    """Mean cosine over pairs of languages along the layers, under its noise ceiling."""
    panels: list[LayerPanel] = []
    for concept in c.concepts:
        mean = c.by_layer("consistency_cosine_by_layer", concept).get(None, [])
        ceiling = c.by_layer("noise_ceiling_cosine_by_layer", concept).get(None, [])
        panels.append(
            LayerPanel(
                title=concept,
                curves={},
                mean=mean,
                chosen=c.layers[concept],
                chosen_tip=f"layer {c.layers[concept]}: {c.choices[concept]}",
                references={"noise ceiling": ceiling} if ceiling else {},
            )
        )
    values = [value for panel in panels for _, value in panel.mean]
    return layers_picture(
        panels,
        name="consistency-by-layer",
        title="Consistency by layer",
        description="mean cosine over pairs of languages at every layer, a panel a concept",
        domain=(min([0.0, *values]), 1.0),
        percent=False,
        colour="following-rate",
    )


def correlation_row(
    c: ConceptFacts, kind: str, design: str, *, concept: str | None = None, of: str = ""
) -> Measurement | None:
    """One stored correlation; ``of`` is "" for consistency's and "transfer" for transfer's."""
    metric = f"{of}_linguistic_correlation" if of else "linguistic_correlation"
    return next(
        (
            row
            for row in c.rows
            if row.metric == metric
            and row.category == kind
            and row.concept == concept
            and (row.method or "").startswith(f"{design}:")
        ),
        None,
    )


def relationships_picture(c: ConceptFacts) -> Picture | None:
    """Mean cosine over concepts against each kind of similarity, a point a pair of languages."""
    names = {x.tag: x.name for x in c.languages}
    panels: list[ScatterPanel] = []
    for kind, words in KIND_WORDS.items():
        dots: list[ScatterPoint] = []
        for row in c.rows:
            one, other = row.source_language, row.language
            is_of = row.metric == "linguistic_similarity" and row.category == kind
            if not is_of or row.estimate is None or one is None or other is None:
                continue
            cosine = c.mean_of_concepts(
                [c.either("consistency_cosine", concept, one, other) for concept in c.concepts]
            )
            if cosine is None:
                continue
            pair = f"{names.get(one, one)} and {names.get(other, other)}"
            tip = f"{pair}: similarity {row.estimate:.2f}, cosine {cosine:.2f}"
            dots.append(ScatterPoint(x=row.estimate, y=cosine, tip=tip))
        panels.append(ScatterPanel(title=words, note=_note(c, kind), points=dots))
    return scatter_picture(
        panels,
        name="relationships",
        title="Consistency against linguistic similarity",
        description="mean cosine of two languages' vectors against how alike the languages are",
        x_title="similarity",
        y_title="cosine",
    )


def _note(c: ConceptFacts, kind: str) -> str:
    """The correlation over all concepts; where only each concept's is stored, their range."""
    row = correlation_row(c, kind, "direct")
    if row is not None and row.estimate is not None:
        return f"r = {decimal(row.estimate)}, {p_value(row.p_value)}, {row.n_clusters} languages"
    rows = [correlation_row(c, kind, "direct", concept=concept) for concept in c.concepts]
    known = [row for row in rows if row is not None and row.estimate is not None]
    if not known:
        return "no correlation stored"
    values = [row.estimate for row in known if row.estimate is not None]
    return (
        f"r from {decimal(min(values))} to {decimal(max(values))} over concepts, "
        f"{max(row.n_clusters or 0 for row in known)} languages"
    )


def competence_picture(c: ConceptFacts) -> Picture | None:
    """Mean own-language accuracy over concepts against held-out bits per character."""
    dots: list[ScatterPoint] = []
    for language in c.languages:
        bits = c.row("competence_bits_per_character", None, language.tag, language.tag)
        rows = [c.own("recognition_accuracy", concept, language.tag) for concept in c.concepts]
        accuracy = c.mean_of_concepts(rows)
        if bits is None or bits.estimate is None or accuracy is None:
            continue
        dots.append(
            ScatterPoint(
                x=bits.estimate,
                y=accuracy,
                tip=f"{language.name}: {bits.estimate:.2f} bits per character, recognition "
                f"{100 * accuracy:.0f} %",
                label=language.code,
            )
        )
    return scatter_picture(
        [ScatterPanel(title="", note="", points=dots, colour="complied")],
        name="competence",
        title="Recognition against competence",
        description="mean recognition over concepts against held-out bits per character",
        x_title="held-out bits per character (lower: knows the language better)",
        y_title="recognition, percent",
        x_domain=None,
        y_percent=True,
    )
