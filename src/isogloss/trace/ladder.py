"""Audit the checkpoints of a model family alike, and say which stage made the gap.

A run folder holds the replies of every rung to the same prompts (a target each, arm ``none``),
their verdicts, the rows of area ``audit`` for each, and those of the areas ``trace ladder`` and
``trace ladder over runs``. The same command again asks what has no reply yet and computes all rows
anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.audit.preflight import preflight
from isogloss.audit.remeasure import planned_audits, remeasure_run
from isogloss.audit.run import AuditConfig, AuditResult, run_audit
from isogloss.audit.setup import understand
from isogloss.lab.build import is_built
from isogloss.lab.questions import lab_prompt_set
from isogloss.languages import ShareTable
from isogloss.progress import Progress, silent
from isogloss.prompts import PromptSet
from isogloss.records import Measurement, Prompt, RunResult
from isogloss.store import RunStore
from isogloss.trace.ladder_config import LadderConfig
from isogloss.trace.over_runs import AREA as OVER_RUNS
from isogloss.trace.over_runs import over_runs_rows
from isogloss.trace.rung_counts import Step, shared_slices
from isogloss.trace.rungs import TUNED_FROM_BASE, Family, Rung, resolve_families
from isogloss.trace.stage_changes import change_rows
from isogloss.trace.stage_effects import AREA, effect_rows

NOTES = {
    "chat template": "",
    "few-shot": "asked after two answered questions (few-shot)",
    "plain": "asked without a chat template (plain)",
}
"""What rows say of how a rung was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderResult(RunResult):
    """What a ladder wrote.

    Attributes:
        folder: the run folder.
        families: each with its rungs.
        measurements: rows of areas ``trace ladder`` and ``trace ladder over runs``.
    """

    families: tuple[Family, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRung:
    """What a ladder would audit.

    Attributes:
        family: as rows name it.
        name, target, asked: of the rung, see `isogloss.trace.rungs.Rung`.
        is_there: False where a lab model must be built first.
        n_prompts: asked in all languages together.
        n_languages: of these prompts.
    """

    family: str
    name: str
    target: str
    asked: str
    is_there: bool
    n_prompts: int
    n_languages: int


def plan_ladder(config: LadderConfig) -> list[PlannedRung]:
    """What `run_ladder` would do; everything it refuses beforehand is refused here too.

    Raises:
        UserError: as `run_ladder`.
    """
    return [
        PlannedRung(
            family=one.family.name,
            name=one.rung.name,
            target=one.rung.target,
            asked=one.rung.asked,
            is_there=one.rung.recipe is None or is_built(one.rung.recipe),
            n_prompts=len(one.chosen),
            n_languages=len({prompt.language for prompt in one.chosen}),
        )
        for one in _understood(config)
    ]


def run_ladder(config: LadderConfig, *, progress: Progress | None = None) -> LadderResult:
    """Audit every rung on the same prompts, then compare; or finish what was begun.

    Lab models that are not in the cache are built first.

    Raises:
        UserError: something in the configuration, the machine or the folder must change; found
            before anything is trained or asked, wherever it can be.

    Example:
        >>> run_ladder(LadderConfig(rungs=("lab:tiny",), seeds=5))  # doctest: +SKIP
    """
    report = progress or silent
    asked = _understood(config)
    families = tuple({one.family.name: one.family for one in asked}.values())
    folder = _folder(config, families)
    audits: dict[str, AuditResult] = {}
    for one in asked:
        report("rungs", len(audits), len(asked))
        audits[one.rung.target] = run_audit(one.audit, prompts=one.prompts, progress=report)
    report("rungs", len(asked), len(asked))
    with RunStore(folder) as store:
        for family in families:
            _set_shares(store, config, family)
    rows = [row for family in families for row in _family_rows(config, folder, family, audits)]
    over = over_runs_rows(rows)
    with RunStore(folder) as store:
        store.replace_measurements(AREA, rows)
        store.replace_measurements(OVER_RUNS, over)
        store.set_meta(AREA, _meta(families))
    return LadderResult(folder=folder, families=families, measurements=(*rows, *over))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The audit of one rung, and which prompts that asks; None where they are the audit's own."""

    family: Family
    rung: Rung
    audit: AuditConfig
    prompts: PromptSet | None
    chosen: Sequence[Prompt]


def _understood(config: LadderConfig) -> list[_Asked]:
    """Every rung's audit, all of them checked before the first is begun."""
    families = resolve_families(config)
    folder = _folder(config, families)
    preflight(folder, options=config.options)
    asked: list[_Asked] = []
    for family in families:
        for rung in family.rungs:
            audit, prompts = _audit_of(config, folder, family, rung)
            chosen = understand(audit, prompts=prompts).chosen
            asked.append(
                _Asked(family=family, rung=rung, audit=audit, prompts=prompts, chosen=chosen)
            )
    return asked


def _audit_of(
    config: LadderConfig, folder: Path, family: Family, rung: Rung
) -> tuple[AuditConfig, PromptSet | None]:
    """An ``hf:`` rung beside a lab's gets the lab's questions and the lab's judge."""
    judge, prompts = config.judge, None
    if rung.recipe is None and family.lab is not None:
        judge = judge or f"oracle:{family.lab.spec}"
        prompts = None if config.prompts else lab_prompt_set(family.lab.spec)
    audit = AuditConfig(
        target=rung.target,
        prompts=config.prompts,
        out=folder,
        judges=None if judge is None else (judge,),
        shares=config.shares,
        languages=config.languages,
        limit=config.limit,
        decoding=config.decoding,
        options=config.options,
    )
    return audit, prompts


def _set_shares(store: RunStore, config: LadderConfig, family: Family) -> None:
    """A lab's shares for its ``hf:`` rungs too, which know of none."""
    if config.shares is not None or family.lab is None:
        return
    shares = family.lab.share_table().to_json()
    if any(rung.recipe is None for rung in family.rungs):
        store.set_meta("share_table", shares)
        remeasure_run(store)


def _family_rows(
    config: LadderConfig, folder: Path, family: Family, audits: Mapping[str, AuditResult]
) -> list[Measurement]:
    targets = [audits[rung.target].target for rung in family.rungs]
    judge = audits[family.rungs[-1].target].judges[0]
    with RunStore(folder) as store:
        shares = ShareTable.from_json(store.meta("share_table"))
        variant = planned_audits(store)[f"{targets[0]} none"]["primary_variant"]
        slices = shared_slices(store, targets, judge, shares, variant=variant)
    steps = [
        Step(name=rung.name, slice=part, note=NOTES[rung.asked], since=_since(before, rung))
        for before, rung, part in zip((None, *family.rungs), family.rungs, slices, strict=False)
    ]
    common: dict[str, Any] = {
        "target": family.name, "judge": judge, "variant": variant, "seed": config.decoding.seed,
        "note": family.note,
    }  # fmt: skip
    tiers = [shares.tier(language) for language in slices[0].languages]
    return effect_rows(steps, tiers, common) + change_rows(folder, targets, steps, judge, common)


def _since(before: Rung | None, rung: Rung) -> str:
    stages = [one.recipe.stage if one and one.recipe else None for one in (before, rung)]
    return TUNED_FROM_BASE if sorted(map(str, stages)) == ["chat", "helpful"] else ""


def _meta(families: Sequence[Family]) -> dict[str, Any]:
    return {
        "families": [
            {
                "name": family.name,
                "note": family.note,
                "rungs": [
                    {"name": rung.name, "target": rung.target, "asked": rung.asked}
                    for rung in family.rungs
                ],
            }
            for family in families
        ],
    }


def _folder(config: LadderConfig, families: Sequence[Family]) -> Path:
    if config.out is not None:
        return config.out
    name = families[0].name
    if len(families) > 1:
        name = name.rpartition("#")[0]
    stages = [re.sub(r".*[/:]", "", rung.name) for rung in families[0].rungs]
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(["ladder", name, *stages])).strip("-.")
    return Path("runs") / slug[:120]
