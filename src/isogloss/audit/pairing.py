"""Which replies of two runs are compared: joined by key, never by position.

A pair is one prompt, language, variant and sample with an outcome on both sides. What both sides
planned but one has no outcome for (error, unjudged, pending) counts as missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isogloss.audit.rates import Slice
from isogloss.audit.tally import Array, tally
from isogloss.errors import InputError
from isogloss.languages import DEFAULT_SHARE_TABLE, TIERS, ShareTable, load_share_table
from isogloss.records import INTENTS
from isogloss.store import RunStore

KEY = ("prompt_id", "language", "variant", "sample")
OUTCOMES = ("complied", "refused", "irrelevant", "blocked")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareConfig:
    """What is compared with what.

    Attributes:
        a, b: run folders; may be the same one, with two targets or arms in it.
        target_a, arm_a, target_b, arm_b: which replies, where a folder holds several.
        judge: whose verdicts; None is the one judge that both sides share.
        variant: of the prompts.
    """

    a: Path
    b: Path
    target_a: str | None = None
    arm_a: str | None = None
    target_b: str | None = None
    arm_b: str | None = None
    judge: str | None = None
    variant: str = "original"
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The paired counts of both sides; what differences and the gate are computed from."""

    a: Slice
    b: Slice
    tiers: tuple[str, ...]
    retained: Slice

    @property
    def languages(self) -> tuple[str, ...]:
        return self.a.languages


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Two sides joined.

    Attributes:
        n_pairs: pairs with an outcome on both sides.
        n_missing: planned pairs without one.
        n_only_a, n_only_b: prompts that only one side holds; they are not compared.
    """

    a: Side
    b: Side
    judge: str | None
    pairs: Pairs
    n_pairs: int
    n_missing: int
    n_only_a: int
    n_only_b: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side as stored."""

    folder: Path
    target: str
    arm: str
    judge: str | None
    samples: int
    shares: ShareTable
    prompts: pl.DataFrame
    outcomes: pl.DataFrame

    @property
    def name(self) -> str:
        return self.target if self.arm == "none" else f"{self.target} ({self.arm})"


def pair_runs(config: CompareConfig) -> Pairing:
    """Read both sides and join them; raises what `isogloss.audit.compare.compare_runs` says."""
    judge = _shared_judge(config.a, config.b, config.judge)
    a = _read(config.a, config.target_a, config.arm_a, judge, config.variant, "a")
    b = _read(config.b, config.target_b, config.arm_b, judge, config.variant, "b")
    if (a.folder.resolve(), a.target, a.arm) == (b.folder.resolve(), b.target, b.arm):
        raise InputError(
            f"both sides are {a.name} in {a.folder}; name another folder, or another target or arm "
            "with --target-b or --arm-b"
        )
    planned = _shared_prompts(a, b)
    joined = _join(a, b)
    samples = min(a.samples, b.samples)
    return Pairing(
        a=a,
        b=b,
        judge=judge,
        pairs=_pairs(joined, planned, b.shares, samples=samples),
        n_pairs=joined.height,
        n_missing=planned.height * samples - joined.height,
        n_only_a=a.prompts.height - planned.height,
        n_only_b=b.prompts.height - planned.height,
    )


def _shared_judge(a: Path, b: Path, wanted: str | None) -> str | None:
    with RunStore(a) as first, RunStore(b) as second:
        names = [store.judges() for store in (first, second)]
        audit: dict[str, Any] = first.meta("audit", {})
    primary: str | None = audit.get("judge")
    shared = [name for name in names[0] if name in names[1]]
    if wanted in shared:
        return wanted
    if wanted is not None and shared:
        raise InputError(
            f"judge {wanted!r} did not see both runs; choose one that did: {', '.join(shared)}"
        )
    if primary in shared:
        return primary
    if len(shared) == 1:
        return shared[0]
    if not shared:
        raise InputError(
            f"no judge saw both runs ({a}: {', '.join(names[0]) or 'none'}; {b}: "
            f"{', '.join(names[1]) or 'none'}); judge both with the same one"
        )
    raise InputError(f"several judges saw both runs: choose with --judge {'|'.join(shared)}")


