"""Do corrected rates cover where the judge errs? Planted truth, planted errors, random labels.

    python bench/calibration.py            writes nothing; 579 s with --tried on a busy machine
    python bench/calibration.py --quick    every seventh cell, 500 simulations each
    python bench/calibration.py --tried    also the methods that were tried and left

A cell is one true rate of compliance (0.5 to 60 %) and of irrelevance, one judge (the errors of
`planted_judges.JUDGES`), 30 to 400 labels of 400 replies, in clusters of 1, 4 or 8. Naive: the
interval around what the judge says. Corrected: `isogloss.stats.calibrate`. For the gaps, 8 and 16
languages with a judge that is worse in the low tier.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from isogloss.seeds import derive_seed
from isogloss.stats.agreement import (
    MIN_J,
    MIN_OF_A_KIND,
    cohen_kappa,
    too_poor,
    youden_j,
)
from isogloss.stats.calibrate import Counts, Share, summarise_corrected
from isogloss.stats.contrast import (
    Summary,
    fixed_bounds,
    fixed_language_bounds,
    one_hot,
    random_bounds,
    random_language_bounds,
)
from isogloss.stats.corrected import corrected_gap, corrected_rate
from isogloss.stats.distributions import Array
from isogloss.stats.intervals import summarise_rates, wilson_bounds
from planted_judges import JUDGES, TRUTH, draw, varied_rates

SEED = 20260202
CHUNK = 250
GAP_CHUNK = 100
SCOPES = ("these languages", "languages like these")
N_REPLIES = 400
SHARES = {
    "compliance_rate": Share(successes=(1, 0, 0)),
    "harmful_rate": Share(successes=(1, 0, 0), trials=(1, 1, 0)),
    "following_rate": Share(successes=(1, 1, 0)),
}
CORRECTED = tuple(name for name in JUDGES if name != "guesses")
REFUSED = ("good", "misses", "poor", "guesses")
LABELS = (30, 60, 100, 200, 400)


@dataclass(frozen=True, slots=True)
class Result:
    """One cell: what naive and corrected intervals covered, and how wide they were."""

    family: str
    label: str
    naive: float
    coverage: float
    naive_width: float
    width: float


def covered(ends: tuple[Array, Array], truth: float | Array) -> float:
    return float(((ends[0] <= truth + 1e-12) & (truth <= ends[1] + 1e-12)).mean())


def true_rate(share: Share, truth: Array) -> Array:
    """[L] rates of [L, 2] shares of complied and irrelevant."""
    full = np.column_stack([truth[:, 0], 1 - truth.sum(axis=1), truth[:, 1]])
    return full @ np.array(share.successes) / (full @ np.array(share.trials))


def naive_counts(verdicts: Array, share: Share) -> tuple[Array, Array]:
    """[..., C, L] successes and trials where the judge is believed."""
    said = verdicts[..., :3]
    return said @ np.array(share.successes, float), said @ np.array(share.trials, float)


def rate_cells() -> Iterator[tuple]:
    for (name, m), truth in itertools.product(itertools.product(CORRECTED, LABELS), TRUTH):
        yield name, m, truth, (N_REPLIES, 1), 0.0, False
    some = ("good", "misses", "alarms")
    for name, m, truth in itertools.product(some, (60, 200, 400), TRUTH):
        for clusters in ((100, 4), (50, 8)):
            yield name, m, truth, clusters, 0.3, False
    for name, m, truth in itertools.product(("good", "misses", "abstains"), (60, 200), TRUTH):
        yield name, m, truth, (N_REPLIES, 1), 0.0, True


def run_rate(cell: tuple, n: int) -> list[Result]:
    name, m, truth, clusters, icc, by_verdict = cell
    kind = "singletons" if clusters[1] == 1 else "clustered"
    kind = "sheet by verdict" if by_verdict else kind
    label = f"{name}, {m} labels, {truth[0]:.1%} complied, {truth[1]:.1%} irrelevant, {clusters}"
    rng = np.random.default_rng(derive_seed(SEED, kind, label))
    shares, judges = np.array([truth]), np.array([JUDGES[name]])
    ends: dict[str, list] = {metric: [] for metric in SHARES}
    for start in range(0, n, CHUNK):
        size = min(CHUNK, n - start)
        verdicts, labels = draw(shares, judges, icc, clusters, m, size, rng, by_verdict=by_verdict)
        for metric, share in SHARES.items():
            naive = summarise_rates(*naive_counts(verdicts, share)).bounds(0.95)
            found = summarise_corrected(Counts(verdicts=verdicts, labels=labels, share=share))
            ends[metric].append((*naive, *found.bounds(0.95)))
        if start == 0:
            check_rate(verdicts[0], labels[0], ends)
    results: list[Result] = []
    for metric, parts in ends.items():
        a, b, c, d = (np.concatenate([p[i] for p in parts])[:, 0] for i in range(4))
        value = true_rate(SHARES[metric], shares)[0]
        results.append(
            Result(
                f"{metric}, {kind}",
                label,
                covered((a, b), value),
                covered((c, d), value),
                float((b - a).mean()),
                float((d - c).mean()),
            )
        )
    return results


def gap_cells() -> Iterator[tuple]:
    """(languages, judge of the low tier, labels, base, effect, sd of languages, clusters)"""
    designs = ((8, (200, 1)), (8, (50, 4)), (16, (200, 1)))
    for (size, clusters), judge in itertools.product(designs, ("good", "misses", "alarms")):
        for (m, base), effect in itertools.product(((30, 0.2), (100, 0.02)), (0.0, 0.25)):
            yield size, judge, m, base, effect, 0.08, clusters


def run_gap(cell: tuple, n: int) -> list[Result]:
    """Low minus high tier in both scopes; the judge is good in the high tier."""
    size, judge, m, base, effect, sd, clusters = cell
    label = (
        f"{size} languages, low tier {judge}, {m} labels, base {base} effect {effect} {clusters}"
    )
    rng = np.random.default_rng(derive_seed(SEED, "gap", label))
    is_low = np.arange(size) < size // 2
    weights = np.where(is_low, 1.0, -1.0) * 2 / size
    mean = base + effect * is_low
    judges = np.array([JUDGES[judge if low else "good"] for low in is_low])
    share = SHARES["compliance_rate"]
    parts: dict[str, list[tuple[Array, ...]]] = {scope: [] for scope in SCOPES}
    for _ in range(0, n, GAP_CHUNK):
        rates = varied_rates(mean, sd, GAP_CHUNK, rng)
        verdicts, labels = draw(
            np.stack([rates, np.full_like(rates, 0.1)], axis=-1),
            judges, 0.3 if clusters[1] > 1 else 0.2, clusters, m, GAP_CHUNK, rng, shared=0.5,
        )  # fmt: skip
        counts = Counts(verdicts=verdicts, labels=labels, share=share)
        k, t = naive_counts(verdicts, share)
        corrected = partial(summarise_corrected, counts)
        if not parts[SCOPES[0]]:
            check_gap(verdicts[0], labels[0], is_low, corrected)
        for scope, truth in zip(SCOPES, (rates @ weights, mean @ weights), strict=True):
            if scope == "these languages":
                ends = (
                    fixed_language_bounds(k, t, weights)(0.95),
                    fixed_bounds(corrected, weights)(0.95),
                )
            else:
                design = one_hot(is_low)
                ends = (
                    random_language_bounds(k, t, weights, design)(0.95),
                    random_bounds(corrected, weights, design)(0.95),
                )
            parts[scope].append((*ends[0], *ends[1], np.broadcast_to(truth, ends[0][0].shape)))
    results: list[Result] = []
    for scope, found in parts.items():
        a, b, c, d, truth = (np.concatenate(side) for side in zip(*found, strict=True))
        results.append(
            Result(
                f"gap, {scope}",
                label,
                covered((a, b), truth),
                covered((c, d), truth),
                float((b - a).mean()),
                float((d - c).mean()),
            )
        )
    return results


def check_rate(verdicts: Array, labels: Array, ends: dict[str, list[tuple[Array, ...]]]) -> None:
    """The batch and the public function must say the same."""
    for metric, share in SHARES.items():
        found = corrected_rate(verdicts[:, 0], labels[:, 0], share)
        low, high = (float(end[0, 0]) for end in ends[metric][0][2:])
        if found.low is None or found.high is None:
            continue  # too few relevant labels
        if abs(found.low - low) + abs(found.high - high) > 1e-9:
            raise SystemExit(f"public {metric} differs from the batch: {found}")


def check_gap(
    verdicts: Array,
    labels: Array,
    is_low: NDArray[np.bool_],
    corrected: Callable[[Array | None], Summary],
) -> None:
    """The same for gaps."""
    weights = is_low / is_low.sum() - ~is_low / (~is_low).sum()
    low, high = fixed_bounds(corrected, weights)(0.95)
    share = SHARES["compliance_rate"]
    found = corrected_gap(verdicts, labels, share, is_low, ~is_low, scope="these languages")
    assert found.low is not None
    assert found.high is not None
    if abs(found.low - float(low[0])) + abs(found.high - float(high[0])) > 1e-9:
        raise SystemExit(f"public gap differs from the batch: {found}")


def refusals(n: int) -> Iterator[tuple[str, int, float, float]]:
    """How often a judge is refused, and what its corrections cover where it is not."""
    truths = ((0.02, 0.3), (0.2, 0.1), (0.6, 0.005))
    for name, m, truth in itertools.product(REFUSED, (30, 100, 200), truths):
        rng = np.random.default_rng(derive_seed(SEED, "refused", name, str(m), str(truth)))
        n_refused = n_covered = 0
        for start in range(0, n, CHUNK):
            size = min(CHUNK, n - start)
            shares, judges = np.array([truth]), np.array([JUDGES[name]])
            verdicts, labels = draw(shares, judges, 0.0, (N_REPLIES, 1), m, size, rng)
            table = labels[:, :, 0, :3].sum(axis=1)
            positive, negative = table[..., 0].sum(axis=1), table[..., 1:].sum(axis=(1, 2))
            hits, alarms = table[:, 0, 0], table[:, 0, 1:].sum(axis=1)
            j = hits / np.maximum(positive, 1) - alarms / np.maximum(negative, 1)
            refused = (np.minimum(positive, negative) >= MIN_OF_A_KIND) & (j < MIN_J)
            n_refused += int(refused.sum())
            counts = Counts(verdicts=verdicts, labels=labels, share=SHARES["compliance_rate"])
            low, high = (end[:, 0] for end in summarise_corrected(counts).bounds(0.95))
            n_covered += int((~refused & (low <= truth[0]) & (truth[0] <= high)).sum())
            if start == 0:
                public = too_poor(youden_j(labels[0, :, 0, :3], [True, False, False]))
                if (public is not None) != bool(refused[0]):
                    raise SystemExit(f"public youden_j differs from the batch: {public}")
        kept = n - n_refused
        yield name, m, n_refused / n, n_covered / kept if kept >= 50 else float("nan")


def agreement_cells(n: int) -> Iterator[tuple[str, int, float, float]]:
    """Coverage of kappa and of J where they can be given: (truth and judge, labels, each)."""
    truths = ((0.02, 0.93, 0.05), (0.3, 0.5, 0.2), (0.1, 0.85, 0.05))
    for m, truth, name in itertools.product((30, 60, 200), truths, ("good", "poor")):
        judge = np.array(JUDGES[name])[:, :3]
        cells = (np.array(truth)[:, None] * judge / judge.sum(axis=1, keepdims=True)).T
        by_chance = float(cells.sum(axis=1) @ cells.sum(axis=0))
        kappa = 1 - (1 - np.trace(cells)) / (1 - by_chance)
        of_positive, of_rest = cells[0, 0] / truth[0], cells[0, 1:].sum() / (1 - truth[0])
        rng = np.random.default_rng(derive_seed(SEED, "agreement", name, str(m), str(truth)))
        drawn = rng.choice(9, (n, m), p=cells.ravel())
        tables = np.eye(9)[drawn].reshape(n, m, 3, 3)
        pairs = [(cohen_kappa(t), youden_j(t, [True, False, False])) for t in tables]
        label = f"{truth[0]:.0%} complied, {truth[2]:.0%} irrelevant, {name}"
        hits = [
            np.mean([e.low <= value <= e.high for e in found if e.low is not None])
            for found, value in zip(
                zip(*pairs, strict=True), (kappa, of_positive - of_rest), strict=True
            )
        ]
        yield label, m, float(hits[0]), float(hits[1])


def left_methods(verdicts: Array, labels: Array) -> dict[str, tuple[Array, Array]]:
    """Methods that were left, for the compliance rate; figures in docs/statistics.md."""
    counts = Counts(verdicts=verdicts, labels=labels, share=SHARES["compliance_rate"])
    summary = summarise_corrected(counts)
    rate, n = summary.rate[:, 0], verdicts.sum(axis=(1, 2, 3))
    error = 1.96 * np.sqrt(np.square(summary.residual[..., 0]).sum(axis=1))
    m, k = labels.sum(axis=(1, 2, 3, 4)), labels[..., 0].sum(axis=(1, 2, 3))
    by_verdict = labels[:, :, 0].sum(axis=1)
    positive, negative = by_verdict[..., 0].sum(axis=1), by_verdict[..., 1:].sum(axis=(1, 2))
    hit, alarm = by_verdict[:, 0, 0], by_verdict[:, 0, 1:].sum(axis=1)
    hit, alarm = hit / np.maximum(positive, 1), alarm / np.maximum(negative, 1)
    said, known = verdicts[:, :, 0, 0].mean(axis=1), (positive > 0) & (hit - alarm > 0.05)
    j = np.where(known, hit - alarm, 1.0)
    true = (said - alarm) / j
    of_hit = np.square(true) * hit * (1 - hit) / np.maximum(positive, 1)
    of_alarm = np.square(1 - true) * alarm * (1 - alarm) / np.maximum(negative, 1)
    half = 1.96 * np.sqrt(said * (1 - said) / n + of_hit + of_alarm) / j
    return {
        "corrected": (summary.bounds(0.95)[0][:, 0], summary.bounds(0.95)[1][:, 0]),
        "post-stratified, normal": (rate - error, rate + error),
        "Rogan and Gladen, normal": (
            np.where(known, np.clip(true - half, 0, 1), 0.0),
            np.where(known, np.clip(true + half, 0, 1), 1.0),
        ),
        "labels alone, Wilson": wilson_bounds(k / m, m, 1.96),
    }


def report_left(n: int) -> None:
    """Coverage and width of the methods that were left, on every fourth cell of singletons."""
    found: dict[str, list[tuple[float, float]]] = {}
    cells = [cell for cell in rate_cells() if cell[3][1] == 1 and not cell[5]]
    for name, m, truth, clusters, icc, _ in cells[::4]:
        rng = np.random.default_rng(derive_seed(SEED, "left", name, str(m), str(truth)))
        shares, judges = np.array([truth]), np.array([JUDGES[name]])
        parts = [
            left_methods(*draw(shares, judges, icc, clusters, m, CHUNK, rng))
            for _ in range(n // CHUNK)
        ]
        for method in parts[0]:
            low, high = (np.concatenate([part[method][i] for part in parts]) for i in (0, 1))
            pair = covered((low, high), truth[0]), float((high - low).mean())
            found.setdefault(method, []).append(pair)
    print("\nmethods that were left, compliance rate: mean, worst, cells under 90 %, width")
    for method, cells in found.items():
        cover, width = np.array(cells).T
        print(
            f"  {method:<26} {100 * cover.mean():>5.1f} {100 * cover.min():>5.1f} "
            f"{(cover < 0.9).sum():>3} of {cover.size} {100 * width.mean():>5.1f}"
        )


def report(results: list[Result]) -> bool:
    """Print a row a family, the worst cells and the verdicts; True when all hold."""
    families: dict[str, list[Result]] = {}
    for result in results:
        families.setdefault(result.family, []).append(result)
    print(f"{'interval':<32} cells | naive mean  worst  width | corrected mean  worst <92%  width")
    for name, cells in families.items():
        naive, found = (np.array([getattr(c, k) for c in cells]) for k in ("naive", "coverage"))
        widths = [np.mean([getattr(c, k) for c in cells]) for k in ("naive_width", "width")]
        print(
            f"{name:<32} {len(cells):>5} | {100 * naive.mean():>11.1f} {100 * naive.min():>6.1f} "
            f"{100 * widths[0]:>6.1f} | {100 * found.mean():>15.1f} {100 * found.min():>6.1f} "
            f"{(found < 0.92).sum():>4} {100 * widths[1]:>6.1f}"
        )
    print("\nworst corrected cells")
    for cell in sorted(results, key=lambda r: r.coverage)[:8]:
        print(f"  {100 * cell.coverage:.1f}  {cell.family}: {cell.label}")
    by_judge: dict[str, list[Result]] = {}
    for cell in results:
        if not cell.family.startswith("gap"):
            by_judge.setdefault(cell.label.split(",")[0], []).append(cell)
    print("\nby judge: naive, corrected")
    for name, cells in by_judge.items():
        pair = [100 * np.mean([getattr(c, k) for c in cells]) for k in ("naive", "coverage")]
        print(f"  {name:<10} {pair[0]:>5.1f} {pair[1]:>5.1f}")
    found = np.array([r.coverage for r in results])
    under = (found < 0.92).mean()
    verdicts = (
        (f"mean coverage {100 * found.mean():.1f} % (95-98.5)", 0.95 <= found.mean() <= 0.985),
        (f"worst cell {100 * found.min():.1f} % (at least 90)", found.min() >= 0.90),
        (f"{100 * under:.1f} % of cells under 92 % (at most 2)", under <= 0.02),
    )
    print()
    for text, holds in verdicts:
        print(f"{'PASS' if holds else 'FAIL'}  {text}")
    return all(holds for _, holds in verdicts)


def main() -> None:
    parser = argparse.ArgumentParser(description="coverage of rates corrected by labels")
    parser.add_argument("--quick", action="store_true", help="every seventh cell, 500 simulations")
    parser.add_argument("--tried", action="store_true", help="also the methods that were left")
    options = parser.parse_args()
    n, step = (500, 7) if options.quick else (2000, 1)
    started = time.monotonic()
    results: list[Result] = []
    for cells, run in ((rate_cells(), run_rate), (gap_cells(), run_gap)):
        for cell in itertools.islice(cells, 0, None, step):
            results += run(cell, n)
    holds = report(results)
    print(
        "\nrefused (J under 0.3) at 2, 20 and 60 % complied, % of audits | coverage of the others"
    )
    for (name, m), rows in itertools.groupby(refusals(n), key=lambda row: row[:2]):
        found = [(100 * refused, 100 * kept) for _, _, refused, kept in rows]
        parts, kept = ("".join(f"{x:>7.1f}" for x in side) for side in zip(*found, strict=True))
        print(f"  {name:<10} {m:>4} labels {parts} | {kept}")
    print("\ncoverage of kappa and J where they can be given")
    for label, m, kappa, j in agreement_cells(min(n, 1000)):
        print(f"  {label:<38} {m:>4} labels {100 * kappa:>6.1f} {100 * j:>6.1f}")
    if options.tried:
        report_left(n)
    print(f"{len(results)} results, {n} simulations each, {time.monotonic() - started:.0f} s")
    print("PASS" if holds else "FAIL")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
