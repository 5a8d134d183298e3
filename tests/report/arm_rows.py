"""Runs of dose-responses and of mixes made by hand, as `isogloss trace` writes them.

The figures of every run are planted; what is over runs is what the product makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log2
from pathlib import Path
from typing import Any

from isogloss.lab.recipe import parse_spec
from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.trace import dose, instruments, mixes
from isogloss.trace.arms import Arm
from isogloss.trace.dose_config import DoseConfig
from isogloss.trace.dose_design import DoseDesign, design_doses
from isogloss.trace.dose_figures import DoseFigures
from isogloss.trace.dose_rows import dose_rows
from isogloss.trace.instrument_conditions import conditions_of
from isogloss.trace.mix_figures import MixFigures
from isogloss.trace.mix_rows import mix_rows
from isogloss.trace.outcomes import Outcomes

METRICS: dict[str, tuple[str, float, float]] = {
    "compliance_rate": ("rate", 0.1, 0.02),
    "harmful_rate": ("rate", 0.9, -0.08),
    "following_rate": ("rate", 0.1, 0.08),
    "benign_following_rate": ("rate", 0.1, 0.08),
    "refusal_rate": ("rate", 0.02, 0.05),
    "over_refusal": ("rate", 0.01, 0.02),
    "helpful_rate": ("rate", 0.02, 0.07),
    "selectivity": ("rate difference", 0.0, 0.06),
    "recognition_auroc": ("area under the ROC curve", 0.5, 0.05),
    "reward_accuracy": ("rate", 0.5, 0.04),
    "competence_bits_per_character": ("bits per character", 3.0, -0.2),
}
"""Metric → (unit, value of next to no text, what each doubling adds)."""
TOKENS = 200_000
Value = Callable[[Arm, int, str, str], float | None]
"""(arm, seed, metric, language) → planted figure."""


def tokens_of(arm: Arm, language: str) -> float:
    """What a run reads of a language."""
    extra = arm.recipe.extra.get(language, 0)
    return round(TOKENS * arm.recipe.shares[language] / 100 + extra)


def by_text(arm: Arm, seed: int, metric: str, language: str) -> float | None:
    """So much for every doubling of the language's text, and a little for the seed."""
    _, start, step = METRICS[metric]
    doublings = max(0.0, log2(max(1.0, tokens_of(arm, language)) / 1000))
    turn = 7 * seed + 3 * seed * len(arm.name) + len(metric) + ord(language[0])
    wobble = 0.01 * (turn % 5 - 2)
    value = start + step * doublings + wobble
    if metric == "harmful_rate" and doublings < 1:
        return None
    if metric == "competence_bits_per_character":
        return value
    return min(1.0, max(-1.0 if metric == "selectivity" else 0.0, value))


def run_rows(arms: Sequence[Arm], n_seeds: int, shares: Any, value: Value) -> list[Measurement]:
    """Area ``trace arm`` and ``trace arm reward``, a row a run, metric and language."""
    rows: list[Measurement] = []
    for seed in range(n_seeds):
        for arm in arms:
            for language in arm.recipe.languages:
                common: dict[str, Any] = {
                    "target": arm.under(seed).spec, "arm": arm.name, "seed": seed,
                    "language": language, "tier": shares.tier(language), "scope": "this model",
                }  # fmt: skip
                for metric, (unit, _, _) in METRICS.items():
                    area = "trace arm reward" if metric == "reward_accuracy" else "trace arm"
                    found = value(arm, seed, metric, language)
                    told: dict[str, Any] = (
                        {"reason": "12 relevant replies; a harmful rate needs 30"}
                        if found is None
                        else {"estimate": found}
                    )
                    rows.append(
                        Measurement(area=area, metric=metric, n=84, unit=unit, **common, **told)
                    )
                rows.append(
                    Measurement(area="trace arm", metric="tokens", n=1, unit="count",
                                estimate=tokens_of(arm, language), **common)
                )  # fmt: skip
                rows.append(
                    Measurement(area="trace arm", metric="share", n=1,
                                estimate=arm.recipe.shares[language] / 100, **common)
                )  # fmt: skip
    return rows


