"""A run as the page sees it: its languages in order, its rows by name, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isogloss.errors import StoreError
from isogloss.languages import ShareTable, describe_language, is_lab
from isogloss.records import INTENTS, Measurement
from isogloss.report.stored import as_list, as_mapping
from isogloss.store import RunStore

AUDIT = "audit"
AUDITS = "audits"
ALIGN = "align"
CONCEPTS = "concepts"
LADDER = "trace ladder"
DOSE = "trace dose"
MIXES = "trace mixes"
GRID = "trace grid"
ANATOMY = "trace anatomy"
INSTRUMENTS = "trace instruments"
_WITH_LANGUAGES = (CONCEPTS, ALIGN, LADDER, DOSE, MIXES, GRID, ANATOMY, INSTRUMENTS)
"""Areas whose rows say of which languages a run without an audit is."""
_PLACEBO = re.compile(r"(random|shuffled) \d+")
_SUBJECT = ("target", "arm", "judge")
_META = (
    "audit", "align", "concepts", "control", LADDER, DOSE, MIXES, GRID, ANATOMY, INSTRUMENTS,
    "study", "share_table", "prompt_set", "environment", "model", "lab",
)  # fmt: skip
TIERS = ("english", "high", "medium", "low", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageFacts:
    """One language of the run.

    Attributes:
        share: percent of pre-training, None where unknown or censored.
    """

    tag: str
    name: str
    direction: str
    tier: str
    share: float | None
    family: str | None

    @property
    def code(self) -> str:
        """The tag without the lab's suffix, for tight places."""
        return self.tag.removesuffix("-x-lab")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """Everything chapters read. Build it with `read_facts`.

    Attributes:
        rows: all areas, targets, arms and judges of the run.
        audited: the rows of the audit the page is about: one target, arm, judge. It is the run's
            latest; of a run that aligned models, the first of them before alignment; of a ladder,
            the first family's last rung.
        variant: the primary variant, which `rate` answers for.
    """

    rows: tuple[Measurement, ...]
    audited: tuple[Measurement, ...]
    meta: Mapping[str, Any]
    languages: tuple[LanguageFacts, ...]
    variant: str
    _index: Mapping[tuple[str | None, ...], Measurement]

    @property
    def english(self) -> LanguageFacts | None:
        return next((x for x in self.languages if x.code == "en"), None)

    @property
    def is_lab(self) -> bool:
        """The languages are the lab's made-up ones."""
        return any(is_lab(x.tag) for x in self.languages)

    @property
    def others(self) -> tuple[LanguageFacts, ...]:
        return tuple(x for x in self.languages if x.code != "en")

    @property
    def audit(self) -> Mapping[str, Any]:
        """What the audit was asked to do; empty where the run holds none."""
        return self.meta.get("audit") or {}

    def setting(self, name: str, default: str = "not stored") -> str:
        """One setting of the audit as text; falls back to what the rows say."""
        value = self.audit.get(name)
        if value is None and self.rows:
            value = getattr((self.audited or self.rows)[0], name, None)
        return default if value is None else str(value)

    def rate(
        self, metric: str, language: str | None = None, *, category: str | None = None
    ) -> Measurement | None:
        """The audit's row for one language (and category), or None where there is no such row."""
        return self._index.get((metric, language, category, None, None))

    def count(self, metric: str, language: str, intent: str) -> int:
        """A count of completeness; 0 where the audit wrote no row (nothing of it was planned)."""
        row = self._index.get((metric, language, f"intent:{intent}", None, None))
        return 0 if row is None or row.estimate is None else round(row.estimate)

    def tier_rate(self, metric: str, tier: str) -> Measurement | None:
        """The macro-average of a tier."""
        return self._index.get((metric, None, None, tier, None))

    def curse(self, metric: str, scope: str) -> Measurement | None:
        """A gap or slope in one scope."""
        found = (row for row in self.audited if row.metric == metric and row.scope == scope)
        return next((row for row in found if row.variant in (None, self.variant)), None)

    def of_audit(self, area: str) -> list[Measurement]:
        """Rows of another area about the same target, arm and judge."""
        if not self.audited:
            return []
        here = self.audited[0]
        subject = (here.target, here.arm, here.judge)
        return [r for r in self.rows if r.area == area and (r.target, r.arm, r.judge) == subject]

    @property
    def other_audits(self) -> list[str]:
        """What else was audited into this run: target and judge, with their arms; placebos counted.

        Example: ``lab:tiny · oracle (arms own, source, 20 placebos)``.
        """
        here = {(row.target, row.arm, row.judge) for row in self.audited}
        arms: dict[tuple[str, str | None], list[str]] = {}
        for key in dict.fromkeys((r.target, r.arm, r.judge) for r in self.rows if r.area == AUDIT):
            if key not in here:
                arms.setdefault((key[0], key[2]), []).append(key[1])
        return [_audit_words(target, judge, names) for (target, judge), names in arms.items()]

    @property
    def n_planned(self) -> int:
        """Prompts planned, both intents, all languages."""
        return sum(
            self.count("planned", x.tag, intent) for x in self.languages for intent in INTENTS
        )

    @property
    def n_clusters(self) -> int:
        """Clusters of the widest audited row; 0 where none is stored."""
        return max((row.n_clusters or 0 for row in self.audited), default=0)

    @property
    def categories(self) -> tuple[str, ...]:
        """Categories of harmful prompts, by name."""
        found = {
            row.category
            for row in self.audited
            if row.metric == "compliance_rate"
            and row.category
            and not row.category.startswith("intent:")
        }
        return tuple(sorted(found))


