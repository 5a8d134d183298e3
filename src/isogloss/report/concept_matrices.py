"""The matrices of the concepts chapter as pictures: recognition, consistency, transfer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from isogloss.charts.matrix import Axis, MatrixCell, MatrixPanel, matrix_picture
from isogloss.charts.palette import diverging_class
from isogloss.charts.render import Picture
from isogloss.charts.tree import Tree, family_tree
from isogloss.concepts.similarity import lineage
from isogloss.records import Measurement
from isogloss.report.concept_facts import PATTERNS, ConceptFacts, is_recognised
from isogloss.report.facts import LanguageFacts
from isogloss.report.numbers import decimal, figure, figure_interval, points

REACH = 0.3
"""Difference of accuracies at which a colour is as strong as it gets."""
_RECOGNITION = "recognition_accuracy"


def accuracy_shade(accuracy: float) -> str:
    """Ten classes from one half (and below: the first) to one."""
    return f"heat-{min(9, max(0, int((accuracy - 0.5) * 20 + 1e-9)))}"


def cosine_shade(cosine: float) -> str:
    """Ten classes from 0 (and below: the first) to 1."""
    return f"heat-{min(9, max(0, int(cosine * 10 + 1e-9)))}"


def tree_of(languages: Sequence[LanguageFacts]) -> Tree:
    """The true family tree; a language of unknown family stands alone."""
    return family_tree({x.tag: lineage(x.tag) for x in languages})


def recognition_picture(c: ConceptFacts) -> Picture | None:
    """Own-language accuracy by concept and language; ° where it is not recognised."""
    codes = Axis(
        keys=tuple(x.tag for x in c.languages),
        names=tuple(x.name for x in c.languages),
        codes=tuple(x.code for x in c.languages),
    )
    concepts = Axis(keys=c.concepts, names=c.concepts, codes=_short(c.concepts))
    cells = [
        _recognition_cell(concept, x, c.own(_RECOGNITION, concept, x.tag))
        for concept in c.concepts
        for x in c.languages
    ]
    description = f"{len(c.concepts)} concepts by {len(c.languages)} languages"
    wide = matrix_picture(
        [MatrixPanel(title="Recognition, percent", cells=cells)],
        name="recognition",
        title="Recognition",
        description=description,
        rows=concepts,
        columns=codes,
    )
    turned = [
        MatrixCell(row=x.column, column=x.row, shade=x.shade, text=x.text, tip=x.tip, mark=x.mark)
        for x in cells
    ]
    narrow = matrix_picture(
        [MatrixPanel(title="Recognition, percent", cells=turned)],
        name="recognition",
        title="Recognition",
        description=description,
        rows=Axis(keys=codes.keys, names=codes.names, codes=codes.names),
        columns=concepts,
    )
    if wide is None or narrow is None:
        return None
    return Picture(
        name="recognition",
        title="Recognition",
        description=description,
        wide=wide.wide,
        narrow=narrow.narrow,
    )


def _recognition_cell(concept: str, language: LanguageFacts, row: Measurement | None) -> MatrixCell:
    place = f"{concept}, {language.name}"
    if row is None or row.estimate is None:
        reason = row.reason if row else "no row of it"
        return MatrixCell(
            row=concept, column=language.tag, shade=None, text="–",
            tip=f"{place}: not measured. {reason or ''}",
        )  # fmt: skip
    sure = is_recognised(row)
    doubt = "" if sure else ", no evidence"
    return MatrixCell(
        row=concept,
        column=language.tag,
        shade=accuracy_shade(row.estimate),
        text=f"{100 * row.estimate:.0f}",
        tip=f"{place}: {figure(row)} {figure_interval(row)}, n {row.n}, "
        f"{row.n_clusters} clusters{doubt}",
        mark="" if sure else "°",
    )


def consistency_picture(c: ConceptFacts, tree: Tree) -> Picture | None:
    """Mean cosine over concepts of every pair of languages, in the order of the family tree."""
    names = {x.tag: x.name for x in c.languages}
    cells: list[MatrixCell] = []
    for one in tree.leaves:
        for other in tree.leaves:
            rows = [c.either("consistency_cosine", k, one, other) for k in c.concepts]
            value = 1.0 if one == other else c.mean_of_concepts(rows)
            n = sum(row is not None and row.estimate is not None for row in rows)
            tip = f"{names[one]} and {names[other]}: "
            tip += f"{value:.2f}{_spread(rows)}" if n and value is not None else ""
            if one == other:
                tip = f"{names[one]} with itself"
            elif value is None:
                tip += f"not measured. {_reason(rows)}"
            cells.append(
                MatrixCell(
                    row=one,
                    column=other,
                    shade=None if value is None or one == other else cosine_shade(value),
                    text="" if value is None else f"{value:.2f}".replace("0.", "."),
                    tip=tip,
                )
            )
    axis = _axis(tree, names)
    return matrix_picture(
        [MatrixPanel(title="Cosine, mean over concepts", cells=cells)],
        name="consistency",
        title="Consistency",
        description=f"cosine of the vectors of {len(tree.leaves)} languages, by family",
        rows=axis,
        columns=axis,
        tree=tree,
    )


def transfer_picture(c: ConceptFacts, tree: Tree) -> Picture | None:
    """T with the pattern's mark, and the asymmetry beside it; means over concepts."""
    names = {x.tag: x.name for x in c.languages}
    transfer: list[MatrixCell] = []
    asymmetry: list[MatrixCell] = []
    for one in tree.leaves:
        for other in tree.leaves:
            transfer.append(_transfer_cell(c, names, one, other))
            asymmetry.append(_asymmetry_cell(c, names, one, other))
    axis = _axis(tree, names)
    return matrix_picture(
        [
            MatrixPanel(
                title="Transfer T, points",
                cells=transfer,
                across="pairs asked in",
                down="vector of",
            ),
            MatrixPanel(title="Asymmetry T − Tᵀ, points", cells=asymmetry, across="taking"),
        ],
        name="transfer",
        title="Transfer",
        description=f"transfer of concept vectors between {len(tree.leaves)} languages and its "
        "asymmetry",
        rows=axis,
        columns=axis,
    )


