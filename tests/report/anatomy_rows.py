"""An anatomy made by hand, as `isogloss trace anatomy` writes it: whole percents of each link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.trace.anatomy_over_runs import AREA as OVER_RUNS
from isogloss.trace.anatomy_over_runs import over_runs_rows
from isogloss.trace.broken_links import CHAINS, links_of
from isogloss.trace.link_rows import AREA, READINGS
from report.synthetic import lab_table

TAGS = ("en-x-lab", "fr-x-lab", "id-x-lab", "sw-x-lab")
SHARES = {
    "high": (0, 66, 19, 15, 0),
    "medium": (24, 49, 22, 5, 0),
    "low": (20, 60, 12, 4, 4),
}
"""Tier → percent of harmful compliance by link; English never fails."""
FALSE_ALARM = (10, 28, 2, 60, 0)
IRRELEVANCE = (52, 15, 30, 3)


def groups() -> Iterator[dict[str, Any]]:
    """Every language, then every tier."""
    for tag in TAGS:
        yield {"language": tag, "tier": lab_table().tier(tag), "scope": "this model"}
    for tag in TAGS:
        yield {"language": None, "tier": lab_table().tier(tag), "scope": "these languages"}


def model_rows(seed: int) -> list[Measurement]:
    """Area ``trace anatomy`` of one model."""
    common: dict[str, Any] = {
        "area": AREA, "target": f"lab:small:english@chat#{seed}", "judge": "oracle", "seed": 0,
    }  # fmt: skip
    rows: list[Measurement] = []
    for group in groups():
        fails = group["tier"] != "english"
        for kind in CHAINS:
            rows.append(
                Measurement(**common, **group, metric=kind, n=84, estimate=0.4 if fails else 0.0)
            )
            for reading in READINGS[kind]:
                for at, link in enumerate(links_of(kind)):
                    fields = common | group | {"category": link, "arm": reading.name}
                    rows += _link(fields, kind, at, seed, fails, group["tier"])
        rows += _threshold(common | group, fails)
    return rows


def _link(
    fields: dict[str, Any], kind: str, at: int, seed: int, fails: bool, tier: str
) -> Iterator[Measurement]:
    harm = kind == "harmful_compliance"
    alarm = (FALSE_ALARM if harm else (40, 0, 60, 0))[at] / 100
    yield Measurement(
        **fields, metric=f"{kind}_link_false_alarm", n=40, estimate=alarm, low=alarm, high=alarm
    )
    if not fails:
        for name, unit in (("link", "rate"), ("link_excess", "rate difference")):
            yield Measurement(
                **fields, metric=f"{kind}_{name}", unit=unit, verdict="not measured",
                reason="no such failure",
            )  # fmt: skip
        return
    share = (SHARES[tier] if harm else IRRELEVANCE)[at] / 100
    # A point moves from the last of the chain to its second with every seed.
    share += {1: seed, 2 if harm else 0: -seed}.get(at, 0) / 100
    yield Measurement(
        **fields, metric=f"{kind}_link", n=30, estimate=share, low=share - 0.05, high=share + 0.05
    )
    more = share - alarm
    yield Measurement(
        **fields, metric=f"{kind}_link_excess", n=70, estimate=more, low=more - 0.05,
        high=more + 0.05, unit="rate difference",
    )  # fmt: skip


def _threshold(fields: dict[str, Any], fails: bool) -> Iterator[Measurement]:
    for k in range(1, 5):
        mine: dict[str, Any] = fields | {"arm": "margin", "category": f"k={k}"}
        if fields["language"]:
            yield Measurement(
                **mine, metric="threshold_shift", unit="nats", estimate=-0.5, low=-1.0, high=0.1
            )
        paid: dict[str, Any] = {"estimate": 0.2, "low": 0.1, "high": 0.3}
        yield Measurement(**mine, metric="over_refusals_paid", n=84, **paid)
        if not fails:
            yield Measurement(**mine, metric="recovered", verdict="not measured", reason="none")
            continue
        yield Measurement(**mine, metric="recovered", n=9, estimate=0.3, low=0.1, high=0.6)
        yield Measurement(
            **mine, metric="net_recovery", n=93, estimate=0.1, low=-0.1, high=0.4,
            unit="rate difference", verdict="no evidence",
        )  # fmt: skip


def make_anatomy_run(folder: Path, *, n_seeds: int = 1) -> Path:
    """Four languages."""
    rows = [row for seed in range(n_seeds) for row in model_rows(seed)]
    with RunStore(folder, create=True) as store:
        store.replace_measurements(AREA, rows)
        store.replace_measurements(OVER_RUNS, over_runs_rows(rows))
        store.set_meta(AREA, {row.target: {"layer": 1, "n_placebos": 10} for row in rows})
        store.set_meta("share_table", lab_table().to_json())
    return folder
