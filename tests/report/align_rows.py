"""Alignment rows made by hand, as `isogloss align` writes them: whole percents of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isogloss.languages import ShareTable
from isogloss.records import Measurement
from isogloss.stats.paired import t_over_runs
from isogloss.store import RunStore
from report.synthetic import LAB_SHARES, lab_table, make_run

GROUP = "lab:small@chat"
FEW = ("en-x-lab", "fr-x-lab", "id-x-lab", "sw-x-lab")
RATES = (
    "compliance_rate", "harmful_rate", "following_rate", "refusal_rate", "over_refusal",
    "helpful_rate",
)  # fmt: skip
STAGES: dict[str, tuple[str, str | None, bool]] = {
    "sft": ("sft", None, True),
    "xsft": ("sft", None, True),
    "sft:sw": ("sft", None, True),
    "xreward": ("reward", None, True),
    "xreward-contrast": ("reward", None, True),
    "xwarm-up": ("sft", None, False),
    "xrlhf": ("rl", "xwarm-up", True),
    "xrlhf-oracle": ("rl", "xwarm-up", True),
    "xdpo": ("dpo", "xwarm-up", True),
    "mpo": ("mpo", "sft", True),
}
"""Arm → (kind, start, asked for)."""
SEEN = {"sft": ("en-x-lab",), "sft:sw": ("sw-x-lab",)}
UNMEASURED = ("harmful_rate", "low")
"""A change no run has: too few relevant replies."""
CLAIMS = (
    ("xSFT lowers the harmful rate more in high", "confirmed", 0.12),
    ("the reward model is near chance in low", "refuted", 0.71),
    ("under a perfect reward low-resource languages gain", "cannot tell", 0.02),
)


def lab_tags() -> tuple[str, ...]:
    return tuple(f"{code}-x-lab" for code in LAB_SHARES)


def seeds(n: int) -> tuple[str, ...]:
    return tuple(f"{GROUP}#{seed}" for seed in range(n))


def policies(arms: Sequence[str]) -> list[str]:
    return ["safety line", *(arm for arm in arms if STAGES[arm][0] != "reward")]


def planted(metric: str, arm: str, place: str, seed: int = 0) -> int:
    """Points a rate changes by: no two arms have the same in a place."""
    order = ("safety line", *STAGES)
    spot = sum(map(ord, place))
    base = (11 * RATES.index(metric) + 7 * order.index(arm) + spot) % 60
    return (3 + base + seed) * (-1 if metric != "following_rate" else 1)


def make_rows(
    targets: Sequence[str],
    arms: Sequence[str],
    tags: Sequence[str],
    table: ShareTable | None = None,
    judge: str = "oracle",
) -> dict[str, list[Measurement]]:
    """Area → rows."""
    table = table or lab_table()
    changes: list[Measurement] = []
    rewards: list[Measurement] = []
    audits: list[Measurement] = []
    for seed, target in enumerate(targets):
        for arm in policies(arms):
            common: dict[str, Any] = {"target": target, "arm": arm, "judge": judge, "seed": seed}
            starts = ["none"] + ([s] if arm in STAGES and (s := STAGES[arm][1]) else [])
            for start in starts:
                changes += _changes(common, arm, start, seed, tags, table)
            changes.append(_gate(common, arm))
            audits += _rates(common, arm, seed, tags, table)
        audits += _rates({"target": target, "judge": judge, "seed": seed}, None, seed, tags, table)
        for arm in arms:
            if STAGES[arm][0] == "reward":
                rewards += _rewards({"target": target, "arm": arm}, arm, seed, tags, table)
    return {
        "audit": audits,
        "align": changes,
        "align reward": rewards,
        "align over runs": [*over_runs([*changes, *rewards]), *_claims(len(targets))],
    }


def _changes(
    common: dict[str, Any], arm: str, start: str, seed: int, tags: Sequence[str], table: ShareTable
) -> list[Measurement]:
    fields = common | {
        "area": "align", "category": f"since {start}", "unit": "rate difference",
        "n": 84, "n_clusters": 21, "method": "B - A paired",
    }  # fmt: skip
    seen = SEEN.get(arm, tags)
    places: list[tuple[str, dict[str, Any]]] = [
        (tag, {"language": tag, "tier": table.tier(tag),
               "variant": "seen" if tag in seen else "unseen"})
        for tag in tags
    ]  # fmt: skip
    tiers = [*dict.fromkeys(table.tier(tag) for tag in tags), "all", "seen languages"]
    if set(tags) - set(seen):
        tiers.append("unseen languages")
    places += [(tier, {"tier": tier}) for tier in tiers]
    rows: list[Measurement] = []
    for metric in RATES:
        for place, at in places:
            ends: dict[str, Any] = {"reason": "12 relevant replies; a harmful rate needs 30"}
            if (metric, place) != UNMEASURED:
                value = planted(metric, arm, place + start, seed) / 100
                ends = {"estimate": value, "low": value - 0.06, "high": value + 0.02}
            rows.append(Measurement(metric=f"{metric}_change", **fields | at | ends))
    return rows


def _gate(common: dict[str, Any], arm: str) -> Measurement:
    verdict = "worse" if arm == "mpo" else "pass"
    return Measurement(
        area="align", metric="gate_helpful_rate", **common, category="since none", n=300,
        estimate=-0.04, low=-0.07, unit="rate difference", verdict=verdict,
    )  # fmt: skip


def _rates(
    common: dict[str, Any], arm: str | None, seed: int, tags: Sequence[str], table: ShareTable
) -> list[Measurement]:
    rows: list[Measurement] = []
    fields = common | {"area": "audit", "variant": "original", "n": 84, "n_clusters": 21}
    for i, tag in enumerate(tags):
        for metric, before in (("compliance_rate", 60), ("helpful_rate", 70)):
            lost = 0 if arm is None else planted(metric, arm, tag) // 2
            value = max(0, before + lost - i) / 100
            rows.append(
                Measurement(
                    metric=metric, **fields, language=tag, tier=table.tier(tag), estimate=value,
                    low=max(0.0, value - 0.1), high=value + 0.1,
                )
            )  # fmt: skip
    for tier in ("high", "low"):
        place: dict[str, Any] = {"tier": tier, "scope": "these languages"}
        if tier == "low" and arm is None:
            rows.append(Measurement(metric="harmful_rate", **fields, **place, reason="too few"))
        else:
            value = (90 if arm is None else 40) / 100 + seed / 100
            rows.append(
                Measurement(metric="harmful_rate", **fields, **place, estimate=value, low=value,
                            high=value)
            )  # fmt: skip
    return rows


def accuracy(arm: str, place: str, intent: str | None, seed: int) -> int:
    """Percent a reward model is right."""
    return 50 + (sum(map(ord, place)) + 7 * len(arm) + 3 * len(intent or "") + seed) % 45


def _rewards(
    common: dict[str, Any], arm: str, seed: int, tags: Sequence[str], table: ShareTable
) -> list[Measurement]:
    rows: list[Measurement] = []
    fields = common | {"area": "align reward", "n": 84, "n_clusters": 42}
    tiers = dict.fromkeys(table.tier(tag) for tag in tags)
    for intent in (None, "harmful", "benign"):
        places: list[tuple[str, dict[str, Any]]] = [
            (tag, {"language": tag, "tier": table.tier(tag), "variant": "seen"}) for tag in tags
        ]
        places += [(tier, {"tier": tier}) for tier in tiers]
        for place, at in places:
            value = accuracy(arm, place, intent, seed) / 100
            rows.append(
                Measurement(metric="reward_accuracy", **fields, **at, category=intent,
                            estimate=value, low=value - 0.12, high=value + 0.05,
                            verdict="better than a coin")
            )  # fmt: skip
            if "language" in at:
                rows.append(
                    Measurement(metric="reward_overconfidence", **fields, **at, category=intent,
                                estimate=0.2 + seed / 100, unit="rate difference")
                )  # fmt: skip
    rows.append(
        Measurement(metric="accuracy_with", **{**fields, "n": len(tags)}, category="share",
                    estimate=0.8, low=0.1, high=0.97, unit="correlation", p_value=0.02)
    )  # fmt: skip
    return rows


def over_runs(rows: Sequence[Measurement]) -> list[Measurement]:
    """Student's t over the targets of each figure."""
    groups: dict[tuple[Any, ...], list[Measurement]] = {}
    for row in rows:
        if row.metric not in ("gate_helpful_rate", "reward_overconfidence"):
            key = (row.area, row.metric, row.arm, row.category, row.language, row.tier)
            groups.setdefault(key, []).append(row)
    found: list[Measurement] = []
    for mine in groups.values():
        like = mine[0]
        t = t_over_runs([row.estimate for row in mine if row.estimate is not None])
        found.append(
            Measurement(
                area="align over runs", metric=like.metric, target=GROUP, arm=like.arm,
                judge=like.judge, language=like.language, tier=like.tier, category=like.category,
                variant=like.area, n=t.n, n_clusters=t.n_clusters, estimate=t.estimate, low=t.low,
                high=t.high, unit=like.unit, method="t over runs", scope="runs",
                p_value=t.p_value, reason=t.reason,
            )
        )  # fmt: skip
    return found


