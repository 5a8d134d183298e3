"""Do the intervals hold? Coverage of every interval of `isogloss.stats` on planted truth.

    python bench/coverage.py            about 5 minutes on one idle core; writes nothing
    python bench/coverage.py --quick    about 30 seconds: every fifth cell, 500 simulations each
    python bench/coverage.py --tried    also the methods that were tried and left

A cell is one planted truth: rates .01-.7, 50-500 prompts, 1, 4 or 8 rows a prompt (both as *rows*,
so that 50 rows of 8 are 6 clusters, and as *prompts*), intra-cluster correlation 0-.6, 8 or 16
languages whose true rates vary by 0, 5 or 15 points. Singleton rates are enumerated exactly, all
else is simulated. Passes when the mean coverage lies in 94-96.5 %, no cell is under 90 %, and with
no effect a curse is claimed in at most 5 % of audits (scope: languages like these).
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import binom

from isogloss.seeds import derive_seed
from isogloss.stats.contrast import fixed_language_bounds, one_hot, random_language_bounds
from isogloss.stats.distributions import Array, t_quantile
from isogloss.stats.gaps import slope, tier_gap
from isogloss.stats.intervals import summarise_rates, wilson_bounds
from isogloss.stats.paired import rate_difference
from isogloss.stats.resample import bootstrap_rates, cluster_weights

SEED = 20260101
CHUNK = 500
SHARES = (6.1, 4.9, 4.9, 3.8, 3.4, 3.0, 2.3, 2.3, 1.9, 1.5, 1.3, 1.0, 0.8, 0.5, 0.3)
LOG_SHARE = {16: np.log10(SHARES), 8: np.log10(SHARES[::2])}
HIGH, LOW = np.log10(3.3), np.log10(1.6)
Ends = tuple[Array, Array]


@dataclass(frozen=True, slots=True)
class Result:
    """One cell: coverage and, where nothing was planted, how often each side claims an effect."""

    family: str
    label: str
    coverage: float
    too_high: float | None = None
    too_low: float | None = None
    counts: bool = True


def covered(ends: Ends, truth: float | Array) -> float:
    """Share of intervals that contain the truth (ends included, rounding aside)."""
    return float(((ends[0] <= truth + 1e-12) & (truth <= ends[1] + 1e-12)).mean())


def beta_binomial(rate: float, icc: float, size: int, shape: tuple[int, ...], seed: int) -> Array:
    """Successes per cluster with exactly this rate and intra-cluster correlation."""
    rng = np.random.default_rng(seed)
    if icc == 0:
        return rng.binomial(size, rate, shape).astype(np.float64)
    strength = (1 - icc) / icc
    chance = rng.beta(rate * strength, (1 - rate) * strength, shape)
    return rng.binomial(size, chance).astype(np.float64)


def latent_counts(
    rates: Array, icc: float, shared: float, size: int, n_clusters: int, rng: np.random.Generator
) -> Array:
    """[S, C, L] successes with margins exactly ``rates`` [S, L]: a probit with cluster effects.

    ``icc`` is on the latent scale; ``shared`` is the part of a cluster's effect common to all.
    """
    n_simulations, n_languages = rates.shape
    common = rng.standard_normal((n_simulations, n_clusters, 1))
    own = rng.standard_normal((n_simulations, n_clusters, n_languages))
    effect = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    chance = ndtr((ndtri(rates)[:, None, :] + np.sqrt(icc) * effect) / np.sqrt(1 - icc))
    return rng.binomial(size, chance).astype(np.float64)


def varied_rates(mean: Array, sd: float, n: int, rng: np.random.Generator) -> Array:
    """[n, L] true rates of languages drawn around [L] ``mean`` (beta; the sd as far as it fits)."""
    if sd == 0:
        return np.tile(mean, (n, 1))
    spread = np.minimum(sd, 2 / 3 * np.sqrt(mean * (1 - mean)))
    strength = mean * (1 - mean) / np.square(spread) - 1
    drawn = rng.beta(mean * strength, (1 - mean) * strength, (n, mean.size))
    return np.clip(drawn, 1e-4, 1 - 1e-4)


def sizes() -> list[tuple[int, int]]:
    """(clusters, rows per cluster) for 50-500 prompts, prompts read as rows and as clusters."""
    prompts = (50, 100, 200, 500)
    as_rows = [(round(n / m), m) for n in prompts for m in (4, 8)]
    return as_rows + [(n, m) for n in (50, 500) for m in (4, 8)]


def single_rates() -> Iterator[Result]:
    """Wilson, enumerated over every possible count."""
    for rate, n in itertools.product((0.01, 0.03, 0.1, 0.3, 0.5, 0.7), (50, 100, 200, 500)):
        k = np.arange(n + 1)
        low, high = wilson_bounds(k / n, n, ndtri(0.975))
        chance = binom.pmf(k, n, rate)[(low <= rate) & (rate <= high)].sum()
        yield Result("rate, singletons (exact)", f"rate {rate} n {n}", float(chance))


Job = Callable[[int], list[Result]]


def clustered_rates() -> Iterator[Job]:
    """A rate on clusters, and a ratio rate whose denominator varies by cluster."""
    for rate, icc, (c, m) in itertools.product(
        (0.01, 0.03, 0.1, 0.3, 0.5, 0.7), (0.0, 0.1, 0.3, 0.6), sizes()
    ):
        label = f"rate {rate} clusters {c}x{m} icc {icc}"

        def job(n: int, rate=rate, icc=icc, c=c, m=m, label=label) -> list[Result]:
            seed = derive_seed(SEED, "rate", label)
            k = beta_binomial(rate, icc, m, (c, n), seed)
            summary = summarise_rates(k, np.full(k.shape, float(m)))
            results = [Result("rate, clustered", label, covered(summary.bounds(0.95), rate))]
            if m == 8:
                relevant = beta_binomial(0.7, 0.2, m, (c, n), derive_seed(seed, "relevant"))
                chance = np.random.default_rng(derive_seed(seed, "harm"))
                s = (1 - icc) / max(icc, 1e-6)
                p = chance.beta(rate * s, (1 - rate) * s, (c, n)) if icc else np.full((c, n), rate)
                k = chance.binomial(relevant.astype(int), p).astype(float)
                ends = summarise_rates(k, relevant).bounds(0.95)
                results.append(Result("ratio rate, clustered", label, covered(ends, rate)))
            return results

        yield job


def differences() -> Iterator[Job]:
    """Two languages or arms on the same clusters."""
    pairs = (
        (0.01, 0.01),
        (0.01, 0.05),
        (0.03, 0.1),
        (0.1, 0.1),
        (0.1, 0.3),
        (0.5, 0.5),
        (0.5, 0.7),
    )
    grid = [*sizes(), *((n, 1) for n in (50, 100, 200, 500))]
    for (a, b), (c, m), (icc, shared) in itertools.product(
        pairs, grid, ((0.0, 0.0), (0.3, 0.0), (0.3, 0.8), (0.6, 0.8))
    ):
        label = f"rates {a} {b} clusters {c}x{m} icc {icc} shared {shared}"

        def job(n: int, a=a, b=b, c=c, m=m, icc=icc, shared=shared, label=label) -> list[Result]:
            rng = np.random.default_rng(derive_seed(SEED, "difference", label))
            k = latent_counts(np.tile([a, b], (n, 1)), icc, shared, m, c, rng)
            ends = fixed_language_bounds(k, np.full(k.shape, float(m)), np.array([1.0, -1.0]))(0.95)
            return [Result("difference", label, covered(ends, a - b))]

        yield job


def sign_flips() -> Iterator[Job]:
    """How often the p-value of `rate_difference` is under .05 with no difference planted."""
    for rate, (c, m), icc in itertools.product(
        (0.05, 0.4), ((50, 1), (25, 4), (60, 8)), (0.0, 0.6)
    ):
        label = f"rate {rate} clusters {c}x{m} icc {icc}"

        def job(n: int, rate=rate, c=c, m=m, icc=icc, label=label) -> list[Result]:
            rng = np.random.default_rng(derive_seed(SEED, "flip", label))
            k = latent_counts(np.full((n, 2), rate), icc, 0.5, m, c, rng)
            full = np.full(c, float(m))
            p = [rate_difference(x[:, 0], full, x[:, 1], full).p_value for x in k]
            claimed = float((np.array(p, dtype=float) < 0.05).mean())
            return [Result("sign-flip test", label, 1 - claimed, claimed, 0.0, counts=False)]

        yield job


def contrasts(tried: bool) -> Iterator[Job]:
    """Tier averages, tier gaps and slopes, in both scopes."""
    designs = ((50, 1, 0.3, 0.5), (50, 1, 0.6, 0.8), (200, 1, 0.0, 0.0), (12, 4, 0.3, 0.5))
    designs = (*designs, (60, 8, 0.6, 0.8), (500, 1, 0.3, 0.5))
    for size, base, effect, sd, design, kind in itertools.product(
        (16, 8), (0.01, 0.1, 0.45), (0.0, 0.25), (0.0, 0.05, 0.15), designs, ("gap", "slope")
    ):
        cell = Planted(size, base, effect, sd, design, kind)

        def job(n: int, cell=cell) -> list[Result]:
            return contrast_cell(cell, n, tried)

        yield job


class Planted(NamedTuple):
    """The truth of a gap's or slope's cell; a design is clusters, rows, icc, shared part."""

    n_languages: int
    base: float
    effect: float
    sd: float
    design: tuple[int, int, float, float]
    kind: str


def contrast_cell(cell: Planted, n: int, tried: bool) -> list[Result]:
    """One planted gap or slope: ``these languages`` against the drawn languages' own rates,
    ``languages like these`` against the rates they were drawn around."""
    size, base, effect, sd, design, kind = cell
    c, m, icc, shared = design
    label = f"{size} languages base {base} effect {effect} sd {sd} clusters {c}x{m} icc {icc}"
    rng = np.random.default_rng(derive_seed(SEED, kind, label, str(shared)))
    x = LOG_SHARE[size]
    if kind == "gap":
        x = x[(x >= HIGH) | (x < LOW)]
        is_low = x < LOW
        mean = base + effect * is_low
        weights = is_low / is_low.sum() - ~is_low / (~is_low).sum()
        matrix = one_hot(is_low)
    else:
        mean = base + effect * (x.max() - x) / np.ptp(x)
        centred = x - x.mean()
        weights = centred / np.square(centred).sum()
        matrix = np.column_stack([np.ones(x.size), centred])
    average = np.full(x.size, 1 / x.size)
    rates = varied_rates(mean, sd, n, rng)
    ends: dict[str, list[Ends]] = {}
    for start in range(0, n, CHUNK):
        k = latent_counts(rates[start : start + CHUNK], icc, shared, m, c, rng)
        full = np.full(k.shape, float(m))
        found = {
            f"{kind}, these languages": fixed_language_bounds(k, full, weights)(0.95),
            f"{kind}, languages like these": random_language_bounds(k, full, weights, matrix)(0.95),
        }
        if kind == "gap":
            found["tier average"] = fixed_language_bounds(k, full, average)(0.95)
        if tried:
            found |= left_methods(kind, k, full, weights, matrix)
        if tried and start == 0:
            family = f"left: {kind}, these languages: percentile bootstrap"
            found[family] = percentile_bootstrap(k[:100], full[:100], weights)
        if start == 0:
            check_public(kind, k[0], full[0], x, found)
        for family, pair in found.items():
            ends.setdefault(family, []).append(pair)
    results: list[Result] = []
    for family, parts in ends.items():
        low, high = (np.concatenate(side) for side in zip(*parts, strict=True))
        fixed = "these languages" in family and "like" not in family
        truth = rates @ (average if family == "tier average" else weights)
        if not fixed and family != "tier average":
            truth = np.full(n, mean @ weights)
        truth = truth[: low.size]
        null = effect == 0 and "like these" in family
        results.append(
            Result(
                family if sd or fixed or family == "tier average" else f"{family} (sd 0)",
                label,
                covered((low, high), truth),
                float((low > 0).mean()) if null else None,
                float((high < 0).mean()) if null else None,
                counts=not family.startswith("left:") and (fixed or sd > 0),
            )
        )
    return results


def left_methods(kind: str, k: Array, n: Array, weights: Array, matrix: Array) -> dict[str, Ends]:
    """Methods that were tried and left; their figures stand in docs/statistics.md."""
    summary = summarise_rates(k, n)
    value = summary.rate @ weights
    c = k.shape[-2]

    def around(half: Array) -> Ends:
        return value - half, value + half

    influence = np.sqrt(np.square(summary.residual @ weights).sum(axis=-1) * c / max(c - 1, 1))
    projection = matrix @ np.linalg.pinv(matrix)
    residual = summary.rate - summary.rate @ projection
    df = weights.size - matrix.shape[1]
    ols = np.sqrt(np.square(residual).sum(axis=-1) / df * (weights @ weights))
    hc2 = np.sqrt(np.square(residual) / (1 - np.diag(projection)) @ np.square(weights))
    return {
        f"left: {kind}, these languages: linearised t": around(
            t_quantile(0.975, c - 1) * influence
        ),
        f"left: {kind}, like these: clusters only": fixed_language_bounds(k, n, weights)(0.95),
        f"left: {kind}, like these: least squares": around(t_quantile(0.975, df) * ols),
        f"left: {kind}, like these: HC2 alone": around(t_quantile(0.975, df) * hc2),
    }


def percentile_bootstrap(k: Array, n: Array, weights: Array) -> Ends:
    """Percentiles of 400 cluster resamples, for a hundred simulations (it is slow)."""
    resamples = cluster_weights(k.shape[-2], 400, SEED)
    drawn = [bootstrap_rates(a, b, resamples) @ weights for a, b in zip(k, n, strict=True)]
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], axis=1)
    return low, high


def check_public(kind: str, k: Array, n: Array, x: Array, found: dict[str, Ends]) -> None:
    """The batch above and the public functions must say the same."""
    for scope in ("these languages", "languages like these"):
        public = (
            tier_gap(k, n, x < LOW, x >= HIGH, scope=scope)
            if kind == "gap"
            else slope(k, n, x, scope=scope)
        )
        low, high = (float(side[0]) for side in found[f"{kind}, {scope}"])
        limit = (
            1.0 if kind == "gap" else np.abs(x - x.mean()).sum() / 2 / np.square(x - x.mean()).sum()
        )
        assert public.low is not None
        assert public.high is not None
        if abs(max(low, -limit) - public.low) + abs(min(high, limit) - public.high) > 1e-9:
            raise SystemExit(f"public {kind} differs from the batch in scope {scope!r}: {public}")


def report(results: list[Result], n: int, quick: bool) -> bool:
    """Print a row a family, the worst cells and the verdicts; True when all hold."""
    families: dict[str, list[Result]] = {}
    for result in results:
        families.setdefault(result.family, []).append(result)
    print(f"{'interval':<62} cells   mean    min  <90%  claims  worst cell")
    for name, cells in families.items():
        worst = min(cells, key=lambda r: r.coverage)
        mean = np.mean([r.coverage for r in cells])
        under = sum(r.coverage < 0.9 for r in cells)
        claims = [max(r.too_high, r.too_low or 0) for r in cells if r.too_high is not None]
        print(
            f"{name:<62} {len(cells):>5} {100 * mean:>6.1f} {100 * worst.coverage:>6.1f} {under:>5}"
            " "
            f"{f'{100 * max(claims):.1f}' if claims else '':>7}  {worst.label}"
        )
    used = [r for r in results if not r.family.startswith("left:")]
    mean = float(np.mean([r.coverage for r in used if r.counts]))
    worst = min(r.coverage for r in used)
    null = [r for r in used if r.too_high is not None]
    claim = max(max(r.too_high or 0, r.too_low or 0) for r in null)
    both = float(np.mean([(r.too_high or 0) + (r.too_low or 0) for r in null]))
    slack = 3 * np.sqrt(0.09 / n) if quick else 0.0
    verdicts = (
        (f"mean coverage {100 * mean:.2f} % (94-96.5)", 0.94 <= mean <= 0.965),
        (f"worst cell {100 * worst:.1f} % (at least 90)", worst >= 0.90 - slack),
        (
            f"no effect, worst cell: a curse claimed in {100 * claim:.1f} % (at most 5)",
            claim <= 0.05 + slack,
        ),
        (f"no effect, mean: either sign claimed in {100 * both:.1f} % (at most 5)", both <= 0.05),
    )
    print()
    for text, holds in verdicts:
        print(f"{'PASS' if holds else 'FAIL'}  {text}")
    return all(holds for _, holds in verdicts)


def main() -> None:
    parser = argparse.ArgumentParser(description="coverage of the intervals of isogloss.stats")
    parser.add_argument("--quick", action="store_true", help="every fifth cell, 500 simulations")
    parser.add_argument("--tried", action="store_true", help="also the methods that were left")
    options = parser.parse_args()
    n = 500 if options.quick else 2000
    started = time.monotonic()
    results = list(single_rates())
    for jobs in (clustered_rates(), differences(), sign_flips(), contrasts(options.tried)):
        for job in itertools.islice(jobs, 0, None, 5 if options.quick else 1):
            results += job(n)
    holds = report(results, n, options.quick)
    print(f"{len(results)} results, {n} simulations each, {time.monotonic() - started:.0f} s")
    print("PASS" if holds else "FAIL")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
