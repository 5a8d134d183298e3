"""Everything measured about one target, arm and judge, computed anew from what is stored."""

from __future__ import annotations

from typing import Any

from isogloss.audit.measure import measure_run
from isogloss.languages import ShareTable
from isogloss.records import Measurement
from isogloss.store import RunStore


def planned_audits(store: RunStore) -> dict[str, Any]:
    """What was planned, by ``"TARGET ARM"``."""
    return store.meta("audits", {})


def remeasure(store: RunStore, *, target: str, arm: str, judge: str | None) -> list[Measurement]:
    """Compute the rows of one target, arm and judge from what is stored, and replace them."""
    audit = planned_audits(store)[f"{target} {arm}"]
    rows = measure_run(
        store,
        target=target,
        arm=arm,
        judge=judge,
        shares=ShareTable.from_json(store.meta("share_table")),
        samples=audit["samples"],
        seed=audit["decoding"]["seed"],
    )
    store.replace_measurements("audit", rows, target=target, arm=arm, judge=judge)
    if judge is not None:  # somebody judged by now
        store.replace_measurements("audit", [], target=target, arm=arm, judge=None)
    return rows
