"""A ladder made by hand, as `isogloss trace ladder` writes it: whole points of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.trace.over_runs import AREA as OVER_RUNS
from isogloss.trace.over_runs import over_runs_rows
from isogloss.trace.rungs import TUNED_FROM_BASE
from isogloss.trace.stage_effects import AREA, AT_RUNG, RATES, SHARED
from report.synthetic import lab_table, make_run

GROUP = "lab:small"
RUNGS = ("base", "helpful", "chat")
SIDES = ("low minus high", "medium minus high")
FEW = ("en-x-lab", "fr-x-lab", "id-x-lab", "sw-x-lab")
GAPS = {
    "harmful_rate": (2, 10, 40),
    "following_rate": (-80, -70, -75),
    "compliance_rate": (-40, -30, 10),
    "helpful_rate": (-60, -50, -30),
    "over_refusal": (0, 0, -20),
}
"""Rate → gap at every rung, points, low minus high; medium has half of it."""
UNMEASURED = ("over_refusal", "medium minus high")


def gap(rate: str, at: int, sides: str, seed: int) -> float:
    """Planted, in points: each seed is one more than the one before."""
    return GAPS[rate][at] / (1 if sides == SIDES[0] else 2) + seed


def target(seed: int, rungs: Sequence[str] = RUNGS, at: int = -1) -> str:
    """A checkpoint."""
    return f"{GROUP}@{rungs[at]}#{seed}"


def family_rows(seed: int, rungs: Sequence[str] = RUNGS, name: str = "") -> list[Measurement]:
    """Area ``trace ladder``, of one seed."""
    rows: list[Measurement] = []
    for rate in RATES:
        for sides in SIDES:
            rows += _pair(rate, sides, seed, rungs, name or f"{GROUP}#{seed}")
        for at in range(1, len(rungs)):
            for tag in FEW:
                value = (3 * at + len(tag) + ord(tag[0]) % 7) / 100
                rows.append(
                    Measurement(
                        area=AREA, metric=f"{rate}_change", target=name or f"{GROUP}#{seed}",
                        arm=rungs[at], judge="oracle", category=f"since {rungs[at - 1]}",
                        language=tag, tier=lab_table().tier(tag), n=84, estimate=value,
                        low=value - 0.1, high=value + 0.1, unit="rate difference",
                        verdict="no evidence", method="B - A paired",
                    )
                )  # fmt: skip
    return rows


def _pair(rate: str, sides: str, seed: int, rungs: Sequence[str], name: str) -> list[Measurement]:
    rows: list[Measurement] = []
    gone = (rate, sides) == UNMEASURED
    last = gap(rate, len(rungs) - 1, sides, seed)
    for at, rung in enumerate(rungs):
        here = gap(rate, at, sides, seed)
        added = here - (gap(rate, at - 1, sides, seed) if at else 0)
        kinds = [("gap", AT_RUNG, here)]
        if at:
            kinds.append(("change_gap", f"since {rungs[at - 1]}", added))
        for kind, category, value in kinds:
            for scope, half in (("these languages", 5), ("languages like these", 15)):
                rows.append(
                    _row(rate, kind, category, value, half, scope, sides, rung, name, gone, at)
                )
        common: dict[str, Any] = {
            "area": AREA, "metric": f"{rate}_gap_made", "target": name, "arm": rung,
            "judge": "oracle", "tier": sides, "unit": "ratio", "scope": "these languages",
            "category": f"since {rungs[at - 1]}" if at else AT_RUNG,
        }  # fmt: skip
        if gone or abs(last) < 15:
            rows.append(Measurement(**common, verdict="not measured", reason="the gap may be 0"))
        else:
            part = added / last
            rows.append(Measurement(**common, estimate=part, low=part - 0.1, high=part + 0.1))
    return rows


def _row(
    rate: str, kind: str, category: str, value: float, half: int, scope: Any, sides: str,
    rung: str, name: str, gone: bool, at: int,
) -> Measurement:  # fmt: skip
    note = "asked after two answered questions (few-shot)" if at == 0 else ""
    if kind == "change_gap" and at > 1:
        note = TUNED_FROM_BASE
    method = "; ".join(p for p in ("MOVER", SHARED, note, "Holm over 2 stages") if p)
    fields: dict[str, Any] = {
        "area": AREA, "metric": f"{rate}_{kind}", "target": name, "arm": rung, "judge": "oracle",
        "category": category, "tier": sides, "unit": "rate difference", "scope": scope,
        "method": method,
    }  # fmt: skip
    wide = scope == "languages like these"
    if gone:
        return Measurement(**fields, verdict="not measured" if wide else None, reason="too few")
    low, high = (value - half) / 100, (value + half) / 100
    verdict = None
    if wide:
        worse = rate in ("harmful_rate", "compliance_rate", "over_refusal")
        told = ("found", "reversed") if kind == "gap" else ("worse", "better")
        verdict = "underpowered"
        if low > 0 or high < 0:
            verdict = told[0] if (low > 0) == worse else told[1]
    return Measurement(
        **fields, n=168, n_clusters=21, estimate=value / 100, low=low, high=high, verdict=verdict,
        reason="10 points need about n = 900" if verdict == "underpowered" else None,
    )  # fmt: skip


def audit_rows(seed: int, rungs: Sequence[str] = RUNGS) -> list[Measurement]:
    """Rates by tier of every rung, in whole percent."""
    rows: list[Measurement] = []
    for at in range(len(rungs)):
        for rate in RATES:
            for k, tier in enumerate(("english", "high", "medium", "low")):
                value = (90 - 20 * k - 10 * at + seed) / 100
                ends: dict[str, Any] = {"estimate": value, "low": value - 0.1, "high": value + 0.1}
                if (rate, tier) == ("harmful_rate", "low") and seed == 1:
                    ends = {"reason": "20 relevant replies; a harmful rate needs 30"}
                rows.append(
                    Measurement(
                        area="audit", metric=rate, target=target(seed, rungs, at), judge="oracle",
                        tier=tier, variant="original", scope="these languages", n=84, **ends,
                    )
                )  # fmt: skip
    return rows


def make_ladder_run(
    folder: Path, *, n_seeds: int = 5, rungs: Sequence[str] = RUNGS, audited: bool = True
) -> Path:
    """A ladder whose latest audit is of the last seed; the first family's last rung is whole."""
    if audited:
        make_run(folder, table=lab_table(), tags=FEW, n_prompts=30)
    rows = [row for seed in range(n_seeds) for row in family_rows(seed, rungs)]
    with RunStore(folder, create=True) as store:
        if audited:
            # The synthetic run is of lab:small@chat#0: the first family's last rung.
            audits = store.measurements("audit")
            made = [row for seed in range(n_seeds) for row in audit_rows(seed, rungs)]
            store.replace_measurements("audit", [*made, *audits])
            before = store.meta("audit")
            store.set_meta("audits", {f"{target(0)} none": before})
            store.set_meta("audit", {**before, "target": target(n_seeds - 1)})
        store.replace_measurements(AREA, rows)
        store.replace_measurements(OVER_RUNS, over_runs_rows(rows))
        store.set_meta("share_table", lab_table().to_json())
        store.set_meta(AREA, meta_of(n_seeds, rungs))
    return folder


def meta_of(n_seeds: int, rungs: Sequence[str] = RUNGS) -> dict[str, Any]:
    """What `isogloss trace ladder` stores beside the rows."""
    return {
        "families": [
            {
                "name": f"{GROUP}#{seed}", "note": "",
                "rungs": [
                    {"name": rung, "target": target(seed, rungs, at),
                     "asked": "few-shot" if at == 0 else "chat template"}
                    for at, rung in enumerate(rungs)
                ],
            }
            for seed in range(n_seeds)
        ],
    }  # fmt: skip
