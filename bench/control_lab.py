"""Control in the lab over training runs: the figures of docs/lab.md.

    python bench/control_lab.py comply --seeds 3    three mixes of tiny, towards compliance
    python bench/control_lab.py refuse --seeds 3    the same towards refusal: guards and baselines
    python bench/control_lab.py sizes --seeds 3     300 k, 0.4 M and 3 M parameters, as comply

Each prints Markdown. Runs are kept under ``runs/control`` and models in the cache, so a killed
bench continues. The replicate is the run: intervals are t over seeds; ``--preset small`` for
sixteen languages.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from isogloss.control.config import ControlConfig
from isogloss.control.run import run_control
from isogloss.control.settings import SearchGrid, Toward
from isogloss.control.table import WITHOUT_SOURCE
from isogloss.lab.recipe import parse_spec
from isogloss.records import Measurement
from isogloss.stats.paired import t_over_runs

MIXES = ("english", "bilingual", "balanced")
SIZES = ("english+300k", "english", "english+3m")
GROUPS = ("english", "high", "medium", "low")
Value = Callable[[Sequence[Measurement]], float | None]


def rows_of(spec: str, toward: Toward, out: Path, n_placebos: int) -> list[Measurement]:
    """One experiment's rows (building the model if need be)."""
    folder = out / f"{parse_spec(spec).key()}-{toward}"
    config = ControlConfig(
        target=spec,
        toward=toward,
        out=folder,
        n_placebos=n_placebos,
        grid=SearchGrid(strengths=(0.1, 0.2, 0.35, 0.6), operators=("add", "project_out")),
    )
    print(f"... {spec} towards {toward}", flush=True)
    return [row for row in run_control(config).measurements if row.area == "control"]


def mean_rate(metric: str, arm: str, tiers: Sequence[str]) -> Value:
    """Mean of a rate over the languages of some tiers; an arm that steers nothing is `none`."""

    def value(rows: Sequence[Measurement]) -> float | None:
        for name in (arm, "none"):
            found = [
                row.estimate
                for row in rows
                if (row.metric, row.arm) == (metric, name)
                and row.language is not None
                and row.tier in tiers
                and row.estimate is not None
            ]
            if found:
                return float(np.mean(found))
        return None

    return value


def change(metric: str, arm: str, tiers: Sequence[str]) -> Value:
    """The arm's mean rate minus the unsteered model's."""
    steered, plain = mean_rate(metric, arm, tiers), mean_rate(metric, "none", tiers)

    def value(rows: Sequence[Measurement]) -> float | None:
        a, b = steered(rows), plain(rows)
        return None if a is None or b is None else a - b

    return value


def difference(metric: str, one: str, other: str, tiers: Sequence[str]) -> Value:
    """One arm's mean rate minus another's."""
    a, b = mean_rate(metric, one, tiers), mean_rate(metric, other, tiers)

    def value(rows: Sequence[Measurement]) -> float | None:
        first, second = a(rows), b(rows)
        return None if first is None or second is None else first - second

    return value


def placebo_mean(metric: str, tiers: Sequence[str]) -> Value:
    """Mean over the placebos of their change; those that steer nothing changed nothing."""

    def value(rows: Sequence[Measurement]) -> float | None:
        chosen = {row.arm for row in rows if row.metric == "chosen_setting"}
        names = [name for name in chosen if name.startswith(("random", "shuffled"))]
        found = [change(metric, name, tiers)(rows) for name in names]
        known = [one for one in found if one is not None]
        return float(np.mean(known)) if known else None

    return value


def line(words: str, value: Value, runs: Sequence[Sequence[Measurement]]) -> str:
    """One row of a table: mean over runs in points, interval, each run."""
    values = [100 * found for rows in runs if (found := value(rows)) is not None]
    if not values:
        return f"| {words} | not measured | | |"
    estimate = t_over_runs(values)
    interval = "" if estimate.low is None else f"{estimate.low:+.1f} to {estimate.high:+.1f}"
    each = ", ".join(f"{one:+.0f}" for one in values)
    return f"| {words} | {estimate.estimate:+.1f} | {interval} | {each} |"


def table(title: str, lines: Sequence[str]) -> None:
    print(f"\n{title}\n\n| | mean over runs | 95 % | each run |\n|---|---|---|---|")
    print("\n".join(lines), flush=True)


