"""The chapter on judges: what people say of them, of each other, and of the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.languages import describe_language
from isogloss.records import INTENTS, OUTCOMES, Measurement
from isogloss.report.chapter import Chapter, Section
from isogloss.report.facts import AUDIT, LanguageFacts, RunFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.templates import render
from isogloss.stats.calibrate import TRUTHS
from isogloss.store import RunStore

CALIBRATION = "calibration"
PROBE = "probe"
_CORRECTED = ("compliance_rate", "harmful_rate", "following_rate", "over_refusal")
_PROBED = ("accuracy", "refusal_sensitivity", "refusal_specificity", "unjudged_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One judge against people in one language, on replies to one intent.

    Attributes:
        table: [verdict][truth] labels, in the order of `OUTCOMES` and `TRUTHS`.
    """

    language: LanguageFacts
    intent: str
    n_labels: int
    kappa: Measurement | None
    j: Measurement | None
    j_relevance: Measurement | None
    table: tuple[tuple[int, ...], ...]


Pairs = list[tuple[Measurement | None, Measurement | None]]
"""Raw and corrected, a pair a rate."""


def judges_chapter(store: RunStore, facts: RunFacts) -> Chapter | None:
    """None where the judge is exact and alone, and nobody labelled or probed anything."""
    del store
    calibrated = [r for r in facts.of_audit(CALIBRATION) if r.variant in (None, facts.variant)]
    probed = [row for row in facts.rows if row.area == PROBE]
    judges = _judges(facts)
    if not calibrated and not probed and len(judges) < 2:
        return None
    html = render(
        "instruments/judges.html.jinja",
        facts=facts,
        agreements=_agreements(calibrated, facts.languages),
        corrected=_corrected(calibrated, facts),
        rates=[BY_METRIC[metric] for metric in _CORRECTED],
        needs=_needs(calibrated),
        labellers=[r for r in calibrated if r.metric == "kappa_labellers" and r.language is None],
        judges=judges,
        side_by_side=_side_by_side(facts, judges),
        probes=_probes(probed, facts),
        verdicts=OUTCOMES,
        truths=TRUTHS,
    )
    return Chapter(sections=(Section(anchor="judges", title="Judges", html=html),))


def _judges(facts: RunFacts) -> list[str]:
    """Judges with audit rows about this target and arm, this page's first."""
    if not facts.audited:
        return []
    here = facts.audited[0]
    rows = (r for r in facts.rows if r.area == AUDIT)
    found = [r.judge for r in rows if (r.target, r.arm) == (here.target, here.arm) and r.judge]
    return list(dict.fromkeys([here.judge or "", *found])) if here.judge else found


def _agreements(rows: Sequence[Measurement], languages: Sequence[LanguageFacts]) -> list[Agreement]:
    index = {(row.metric, row.language, row.category): row for row in rows}
    found: list[Agreement] = []
    for language in languages:
        for intent in INTENTS:
            category = f"intent:{intent}"
            kappa = index.get(("kappa", language.tag, category))
            if kappa is None:
                continue
            cells = [
                [index.get((f"confusion:{v}:{t}", language.tag, category)) for t in TRUTHS]
                for v in OUTCOMES
            ]
            table = tuple(tuple(_whole(cell) for cell in line) for line in cells)
            found.append(
                Agreement(
                    language=language,
                    intent=intent,
                    n_labels=sum(map(sum, table)),
                    kappa=kappa,
                    j=index.get(("youden_j", language.tag, category)),
                    j_relevance=index.get(("youden_j_relevance", language.tag, category)),
                    table=table,
                )
            )
    return found


def _whole(row: Measurement | None) -> int:
    return 0 if row is None or row.estimate is None else round(row.estimate)


def _corrected(rows: Sequence[Measurement], facts: RunFacts) -> list[tuple[LanguageFacts, Pairs]]:
    index = {(row.metric, row.language): row for row in rows if row.category is None}
    if not any(row.metric in _CORRECTED for row in rows):
        return []
    return [
        (
            language,
            [
                (facts.rate(metric, language.tag), index.get((metric, language.tag)))
                for metric in _CORRECTED
            ],
        )
        for language in facts.languages
    ]


def _needs(rows: Sequence[Measurement]) -> dict[str, Measurement]:
    """Language → labels that would halve the interval of its compliance rate."""
    return {
        row.language: row
        for row in rows
        if row.metric == "labels_to_halve" and row.category == "compliance_rate" and row.language
    }


def _side_by_side(
    facts: RunFacts, judges: Sequence[str]
) -> list[tuple[LanguageFacts, list[Measurement | None]]]:
    """Compliance by every judge; empty with one judge."""
    if len(judges) < 2 or not facts.audited:
        return []
    here = facts.audited[0]
    index = {
        (row.judge, row.language): row
        for row in facts.rows
        if row.area == AUDIT
        and row.metric == "compliance_rate"
        and row.category is None
        and (row.target, row.arm, row.variant) == (here.target, here.arm, facts.variant)
    }
    return [
        (language, [index.get((judge, language.tag)) for judge in judges])
        for language in facts.languages
    ]


ProbeLine = tuple[str, list[Measurement | None], Measurement | None]
"""Language, its figures in the order of `_PROBED`, the difference to English."""


def _probes(
    rows: Sequence[Measurement], facts: RunFacts
) -> list[tuple[str, Measurement | None, list[ProbeLine]]]:
    """Per judge: its overall row, then a line a language."""
    names = {language.tag: language.name for language in facts.languages}
    found: list[tuple[str, Measurement | None, list[ProbeLine]]] = []
    for judge in dict.fromkeys(row.judge or "" for row in rows):
        mine = {(r.metric, r.language): r for r in rows if r.judge == judge}
        tags = list(dict.fromkeys(tag for _, tag in mine if tag))
        lines: list[ProbeLine] = [
            (
                names.get(tag) or describe_language(tag).name,
                [mine.get((metric, tag)) for metric in _PROBED],
                mine.get(("accuracy_vs_english", tag)),
            )
            for tag in tags
        ]
        found.append((judge, mine.get(("languages_graded_otherwise", None)), lines))
    return found
