"""Everything measured about one target, arm and judge, computed anew from what is stored."""

from __future__ import annotations

from typing import Any

from isogloss.audit.calibration import calibrate_run
from isogloss.audit.instruments import instrument_rows
from isogloss.audit.measure import measure_run
from isogloss.languages import ShareTable
from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.translate.rates import translation_rows


def planned_audits(store: RunStore) -> dict[str, Any]:
    """What was planned, by ``"TARGET ARM"``."""
    return store.meta("audits", {})


def remeasure_run(store: RunStore) -> None:
    """Compute everything of every target, arm and judge anew: labels or verdicts have changed."""
    for audit in planned_audits(store).values():
        for judge in audit["judges"] or [None]:
            remeasure(store, target=audit["target"], arm=audit["arm"], judge=judge)


def remeasure(store: RunStore, *, target: str, arm: str, judge: str | None) -> list[Measurement]:
    """Compute every area of one target, arm and judge from what is stored, and replace the rows.

    Returns:
        The rows of the area ``audit``.
    """
    audit = planned_audits(store)[f"{target} {arm}"]
    shares = ShareTable.from_json(store.meta("share_table"))
    samples, seed = audit["samples"], audit["decoding"]["seed"]
    rows = measure_run(
        store,
        target=target,
        arm=arm,
        judge=judge,
        shares=shares,
        samples=samples,
        seed=seed,
    )
    calibrated: list[Measurement] = []
    if judge is not None:
        calibrated = calibrate_run(store, target, arm, judge, shares, samples=samples)
    checked = instrument_rows(
        store,
        audit=rows,
        calibration=[row for row in calibrated if row.variant == audit["primary_variant"]],
        variant=audit["primary_variant"],
        shares=shares,
        samples=samples,
        seed=seed,
    )
    areas = {"audit": rows, "calibration": calibrated, "instruments": checked}
    for area, found in areas.items():
        store.replace_measurements(area, found, target=target, arm=arm, judge=judge)
        if judge is not None:  # somebody judged by now
            store.replace_measurements(area, [], target=target, arm=arm, judge=None)
    store.replace_measurements("translation", translation_rows(store.prompt_records()))
    return rows
