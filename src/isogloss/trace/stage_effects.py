"""The gap at every rung, and what each stage did to it: from counts and comparisons to rows.

Gaps and their changes are taken on the prompts that have an outcome at *every* rung, so that the
gap of the first rung and the changes of all stages add up to the gap of the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isogloss.audit.curses import GAP_RATES, SCOPES
from isogloss.audit.rate_rows import measurement
from isogloss.audit.rates import Cells
from isogloss.audit.verdicts import ALPHA, gap_verdict
from isogloss.records import Measurement
from isogloss.stats.contrast import METHODS
from isogloss.stats.gaps import tier_gap
from isogloss.stats.intervals import Estimate
from isogloss.stats.paired import holm
from isogloss.trace.change_gap import Counts, change_gap
from isogloss.trace.gap_share import Parts, gap_parts
from isogloss.trace.rung_counts import Step, joined, stage_note

AREA = "trace ladder"
AT_RUNG = "at rung"
RATES = GAP_RATES
GAP, CHANGE, CHANGE_GAP, GAP_MADE = "gap", "change", "change_gap", "gap_made"
SHARED = "prompts with an outcome at every rung"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Two tiers to be compared.

    Attributes:
        weak, strong: their names.
        members: [2, L] who is in which.
    """

    weak: str
    strong: str
    members: np.ndarray

    @property
    def words(self) -> str:
        return f"{self.weak} minus {self.strong}"


def effect_rows(
    steps: Sequence[Step], tiers: Sequence[str], common: Mapping[str, Any]
) -> list[Measurement]:
    """Gaps at the rungs, their changes, and the part of the last gap that each made.

    Metrics ``RATE_gap``, ``RATE_change_gap`` and ``RATE_gap_made``; ``arm`` is the rung,
    ``category`` is ``at rung`` or ``since PREVIOUS``, ``tier`` is ``low minus high`` or another
    pair. Rows in the scope ``languages like these`` carry the verdicts: of a gap ``found``,
    ``reversed``, ``no evidence``, ``underpowered``; of a change ``worse`` (the weaker tier fared
    worse than the stronger), ``better``, and the same two.

    Args:
        steps: the rungs in order.
        tiers: [L] resource tier of each language.
        common: fields of every row: target, judge, variant, seed.
    """
    rows: list[Measurement] = []
    for name in RATES:
        cells = [step.slice.cells(name) for step in steps]
        for sides in _pairs_of_tiers(tiers):
            one = _Ladder(steps=tuple(steps), cells=tuple(cells), sides=sides, common=dict(common))
            rows += one.gap_rows()
            rows += one.change_gap_rows()
            rows += one.made_rows()
    return rows


