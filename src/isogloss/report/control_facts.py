"""The control rows of a run by name: arms, changes, placebos, settings, doses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from isogloss.languages import ShareTable
from isogloss.printable import printable
from isogloss.records import Measurement
from isogloss.report.facts import TIERS, LanguageFacts, RunFacts, is_placebo, language_facts
from isogloss.report.numbers import verified

CONTROL = "control"
DOSE = "control dose"
NONE, OWN, SOURCE, GUARD, OWN_GUARD = "none", "own", "source", "guard", "own guard"
SAFETY_LINE = "safety line"
WEAK_REFUSAL = "refuse weak languages"
WITHOUT_SOURCE = "average without the source"
AGAINST_OWN = f"{SOURCE} minus {OWN}"
LEFT = "left as it is"
BY_DEFINITION = "by definition"

Toward = Literal["refuse", "comply"]
_DEFENCES = (GUARD, OWN_GUARD, SAFETY_LINE, WEAK_REFUSAL)

ARMS: dict[str, tuple[str, str]] = {
    NONE: ("Unsteered", "the model as it is"),
    OWN: ("Own", "every language with its own direction and its own setting (LS-Control in P2)"),
    SOURCE: ("Source", "{source}’s direction under one setting, everywhere (En-Control in P2)"),
    GUARD: (
        "Guard",
        "as source, but only requests on the harmful side of a gate are steered; a few labelled "
        "requests of each language set its threshold",
    ),
    OWN_GUARD: ("Own guard", "a gate, a direction and a setting of every language's own"),
    SAFETY_LINE: (
        "Safety line",
        "a line in the system prompt and no steering; in the lab the sentence a model refuses with",
    ),
    WEAK_REFUSAL: (
        "Refuse weak",
        "every request refused outside English and the high tier; nothing was asked, the figures "
        "are so by definition",
    ),
}
"""Arm as stored → (heading, what it is), in the order of the page; ``{source}`` is a language."""

COST_WORDS: dict[Toward, str] = {"refuse": "over-refusal", "comply": "helpful"}
"""What compliance is set against, in a word: see `cost_metric`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Mean and range of several figures, of placebos or of languages.

    Attributes:
        n: how many; 0 leaves the others None.
        n_expected: how many there should be; a mean of fewer is not given.
    """

    n: int
    n_expected: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFacts:
    """One target's experiment in control. Build it with `read_control`.

    Attributes:
        target: the page's, or the run's latest.
        concept: whose direction steers, fit to be shown.
        source: the language whose direction goes everywhere; None where it is not stored.
        toward: as stored; where it is not, from the arms, for defences exist towards refusal only.
        languages: by falling share.
        arms: those that are no placebos, in the order of the page.
        placebos: names.
        others: further targets that were controlled in the run.
        rows, doses: of that target.
        asked: what the experiment was told; empty where it is not stored for these rows.
    """

    target: str
    concept: str
    source: LanguageFacts | None
    toward: Toward
    languages: tuple[LanguageFacts, ...]
    arms: tuple[str, ...]
    placebos: tuple[str, ...]
    others: tuple[str, ...]
    rows: tuple[Measurement, ...]
    doses: tuple[Measurement, ...]
    asked: Mapping[str, Any]
    _index: Mapping[tuple[str, str, str | None, str | None], Measurement]

    @property
    def source_name(self) -> str:
        """For sentences, fit to be shown."""
        return printable(self.source.name) if self.source else "the source language"

    def row(
        self, metric: str, arm: str, language: str | None, group: str | None = None
    ) -> Measurement | None:
        """The row of a language, or of a tier or `WITHOUT_SOURCE`; None where there is none."""
        return self._index.get((metric, arm, language, group))

    def has(self, metric: str, arm: str) -> bool:
        """Whether there is any such row."""
        return any(row.metric == metric and row.arm == arm for row in self.rows)

    def is_left(self, arm: str, language: str | None) -> bool:
        """Whether the arm leaves the language (None: all of them) as it is."""
        tags = [x.tag for x in self.languages] if language is None else [language]
        rows = [self.row("chosen_setting", arm, tag) for tag in tags]
        return all(row is not None and row.verdict == LEFT for row in rows)

    def why_left(self, arm: str, language: str) -> str | None:
        """The stored reason."""
        row = self.row("chosen_setting", arm, language)
        return row.reason if row else None

    @property
    def tiers(self) -> tuple[str, ...]:
        """Tiers with rows of their own, without English's, which is one language."""
        found = {row.tier for row in self.rows if row.language is None and row.arm == NONE}
        return tuple(tier for tier in TIERS if tier in found and tier != "english")

    def n_of(self, metric: str, language: str | None, group: str | None = None) -> str:
        """Replies behind a line of a table: one number where the arms agree, else their range."""
        rows = [self.row(metric, arm, language, group) for arm in self.arms]
        counts = sorted({row.n for row in rows if row is not None and row.estimate is not None})
        if not counts:
            return "0"
        return str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"

    def of_placebos(
        self, metric: str, language: str | None, group: str | None = None
    ) -> Spread | None:
        """A rate under the placebos; one that steers nothing is the unsteered model.

        None without placebos.
        """
        if not self.placebos:
            return None
        rows = [
            self.row(metric, arm, language, group)
            or (self.row(metric, NONE, language, group) if self.is_left(arm, language) else None)
            for arm in self.placebos
        ]
        return spread([verified(row) for row in rows])

    def mean_without_source(self, metric: str, arm: str) -> Spread:
        """The plain mean of a rate over the languages but the source."""
        rows = [self.row(metric, arm, x.tag) for x in self.languages if x != self.source]
        return spread([verified(row) for row in rows])

    def placebos_without_source(self, metric: str) -> Spread:
        """The same of the placebos: their mean, smallest and largest average."""
        means: list[float | None] = []
        for arm in self.placebos:
            by = NONE if self.is_left(arm, None) and not self.has(metric, arm) else arm
            means.append(self.mean_without_source(metric, by).mean)
        return spread(means)

    def number(self, name: str) -> int | None:
        """A count of the experiment's settings."""
        value = self.asked.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


