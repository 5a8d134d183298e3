"""The rows of an anatomy by name: links that broke, false alarms, rivals, thresholds, claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.records import CLAIM, Measurement
from isogloss.report.facts import ANATOMY, TIERS, LanguageFacts, RunFacts, languages_of

OVER_RUNS = "trace anatomy over runs"
MAIN, MARGIN = "main", "margin"
NOT_MEASURED, UNEXPLAINED = "not measured", "unexplained"
KINDS: dict[str, tuple[str, str]] = {
    "harmful_compliance": ("Harmful compliance", "What was refused"),
    "irrelevance": ("Irrelevance", "What was relevant"),
}
"""Kind of failure → (what failed, what did not)."""
READINGS = {
    "main": "main",
    "english": "English’s direction",
    "strict": "strict comprehension",
    "question": "read at the question",
    "placebo": "placebo directions",
}
"""Way of reading the instruments → words."""
SHIFT, GAINED, RECOVERED = "threshold_shift", "refusals_gained", "recovered"
PAID, NET = "over_refusals_paid", "net_recovery"
INSTRUMENTS: tuple[tuple[str, str, str], ...] = (
    ("comprehension", "lenient", "Understood, lenient"),
    ("comprehension", "strict", "Understood, strict"),
    ("represented", "own", "Represented, own"),
    ("represented", "english", "Represented, English’s"),
    ("represented", "question", "Represented, at the question"),
    ("represented", "shuffled", "Represented, placebos"),
    ("above_twin", "own", "Above its twin, own"),
    ("above_twin", "shuffled", "Above its twin, placebos"),
    ("margin_agreement", "none", "Margin agrees"),
    ("right_form", "none", "Right form likeliest"),
    ("answer_bits_per_character", "none", "Bits a character"),
)
"""(metric, arm, heading) of what each instrument finds, failure or not."""
_Key = tuple[str, str, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A language, or a tier.

    Attributes:
        tag: None for a tier.
        name: as it stands in tables and pictures.
    """

    tag: str | None
    tier: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatomyFacts:
    """One anatomy. Build it with `read_anatomy`.

    Attributes:
        targets: a model a seed.
        group: their name without the seed; the target itself where there is one.
        links: kind of failure → links in the order of the chain, with the two that are none.
        readings: kind → ways of reading the instruments.
        examples: ``k=1`` and so on.
        variables: what a threshold is put on: the margin, scores of directions.
        rows: of areas `ANATOMY` and `OVER_RUNS`.
    """

    targets: tuple[str, ...]
    group: str
    judge: str | None
    languages: tuple[LanguageFacts, ...]
    links: Mapping[str, tuple[str, ...]]
    readings: Mapping[str, tuple[str, ...]]
    examples: tuple[str, ...]
    variables: tuple[str, ...]
    claims: tuple[Measurement, ...]
    rows: tuple[Measurement, ...]
    _index: Mapping[_Key, Measurement]

    @property
    def n_runs(self) -> int:
        return len(self.targets)

    @property
    def is_over_runs(self) -> bool:
        """Whether figures are means over runs; else they are of one model."""
        return self.n_runs > 1

    @property
    def tiers(self) -> tuple[Place, ...]:
        """Tiers of the languages."""
        found = [tier for tier in TIERS if any(x.tier == tier for x in self.languages)]
        return tuple(Place(tag=None, tier=tier, name=f"{tier.capitalize()} tier") for tier in found)

    @property
    def places(self) -> tuple[Place, ...]:
        """Every language, then every tier."""
        alone = (Place(tag=x.tag, tier=x.tier, name=x.name) for x in self.languages)
        return (*alone, *self.tiers)

    @property
    def instruments(self) -> tuple[tuple[str, str, str], ...]:
        """Those of `INSTRUMENTS` that the run has rows of."""
        there = {(row.metric, row.arm) for row in self.rows}
        return tuple(one for one in INSTRUMENTS if one[:2] in there)

    def failures(self, kind: str, place: Place) -> Measurement | None:
        """How often it failed, of what could have."""
        return self._row(kind, "none", None, place)

    def link(
        self, kind: str, link: str, place: Place, *, reading: str = MAIN, figure: str = ""
    ) -> Measurement | None:
        """A link's share of the failures; ``figure``: its ``false_alarm`` or ``excess``."""
        metric = f"{kind}_link" + (f"_{figure}" if figure else "")
        return self._row(metric, reading, link, place)

    def threshold(
        self, metric: str, k: str, place: Place, *, variable: str = MARGIN
    ) -> Measurement | None:
        """What a threshold from k examples a class does."""
        return self._row(metric, variable, k, place)

    def instrument(self, metric: str, arm: str, place: Place) -> Measurement | None:
        """What one instrument finds over all items."""
        return self._row(metric, arm, None, place)

    def _row(self, metric: str, arm: str, category: str | None, place: Place) -> Measurement | None:
        return self._index.get(
            (metric, arm, category, place.tag, None if place.tag else place.tier)
        )


def read_anatomy(facts: RunFacts) -> AnatomyFacts | None:
    """The anatomy of a run; None without one."""
    mine = tuple(row for row in facts.rows if row.area == ANATOMY)
    if not mine:
        return None
    targets = list(dict.fromkeys(row.target for row in mine))
    over = tuple(row for row in facts.rows if row.area == OVER_RUNS) if len(targets) > 1 else ()
    first = [row for row in mine if row.target == targets[0]]
    return AnatomyFacts(
        targets=tuple(targets),
        group=over[0].target if over else targets[0],
        judge=first[0].judge,
        languages=languages_of(first, facts.meta),
        links={kind: _distinct(first, f"{kind}_link", "category") for kind in KINDS},
        readings={kind: _distinct(first, f"{kind}_link", "arm") for kind in KINDS},
        examples=_distinct(first, PAID, "category"),
        variables=_distinct(first, PAID, "arm"),
        claims=tuple(row for row in over if row.metric == CLAIM),
        rows=(*mine, *over),
        _index=_indexed(over or first),
    )


def _distinct(rows: Sequence[Measurement], metric: str, field: str) -> tuple[str, ...]:
    """Values of a field among the rows of a metric, in their order."""
    return tuple(dict.fromkeys(str(getattr(row, field)) for row in rows if row.metric == metric))


def _indexed(rows: Sequence[Measurement]) -> dict[_Key, Measurement]:
    index: dict[_Key, Measurement] = {}
    for row in rows:
        tier = None if row.language else row.tier
        index.setdefault((row.metric, row.arm, row.category, row.language, tier), row)
    return index
