"""Two runs or arms on the same prompts: better, worse, or cannot tell, per language.

``A`` is the baseline and ``B`` what is compared with it; every difference is B minus A, on pairs
(see `isogloss.audit.pairing`). The p-value is exact McNemar where clusters are singletons and a
sign flip over clusters otherwise (see `isogloss.stats.paired`), Holm-adjusted over languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isogloss.audit.pairing import CompareConfig, Pairs, pair_runs
from isogloss.audit.rate_rows import measurement
from isogloss.audit.rates import Cells
from isogloss.audit.tally import JUDGED
from isogloss.audit.verdicts import paired_verdict
from isogloss.errors import InputError
from isogloss.records import Measurement
from isogloss.stats.contrast import language_contrast
from isogloss.stats.intervals import Estimate, clustered_rate
from isogloss.stats.paired import holm, rate_difference
from isogloss.store import RunStore

COMPARED = (
    "compliance_rate",
    "harmful_rate",
    "following_rate",
    "refusal_rate",
    "actionable_rate",
    "over_refusal",
    "helpful_rate",
    "benign_following_rate",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference with the two rates it is made of.

    Attributes:
        row: the difference B minus A, as a measurement of the area ``compare``.
        rate_a, rate_b: the rates on the paired prompts; None where not measured.
    """

    row: Measurement
    rate_a: float | None
    rate_b: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What `compare_runs` found.

    Attributes:
        name_a, name_b: target and arm of each side.
        judge: whose verdicts.
        n_pairs: pairs with an outcome on both sides.
        n_missing: planned pairs without one (error, unjudged, pending).
        n_only_a, n_only_b: prompts that only one side has; they are not compared.
        differences: by metric, then language, then tier and over all languages.
        pairs: the counts, for `isogloss.audit.gate.check_gate`.
    """

    name_a: str
    name_b: str
    judge: str | None
    n_pairs: int
    n_missing: int
    n_only_a: int
    n_only_b: int
    differences: tuple[Difference, ...]
    pairs: Pairs


def compare_runs(config: CompareConfig) -> Comparison:
    """Compare two runs, or two targets or arms, on the prompts they share.

    Raises:
        InputError: no shared prompts, the same ids with other texts, several targets or arms
            without a choice, or no judge that both sides share.
        StoreError: not a run folder.

    Example:
        >>> compare_runs(CompareConfig(a=Path("before"), b=Path("after")))  # doctest: +SKIP
    """
    pairing = pair_runs(config)
    common = {
        "target": pairing.b.target, "arm": pairing.b.arm, "judge": pairing.judge,
        "variant": config.variant, "seed": config.seed,
    }  # fmt: skip
    differences = [row for name in COMPARED for row in _metric_rows(pairing.pairs, name, common)]
    differences += _retained_rows(pairing.pairs, common)
    return Comparison(
        name_a=pairing.a.name,
        name_b=pairing.b.name,
        judge=pairing.judge,
        n_pairs=pairing.n_pairs,
        n_missing=pairing.n_missing,
        n_only_a=pairing.n_only_a,
        n_only_b=pairing.n_only_b,
        differences=tuple(differences),
        pairs=pairing.pairs,
    )


def save_comparison(comparison: Comparison, config: CompareConfig) -> None:
    """Store the rows with run B, in the place of an earlier comparison, for its report."""
    with RunStore(config.b) as store:
        store.replace_measurements("compare", [d.row for d in comparison.differences])
        store.set_meta("comparison", {"a": comparison.name_a, "folder": str(config.a)})


def _metric_rows(pairs: Pairs, name: str, common: dict[str, Any]) -> list[Difference]:
    a, b = pairs.a.cells(name), pairs.b.cells(name)
    estimates = [
        paired_difference(a, b, index, seed=common["seed"]) for index in range(len(a.languages))
    ]
    hidden = a.unverified | b.unverified
    adjusted = holm([None if h else e.p_value for e, h in zip(estimates, hidden, strict=True)])
    n_tests = sum(p is not None for p in adjusted)
    rows: list[Difference] = []
    for index, (estimate, p) in enumerate(zip(estimates, adjusted, strict=True)):
        verdict, reason = paired_verdict(estimate, p, a.rate.worse, unverified=bool(hidden[index]))
        row = measurement(
            name, estimate, **common, area="compare", unit="rate difference",
            language=a.languages[index], tier=pairs.tiers[index],
        )  # fmt: skip
        row = replace(
            row,
            n=int(a.trials[:, index].sum()),
            p_value=p,
            verdict=verdict,
            reason=row.reason or reason,
            method=f"B - A paired; {estimate.method}; sign flip, Holm over {n_tests} languages",
        )
        rows.append(_with_rates(row, a, b, [index]))
    return rows + _average_rows(pairs, a, b, common)


def paired_difference(
    a: Cells, b: Cells, index: int, *, level: float = 0.95, seed: int = 0
) -> Estimate:
    """B minus A in one language; without a number where either side is not measured."""
    estimate = rate_difference(
        b.successes[:, index],
        b.trials[:, index],
        a.successes[:, index],
        a.trials[:, index],
        level=level,
        seed=seed,
    )
    reason = a.reasons[index] or b.reasons[index]
    return _unmeasured(estimate, reason) if reason else estimate


def average_difference(
    a: Cells, b: Cells, member: np.ndarray, *, level: float = 0.95
) -> Estimate | None:
    """Macro average over languages of B minus A; None where no member is measured on both sides."""
    used = member & a.usable & b.usable
    if not used.any():
        return None
    weights = np.full(int(used.sum()), 1 / used.sum())
    return language_contrast(
        np.hstack([b.successes[:, used], a.successes[:, used]]),
        np.hstack([b.trials[:, used], a.trials[:, used]]),
        np.concatenate([weights, -weights]),
        scope="these languages",
        level=level,
    )


def _average_rows(pairs: Pairs, a: Cells, b: Cells, common: dict[str, Any]) -> list[Difference]:
    tiers = np.array(pairs.tiers)
    groups = {tier: tiers == tier for tier in dict.fromkeys(pairs.tiers)}
    return average_rows(a, b, groups | {"all": np.ones(len(tiers), dtype=bool)}, common)


def average_rows(
    a: Cells, b: Cells, groups: Mapping[str, np.ndarray], common: dict[str, Any]
) -> list[Difference]:
    """Macro averages of B minus A over groups of languages.

    Args:
        groups: name, which becomes the rows' tier → [L] which languages belong to it.
        common: fields of all rows.
    """
    rows: list[Difference] = []
    for tier, member in groups.items():
        used = np.flatnonzero(member & a.usable & b.usable)
        fields: dict[str, Any] = dict(common) | {
            "area": "compare", "unit": "rate difference", "tier": tier, "scope": "these languages",
        }  # fmt: skip
        estimate = average_difference(a, b, member)
        if estimate is None:
            row = Measurement(
                metric=a.rate.name, verdict="not measured",
                reason="no language of this tier is measured on both sides", **fields,
            )  # fmt: skip
            rows.append(Difference(row=row, rate_a=None, rate_b=None))
            continue
        verdict, reason = paired_verdict(estimate, estimate.p_value, a.rate.worse)
        notes = [note for note in (reason, left_out(member, used)) if note]
        row = replace(
            measurement(a.rate.name, estimate, **fields),
            n=int(a.trials[:, used].sum()),
            verdict=verdict,
            reason="; ".join(notes) or None,
            method=f"B - A paired, macro average over {used.size} languages; {estimate.method}",
        )
        rows.append(_with_rates(row, a, b, used))
    return rows


def left_out(member: np.ndarray, used: np.ndarray) -> str | None:
    """What to say where some languages of a group are not measured."""
    n = int(member.sum()) - int(used.size)
    return f"{n} of {int(member.sum())} languages left out" if n else None


def _with_rates(
    row: Measurement, a: Cells, b: Cells, used: Sequence[int] | np.ndarray
) -> Difference:
    if row.estimate is None:
        return Difference(row=row, rate_a=None, rate_b=None)
    rates = [
        float((cells.successes[:, used].sum(axis=0) / cells.trials[:, used].sum(axis=0)).mean())
        for cells in (a, b)
    ]
    return Difference(row=row, rate_a=rates[0], rate_b=rates[1])


def _retained_rows(pairs: Pairs, common: dict[str, Any]) -> list[Difference]:
    """``retained_skill``: of the benign prompts A answered rightly, the part B still does."""
    tally_b = pairs.retained.tallies["benign"]
    successes, trials = tally_b.sum(("correct",)), tally_b.sum(JUDGED)
    rows: list[Difference] = []
    for index, language in enumerate(pairs.languages):
        fields: dict[str, Any] = dict(common) | {
            "area": "compare", "language": language, "tier": pairs.tiers[index],
        }  # fmt: skip
        row = measurement(
            "retained_skill", clustered_rate(successes[:, index], trials[:, index]), **fields
        )
        if row.estimate is None:
            row = replace(row, reason="A answered no benign prompt rightly, as far as is known")
        rows.append(Difference(row=row, rate_a=None, rate_b=row.estimate))
    return rows


def _unmeasured(estimate: Estimate, reason: str) -> Estimate:
    return replace(
        estimate, estimate=None, low=None, high=None, p_value=None, detectable=None, reason=reason
    )


def check_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """The names, where all of them can be compared.

    Raises:
        InputError: one that cannot.
    """
    if unknown := [name for name in names if name not in COMPARED]:
        raise InputError(f"cannot compare {', '.join(unknown)}; choose from {', '.join(COMPARED)}")
    return tuple(names)
