"""The rows of a dose-response by name: curves, contrasts, slopes, tokens to parity, claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from isogloss.languages import describe_language
from isogloss.records import CLAIM, Measurement
from isogloss.report.arm_facts import METRICS, SHARE, TOKENS, RunsOfArms, read_runs
from isogloss.report.facts import DOSE, LanguageFacts, RunFacts, languages_of
from isogloss.report.numbers import listed
from isogloss.report.stored import as_list, as_mapping

OTHERS = "other languages"
CHANGE, PER_DOUBLING, PARITY = "change", "per_doubling", "tokens_to_parity"
_Key = tuple[str, str, str | None, bool]


class Contrast(NamedTuple):
    """An arm, the arm that it is set against, and the kind: dose, extra, parallel, tokenizer."""

    kind: str
    arm: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseFacts:
    """One dose-response. Build it with `read_dose`.

    Attributes:
        target: the undosed recipe, without a seed.
        dosed: tags of the languages whose text varies.
        doses: arms by rising text.
        arms: of all kinds, doses first.
        recipes: arm → target string without a seed, where stored.
        n_runs: an arm.
        metrics: in the order of the page.
        languages: of the runs, by falling share.
        rows: of area `DOSE`.
        runs: every run's figures.
    """

    target: str
    dosed: tuple[str, ...]
    doses: tuple[str, ...]
    undosed: str
    arms: tuple[str, ...]
    recipes: Mapping[str, str]
    contrasts: tuple[Contrast, ...]
    n_runs: int
    metrics: tuple[str, ...]
    languages: tuple[LanguageFacts, ...]
    claims: tuple[Measurement, ...]
    rows: tuple[Measurement, ...]
    runs: RunsOfArms
    _index: Mapping[_Key, Measurement]

    @property
    def dosed_words(self) -> str:
        """``Swahili``, ``Tamil and Swahili``."""
        names = [describe_language(tag).name.removesuffix(" (lab)") for tag in self.dosed]
        return listed(names) if names else "the dosed languages"

    def level(self, metric: str, arm: str, *, others: bool = False) -> Measurement | None:
        """Mean over runs of an arm."""
        return self._index.get((metric, arm, None, others))

    def change(
        self, metric: str, contrast: Contrast, *, others: bool = False
    ) -> Measurement | None:
        """An arm minus the arm it is set against."""
        since = f"since {contrast.since}"
        return self._index.get((f"{metric}_{CHANGE}", contrast.arm, since, others))

    def per_doubling(self, metric: str, *, others: bool = False) -> Measurement | None:
        """What a doubling of the dosed languages' text changes."""
        return self._index.get((f"{metric}_{PER_DOUBLING}", "none", None, others))

    def parity(self, metric: str) -> Measurement | None:
        """How much text brings the dosed languages up to the reference; None where not asked."""
        return self._index.get((f"{metric}_{PARITY}", "none", None, False))

    def tokens(self, arm: str) -> float | None:
        """Of the dosed languages, the mean over runs."""
        rows = (self.level(metric, arm) for metric in self.metrics)
        return next((row.strength for row in rows if row is not None), None)

    def share(self, arm: str) -> float | None:
        """Percent of documents in the dosed languages together."""
        each = [self.runs.over_runs(arm, SHARE, [tag]) for tag in self.dosed]
        known = [value for value in each if value is not None]
        return 100 * sum(known) if known and len(known) == len(each) else None

    def reference(self, metric: str) -> tuple[str, float] | None:
        """What parity is with: (tier, mean over its languages and runs of the undosed arm)."""
        for tier in ("high", "english"):
            tags = [x.tag for x in self.languages if x.tier == tier and x.tag not in self.dosed]
            if tags:
                found = self.runs.over_runs(self.undosed, metric, tags)
                return None if found is None else (tier, found)
        return None

    def run_curves(self, metric: str) -> list[list[tuple[float, float]]]:
        """(tokens, value) of the dosed languages at the doses that a run has, a list a run."""
        curves: list[list[tuple[float, float]]] = []
        for seed in self.runs.seeds:
            points: list[tuple[float, float]] = []
            for dose in self.doses:
                kept = self.runs.measured_in(metric, dose, self.dosed)
                value = self.runs.value(dose, seed, metric, kept)
                tokens = self.runs.value(dose, seed, TOKENS, self.dosed)
                if value is not None and tokens:
                    points.append((tokens, value))
            curves.append(points)
        return curves


def read_dose(facts: RunFacts) -> DoseFacts | None:
    """The dose-response of a run; None without one, or where no arm has a figure."""
    mine = tuple(row for row in facts.rows if row.area == DOSE)
    if not mine:
        return None
    runs = [row for row in facts.rows if row.area == "trace arm"]
    meta = as_mapping(facts.meta.get(DOSE))
    levels = [row for row in mine if row.category is None and row.arm != "none"]
    arms = tuple(dict.fromkeys(row.arm for row in levels))
    if not arms:
        return None
    contrasts = tuple(
        dict.fromkeys(
            Contrast(row.variant or "dose", row.arm, (row.category or "").removeprefix("since "))
            for row in mine
            if row.metric.endswith(f"_{CHANGE}")
        )
    )
    since = [contrast.since for contrast in contrasts if contrast.kind == "dose"]
    stored = [str(name) for name in as_list(meta.get("doses"))]
    doses = tuple(arm for arm in (stored or _doses(contrasts, arms)) if arm in arms)
    tags = [str(tag) for tag in as_list(meta.get("dosed"))]
    present = {row.metric for row in levels}
    return DoseFacts(
        target=mine[0].target,
        dosed=tuple(tags or dict.fromkeys(r.language for r in mine if r.language)),
        doses=doses,
        undosed=str(meta.get("undosed") or (since or [arms[0]])[0]),
        arms=(*doses, *(arm for arm in arms if arm not in doses)),
        recipes={str(arm): str(spec) for arm, spec in as_mapping(meta.get("arms")).items()},
        contrasts=contrasts,
        n_runs=max((row.n for row in levels), default=0),
        metrics=tuple(name for name in METRICS if name in present),
        languages=languages_of(runs, facts.meta),
        claims=tuple(row for row in mine if row.metric == CLAIM),
        rows=mine,
        runs=read_runs(facts.rows),
        _index=_indexed(mine),
    )


def _doses(contrasts: Sequence[Contrast], arms: Sequence[str]) -> list[str]:
    """Arms that are doses, where their order is not stored: as the rows have them."""
    named = {name for c in contrasts if c.kind == "dose" for name in (c.arm, c.since)}
    return [arm for arm in arms if arm in named]


def _indexed(rows: Sequence[Measurement]) -> dict[_Key, Measurement]:
    index: dict[_Key, Measurement] = {}
    for row in rows:
        index.setdefault((row.metric, row.arm, row.category, row.tier == OTHERS), row)
    return index
