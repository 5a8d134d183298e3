"""What every rung answered, on the prompts that all rungs have an outcome for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from isogloss.audit.measure import in_order, slice_of
from isogloss.audit.pairing import KEY, OUTCOMES
from isogloss.audit.rates import Slice
from isogloss.languages import ShareTable
from isogloss.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What rows say of a rung.

    Attributes:
        name: the rung's.
        slice: its counts, on the clusters and languages of all rungs.
        note: how it was asked, where that is worth a word.
        since: what is to be known of its difference from the rung before.
    """

    name: str
    slice: Slice
    note: str = ""
    since: str = ""


def shared_slices(
    store: RunStore,
    targets: Sequence[str],
    judge: str,
    shares: ShareTable,
    *,
    variant: str = "original",
) -> list[Slice]:
    """The counts of every rung on the prompts that have an outcome at all of them.

    Joined by key. What one rung has no outcome for (error, unjudged, pending) counts as missing at
    every rung, so that a language may be unverified.
    """
    judged = [
        store.outcomes(target=target, arm="none", judge=judge).filter(
            (pl.col("variant") == variant) & pl.col("result").is_in(OUTCOMES)
        )
        for target in targets
    ]
    keys = judged[0].select(KEY)
    for frame in judged[1:]:
        keys = keys.join(frame.select(KEY), on=list(KEY), how="semi")
    planned = store.planned().filter(pl.col("variant") == variant)
    languages = in_order(planned["language"].unique().to_list(), shares)
    common = [frame.join(keys, on=list(KEY), how="semi") for frame in judged]
    clusters = common[0]["cluster_id"].unique().sort().to_list()
    blank = {
        "n": pl.lit(1, pl.Int64),
        "reply_language": pl.lit(None, pl.String),
        "truncated": pl.lit(None, pl.Int64),
    }
    return [
        slice_of(frame.with_columns(**blank), planned, languages, 1, clusters) for frame in common
    ]


def stage_note(before: Step, after: Step) -> str:
    """What a difference of two rungs is made of besides training: another way of asking."""
    asked = after.note
    if before.note != after.note:
        sides = (before, after)
        asked = ", ".join(f"{one.name}: {one.note or 'chat template'}" for one in sides)
    return joined(asked, after.since)


def joined(*parts: str) -> str:
    """What there is to say, as one text."""
    return "; ".join(part for part in parts if part)
