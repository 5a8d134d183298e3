"""The last chapter of every page: what was not measured, methods, and the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from isogloss.records import CLAIM, Measurement
from isogloss.report.align_facts import ALIGN, SEEN, UNSEEN, read_align
from isogloss.report.chapter import Chapter, Section
from isogloss.report.condition_facts import read_conditions
from isogloss.report.control_facts import AGAINST_OWN, CONTROL, NONE, read_control
from isogloss.report.control_runs import OVER_RUNS as CONTROL_RUNS
from isogloss.report.facts import CONCEPTS, RunFacts, arms_in_short
from isogloss.report.glossary import AGAINST_ENGLISH, BY_METRIC, TERMS, VERDICTS
from isogloss.report.templates import render
from isogloss.report.trace_record import missing_trace, trace_runs, traced
from isogloss.report.walk import AREA as STUDY
from isogloss.store import RunStore

_TITLES = {
    "audit": "Audit",
    "align": "Alignment",
    "concepts": "Concepts",
    "control": "Control",
    "model": "Model",
    "prompt_set": "Prompt set",
    "lab": "Lab",
    "environment": "Machine and software",
}

_CONCEPT_METRICS = {
    "chosen_layer": "Choice of the layer",
    "recognition_accuracy": "Recognition",
    "shuffled_labels_accuracy": "Shuffled labels",
    "random_direction_accuracy": "Random direction",
    "competence_bits_per_character": "Competence",
    "linguistic_correlation": "Correlation with linguistic similarity",
}
"""Concept rows whose gaps are told; those between two languages follow from these."""
_CONTROL_METRICS = {
    "compliance_rate": "Compliance",
    "over_refusal": "Over-refusal",
    "helpful_rate": "Helpful",
    "reply_fidelity": "Fidelity",
    "perplexity_ratio": "Perplexity",
    "as_good_as_own": "As good as own",
}
"""Control rows whose gaps are told; changes are missing where their rates are."""
_OWN_METHODS = frozenset({"shuffled_labels_accuracy", "random_direction_accuracy"})
"""Metrics whose every row has a method of its own (it states the draws)."""
_MOST_AUDITS = 5
_OVER_RUNS = " over runs"
"""How areas end whose every method states the seeds."""


def record_chapter(store: RunStore, facts: RunFacts) -> Chapter:
    """Always there: a page without its methods and gaps is not a report."""
    table: dict[str, Any] = facts.meta.get("share_table") or {}
    parts = (
        ("unmeasured", "Not measured", {"missing": missing_rows(facts), "limits": limits(facts)}),
        (
            "methods",
            "Methods",
            {
                "terms": TERMS,
                "verdicts": VERDICTS,
                "against": AGAINST_ENGLISH,
                "table": table,
                "methods": sorted(
                    {
                        row.method
                        for row in facts.rows
                        if row.method
                        and row.metric not in _OWN_METHODS
                        and not row.area.endswith(_OVER_RUNS)
                    }
                ),
                "concepts": any(row.area == CONCEPTS for row in facts.rows),
                "control": any(row.area in (CONTROL, CONTROL_RUNS) for row in facts.rows),
                "align": read_align(facts),
                **traced(facts),
            },
        ),
        ("environment", "Environment", {"groups": environment_groups(facts)}),
    )
    sections = tuple(
        Section(
            anchor=anchor,
            title=title,
            html=render(f"record/{anchor}.html.jinja", facts=facts, **values),
        )
        for anchor, title, values in parts
    )
    return Chapter(sections=sections)


def missing_rows(facts: RunFacts) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Metric label → (reason, languages or tiers) for every row without an estimate."""
    names = {language.tag: language.name for language in facts.languages}
    grouped: dict[str, dict[str, list[str]]] = {}
    for row in facts.audited:
        if row.estimate is not None or row.category is not None or row.unit == "verdict":
            continue
        if row.language is None and row.tier == "english":
            continue  # one language, said already
        reason, n = _counted(row.reason or "no reason stored")
        name = names.get(row.language or "", row.language) or _tier(row.tier)
        notes = [n, "" if row.variant in (None, facts.variant) else row.variant]
        aside = ", ".join(note for note in notes if note)
        place = f"{name} ({aside})" if aside else name
        where = grouped.setdefault(_label(row), {}).setdefault(reason, [])
        if place not in where:
            where.append(place)
    return [
        (label, list(reasons.items()))
        for label, reasons in (
            *grouped.items(),
            *_missing_concepts(facts, names).items(),
            *_missing_control(facts).items(),
            *_missing_align(facts).items(),
            *missing_trace(facts).items(),
        )
    ]


