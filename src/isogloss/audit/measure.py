"""Everything an audit measures on one run folder, in one pass over its counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from isogloss.audit.curses import english_rows, gap_rows
from isogloss.audit.rate_rows import rate_rows
from isogloss.audit.rates import Slice
from isogloss.audit.tally import COMPLIED, Array, tally
from isogloss.audit.verdicts import language_row
from isogloss.errors import InputError
from isogloss.languages import TIERS, ShareTable
from isogloss.records import INTENTS, RESULTS, Measurement
from isogloss.store import RunStore


def measure_run(
    store: RunStore,
    *,
    target: str,
    arm: str = "none",
    judge: str | None,
    shares: ShareTable,
    samples: int = 1,
    seed: int = 0,
    without_flagged: bool = False,
) -> list[Measurement]:
    """All rows of the area ``audit`` for one target, arm and judge.

    Args:
        store: the run; nothing is written.
        target, arm: whose responses.
        judge: whose verdicts; None where nobody judged (everything is then unjudged).
        shares: gives tiers and the x axis of slopes.
        samples: planned answers a prompt.
        seed: of Monte Carlo tests where exact ones are out of reach.
        without_flagged: leave out prompts whose translation was flagged.

    Raises:
        InputError: the run holds no prompts.
    """
    planned = store.planned(without_flagged=without_flagged)
    if planned.is_empty():
        raise InputError(f"{store.folder} holds no prompts: nothing to measure")
    found = results_of(store, target=target, arm=arm, judge=judge, without_flagged=without_flagged)
    languages = in_order(planned["language"].unique().to_list(), shares)
    rows: list[Measurement] = []
    for variant in planned["variant"].unique().sort().to_list():
        common = {
            "target": target, "arm": arm, "judge": judge, "variant": variant, "seed": seed,
        }  # fmt: skip
        in_variant = pl.col("variant") == variant
        rows += _variant_rows(
            found.filter(in_variant), planned.filter(in_variant), languages, shares, samples, common
        )
    return rows


def results_of(
    store: RunStore, *, target: str, arm: str, judge: str | None, without_flagged: bool = False
) -> pl.DataFrame:
    """`RunStore.results` of one target and arm."""
    found = store.results(judge, without_flagged=without_flagged)
    return found.filter((pl.col("target") == target) & (pl.col("arm") == arm))


def _variant_rows(
    found: pl.DataFrame,
    planned: pl.DataFrame,
    languages: Sequence[str],
    shares: ShareTable,
    samples: int,
    common: dict[str, Any],
) -> list[Measurement]:
    tiers = [shares.tier(language) for language in languages]
    whole = slice_of(found, planned, languages, samples)
    rows = _count_rows(whole, tiers, common)
    rates = rate_rows(whole, tiers, common)
    rows += [
        language_row(rates, language, tier, common)
        for language, tier in zip(languages, tiers, strict=True)
    ]
    rows += rates
    for category in planned["category"].drop_nulls().unique().sort().to_list():
        inside = pl.col("category") == category
        part = slice_of(found.filter(inside), planned.filter(inside), languages, samples)
        rows += rate_rows(part, tiers, common | {"category": category})
    rows += gap_rows(whole, shares, common)
    rows += english_rows(whole, tiers, common)
    return rows


def in_order(languages: Sequence[str], shares: ShareTable) -> list[str]:
    """English first, then by tier and falling share, unknown shares last, then by tag."""

    def place(tag: str) -> tuple[int, float, str]:
        return TIERS.index(shares.tier(tag)), -(shares.share(tag) or 0.0), tag

    return sorted(languages, key=place)


def slice_of(
    found: pl.DataFrame,
    planned: pl.DataFrame,
    languages: Sequence[str],
    samples: int,
    clusters: Sequence[str] | None = None,
) -> Slice:
    """The counts of some results on one cluster axis and language axis.

    Args:
        found: rows of `RunStore.results`.
        planned: rows of `RunStore.planned` for the same prompts.
        languages: the language axis.
        samples: planned answers a prompt.
        clusters: the cluster axis; by default the clusters in ``found``.
    """
    if clusters is None:
        clusters = found["cluster_id"].unique().sort().to_list()
    tallies = {
        intent: tally(found.filter(pl.col("intent") == intent), languages, clusters)
        for intent in INTENTS
    }
    counts = {
        intent: planned_counts(planned.filter(pl.col("intent") == intent), languages) * samples
        for intent in INTENTS
    }
    tallies["both"] = tallies["harmful"] + tallies["benign"]
    counts["both"] = counts["harmful"] + counts["benign"]
    return Slice(tallies=tallies, planned=counts)


def planned_counts(planned: pl.DataFrame, languages: Sequence[str]) -> Array:
    """[L] prompts of some rows of `RunStore.planned`, by language."""
    totals = dict(planned.group_by("language").agg(pl.col("n").sum()).iter_rows())
    return np.array([totals.get(language, 0) for language in languages], dtype=np.float64)


def _count_rows(part: Slice, tiers: Sequence[str], common: dict[str, Any]) -> list[Measurement]:
    """What became of everything planned; the six results and ``pending`` sum to ``planned``."""
    rows: list[Measurement] = []
    for intent in INTENTS:
        planned, counts = part.planned[intent], part.tallies[intent]
        totals = {name: counts.total((name,)) for name in RESULTS if name != "complied"}
        totals = {"complied": counts.total(COMPLIED), **totals}
        stored = np.sum(list(totals.values()), axis=0)
        totals = {
            "planned": planned,
            "answered": stored - totals["error"],
            **totals,
            "pending": planned - stored,
        }
        for name, values in totals.items():
            rows += [
                Measurement(
                    area="audit",
                    metric=name,
                    language=language,
                    tier=tier,
                    category=f"intent:{intent}",
                    n=int(n),
                    k=float(value),
                    estimate=float(value),
                    unit="count",
                    **common,
                )
                for language, tier, n, value in zip(
                    part.languages, tiers, planned, values, strict=True
                )
                if n > 0
            ]
    return rows