def _pairs_of_tiers(tiers: Sequence[str]) -> list[Sides]:
    """Low and medium against high, or against English where there is no high tier."""
    names = np.array(tiers)
    strong = "high" if "high" in tiers else "english"
    weak = [tier for tier in ("low", "medium") if tier in tiers] or ["low"]
    return [
        Sides(weak=tier, strong=strong, members=np.stack([names == tier, names == strong]))
        for tier in weak
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ladder:
    """One rate and one pair of tiers at every rung."""

    steps: tuple[Step, ...]
    cells: tuple[Cells, ...]
    sides: Sides
    common: dict[str, Any]

    @property
    def counts(self) -> list[Counts]:
        return [Counts(successes=c.successes, trials=c.trials) for c in self.cells]

    def gap_rows(self) -> list[Measurement]:
        rows: list[Measurement] = []
        for at, (step, cells) in enumerate(zip(self.steps, self.cells, strict=True)):
            members = self.sides.members & cells.usable
            both = [
                tier_gap(cells.successes, cells.trials, *members, scope=scope) for scope in SCOPES
            ]
            fields = self._fields(GAP, at, AT_RUNG)
            told = gap_verdict(
                both[1], both[0], cells.rate.worse, span=1.0, n_languages=int(members.sum())
            )
            rows += self._both(
                self._explained(both, cells.usable), fields, told, int(members.sum()), step.note
            )
        return rows

    def change_gap_rows(self) -> list[Measurement]:
        stages = list(range(1, len(self.steps)))
        usable = [self.cells[at].usable & self.cells[at - 1].usable for at in stages]
        found = [
            [
                change_gap(
                    self.counts[at - 1], self.counts[at], *(self.sides.members & used), scope=scope
                )
                for scope in SCOPES
            ]
            for at, used in zip(stages, usable, strict=True)
        ]
        adjusted = holm([wide.p_value for _, wide in found])
        rows: list[Measurement] = []
        for at, used, both, p in zip(stages, usable, found, adjusted, strict=True):
            n_languages = int((self.sides.members & used).sum())
            told = self._stage_verdict(both, p, n_languages, len(stages))
            note = joined(self._stage_note(at), f"Holm over {len(stages)} stages")
            fields = self._fields(CHANGE_GAP, at, f"since {self.steps[at - 1].name}")
            explained = self._explained(both, used)
            narrow, wide = self._both(explained, fields, told, n_languages, note)
            rows += [narrow, replace(wide, p_value=p)]
        return rows

    def _stage_verdict(
        self, both: Sequence[Estimate], p: float | None, n_languages: int, n_stages: int
    ) -> tuple[str, str | None]:
        narrow, wide = both
        worse = self.cells[0].rate.worse
        verdict, reason = gap_verdict(wide, narrow, worse, span=1.0, n_languages=n_languages)
        if verdict in ("found", "reversed") and p is not None and p >= ALPHA:
            return "underpowered", f"p = {p:.2g} once all {n_stages} stages are counted"
        return {"found": "worse", "reversed": "better"}.get(verdict, verdict), reason

    def made_rows(self) -> list[Measurement]:
        """Shares of the last gap, over the languages that are measured at every rung."""
        used = np.logical_and.reduce([cells.usable for cells in self.cells])
        members = self.sides.members & used
        last = self.steps[-1].name
        method = (
            f"part of the gap at {last}; {METHODS[SCOPES[0]]}, Fieller; {members.sum()} languages "
            f"measured at every rung; {SHARED}"
        )
        parts = gap_parts(self.counts, *members) if members.any(axis=1).all() else None
        rows: list[Measurement] = []
        for at, step in enumerate(self.steps):
            category = f"since {self.steps[at - 1].name}" if at else AT_RUNG
            note = self._stage_note(at) if at else step.note
            row = Measurement(
                unit="ratio", scope=SCOPES[0],
                method=joined(method, note, self.common.get("note", "")),
                **self._fields(GAP_MADE, at, category),
            )  # fmt: skip
            if parts is None:
                reason = "no language of a tier is measured at every rung" + self._why(used)
                rows.append(replace(row, verdict="not measured", reason=reason))
            else:
                n = sum(counts.trials[:, members.any(axis=0)].sum() for counts in self.counts)
                rows.append(_with_share(replace(row, n=int(n)), parts, at, last))
        return rows

    def _explained(self, both: Sequence[Estimate], usable: np.ndarray) -> list[Estimate]:
        """Of an empty tier its name, and why a language of it is not measured."""
        names = (self.sides.weak, self.sides.strong)
        for name, member in zip(names, self.sides.members, strict=True):
            if not (member & usable).any():
                reason = f"no measured language in the {name} tier{self._why(usable)}"
                return [replace(found, reason=reason) for found in both]
        return list(both)

    def _why(self, usable: np.ndarray) -> str:
        """What keeps an empty tier from being measured: the reason of its first language."""
        for member in self.sides.members:
            if (member & usable).any():
                continue
            for cells in self.cells:
                for at in np.flatnonzero(member & ~cells.usable):
                    why = cells.reasons[at] or "too many replies have no outcome"
                    return f" (such as {cells.languages[at]}: {why})"
        return ""

    def _fields(self, kind: str, at: int, category: str) -> dict[str, Any]:
        fields = {key: value for key, value in self.common.items() if key != "note"}
        return fields | {
            "area": AREA, "metric": f"{self.cells[0].rate.name}_{kind}",
            "arm": self.steps[at].name, "category": category, "tier": self.sides.words,
        }  # fmt: skip

    def _stage_note(self, at: int) -> str:
        return stage_note(self.steps[at - 1], self.steps[at])

    def _both(
        self,
        both: Sequence[Estimate],
        fields: dict[str, Any],
        told: tuple[str, str | None],
        n_languages: int,
        note: str,
    ) -> list[Measurement]:
        """A row a scope; only the wider one carries a verdict."""
        rows: list[Measurement] = []
        for scope, found in zip(SCOPES, both, strict=True):
            method = joined(
                f"{found.method}; {n_languages} languages; {SHARED}",
                note, self.common.get("note", ""),
            )  # fmt: skip
            row = measurement(estimate=found, scope=scope, unit="rate difference", **fields)
            rows.append(replace(row, method=method))
        verdict, reason = told
        rows[1] = replace(rows[1], verdict=verdict, reason=both[1].reason or reason)
        return rows


def _with_share(row: Measurement, parts: Parts, at: int, last: str) -> Measurement:
    part = parts.parts[at]
    if part.share is None:
        reason = (
            f"the gap at {last} may be 0 ({100 * parts.low:+.0f} to {100 * parts.high:+.0f} "
            "points), so no share of it can be told"
        )
        return replace(row, verdict="not measured", reason=reason)
    if part.low is None or part.high is None:
        return replace(row, estimate=part.share, reason="an end of the interval is out of reach")
    return replace(row, estimate=part.share, low=part.low, high=part.high)