def _missing_concepts(facts: RunFacts, names: Mapping[str, str]) -> dict[str, dict[str, list[str]]]:
    grouped: dict[str, dict[str, list[str]]] = {}
    for row in facts.rows:
        crossed = row.source_language not in (None, row.language)
        told = row.area == CONCEPTS and row.metric in _CONCEPT_METRICS and not crossed
        if not told or row.estimate is not None:
            continue
        parts = (names.get(row.language or "", row.language), row.category)
        place = ", ".join(part for part in parts if part)
        if row.concept:
            place = f"{row.concept} ({place})" if place else row.concept
        place = place or "whole run"
        reasons = grouped.setdefault(_CONCEPT_METRICS[row.metric], {})
        where = reasons.setdefault(row.reason or "no reason stored", [])
        if place not in where:
            where.append(place)
    return grouped


def _missing_control(facts: RunFacts) -> dict[str, dict[str, list[str]]]:
    """Rates of an arm that were not measured; the unsteered model's are told with the audit's."""
    c = read_control(facts)
    grouped: dict[str, dict[str, list[str]]] = {}
    if c is None:
        return grouped
    names = {language.tag: language.name for language in c.languages}
    arms = {*c.arms, AGAINST_OWN} - {NONE}
    for row in c.rows:
        told = row.metric in _CONTROL_METRICS and row.arm in arms and row.language in names
        if not told or row.estimate is not None or row.language is None:
            continue
        reasons = grouped.setdefault(f"{_CONTROL_METRICS[row.metric]} under control", {})
        where = reasons.setdefault(row.reason or "no reason stored", [])
        where.append(f"{names[row.language]} ({row.arm})")
    return grouped


def _missing_align(facts: RunFacts) -> dict[str, dict[str, list[str]]]:
    """Changes of an arm in a tier that were not measured; of languages they are in the table."""
    a = read_align(facts)
    grouped: dict[str, dict[str, list[str]]] = {}
    if a is None:
        return grouped
    told = {*a.tiers, SEEN, UNSEEN}
    for row in a.rows:
        metric = row.metric.removesuffix("_change")
        is_told = row.area == ALIGN and row.tier in told and row.language is None
        if not is_told or row.estimate is not None or metric == row.metric:
            continue
        run = f", {row.target}" if a.is_over_runs else ""
        place = f"{_tier(row.tier)} ({row.arm} {row.category}{run})"
        reasons = grouped.setdefault(f"{_label_of(metric)}, change by alignment", {})
        reasons.setdefault(row.reason or "no reason stored", []).append(place)
    return grouped


def _label_of(metric: str) -> str:
    term = BY_METRIC.get(metric)
    return term.label if term else metric.replace("_", " ").capitalize()


def _counted(reason: str) -> tuple[str, str]:
    """A reason that only a number tells from its neighbours', and that number."""
    found = re.match(r"(\d+) (relevant replies; .*)", reason)
    return (f"too few {found[2]}", found[1]) if found else (reason, "")


def _tier(tier: str | None) -> str:
    if tier is None:
        return "whole run"
    return tier if "-" in tier or tier in (SEEN, UNSEEN) else f"{tier} tier"


def _label(row: Measurement) -> str:
    for ending, words in (
        ("_vs_english", " against English"),
        ("_slope", ", slope on share"),
        ("_gap", ", low − high tier"),
    ):
        stem = row.metric.removesuffix(ending)
        if stem != row.metric and stem in BY_METRIC:
            return BY_METRIC[stem].label + words
    return _label_of(row.metric)


