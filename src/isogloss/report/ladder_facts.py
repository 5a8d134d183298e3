"""The rows of a ladder by name: gaps at the rungs, what each stage did, rates by tier, claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from isogloss.printable import printable
from isogloss.records import CLAIM, Measurement
from isogloss.report.facts import AUDIT, LADDER, TIERS, LanguageFacts, RunFacts, languages_of
from isogloss.report.numbers import verified
from isogloss.report.stored import as_list, as_mapping
from isogloss.stats.paired import t_over_runs

OVER_RUNS = "trace ladder over runs"
AT_RUNG = "at rung"
GAP, CHANGE, CHANGE_GAP, GAP_MADE = "gap", "change", "change_gap", "gap_made"
WIDE = "languages like these"
SHARED = "prompts with an outcome at every rung"
_Key = tuple[str, str, str, str | None, str | None, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class RungFacts:
    """One rung.

    Attributes:
        label: its name, short where that stays unique.
        targets: checkpoint of every family; empty where not stored.
        asked: how it was asked; empty where not stored.
        notes: what is to be known of its difference from the rung before.
    """

    name: str
    label: str
    targets: tuple[str, ...]
    asked: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderFacts:
    """One ladder. Build it with `read_ladder`.

    Attributes:
        families: a name a seed; of the first are the figures of one model.
        group: their name without the seed.
        rungs: in the order of training.
        rates: that are compared.
        sides: ``low minus high`` and others.
        languages: by falling share.
        claims: rows, in order.
        rows: of areas `LADDER` and `OVER_RUNS`.
    """

    families: tuple[str, ...]
    group: str
    judge: str | None
    rungs: tuple[RungFacts, ...]
    rates: tuple[str, ...]
    sides: tuple[str, ...]
    languages: tuple[LanguageFacts, ...]
    claims: tuple[Measurement, ...]
    rows: tuple[Measurement, ...]
    _index: Mapping[_Key, Measurement]
    _audits: Mapping[tuple[str, str, str], Measurement]

    @property
    def n_runs(self) -> int:
        return len(self.families)

    @property
    def is_over_runs(self) -> bool:
        """Whether figures are means over runs; else they are of one model."""
        return self.n_runs > 1

    @property
    def tiers(self) -> tuple[str, ...]:
        """Resource tiers of the languages."""
        return tuple(tier for tier in TIERS if any(x.tier == tier for x in self.languages))

    def since(self, at: int) -> str:
        """The category of what rung ``at`` added."""
        return f"since {self.rungs[at - 1].name}" if at else AT_RUNG

    def gap(self, rate: str, at: int, sides: str, *, wide: bool = False) -> Measurement | None:
        """The gap at a rung; ``wide``: in the scope of languages like these (of one model)."""
        return self._row(f"{rate}_{GAP}", at, AT_RUNG, sides, wide)

    def added(self, rate: str, at: int, sides: str, *, wide: bool = False) -> Measurement | None:
        """What the stage before a rung did to the gap; of the first rung, its own gap."""
        if at == 0:
            return self.gap(rate, at, sides, wide=wide)
        return self._row(f"{rate}_{CHANGE_GAP}", at, self.since(at), sides, wide)

    def made(self, rate: str, at: int, sides: str) -> Measurement | None:
        """What part of the last gap that is."""
        return self._row(f"{rate}_{GAP_MADE}", at, self.since(at), sides, False)

    def change(self, rate: str, at: int, place: str) -> Measurement | None:
        """What a stage changed in a language or a tier."""
        return self._row(f"{rate}_{CHANGE}", at, self.since(at), place, False)

    def _row(
        self, metric: str, at: int, category: str, place: str, wide: bool
    ) -> Measurement | None:
        over = self.is_over_runs
        area = OVER_RUNS if over else LADDER
        return self._index.get(
            (area, metric, self.rungs[at].name, category, place, wide and not over)
        )

    def deciding(
        self, rate: str, at: int, sides: str, *, added: bool = False
    ) -> Measurement | None:
        """The row that a verdict rests on: over runs, or for languages like these."""
        find = self.added if added else self.gap
        return find(rate, at, sides, wide=True)

    def rate(self, metric: str, at: int, place: str) -> Measurement | None:
        """A rate of the audit of a rung in a language or tier; over runs its mean."""
        rows = [self._audits.get((t, metric, place)) for t in self.rungs[at].targets]
        if not self.is_over_runs:
            return rows[0] if rows else None
        return over_runs([row for row in rows if row is not None], self.group)


def over_runs(rows: Sequence[Measurement], group: str) -> Measurement | None:
    """A rate of every run as one row: the mean with Student's t, cut to what a rate can be."""
    if not rows:
        return None
    found = t_over_runs([value for row in rows if (value := verified(row)) is not None])
    unknown = next((row.reason for row in rows if verified(row) is None), None)
    reason = found.reason
    if found.estimate is None:
        reason = f"measured in none of {len(rows)} runs" + (f": {unknown}" if unknown else "")
    return replace(
        rows[0],
        target=group,
        n=found.n,
        k=None,
        n_clusters=None,
        estimate=found.estimate,
        low=None if found.low is None else max(0.0, found.low),
        high=None if found.high is None else min(1.0, found.high),
        method=found.method,
        scope="runs",
        verdict=None,
        seed=None,
        reason=reason,
    )


