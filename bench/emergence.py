"""Do the curses emerge and follow the shares? Trains many labs; the figures of docs/lab.md.

    python bench/emergence.py placebo     tiny, fixed tokenizer, 5 seeds x 3 dealings of the shares
    python bench/emergence.py two-by-two  tiny, pre-training share x alignment share, 5 seeds
    python bench/emergence.py small       small, 3 seeds

Each prints Markdown. Runs are kept under ``runs/emergence`` and models in the cache, so a killed
bench continues. The replicate is the run: intervals are t over seeds.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from isogloss.audit.run import AuditConfig, run_audit
from isogloss.lab.recipe import parse_spec
from isogloss.stats.paired import t_over_runs

METRICS = (
    "compliance_rate",
    "harmful_rate",
    "following_rate",
    "helpful_rate",
    "over_refusal",
)
SEEDS = range(5)
Rates = dict[tuple[str, str], float]
"""(metric, language) -> estimate; absent where not measured."""


def rates_of(spec: str, out: Path) -> Rates:
    """Audit one lab model (building it if need be) and read its rates."""
    folder = out / parse_spec(spec).key()
    result = run_audit(AuditConfig(target=spec, out=folder))
    return {
        (row.metric, row.language): row.estimate
        for row in result.measurements
        if row.metric in METRICS
        and row.language is not None
        and row.category is None
        and row.estimate is not None
    }


def placebo(out: Path) -> None:
    """Within-language slopes: the same languages under three dealings of the same shares."""
    for modifier in ("+fixed", "+fixed+equal"):
        slopes: dict[str, list[float]] = {metric: [] for metric in METRICS}
        for seed in SEEDS:
            deals = ["english", f"english~{2 * seed + 1}", f"english~{2 * seed + 2}"]
            specs = [f"lab:tiny:{deal}{modifier}@chat#{seed}" for deal in deals]
            runs = [(parse_spec(spec).shares, rates_of(spec, out)) for spec in specs]
            for metric in METRICS:
                slopes[metric].append(_within_language_slope(metric, runs))
        print(f"\nshare permutations, `{modifier}`: points per decade of share, within language\n")
        _print_table(slopes)


def _within_language_slope(metric: str, runs: list[tuple[Mapping[str, float], Rates]]) -> float:
    """Least squares of the rate on log10 share, each language's own mean taken out of both."""
    x: list[float] = []
    y: list[float] = []
    languages = {language for _, rates in runs for _, language in rates}
    for language in sorted(languages):
        points = [
            (math.log10(shares[language]), rates[metric, language])
            for shares, rates in runs
            if (metric, language) in rates
        ]
        if len(points) > 1:
            mean_x, mean_y = np.mean(points, axis=0)
            x += [point[0] - mean_x for point in points]
            y += [point[1] - mean_y for point in points]
    return float(np.dot(x, y) / np.dot(x, x))


def two_by_two(out: Path) -> None:
    """Low minus high tier, under both pre-training mixes and both alignment mixes."""
    for mix in ("english", "balanced"):
        for alignment in ("", "+equal"):
            gaps: dict[str, list[float]] = {metric: [] for metric in METRICS}
            for seed in SEEDS:
                spec = f"lab:tiny:{mix}+fixed{alignment}@chat#{seed}"
                rates = rates_of(spec, out)
                for metric in METRICS:
                    gaps[metric].append(_gap(metric, rates))
            print(f"\npre-training {mix}, alignment {alignment or '+by-share'}: points\n")
            _print_table(gaps)


def _gap(metric: str, rates: Rates) -> float:
    """Mean of the four languages that have the least share in `english` minus the three next to it.

    The grouping is that of `english` in both mixes, so that the same languages are compared.
    """
    high = ("fr-x-lab", "zh-x-lab", "es-x-lab")
    rest = ("id-x-lab", "fi-x-lab", "ta-x-lab", "sw-x-lab")
    means = [
        [rates[metric, language] for language in group if (metric, language) in rates]
        for group in (rest, high)
    ]
    if not all(means):
        return math.nan
    return float(np.mean(means[0]) - np.mean(means[1]))


def small(out: Path) -> None:
    """Rates by language, and their slopes across languages, over three seeds of ``lab:small``."""
    specs = [f"lab:small:english@chat#{seed}" for seed in range(3)]
    runs = [rates_of(spec, out) for spec in specs]
    shares = parse_spec(specs[0]).shares
    print(
        "\n| language | share % | " + " | ".join(METRICS) + " |\n|---|---|" + "---|" * len(METRICS)
    )
    for language, share in shares.items():
        cells = []
        for metric in METRICS:
            values = [run[metric, language] for run in runs if (metric, language) in run]
            spread = (
                "–".join(f"{100 * v:.0f}" for v in (min(values), max(values))) if values else ""
            )
            cells.append(f"{100 * np.mean(values):.0f} ({spread})" if values else "not measured")
        print(f"| {language} | {share:.1f} | " + " | ".join(cells) + " |")
    print("\nslope across the 15 languages without English, points per decade of share\n")
    _print_table(
        {metric: [_across_slope(metric, shares, run) for run in runs] for metric in METRICS}
    )


def _across_slope(metric: str, shares: Mapping[str, float], rates: Rates) -> float:
    points = [
        (math.log10(share), rates[metric, language])
        for language, share in shares.items()
        if language != "en-x-lab" and (metric, language) in rates
    ]
    x, y = np.array(points).T
    return float(np.polyfit(x, y, 1)[0])


def _print_table(per_run: Mapping[str, list[float]]) -> None:
    print("| rate | mean | 95 % over runs | runs | p | each run |\n|---|---|---|---|---|---|")
    for metric in METRICS:
        values = [100 * value for value in per_run[metric] if not math.isnan(value)]
        estimate = t_over_runs(values)
        each = ", ".join(f"{value:+.0f}" for value in values)
        if estimate.low is None or estimate.high is None or estimate.estimate is None:
            print(f"| {metric} | not measured | {estimate.reason} | {len(values)} | | {each} |")
            continue
        p = "" if estimate.p_value is None else f"{estimate.p_value:.2g}"
        print(
            f"| {metric} | {estimate.estimate:+.1f} | {estimate.low:+.1f} to {estimate.high:+.1f} "
            f"| {estimate.n} | {p} | {each} |"
        )


PARTS = {"placebo": placebo, "two-by-two": two_by_two, "small": small}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", nargs="*", help=f"any of {', '.join(PARTS)} (all by default)")
    parser.add_argument("--out", type=Path, default=Path("runs/emergence"))
    arguments = parser.parse_args()
    for name in arguments.part or PARTS:
        PARTS[name](arguments.out)


if __name__ == "__main__":
    main()
