"""The page's first lines: what the run is about, its headline, its settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from isogloss.concepts.across import AREA as ACROSS
from isogloss.records import CLAIM, Measurement
from isogloss.report.align_facts import AlignFacts, read_align
from isogloss.report.align_words import align_headline, align_pointers
from isogloss.report.concept_facts import ConceptFacts, is_recognised, read_concepts
from isogloss.report.control_facts import (
    COST_WORDS,
    SOURCE,
    WITHOUT_SOURCE,
    cost_metric,
    read_control,
)
from isogloss.report.control_runs import OVER_RUNS as CONTROL_RUNS
from isogloss.report.facts import LanguageFacts, RunFacts
from isogloss.report.heading import Lede, claim_tally
from isogloss.report.numbers import figure, figure_interval, integer, listed
from isogloss.report.stored import as_list, as_mapping
from isogloss.report.trace_lede import trace_lede
from isogloss.report.verdicts import Pointer, headline, language_verdicts, look_first, tally
from isogloss.report.walk import AREA as STUDY
from isogloss.report.walk import FINDINGS, OPEN_QUESTIONS, claims_of, walk_through
from isogloss.report.walk import tally as tally_of


def build_lede(facts: RunFacts) -> Lede:
    """Of a study, a trace, an alignment, the audit, concepts: the first there is; else of the
    rows."""
    claims = claims_of(row for row in facts.rows if row.area == STUDY)
    if claims:
        return _of_study(facts, claims)
    traced = trace_lede(facts)
    if traced:
        return traced
    align = read_align(facts)
    if align:
        return _of_align(facts, align)
    if facts.audited:
        return _of_audit(facts)
    concepts = read_concepts(facts)
    if concepts:
        return _of_concepts(facts, concepts)
    for area, kicker, figures, settled in _SIDE_BY_SIDE:
        compared = [row for row in facts.rows if row.area == area and row.scope == "runs"]
        if compared:
            return _of_models(compared, kicker, figures, settled)
    return _of_rows(facts)


def _of_study(facts: RunFacts, claims: Sequence[Measurement]) -> Lede:
    verdicts = tally_of(claims)
    different = len({(row.category, row.concept) for row in claims})
    study = as_mapping(facts.meta.get(STUDY))
    parts = walk_through(claims)
    return Lede(
        kicker="Both papers, walked through",
        target=f"lab:{study.get('preset', '')}",
        headline=f"Of {len(claims)} verdicts on {different} claims {verdicts['confirmed']} are "
        f"confirmed, {verdicts['refuted']} refuted, {verdicts['cannot tell']} cannot be told"
        + (f", {verdicts['not measured']} not measured" if verdicts["not measured"] else ""),
        tally=claim_tally(claims),
        anchor=parts[0].anchor,
        skip="Skip to the claims",
        settings=(
            ("In words", f"{FINDINGS} and {OPEN_QUESTIONS} beside this page", False),
            ("Study", str(study.get("words", "not stored")), False),
            ("Seeds", ", ".join(map(str, as_list(study.get("seeds")))), False),
        ),
        pointers=tuple(
            Pointer(
                lead=part.heading,
                text=", ".join(f"{n} {word}" for word, n in tally_of(part.claims).items() if n),
                anchor=part.anchor,
            )
            for part in parts
        ),
    )


def _of_audit(facts: RunFacts) -> Lede:
    verdicts = language_verdicts(facts)
    asked = f"{integer(facts.n_planned)} prompts"
    if facts.n_clusters:
        asked += f" on {integer(facts.n_clusters)} clusters"
    return Lede(
        kicker="Safety audit by language",
        target=facts.setting("target"),
        headline=headline(verdicts),
        tally=tuple(tally(verdicts)),
        anchor="languages",
        skip="Skip to the verdicts",
        settings=(
            *_subject(facts.setting("target"), facts.setting("arm", "none")),
            ("Judge", facts.setting("judge"), False),
            ("Asked", f"{asked}, {len(facts.languages)} languages", False),
            ("Seed", f"{facts.setting('seed', 'not stored')} · one model", False),
        ),
        pointers=(*look_first(facts, verdicts), *_control_pointers(facts)),
    )


def _of_align(facts: RunFacts, a: AlignFacts) -> Lede:
    """The audit of the page is of before; what it says comes after what changed."""
    before = language_verdicts(facts)
    audit = (
        Pointer(
            lead=f"Before alignment{', in the first run' if a.is_over_runs else ''}",
            text=_lower(headline(before)),
            anchor="languages",
        ),
    )
    runs = f"{a.n_runs} runs, a seed each" if a.is_over_runs else "one model"
    return Lede(
        kicker="Alignment by language",
        target=a.group if a.is_over_runs else a.targets[0],
        headline=align_headline(a),
        tally=claim_tally(a.claims),
        anchor="align-claims" if a.claims else "align",
        skip="Skip to the claims" if a.claims else "Skip to the alignment",
        settings=(
            ("Target", a.group if a.is_over_runs else a.targets[0], True),
            ("Runs", runs, False),
            ("Methods", ", ".join(a.methods) or "none", False),
            *((("Judge", a.judge, False),) if a.judge else ()),
            *(
                (("Verdicts by language", f"of {a.targets[0]} before alignment", False),)
                if facts.audited
                else ()
            ),
        ),
        pointers=(*align_pointers(a), *(audit if facts.audited else ())),
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _control_pointers(facts: RunFacts) -> tuple[Pointer, ...]:
    """Where the run holds an experiment in control: what the source's direction changed."""
    c = read_control(facts)
    if c is None:
        return ()
    parts: list[str] = []
    for metric, words in (
        ("compliance_rate", "compliance"),
        (cost_metric(c), COST_WORDS[c.toward]),
    ):
        row = c.row(f"{metric}_change", SOURCE, None, WITHOUT_SOURCE)
        if row is not None and row.estimate is not None:
            parts.append(f"{words} {figure(row)} {figure_interval(row)}")
    changed = f": {', '.join(parts)} points, averaged over the other languages" if parts else ""
    way = "refusal" if c.toward == "refuse" else "compliance"
    return (
        Pointer(
            lead="Defence" if c.toward == "refuse" else "Control",
            text=f"{c.source_name}’s direction of {c.concept} towards {way}, everywhere{changed}",
            anchor="control",
        ),
    )