def read_ladder(facts: RunFacts) -> LadderFacts | None:
    """The ladder of a run; None without one."""
    mine = tuple(row for row in facts.rows if row.area in (LADDER, OVER_RUNS))
    families = list(dict.fromkeys(row.target for row in mine if row.area == LADDER))
    if not families:
        return None
    first = [row for row in mine if row.target == families[0] and row.area == LADDER]
    gaps = [row for row in first if row.category == AT_RUNG and row.metric.endswith(f"_{GAP}")]
    group = families[0].rpartition("#")[0] if len(families) > 1 else families[0]
    rungs = _rungs(facts, families, list(dict.fromkeys(row.arm for row in gaps)), first)
    judge = first[0].judge
    return LadderFacts(
        families=tuple(families),
        group=group,
        judge=judge,
        rungs=rungs,
        rates=tuple(dict.fromkeys(row.metric.removesuffix(f"_{GAP}") for row in gaps)),
        sides=tuple(dict.fromkeys(row.tier or "" for row in gaps)),
        languages=languages_of(first, facts.meta),
        claims=tuple(r for r in mine if r.metric == CLAIM) if len(families) > 1 else (),
        rows=mine,
        _index=_indexed(mine, families[0]),
        _audits=_audits(facts, {t for rung in rungs for t in rung.targets}, judge),
    )


def _rungs(
    facts: RunFacts, families: Sequence[str], names: Sequence[str], rows: Sequence[Measurement]
) -> tuple[RungFacts, ...]:
    stored: dict[str, list[Mapping[str, Any]]] = {}
    for family in as_list(as_mapping(facts.meta.get(LADDER)).get("families")):
        if as_mapping(family).get("name") in families:
            for rung in as_list(as_mapping(family).get("rungs")):
                stored.setdefault(str(as_mapping(rung).get("name")), []).append(as_mapping(rung))
    labels = short_labels(names)
    found: list[RungFacts] = []
    for name, label in zip(names, labels, strict=True):
        mine = stored.get(name, [])
        methods = (r.method for r in rows if r.arm == name and r.metric.endswith(CHANGE_GAP))
        found.append(
            RungFacts(
                name=name,
                label=label,
                targets=tuple(str(one.get("target")) for one in mine),
                asked=str(mine[0].get("asked") or "") if mine else "",
                notes=_notes(next(methods, None)),
            )
        )
    return tuple(found)


def short_labels(names: Sequence[str]) -> list[str]:
    """Names without what leads to them, where none then is another's.

    Example:
        >>> short_labels(["hf:runs/a/base", "hf:runs/a/chat"])
        ['base', 'chat']
    """
    short = [printable(name.rstrip("/").rpartition("/")[2]) for name in names]
    return short if len(set(short)) == len(names) else [printable(name) for name in names]


def _notes(method: str | None) -> tuple[str, ...]:
    """What a method says after the prompts it is of, but for the correction."""
    _, found, after = (method or "").partition(SHARED)
    parts = [part for part in after.split("; ") if part] if found else []
    return tuple(part for part in parts if not part.startswith("Holm over"))


def _indexed(rows: Sequence[Measurement], first: str) -> dict[_Key, Measurement]:
    index: dict[_Key, Measurement] = {}
    for row in rows:
        if row.area == OVER_RUNS or row.target == first:
            place = row.language or row.tier
            key = (row.area, row.metric, row.arm, row.category, place, row.scope == WIDE)
            index.setdefault(key, row)
    return index


def _audits(
    facts: RunFacts, targets: set[str], judge: str | None
) -> dict[tuple[str, str, str], Measurement]:
    found: dict[tuple[str, str, str], Measurement] = {}
    for row in facts.rows:
        if row.area != AUDIT or row.target not in targets or row.arm != "none":
            continue
        if row.category is not None or row.judge != judge or row.scope == WIDE:
            continue
        place = row.language or row.tier
        if place is not None and row.variant in (None, facts.variant):
            found.setdefault((row.target, row.metric, place), row)
    return found