def is_placebo(arm: str) -> bool:
    """Whether an arm of `isogloss.control` steers with a direction that means nothing."""
    return _PLACEBO.fullmatch(arm) is not None


def arms_in_short(arms: Sequence[str]) -> list[str]:
    """Arms by name, placebos counted.

    Example:
        >>> arms_in_short(["own", "random 0", "random 1", "shuffled 0"])
        ['own', '3 placebos']
    """
    named = [arm for arm in arms if not is_placebo(arm)]
    n = len(arms) - len(named)
    return [*named, f"{n} placebo{'' if n == 1 else 's'}"] if n else named


def _audit_words(target: str, judge: str | None, arms: Sequence[str]) -> str:
    subject = " · ".join(part for part in (target, judge) if part)
    return f"{subject} ({'arm' if len(arms) == 1 else 'arms'} {', '.join(arms_in_short(arms))})"


def read_facts(store: RunStore) -> RunFacts:
    """Read rows and meta of a run.

    Raises:
        StoreError: nothing was measured in it yet.
    """
    rows = tuple(store.measurements())
    if not rows:
        raise StoreError(
            f"{store.folder} holds no measurements yet, so there is nothing to report. "
            "Let `isogloss audit` finish (the same command resumes) and try again."
        )
    meta = _about_one({key: store.meta(key) for key in _META}, store.meta(AUDITS), rows)
    asked: dict[str, Any] = meta["audit"] or {}
    audited = [
        row
        for row in rows
        if row.area == AUDIT
        and all(getattr(row, key) == asked.get(key, getattr(row, key)) for key in _SUBJECT)
    ]
    variants = list(dict.fromkeys(row.variant for row in audited if row.variant))
    primary = str(asked.get("primary_variant") or "original")
    if variants and primary not in variants:
        primary = variants[0]
    index: dict[tuple[str | None, ...], Measurement] = {}
    for row in audited:
        if row.variant not in (None, primary):
            continue
        tier = row.tier if row.language is None else None
        index.setdefault((row.metric, row.language, row.category, tier, None), row)
    about = audited or [row for row in rows if row.area in _WITH_LANGUAGES]
    return RunFacts(
        rows=rows,
        audited=tuple(audited),
        meta=meta,
        languages=languages_of(about, meta),
        variant=primary,
        _index=index,
    )


def _about_one(meta: dict[str, Any], audits: Any, rows: Sequence[Measurement]) -> dict[str, Any]:
    """Of a run that audited many models: what is stored of the one the page is about.

    An alignment audits every arm of every seed, a ladder every rung, other experiments every arm,
    and each leaves its settings as the run's latest. Of the model only that is kept which training
    does not change.
    """
    target = _main_target(meta)
    if not any((r.area, r.target, r.arm) == (AUDIT, target, "none") for r in rows):
        return meta
    latest: dict[str, Any] = meta["audit"] or {}
    stored: dict[str, Any] = audits or {}
    before: dict[str, Any] = stored.get(f"{target} none") or {
        **latest,
        "target": target,
        "arm": "none",
    }
    model: dict[str, Any] = meta["model"] or {}
    lab: dict[str, Any] = meta["lab"] or {}
    return {
        **meta,
        "audit": before,
        "model": {key: model[key] for key in model if key not in ("source", "commit")},
        "lab": lab if lab.get("spec") == target else {},
    }


def _main_target(meta: Mapping[str, Any]) -> str | None:
    """Of an alignment its first target, of a ladder its first family's last rung, of other
    experiments the first run of what all else is set against."""
    found = list(as_list(as_mapping(meta[ALIGN]).get("targets")))
    for family in as_list(as_mapping(meta[LADDER]).get("families"))[:1]:
        found += [
            as_mapping(rung).get("target") for rung in as_list(as_mapping(family).get("rungs"))[-1:]
        ]
    for area, reference in ((DOSE, "undosed"), (MIXES, "reference")):
        experiment = as_mapping(meta[area])
        recipe = as_mapping(experiment.get("arms")).get(str(experiment.get(reference)))
        if recipe:
            found.append(f"{recipe}#0")
    found += list(as_mapping(meta[ANATOMY]))
    return next(iter(found), None)


def languages_of(rows: Iterable[Measurement], meta: Mapping[str, Any]) -> tuple[LanguageFacts, ...]:
    """The languages that rows are of, with the run's shares, as `language_facts` orders them."""
    stored = meta.get("share_table")
    table = ShareTable.from_json(stored) if stored else None
    tiers: dict[str, str] = {}
    tags: dict[str, None] = {}
    for row in rows:
        if row.language:
            tags[row.language] = None
            if row.tier:
                tiers[row.language] = row.tier
    return language_facts(tags, table, tiers)


def language_facts(
    tags: Iterable[str], table: ShareTable | None, tiers: Mapping[str, str]
) -> tuple[LanguageFacts, ...]:
    """Languages by falling share; those without one last, by tier and name."""
    found = [_language(tag, table, tiers.get(tag)) for tag in tags]
    found.sort(key=lambda x: (x.share is None, -(x.share or 0), TIERS.index(x.tier), x.name))
    return tuple(found)


def _language(tag: str, table: ShareTable | None, tier: str | None) -> LanguageFacts:
    language = describe_language(tag)
    share = table.share(tag) if table else None
    known = tier or (table.tier(tag) if table else "unknown")
    return LanguageFacts(
        tag=tag,
        name=language.name.removesuffix(" (lab)"),
        direction=language.direction,
        tier=known if known in TIERS else "unknown",
        share=share,
        family=language.family,
    )