def _transfer_cell(c: ConceptFacts, names: Mapping[str, str], one: str, other: str) -> MatrixCell:
    if one == other:
        return MatrixCell(row=one, column=other, shade=None, text="", tip=f"{names[one]}, own")
    rows = [c.row("transfer", concept, one, other) for concept in c.concepts]
    value = c.mean_of_concepts(rows)
    patterns = [c.either("transfer_asymmetry", concept, one, other) for concept in c.concepts]
    found = Counter(row.verdict for row in patterns if row and row.verdict in PATTERNS)
    place = f"{names[one]}'s vector in {names[other]}"
    if value is None:
        tip = f"{place}: not measured. {_reason(rows)}"
        return MatrixCell(row=one, column=other, shade=None, text="–", tip=tip)
    told = ", ".join(f"{n} {pattern}" for pattern, n in found.most_common())
    return MatrixCell(
        row=one,
        column=other,
        shade=f"diverging-{diverging_class(value, REACH)}",
        text="",
        tip=f"{place}: {points(value)} points{_spread(rows, signed=True)}"
        + (f"; the pair: {told}" if told else ""),
        mark=_mark(found, patterns, one),
    )


def _asymmetry_cell(c: ConceptFacts, names: Mapping[str, str], one: str, other: str) -> MatrixCell:
    if one == other:
        return MatrixCell(row=one, column=other, shade=None, text="", tip=f"{names[one]}, own")
    values: list[float] = []
    one_way: list[str] = []
    for concept in c.concepts:
        row = c.row("transfer_asymmetry", concept, one, other)
        back = c.row("transfer_asymmetry", concept, other, one)
        if row is not None and row.estimate is not None:
            values.append(row.estimate)
            if row.verdict == "unidirectional":
                one_way.append(concept)
        elif back is not None and back.estimate is not None:
            values.append(-back.estimate)
    place = f"from {names[one]} to {names[other]} rather than back"
    if not values:
        return MatrixCell(row=one, column=other, shade=None, text="–", tip=f"{place}: not measured")
    value = sum(values) / len(values)
    told = f"; one-way in {', '.join(one_way)}" if one_way else ""
    return MatrixCell(
        row=one,
        column=other,
        shade=f"diverging-{diverging_class(value, REACH)}",
        text="",
        tip=f"{place}: {points(value)} points, mean of {len(values)} concepts{told}",
        mark="→" if one_way else "",
    )


def _axis(tree: Tree, names: Mapping[str, str]) -> Axis:
    return Axis(
        keys=tree.leaves,
        names=tuple(names[tag] for tag in tree.leaves),
        codes=tuple(tag.removesuffix("-x-lab") for tag in tree.leaves),
    )


def _mark(found: Counter[str], patterns: Sequence[Measurement | None], source: str) -> str:
    """The sign of the most frequent pattern; of a one-way pair → in the row of the giver."""
    if not found:
        return ""
    pattern = found.most_common(1)[0][0]
    if pattern != "unidirectional":
        return PATTERNS[pattern][0]
    givers = [row.source_language for row in patterns if row and row.verdict == pattern]
    return "→" if 2 * givers.count(source) >= len(givers) else "←"


def _spread(rows: Sequence[Measurement | None], *, signed: bool = False) -> str:
    """The range over concepts, where there are several."""
    known = [row.estimate for row in rows if row is not None and row.estimate is not None]
    if len(known) < 2:
        return ""
    write = points if signed else decimal
    return f" (mean of {len(known)}: {write(min(known))} to {write(max(known))})"


def _reason(rows: Sequence[Measurement | None]) -> str:
    return next((row.reason for row in rows if row and row.reason), "No row of it.")


def _short(concepts: Sequence[str]) -> tuple[str, ...]:
    return tuple(c if len(c) < 18 else f"{c[:16]}…" for c in concepts)