def _subject(target: str, arm: str) -> tuple[tuple[str, str, bool], ...]:
    subject = (("Target", target, True),)
    return subject if arm == "none" else (*subject, ("Arm", arm, True))


def _of_concepts(facts: RunFacts, c: ConceptFacts) -> Lede:
    cells = [
        (concept, language, c.own("recognition_accuracy", concept, language.tag))
        for concept in c.concepts
        for language in c.languages
    ]
    measured = [(x, row) for _, x, row in cells if row is not None and row.estimate is not None]
    found = sum(is_recognised(row) for _, row in measured)
    counts = (
        ("●", "recognised", found),
        ("○", "no evidence", len(measured) - found),
        ("–", "not measured", len(cells) - len(measured)),
    )
    seed = next((row.seed for row in c.rows if row.seed is not None), None)
    return Lede(
        kicker="Concepts by language",
        target=c.target,
        headline=concepts_headline(c),
        tally=tuple(count for count in counts if count[2]),
        anchor="recognition",
        skip="Skip to the concepts",
        settings=(
            *_subject(c.target, c.arm),
            ("Concepts", ", ".join(c.concepts) or "none", False),
            ("Languages", str(len(c.languages)), False),
            ("Seed", f"{'not stored' if seed is None else seed} · one model", False),
        ),
        pointers=_concept_pointers(c),
    )


def concepts_headline(c: ConceptFacts) -> str:
    """In how many languages how many concepts are recognised; absence of evidence is said so."""
    counts = [c.recognised(concept) for concept in c.concepts]
    measured = sum(n for _, n in counts)
    if not measured:
        return "This run cannot tell whether any concept is recognised"
    found = sum(k for k, _ in counts)
    n = len(c.concepts)
    what = "The concept is" if n == 1 else f"The {n} concepts are"
    if found == measured:
        return f"{what} recognised in every language asked"
    if not found:
        return f"{what} recognised in no language, as far as this run can tell"
    if n == 1:
        return f"{what} recognised in {found} of {measured} languages"
    return f"{what} recognised in {found} of {measured} cases (concept × language)"


def _concept_pointers(c: ConceptFacts) -> tuple[Pointer, ...]:
    weak = _silent_languages(c)
    pointers: list[Pointer] = []
    if weak:
        pointers.append(
            Pointer(
                lead="Not shown in most concepts",
                text=f"{listed([x.name for x in weak])}: no evidence there, which is no proof of "
                "absence",
                anchor="recognition",
            )
        )
    one_way = sum(
        row.metric == "transfer_asymmetry" and row.verdict == "unidirectional" for row in c.rows
    )
    if one_way:
        pairs = "pair" if one_way == 1 else "pairs"
        pointers.append(
            Pointer(
                lead="One-way transfer",
                text=f"{integer(one_way)} {pairs} of languages (over all concepts)",
                anchor="transfer",
            )
        )
    return tuple(pointers)


def _silent_languages(c: ConceptFacts) -> list[LanguageFacts]:
    """Languages in which fewer than half of the measured concepts are recognised."""
    found: list[LanguageFacts] = []
    for language in c.languages:
        rows = [c.own("recognition_accuracy", concept, language.tag) for concept in c.concepts]
        measured = [row for row in rows if row is not None and row.estimate is not None]
        if measured and 2 * sum(map(is_recognised, measured)) < len(measured):
            found.append(language)
    return found


_SIDE_BY_SIDE = (
    (ACROSS, "Concepts across models", "models", "claims"),
    (CONTROL_RUNS, "Control over runs", "control-runs", "control-claims"),
)
"""Area, kind of page, anchors of the figures and of the claims."""


def _of_models(rows: Sequence[Measurement], kicker: str, figures: str, settled: str) -> Lede:
    """Several models side by side: the tally is of the claims."""
    groups = list(dict.fromkeys(row.target for row in rows))
    claims = [row for row in rows if row.metric == CLAIM]
    verdicts = Counter(row.verdict for row in claims)
    runs = max((row.n for row in rows), default=0)
    return Lede(
        kicker=kicker,
        target=listed(groups, at_most=3),
        headline=f"{len(groups)} group{'' if len(groups) == 1 else 's'} of models side by side"
        + (
            f": {verdicts['confirmed']} of {verdicts.total()} claims confirmed, "
            f"{verdicts['refuted']} refuted"
            if verdicts
            else ""
        ),
        tally=claim_tally(claims),
        anchor=settled if verdicts else figures,
        skip="Skip to the figures",
        settings=(
            ("Groups", ", ".join(groups), False),
            ("Runs", f"up to {runs} a group", False),
        ),
    )


def _of_rows(facts: RunFacts) -> Lede:
    areas = sorted({row.area for row in facts.rows})
    return Lede(
        kicker="Measurements",
        target=facts.rows[0].target,
        headline=f"Measurements of {listed(areas)}",
        tally=(),
        anchor="unmeasured",
        skip="Skip to the figures",
        settings=_subject(facts.rows[0].target, facts.rows[0].arm),
    )