def _read(
    folder: Path, target: str | None, arm: str | None, judge: str | None, variant: str, side: str
) -> Side:
    with RunStore(folder) as store:
        found = {(t, a) for t, a, _ in store.sources()}
        matching = sorted((t, a) for t, a in found if target in (None, t) and arm in (None, a))
        if len(matching) != 1:
            held = "; ".join(f"target {t}, arm {a}" for t, a in sorted(found)) or "no replies"
            what = "several targets or arms" if matching else "nothing that matches"
            raise InputError(
                f"{folder} holds {what} ({held}); choose with --target-{side} and --arm-{side}"
            )
        (name, which) = matching[0]
        audit = store.meta("audits", {}).get(f"{name} {which}", {})
        table = store.meta("share_table")
        prompts = store.prompts().filter(pl.col("variant") == variant)
        outcomes = store.outcomes(target=name, arm=which, judge=judge)
    if prompts.is_empty():
        raise InputError(f"{folder} has no prompts of the variant {variant!r}")
    return Side(
        folder=folder,
        target=name,
        arm=which,
        judge=judge,
        samples=audit.get("samples", 1),
        shares=ShareTable.from_json(table) if table else load_share_table(DEFAULT_SHARE_TABLE),
        prompts=prompts,
        outcomes=outcomes.filter(pl.col("variant") == variant),
    )


def _shared_prompts(a: Side, b: Side) -> pl.DataFrame:
    """Prompts of both sides; the same key must be the same prompt."""
    key = ["prompt_id", "language", "variant"]
    shared = a.prompts.join(b.prompts, on=key, how="inner", suffix="_b")
    if shared.is_empty():
        raise InputError(
            f"{a.folder} and {b.folder} share no prompt: nothing to compare. Audit both on the "
            "same prompt set."
        )
    other = shared.filter(
        (pl.col("text") != pl.col("text_b")) | (pl.col("intent") != pl.col("intent_b"))
    )
    if other.height:
        prompt_id, language = other.select("prompt_id", "language").row(0)
        raise InputError(
            f"{other.height} prompts have the same id in {a.folder} and {b.folder} but another "
            f"text or intent, first {prompt_id!r} in {language}: these are different prompt sets"
        )
    return shared


def _join(a: Side, b: Side) -> pl.DataFrame:
    """Pairs with an outcome on both sides; columns of A, with B's result and correctness."""
    judged = pl.col("result").is_in(OUTCOMES)
    return a.outcomes.filter(judged).join(
        b.outcomes.filter(judged).select(*KEY, "result", "correct"),
        on=list(KEY),
        how="inner",
        suffix="_b",
        validate="1:1",
    )


def _pairs(
    joined: pl.DataFrame, planned: pl.DataFrame, shares: ShareTable, *, samples: int
) -> Pairs:
    languages = sorted(
        planned["language"].unique().to_list(),
        key=lambda tag: (TIERS.index(shares.tier(tag)), -(shares.share(tag) or 0.0), tag),
    )
    filled = joined.with_columns(
        n=pl.lit(1, pl.Int64),
        reply_language=pl.lit(None, pl.String),
        truncated=pl.lit(None, pl.Int64),
    )
    swapped = filled.with_columns(result=pl.col("result_b"), correct=pl.col("correct_b"))
    helped = (pl.col("result") == "complied") & (pl.col("correct") == 1)
    kept = swapped.filter(filled.select(helped).to_series())
    clusters = filled["cluster_id"].unique().sort().to_list()
    plan = {
        intent: _count(planned.filter(pl.col("intent") == intent), languages) * samples
        for intent in INTENTS
    }
    n_helped = {
        intent: _count(kept.filter(pl.col("intent") == intent), languages) for intent in INTENTS
    }
    return Pairs(
        a=_slice(filled, languages, clusters, plan),
        b=_slice(swapped, languages, clusters, plan),
        tiers=tuple(shares.tier(tag) for tag in languages),
        retained=_slice(kept, languages, clusters, n_helped),
    )


def _count(frame: pl.DataFrame, languages: Sequence[str]) -> Array:
    counts = dict(frame.group_by("language").len().iter_rows())
    return np.array([counts.get(tag, 0) for tag in languages], dtype=np.float64)


def _slice(
    frame: pl.DataFrame,
    languages: Sequence[str],
    clusters: Sequence[str],
    planned: dict[str, Array],
) -> Slice:
    tallies = {
        intent: tally(frame.filter(pl.col("intent") == intent), languages, clusters)
        for intent in INTENTS
    }
    tallies["both"] = tallies["harmful"] + tallies["benign"]
    return Slice(
        tallies=tallies, planned={**planned, "both": planned["harmful"] + planned["benign"]}
    )
