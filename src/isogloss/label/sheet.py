"""The sheet of replies that people label, as it is stored with the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from isogloss.label.source import Source
from isogloss.languages import resolve_language
from isogloss.records import INTENTS, OUTCOMES
from isogloss.store import RunStore


class StratumKey(NamedTuple):
    """Language, intent, and the verdict that stratifies (None: a simple draw)."""

    language: str
    intent: str
    verdict: str | None

    @property
    def place(self) -> tuple[str, int, int]:
        """Where it comes among others: by language, harmful first, then `OUTCOMES`."""
        verdict = -1 if self.verdict is None else [*OUTCOMES].index(self.verdict)
        return self.language, [*INTENTS].index(self.intent), verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """The part of a sheet drawn from replies of one kind.

    Attributes:
        n_frame: answered replies of this kind in the run when last drawn from.
        threshold: the largest random number drawn so far, −1 before any.
        responses: ids in the store, in the order of their random numbers.
    """

    language: str
    intent: str
    verdict: str | None
    n_frame: int
    threshold: int
    responses: tuple[int, ...]

    @property
    def key(self) -> StratumKey:
        return StratumKey(self.language, self.intent, self.verdict)

    @property
    def n_sheet(self) -> int:
        return len(self.responses)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Stratum:
        return cls(
            language=value["language"],
            intent=value["intent"],
            verdict=value["verdict"],
            n_frame=value["n_frame"],
            threshold=value["threshold"],
            responses=tuple(value["responses"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A drawn sheet, as stored with the run.

    Attributes:
        stratified_by: the judge whose verdicts are strata, or None.
        per_language: asked for last, for languages that join later.
    """

    target: str
    arm: str
    variant: str
    seed: int
    stratified_by: str | None
    per_language: int
    strata: tuple[Stratum, ...]

    @property
    def responses(self) -> tuple[int, ...]:
        """All ids on the sheet, stratum by stratum."""
        return tuple(response for stratum in self.strata for response in stratum.responses)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(s.language for s in self.strata if s.responses))

    def part(self, languages: Sequence[str] | None, intent: str | None) -> Sheet:
        """The strata of some languages and one intent (None: all)."""
        wanted = None if languages is None else {resolve_language(code) for code in languages}
        strata = tuple(
            stratum
            for stratum in self.strata
            if (wanted is None or stratum.language in wanted)
            and (intent is None or stratum.intent == intent)
        )
        return replace(self, strata=strata)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Sheet:
        rows: list[dict[str, Any]] = value["strata"]
        return cls(
            target=value["target"],
            arm=value["arm"],
            variant=value["variant"],
            seed=value["seed"],
            stratified_by=value["stratified_by"],
            per_language=value["per_language"],
            strata=tuple(Stratum.from_json(row) for row in rows),
        )


def read_sheet(store: RunStore, source: Source) -> Sheet | None:
    """The sheet drawn so far of one target, arm and variant; None before any."""
    stored = store.meta(_meta_key(source))
    return None if stored is None else Sheet.from_json(stored)


def store_sheet(store: RunStore, source: Source, sheet: Sheet) -> None:
    """Keep it with the run, in the place of an earlier one of the same source."""
    store.set_meta(_meta_key(source), sheet.to_json())


def _meta_key(source: Source) -> str:
    return f"label_sheet {source.target} {source.arm} {source.variant}"