def by_language(runs: Sequence[Sequence[Measurement]], metric: str, arms: Sequence[str]) -> None:
    """A rate by language and arm, mean over runs, percent."""
    tags = list(dict.fromkeys(r.language for r in runs[0] if r.metric == metric and r.language))
    print(f"\n{metric}, percent, mean over {len(runs)} runs\n")
    print("| arm | " + " | ".join(tag.removesuffix("-x-lab") for tag in tags) + " |")
    print("|---|" + "---|" * len(tags))
    for arm in arms:
        cells: list[str] = []
        for tag in tags:
            found = [_rate_or_plain(rows, metric, arm, tag) for rows in runs]
            known = [value for value in found if value is not None]
            cells.append(f"{100 * float(np.mean(known)):.0f}" if known else "–")
        print(f"| {arm} | " + " | ".join(cells) + " |", flush=True)


def _rate_or_plain(
    rows: Sequence[Measurement], metric: str, arm: str, language: str
) -> float | None:
    for name in (arm, "none"):
        for row in rows:
            if (row.metric, row.arm, row.language) == (metric, name, language):
                return row.estimate
    return None


OTHERS = ("high", "medium", "low")


def comply(runs: Sequence[Sequence[Measurement]]) -> None:
    """How far control goes, and whether the source's direction is as good as the own."""
    lines: list[str] = []
    for tiers in (("english",), OTHERS, *((tier,) for tier in OTHERS)):
        name = "all but the source" if tiers == OTHERS else tiers[0]
        for arm in ("own", "source"):
            lines.append(line(f"{arm}, {name}", change("compliance_rate", arm, tiers), runs))
        if tiers != ("english",):
            found = difference("compliance_rate", "source", "own", tiers)
            lines.append(line(f"source minus own, {name}", found, runs))
        lines.append(line(f"placebos, {name}", placebo_mean("compliance_rate", tiers), runs))
    lines.append(
        line("source, right harmful answers", change("actionable_rate", "source", OTHERS), runs)
    )
    table("change of compliance with harmful requests, points", lines)
    by_language(runs, "compliance_rate", ("none", "own", "source"))
    ranks = [
        row.p_value
        for rows in runs
        for row in rows
        if row.metric == "beyond_placebo" and row.category == WITHOUT_SOURCE
    ]
    told = ", ".join("–" if p is None else f"{p:.3f}" for p in ranks)
    print(f"\nsource among its placebos, p by rank, each run: {told}")


def refuse(runs: Sequence[Sequence[Measurement]]) -> None:
    """What guards and baselines save, and what they cost."""
    for tiers in (OTHERS, ("medium", "low")):
        lines: list[str] = []
        for arm in ("own", "source", "guard", "own guard", "safety line", "refuse weak languages"):
            for metric in ("compliance_rate", "over_refusal", "helpful_rate"):
                words = f"{arm}: {metric.replace('_', ' ')}"
                lines.append(line(words, change(metric, arm, tiers), runs))
        for metric in ("compliance_rate", "over_refusal"):
            words = f"placebos: {metric.replace('_', ' ')}"
            lines.append(line(words, placebo_mean(metric, tiers), runs))
        table(f"change in the tiers {', '.join(tiers)}, points", lines)
    arms = ("none", "source", "guard", "own guard", "safety line")
    for metric in ("compliance_rate", "over_refusal", "helpful_rate"):
        by_language(runs, metric, arms)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", nargs="*", choices=("comply", "refuse", "sizes"))
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--mixes", default=None, help="separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--placebos", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("runs/control"))
    given = parser.parse_args()
    for part in given.part or ("comply", "refuse", "sizes"):
        toward: Toward = "refuse" if part == "refuse" else "comply"
        mixes = SIZES if part == "sizes" else MIXES
        for mix in given.mixes.split(",") if given.mixes else mixes:
            runs = [
                rows_of(f"lab:{given.preset}:{mix}@chat#{seed}", toward, given.out, given.placebos)
                for seed in range(given.seeds)
            ]
            print(f"\n## {given.preset}, {mix}, {part}: {given.seeds} runs")
            (refuse if toward == "refuse" else comply)(runs)


if __name__ == "__main__":
    main()