def make_dose_run(
    folder: Path,
    *,
    n_seeds: int = 5,
    value: Value = by_text,
    config: DoseConfig | None = None,
) -> DoseDesign:
    """Four doses of Swahili in the tiny lab, extra tokens, parallel text and another tokenizer."""
    config = config or DoseConfig(
        mix="lab:tiny", languages=("sw",), seeds=n_seeds, extra=(50_000,), parallel=True,
        tokenizer=True,
    )  # fmt: skip
    design = design_doses(config, folder)
    runs = run_rows(design.arms, n_seeds, design.shares, value)
    _store(folder, runs, "trace dose", dose_rows(DoseFigures(design, Outcomes(runs))),
           dose._meta(config, design), design.shares)  # fmt: skip
    return design


def make_mixes_run(
    folder: Path, specs: Sequence[str], *, n_seeds: int = 5, value: Value = by_text
) -> tuple[Arm, ...]:
    """Lab recipes against the first."""
    config = mixes.MixesConfig(arms=tuple(specs), seeds=n_seeds, other_tokenizers=True)
    arms = mixes.resolve_mixes(config)
    shares = arms[0].recipe.share_table()
    runs = run_rows(arms, n_seeds, shares, value)
    _store(folder, runs, "trace mixes", mix_rows(MixFigures(arms, Outcomes(runs))),
           mixes._meta(config, arms), shares)  # fmt: skip
    return arms


MOVED = {"english": 0.0, "high": -0.10, "medium": 0.0, "low": 0.05}
"""What 30 % of errors in prompts and replies do to following; half as much in one of them."""


def make_instruments_run(folder: Path, *, n_seeds: int = 3) -> None:
    """The tiny lab: following 80 % and 20 in the low tier, and what errors make of it."""
    recipe = parse_spec("lab:tiny")
    group = recipe.spec.rpartition("#")[0]
    shares = recipe.share_table()
    tiers = {tag: str(shares.tier(tag)) for tag in recipe.languages}
    conditions = conditions_of(group, [0.3])
    runs: list[Measurement] = []
    for condition in conditions:
        moved = ((condition.prompts is not None) + condition.replies) / 2
        for seed in range(n_seeds):
            for tag, tier in tiers.items():
                following = (0.2 if tier == "low" else 0.8) + moved * MOVED[tier]
                asked = condition.prompts is not None
                following += (
                    0.005
                    * (seed - 1)
                    * (1 + asked + condition.replies)
                    * (1.5 if tier == "low" else 1)
                )
                values = {
                    "following_rate": following,
                    "compliance_rate": 0.3 + 0.01 * (seed - 1) * asked,
                    "harmful_rate": None if tier == "low" else 0.4,
                    "helpful_rate": following / 2,
                }
                runs += [
                    Measurement(
                        area=instruments.RUNS, metric=metric, target=f"{group}#{seed}",
                        arm=condition.name, seed=seed, language=tag, tier=tier, n=84,
                        estimate=value, unit="rate", scope="this model",
                        reason=None if value is not None else "12 relevant replies",
                    )
                    for metric, value in values.items()
                ]  # fmt: skip
    rows = instruments.instrument_gap_rows(conditions, tiers, runs)
    with RunStore(folder, create=True) as store:
        store.replace_measurements(instruments.RUNS, runs)
        store.replace_measurements(instruments.AREA, rows)
        store.set_meta("share_table", shares.to_json())


def _store(
    folder: Path, runs: Sequence[Measurement], area: str, rows: Sequence[Measurement], meta: Any,
    shares: Any,
) -> None:  # fmt: skip
    with RunStore(folder, create=True) as store:
        for name in ("trace arm", "trace arm reward"):
            store.replace_measurements(name, [row for row in runs if row.area == name])
        store.replace_measurements(area, rows)
        store.set_meta(area, meta)
        store.set_meta("share_table", shares.to_json())