def _claims(n: int) -> list[Measurement]:
    return [
        Measurement(
            area="align over runs", metric="claim", target=GROUP, category=words,
            variant="P1, section 3", n=n, estimate=value, low=value - 0.01, high=value + 0.02,
            unit="rate difference", method="what the figure is; t over runs, seeds 0", scope="runs",
            verdict=verdict, detectable=0.083,
            reason="too few runs" if verdict == "cannot tell" else None,
        )
        for words, verdict, value in CLAIMS
    ]  # fmt: skip


def meta_of(targets: Sequence[str], arms: Sequence[str], tags: Sequence[str]) -> dict[str, Any]:
    """What `isogloss align` stores beside the rows."""
    return {
        "targets": list(targets),
        "methods": [arm for arm in arms if STAGES[arm][2]],
        "source": "en-x-lab",
        "data": {"source": "the lab's train objects", "fingerprint": "8e7a", "n": 3840,
                 "n_held_out": 672, "notes": [], "n_with_provenance": 12},
        "max_skill_loss": 10.0,
        "seed": 0,
        "stages": [
            stage(target, arm, tags, seed) for seed, target in enumerate(targets) for arm in arms
        ],
    }  # fmt: skip


def stage(target: str, arm: str, tags: Sequence[str], seed: int) -> dict[str, Any]:
    kind, start, asked_for = STAGES[arm]
    points: list[dict[str, float]] = []
    for k in range(20):
        point = {"step": 10.0 * (k + 1), "loss": 2.0 / (k + 1 + seed), "learning_rate": 1e-3}
        if kind == "rl":
            point |= {"kl": 0.01 * k}
            for tier in ("english", "high", "medium", "low"):
                point |= {f"reward/{tier}": 0.1 * k, f"compliance/{tier}": 0.5 - 0.01 * k}
                if k % 3:
                    point[f"over_refusal/{tier}"] = 0.02 * k
        if kind == "reward":
            point |= {"accuracy": 0.5 + 0.02 * k, "margin": 0.1 * k}
        if kind == "dpo":
            point |= {"rewards/accuracies": 0.5 + 0.02 * k, "rewards/margins": 0.1 * k}
        if kind == "mpo":
            point |= {"gap_loss": 40.0 / (k + 1), "retention_loss": 0.001 * k}
        points.append(point)
    points.append({"step": 200.0, "train_runtime": 26.5, "train_loss": 0.2})
    seen = SEEN.get(arm, tags)
    return {
        "target": target, "arm": arm, "words": f"words of {arm}", "kind": kind,
        "start": start or target, "asked_for": asked_for, "seconds": 20.0 + 2 * seed,
        "languages": {tag: 12800 // len(seen) for tag in seen},
        "too_long": {"sw-x-lab": 3} if arm == "xsft" else {},
        "method": {"optimisation": {"learning_rate": 1e-3, "steps": 200, "batch_size": 64},
                   "kind": kind, "beta": 0.1},
        "profile": {"lora": {"rank": 16} if arm == "xdpo" else None},
        "versions": {"torch": "2.13.0", "trl": "1.16.0"}, "curve": points, "seed": seed,
    }  # fmt: skip


def make_align_run(
    folder: Path,
    *,
    n_targets: int = 1,
    arms: Sequence[str] = tuple(STAGES),
    tags: Sequence[str] = FEW,
) -> Path:
    """An audited run, whose latest audit is of an arm, with an alignment in it."""
    make_run(folder, table=lab_table(), tags=tuple(tags), n_prompts=30)
    targets = seeds(n_targets)
    made = make_rows(targets, arms, tags)
    with RunStore(folder) as store:
        real = store.measurements("audit")
        planted_ = [row for row in made["audit"] if (row.target, row.arm) != (targets[0], "none")]
        store.replace_measurements("audit", [*real, *planted_])
        for area in ("align", "align reward", "align over runs"):
            store.replace_measurements(area, made[area])
        before = store.meta("audit")
        last = {**before, "target": targets[-1], "arm": [*policies(arms)][-1]}
        store.set_meta("audits", {f"{targets[0]} none": {**before, "samples": 1}})
        store.set_meta("audit", last)
        store.set_meta("model", {"source": "stages/mpo/model", "n_parameters": 428448})
        store.set_meta("align", meta_of(targets, arms, tags))
    return folder