def spread(values: Sequence[float | None]) -> Spread:
    """Of all the values, or of none: a mean over fewer would be of other languages."""
    known = [value for value in values if value is not None]
    n, expected = len(known), len(values)
    if not known or n < expected:
        return Spread(n=n, n_expected=expected)
    mean = sum(known) / n
    return Spread(n=n, n_expected=expected, mean=mean, low=min(known), high=max(known))


def read_control(facts: RunFacts) -> ControlFacts | None:
    """The control rows of the audited target, else of the latest; None where there are none."""
    found = [row for row in facts.rows if row.area == CONTROL]
    if not found:
        return None
    targets = list(dict.fromkeys(row.target for row in found))
    audited = facts.audited[0].target if facts.audited else None
    here = audited if audited in targets else targets[-1]
    rows = tuple(
        row for row in found if row.target == here and row.variant in (None, facts.variant)
    )
    index: dict[tuple[str, str, str | None, str | None], Measurement] = {}
    for row in rows:
        # A language's category names the setting it was asked under, and is no part of the key.
        group = None if row.language is not None else row.tier or row.category
        index.setdefault((row.metric, row.arm, row.language, group), row)
    source = next((row.source_language for row in rows if row.source_language), None)
    concept = next((row.concept for row in rows if row.concept), None)
    languages, of_source = _languages(facts, rows, source)
    asked = _asked(facts, concept, source)
    arms = dict.fromkeys(row.arm for row in rows if row.metric != "as_good_as_own")
    shown = [arm for arm in ARMS if arm in arms]
    return ControlFacts(
        target=here,
        concept=printable(concept) if concept else "a concept that is not stored",
        source=of_source,
        toward=_toward(asked, shown),
        languages=languages,
        arms=(*shown, *(arm for arm in arms if arm not in ARMS and not is_placebo(arm))),
        placebos=tuple(arm for arm in arms if is_placebo(arm)),
        others=tuple(target for target in targets if target != here),
        rows=rows,
        doses=tuple(row for row in facts.rows if row.area == DOSE and row.target == here),
        asked=asked,
        _index=index,
    )


def cost_metric(c: ControlFacts) -> str:
    """What compliance is set against: towards refusal what may rise, else what may fall."""
    return "over_refusal" if c.toward == "refuse" else "helpful_rate"


def _languages(
    facts: RunFacts, rows: Sequence[Measurement], source: str | None
) -> tuple[tuple[LanguageFacts, ...], LanguageFacts | None]:
    """The rows' languages by falling share, and the source."""
    stored = facts.meta.get("share_table")
    table = ShareTable.from_json(stored) if stored else None
    tiers = {row.language: row.tier for row in rows if row.language and row.tier}
    languages = language_facts(dict.fromkeys(r.language for r in rows if r.language), table, tiers)
    if source is None:
        return languages, None
    here = next((x for x in languages if x.tag == source), None)
    return languages, here or language_facts([source], table, {})[0]


def _asked(facts: RunFacts, concept: str | None, source: str | None) -> Mapping[str, Any]:
    """The stored settings, if they are of these rows: a run keeps those of its last experiment."""
    stored = facts.meta.get(CONTROL)
    if not isinstance(stored, Mapping):
        return {}
    asked = cast(Mapping[str, Any], stored)
    same = (asked.get("concept"), asked.get("source")) == (concept, source)
    return asked if same else {}


def _toward(asked: Mapping[str, Any], arms: Sequence[str]) -> Toward:
    stored = asked.get("toward")
    if stored == "refuse" or stored == "comply":
        return stored
    return "refuse" if any(arm in _DEFENCES for arm in arms) else "comply"