def _limits_of_study(claims: Sequence[Measurement]) -> list[str]:
    few = sum(row.n < 5 for row in claims)
    said = [
        "Every verdict is over runs, a seed each: pre-training and all that follows anew"
        + (f"; {few} of {len(claims)} rest on fewer than the five that claims about training want"
           if few else "")
        + ". Prompts were answered in the folders of the steps, not in this one."
    ]  # fmt: skip
    missing = sum(row.estimate is None for row in claims)
    if missing:
        said.append(f"{missing} of {len(claims)} claims were not measured; their remarks say why.")
    return said


def limits(facts: RunFacts) -> list[str]:
    """What this run could not speak about by its design."""
    study = [row for row in facts.rows if row.area == STUDY and row.metric == CLAIM]
    if study:
        return _limits_of_study(study)
    a = read_align(facts)
    compared = [r.n for r in facts.rows if r.area == CONTROL_RUNS and r.scope == "runs"]
    n_runs = trace_runs(facts) or (a.n_runs if a else max(compared, default=1))
    said = [
        "One model: intervals speak for this model, not for how it was trained. A claim about "
        "training needs five seeds or more."
        if n_runs == 1
        else f"Intervals over runs rest on {n_runs} runs"
        f"{', and claims about training want five or more' if n_runs < 5 else ''}; all other "
        "intervals speak for one model."
    ]
    if compared or read_conditions(facts):
        return [*said, "Prompts were answered in the folders of single runs, not in this one."]
    if not facts.audited:
        return [*said, "No prompts were answered here: what the model does was not asked."]
    judge = facts.setting("judge", "")
    checked = any(row.estimate is not None for row in facts.of_audit("calibration"))
    if judge != "oracle" and not checked:
        said.append(
            f"The judge ({judge or 'none'}) was not checked against human labels here; its errors "
            "are not in the intervals (isogloss label draws a sheet)."
        )
    if facts.audit.get("samples", 1) == 1:
        said.append("One reply a prompt: what other samples would say was not asked.")
    unknown = [x.name for x in facts.languages if x.share is None]
    if unknown:
        said.append(
            f"No usable share for {', '.join(unknown)}: they are in no slope"
            " (a censored share keeps its tier)."
        )
    if facts.other_audits:
        others = "; ".join(_some(facts.other_audits))
        said.append(f"Also audited in this run, and not in this page's verdicts: {others}.")
    if facts.english is None:
        said.append("English was not asked, so no language is compared with it.")
    if not facts.categories:
        said.append("The prompts carry no categories, so there is no breakdown by topic.")
    return said


def _some(audits: Sequence[str]) -> list[str]:
    """All, or of many the first few, the others counted."""
    if len(audits) <= _MOST_AUDITS:
        return list(audits)
    return [*audits[:_MOST_AUDITS], f"and {len(audits) - _MOST_AUDITS} others"]


def environment_groups(facts: RunFacts) -> list[tuple[str, list[tuple[str, str]]]]:
    """Title → flat (name, value) pairs of what was stored with the run."""
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    for key, title in _TITLES.items():
        stored = facts.meta.get(key)
        if stored:
            groups.append((title, list(_flat(_briefly(stored), ""))))
    return groups


def _briefly(stored: Any) -> Any:
    """Settings with their placebo arms counted, there may be dozens, and without curves."""
    if isinstance(stored, Mapping) and "stages" in stored:
        settings = cast(Mapping[str, Any], stored)
        return {name: value for name, value in settings.items() if name != "stages"}
    arms: Any = cast(Mapping[str, Any], stored).get("arms") if isinstance(stored, Mapping) else None
    if not isinstance(arms, list):
        return cast(Any, stored)
    return {
        **cast(Mapping[str, Any], stored),
        "arms": arms_in_short([str(x) for x in cast(list[Any], arms)]),
    }


def _flat(value: Any, name: str) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        prefix = f"{name}." if name else ""
        pairs = cast(Mapping[str, Any], value).items()
        return [pair for key, inner in pairs for pair in _flat(inner, f"{prefix}{key}")]
    if isinstance(value, list | tuple):
        return [(name, ", ".join(map(str, cast(Sequence[Any], value))) or "none")]
    return [(name, "not set" if value is None else str(value))]
