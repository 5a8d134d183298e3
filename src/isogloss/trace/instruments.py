"""How much of a gap is the instruments': a lab model measured exactly and by faulty translations.

A run folder holds, for every seed, a folder with the replies and the rows of area ``audit``; and
the rows of areas ``trace instruments run`` (every condition of a seed, by language) and ``trace
instruments`` (over runs). The same command again does what is not done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from isogloss.audit.environment import describe_environment
from isogloss.audit.judging import judge_run
from isogloss.audit.preflight import preflight
from isogloss.audit.run import AuditConfig, run_audit
from isogloss.audit.selection import select_prompts
from isogloss.concepts.studies import study_folder
from isogloss.errors import InputError, ModelError, StoreError
from isogloss.lab.build import is_built
from isogloss.lab.recipe import LabRecipe, parse_spec
from isogloss.lab.setting import Lab
from isogloss.lab.tongues import ENGLISH
from isogloss.progress import Progress, silent
from isogloss.records import Decoding, Measurement, Prompt, RunResult
from isogloss.seeds import content_hash
from isogloss.store import RunStore
from isogloss.targets.options import LocalOptions
from isogloss.trace.faulty_judge import FaultyJudge
from isogloss.trace.instrument_claims import claim_rows
from isogloss.trace.instrument_conditions import Condition, conditions_of, prompts_under, variant_of
from isogloss.trace.outcomes import Outcomes
from isogloss.trace.tier_figures import TierFigures, gap_tiers
from isogloss.trace.tier_rows import tier_rows

AREA, RUNS = "trace instruments", "trace instruments run"
ORACLE = "oracle"
METRICS = ("following_rate", "harmful_rate", "compliance_rate", "helpful_rate")
MEASURED = "trace instruments measured"
"""Meta: target → what its rows were made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentsConfig:
    """One lab recipe; the flags of ``isogloss trace instruments`` are these fields, but decoding.

    Attributes:
        target: ``lab:PRESET[:MIX][@STAGE]``, without a seed.
        rates: shares of texts that are translated wrongly, each in (0, 1].
        seeds: the model under the seeds 0 to ``seeds`` - 1, from pre-training on.
        limit: at most so many prompts of each intent.
        out: run folder.
        decoding: how models are asked.
        options: how they are run.
    """

    target: str
    rates: tuple[float, ...] = (0.3,)
    seeds: int = 5
    limit: int | None = None
    out: Path | None = None
    decoding: Decoding = field(default_factory=Decoding)
    options: LocalOptions = field(default_factory=LocalOptions)

    @property
    def group(self) -> str:
        """The target in full, without a seed."""
        return parse_spec(self.target).group

    @property
    def folder(self) -> Path:
        """``out``, or one under ``runs/`` from the target and the rates."""
        if self.out is not None:
            return self.out
        rates = " ".join(f"{100 * rate:g}" for rate in sorted(self.rates))
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", f"instruments {self.group} {rates}").strip("-.")
        return Path("runs") / slug[:120]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentsResult(RunResult):
    """What an experiment wrote.

    Attributes:
        folder: the run folder.
        conditions: the exact one first.
        measurements: rows of areas ``trace instruments run`` and ``trace instruments``.
    """

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One seed of a plan.

    Attributes:
        is_built: whether the model lies in the cache.
        n_prompts: prompts that are asked, over all languages and variants.
    """

    target: str
    is_built: bool
    n_prompts: int


def plan_instruments(config: InstrumentsConfig) -> list[PlannedRun]:
    """What `run_instruments` would ask; nothing is trained or written.

    Raises:
        UserError: as `run_instruments`.
    """
    check_config(config)
    found: list[PlannedRun] = []
    for recipe in _recipes(config):
        asked = _asked(config, recipe)
        found.append(
            PlannedRun(
                target=recipe.spec,
                is_built=is_built(recipe),
                n_prompts=len(asked),
            )
        )
    return found


def check_config(config: InstrumentsConfig) -> None:
    """Refuse what cannot work, before anything is trained.

    Raises:
        ModelError: no lab, or one whose stage answers no questions.
        InputError: a target with a seed, a mix without English or without a gap, or numbers that
            are none.
    """
    preflight(config.folder, limit=config.limit, options=config.options)
    if not config.target.startswith("lab:"):
        raise ModelError(
            f"{config.target}: exact translations and an exact judge exist for a lab alone; write "
            "lab:PRESET[:MIX]. For other models `isogloss translate --second-engine` and "
            "`isogloss judge --pivot` set instruments side by side"
        )
    if "#" in config.target.rpartition(".csv")[2]:
        raise InputError(
            f"{config.target} names a seed; leave it out: the model is trained under the seeds 0 "
            f"to {config.seeds - 1} (--seeds)"
        )
    if parse_spec(config.target).stage == "base":
        raise ModelError(f"{config.target} answers no questions; use @helpful or @chat")
    if config.seeds < 1:
        raise InputError(f"--seeds must be 1 or more, not {config.seeds}")
    wrong = [rate for rate in config.rates if not 0 < rate <= 1]
    names = {variant_of(rate, "mistranslated") for rate in config.rates}
    if wrong or not config.rates or len(names) < len(config.rates):
        told = ", ".join(f"{rate:g}" for rate in config.rates) or "none"
        raise InputError(
            f"--rates are shares of texts that are translated wrongly, above 0 and up to 1, each "
            f"once; got {told}"
        )
    recipe = _recipes(config)[0]
    if ENGLISH not in recipe.languages:
        raise InputError(
            f"{config.target} has no English, which prompts are translated from and judged in; its "
            f"languages are {', '.join(recipe.languages)}"
        )
    if not all(gap_tiers(_tiers(recipe))):
        raise InputError(
            f"{config.target} has no gap to ask about: it needs languages of a low or medium tier "
            "beside those of a high one or English, and has "
            + ", ".join(f"{tag} ({tier})" for tag, tier in _tiers(recipe).items())
        )


def run_instruments(
    config: InstrumentsConfig, *, progress: Progress | None = None
) -> InstrumentsResult:
    """Measure the model under every seed, exactly and with faulty instruments; then compare.

    Lab models that are not in the cache are built first.

    Raises:
        UserError: something in the configuration, the machine or the folder must change; found
            before anything is trained, wherever it can be.

    Example:
        >>> run_instruments(InstrumentsConfig(target="lab:tiny"))  # doctest: +SKIP
    """
    report = progress or silent
    check_config(config)
    recipes, folder = _recipes(config), config.folder
    conditions = conditions_of(config.group, config.rates)
    runs: list[Measurement] = []
    with RunStore(folder, create=True) as store:
        _claim_folder(config, store)
        made: dict[str, str] = store.meta(MEASURED, {})
        known = [row for row in store.measurements() if row.area == RUNS]
    for done, recipe in enumerate(recipes):
        report("runs (models)", done, len(recipes))
        made_from = _made_from(config, recipe)
        mine = [row for row in known if row.target == recipe.spec]
        if made.get(recipe.spec) != made_from:
            mine = list(_measured(config, recipe, conditions, report))
            made[recipe.spec] = made_from
            with RunStore(folder) as store:
                store.replace_measurements(RUNS, mine, target=recipe.spec)
                store.set_meta(MEASURED, made)
        runs += mine
    report("runs (models)", len(recipes), len(recipes))
    rows = instrument_gap_rows(conditions, _tiers(recipes[0]), runs)
    with RunStore(folder) as store:
        store.replace_measurements(AREA, rows)
        store.set_meta("share_table", recipes[0].share_table().to_json())
        store.set_meta("environment", describe_environment(seed=0))
    return InstrumentsResult(folder=folder, conditions=conditions, measurements=(*runs, *rows))


def instrument_gap_rows(
    conditions: Sequence[Condition], tiers: Mapping[str, str], runs: Sequence[Measurement]
) -> list[Measurement]:
    """From the rows of every run to rows over runs; area ``trace instruments``.

    ``arm`` is the condition; see `isogloss.trace.tier_rows` and
    `isogloss.trace.instrument_claims`.

    Args:
        conditions: the exact one first.
        tiers: language → tier.
        runs: of area ``trace instruments run``.
    """
    figures = TierFigures(conditions, tiers, "the lab's mix", Outcomes(runs))
    return [*tier_rows(AREA, figures), *claim_rows(AREA, figures)]


def _recipes(config: InstrumentsConfig) -> list[LabRecipe]:
    recipe = parse_spec(config.target)
    return [replace(recipe, seed=seed) for seed in range(config.seeds)]


def _claim_folder(config: InstrumentsConfig, store: RunStore) -> None:
    """Say what the folder is about; raise where it holds other rates, whose prompts are others."""
    known = store.meta(AREA, {}).get("rates", sorted(config.rates))
    if known != sorted(config.rates):
        raise StoreError(
            f"{store.folder} holds the rates {', '.join(f'{rate:g}' for rate in known)}; choose "
            "another --out folder for others"
        )
    store.set_meta(AREA, _meta(config, conditions_of(config.group, config.rates)))


def _asked(config: InstrumentsConfig, recipe: LabRecipe) -> list[Prompt]:
    prompts = prompts_under(Lab(recipe), config.rates).prompts
    return select_prompts(prompts, limit=config.limit)


def _measured(
    config: InstrumentsConfig,
    recipe: LabRecipe,
    conditions: Sequence[Condition],
    progress: Progress,
) -> Iterator[Measurement]:
    """Ask the model everything, judge the replies exactly and in English; rows by language."""
    lab = Lab(recipe)
    audited = run_audit(
        AuditConfig(
            target=recipe.spec,
            out=config.folder / study_folder(recipe.spec),
            judges=(ORACLE,),
            limit=config.limit,
            decoding=config.decoding,
            options=config.options,
        ),
        prompts=prompts_under(lab, config.rates),
        progress=progress,
    )
    judges = {rate: FaultyJudge(lab, rate) for rate in config.rates}
    judged = judge_run(audited.folder, list(judges.values()), progress=progress)
    tiers = _tiers(recipe)
    rows = {
        (row.variant, row.judge, row.metric, row.language): row
        for row in (*audited.measurements, *judged.measurements)
        if row.target == recipe.spec
        and row.metric in METRICS
        and row.language is not None
        and row.category is None
    }
    for condition in conditions:
        judge = judges[condition.rate].name if condition.replies else ORACLE
        for metric in METRICS:
            for language, tier in tiers.items():
                row = rows[condition.variant, judge, metric, language]
                yield replace(
                    row, area=RUNS, arm=condition.name, seed=recipe.seed, tier=tier,
                    scope="this model",
                )  # fmt: skip


def _meta(config: InstrumentsConfig, conditions: Sequence[Condition]) -> dict[str, Any]:
    return {
        "target": config.group,
        "conditions": [condition.name for condition in conditions],
        "rates": sorted(config.rates),
        "seeds": config.seeds,
    }


def _tiers(recipe: LabRecipe) -> dict[str, str]:
    shares = recipe.share_table()
    return {tag: str(shares.tier(tag)) for tag in recipe.languages}


def _made_from(config: InstrumentsConfig, recipe: LabRecipe) -> str:
    settings = repr((sorted(config.rates), config.limit, config.decoding, config.options.dtype))
    shares = json.dumps(recipe.share_table().to_json(), sort_keys=True)
    return content_hash(recipe.key(), settings, shares)
