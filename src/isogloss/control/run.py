"""An experiment in control: record, search on validation prompts, measure on test prompts.

The folder holds the activations of the value pairs, the whole search (``control/search.jsonl``),
every arm's replies to the test prompts with their verdicts, and the rows of the areas ``control``
and ``control dose``. The same command again resumes: nothing that is there is made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from isogloss.audit.run import AuditConfig, run_audit
from isogloss.concepts.activation_store import ActivationStore
from isogloss.concepts.activations import Activations
from isogloss.concepts.parallel import ParallelPairs, parallel_pairs
from isogloss.concepts.record import PairRecorder, RecordOptions, record_pair_set
from isogloss.concepts.templates import PromptTemplate
from isogloss.concepts.vector_file import package_versions
from isogloss.control.arms import (
    GUARD,
    NONE,
    OWN,
    SOURCE,
    Arm,
    Plan,
    arm_fingerprint,
    edits_of,
    plan_arms,
)
from isogloss.control.baselines import safety_line, weak_refusal_rows
from isogloss.control.config import ControlConfig, check_config
from isogloss.control.costs import DOSE_AREA, dose_rows, perplexity_rows, repetition_rows
from isogloss.control.directions import (
    Direction,
    Gate,
    Gates,
    calibrate_gate,
    check_directions,
    learned_directions,
    random_directions,
    shuffled_directions,
)
from isogloss.control.folder import claim_folder, default_folder
from isogloss.control.material import N_TEXTS, Material, load_material
from isogloss.control.search import POOL, Bench, pooled
from isogloss.control.search_table import SearchTable
from isogloss.control.settings import Setting, Toward, polarity, settings_of
from isogloss.control.table import AREA, Subject, control_rows
from isogloss.errors import ModelError
from isogloss.judges.base import Judge
from isogloss.judges.load import load_judge
from isogloss.progress import Progress, silent
from isogloss.records import Measurement, Prompt, RunResult
from isogloss.store import RunStore
from isogloss.targets.guard import Guard, GuardOrigin, save_guard
from isogloss.targets.load import load_target
from isogloss.targets.local import LocalTarget

SAFETY_LINE = "safety line"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResult(RunResult):
    """What an experiment wrote.

    Attributes:
        folder: the run folder.
        target: the model.
        arms: all of them, the unsteered one first.
        measurements: rows of the areas ``control`` and ``control dose``.
        guard: the guard's file; None towards compliance, or where no language could be guarded.
    """

    target: str
    arms: tuple[Arm, ...]
    guard: Path | None


def run_control(config: ControlConfig, *, progress: Progress | None = None) -> ControlResult:
    """Steer a model in every language, measured against its unsteered self.

    Raises:
        UserError: something in the configuration, the files or the machine must change; what can
            be seen without the model is said before it is loaded, and everything before the first
            reply.

    Example:
        >>> result = run_control(ControlConfig(target="lab:tiny"))  # doctest: +SKIP
    """
    report = progress or silent
    adding = polarity(config.concept, config.adding)
    check_config(config)
    material = load_material(config)
    judge = load_judge(config.judge or "oracle", target=config.target, local=config.options)
    target = load_target(config.target, options=config.options)
    if not isinstance(target, LocalTarget):
        raise ModelError(f"{config.target} cannot be steered; use lab:PRESET or hf:PATH_OR_ID")
    folder = config.out or default_folder(AREA, config.target, config.toward, config.source)
    asked = {
        "target": target.name,
        "concept": config.concept,
        "source": material.source,
        "toward": config.toward,
        "seed": config.seed,
    }
    claim_folder(folder, asked)
    train = _record(config, material, target, folder, report)
    plan = _plan(config, material, train, adding)
    held = _tokenized(target, material.texts)
    prompts, texts = _validation(material, plan, held)
    bench = Bench(
        target=target,
        judge=judge,
        prompts=prompts,
        texts=texts,
        toward=config.toward,
        adding=adding,
        decoding=config.decoding,
    )
    table = SearchTable(folder / "control" / "search.jsonl")
    arms = plan_arms(bench, plan, table, report)
    _ask_all(config, bench, arms, material, judge, folder, report)
    subject = Subject(
        target=target.name,
        judge=judge.name,
        concept=config.concept,
        source=plan.source,
        toward=config.toward,
        seed=config.seed,
    )
    shown = [arm for arm in arms if not arm.is_placebo]
    with RunStore(folder) as store:
        audited = store.measurements("audit")
        rows = repetition_rows(store, [a for a in shown if a.steers or a.name == NONE], subject)
    rows += control_rows(folder, arms, audited, subject)
    rows += _baseline_rows(config, material, audited, subject)
    later = {tag: texts[N_TEXTS : 2 * N_TEXTS] for tag, texts in held.items()}
    rows += perplexity_rows(bench, [arm for arm in shown if arm.steers], later, subject)
    curves = _curves(arms, material.prompts.languages)
    searched = len(plan.settings) > 1
    strengths = config.grid.strengths
    doses = dose_rows(bench, curves, strengths, table, report, subject) if searched else []
    guard = _save_guard(config, bench, arms, subject, folder)
    with RunStore(folder) as store:
        store.set_meta(AREA, _meta(config, plan, arms, guard))
        store.replace_measurements(AREA, rows, target=target.name)
        store.replace_measurements(DOSE_AREA, doses, target=target.name)
    return ControlResult(
        folder=folder,
        target=target.name,
        arms=tuple(arms),
        measurements=(*rows, *doses),
        guard=guard,
    )


def _record(
    config: ControlConfig,
    material: Material,
    target: LocalTarget,
    folder: Path,
    progress: Progress,
) -> ParallelPairs:
    """The training pairs, read at the last token of the prompt: where a gate looks, too."""
    options = RecordOptions(
        template=PromptTemplate(kind=config.template),
        position="last_prompt",
        batch_tokens=config.options.batch_tokens,
        threads=config.options.threads,
    )
    recorder = PairRecorder(target.model, options)
    kept = ActivationStore(folder=folder / "control" / "activations")
    found: list[Activations] = list(
        record_pair_set(recorder, material.pairs, store=kept, progress=progress)
    )
    return parallel_pairs(found, "train")


def _plan(config: ControlConfig, material: Material, train: ParallelPairs, adding: Toward) -> Plan:
    directions, reasons = learned_directions(train, config.method)
    why = reasons.get(material.source, "the value pairs have none in it")
    check_directions(directions, [material.source], why)
    source = directions[material.source]
    settings = settings_of(config.grid, len(train.layers))
    for setting in settings:  # a layer the model does not have is found before anything is asked
        source.edit(setting, toward=config.toward, adding=adding)
    n = config.n_placebos
    others = [tag for tag in material.prompts.languages if tag != material.source]
    return Plan(
        source=material.source,
        languages=material.prompts.languages,
        directions=directions,
        reasons=reasons,
        placebos=[
            *random_directions(source, n, seed=config.seed),
            *shuffled_directions(train, source, n, method=config.method, seed=config.seed),
        ],
        gates=_gates(config, directions, source, train, adding),
        pool=[tag for tag in others if tag in directions] if config.toward == "refuse" else [],
        settings=settings,
        bounds=config.bounds,
    )


def _gates(
    config: ControlConfig,
    directions: dict[str, Direction],
    source: Direction,
    train: ParallelPairs,
    adding: Toward,
) -> dict[str, Gates]:
    """The source's gates in every language, and every language's own; none towards compliance."""
    if config.toward != "refuse":
        return {}

    def gate(direction: Direction, language: str) -> Gate:
        n = config.gate_examples
        return calibrate_gate(direction, train, language, n_examples=n, adding=adding)

    own = {
        language: Gates(by_language={language: gate(direction, language)})
        for language, direction in directions.items()
    }
    shared = Gates(by_language={language: gate(source, language) for language in directions})
    return own | {source.name: shared}


def _tokenized(target: LocalTarget, texts: dict[str, list[str]]) -> dict[str, list[list[int]]]:
    """Token ids of clean texts that fit into the context and have something to predict."""
    room = target.model.context_length or 1_000_000
    found: dict[str, list[list[int]]] = {}
    for language, given in texts.items():
        rows = [target.model.tokenizer(text)["input_ids"][:room] for text in given]
        found[language] = [row for row in rows if len(row) > 1]
    return found


def _validation(
    material: Material, plan: Plan, held: dict[str, list[list[int]]]
) -> tuple[dict[str, list[Prompt]], dict[str, list[list[int]]]]:
    """Prompts and clean text of the search: of every language, and pooled where it is called for.

    The pool is as large as two languages' prompts: a shared setting is tried once, not once a
    language.
    """
    prompts = dict(material.prompts.validation)
    texts = {tag: given[:N_TEXTS] for tag, given in held.items()}
    if plan.pool:
        n = 2 * max(len(prompts[tag]) for tag in plan.pool)
        prompts[POOL] = pooled(prompts, plan.pool, n=n)
        texts[POOL] = [text for tag in plan.pool for text in texts.get(tag, [])[:2]]
    return prompts, texts


def _ask_all(
    config: ControlConfig,
    bench: Bench,
    arms: Sequence[Arm],
    material: Material,
    judge: Judge,
    folder: Path,
    progress: Progress,
) -> None:
    """Every arm's replies to the test prompts; the unsteered arm last, so that the page is its."""
    asked = AuditConfig(
        target=config.target,
        prompts=config.prompts,
        out=folder,
        judges=(judge.name,),
        shares=config.shares,
        decoding=config.decoding,
        options=config.options,
    )
    shared: dict[str, Any] = {"judges": [judge], "prompts": material.prompts.test}
    for arm in arms[1:]:
        if not arm.steers:
            continue
        edits = edits_of(arm, bench)
        steered = bench.target.steered(
            lambda prompt, edits=edits: edits.get(prompt.language),
            f"control {arm_fingerprint(arm, bench)}",
        )
        run_audit(replace(asked, arm=arm.name), target=steered, progress=progress, **shared)
    if config.toward == "refuse":
        line = replace(config.decoding, system_prompt=safety_line(config.target))
        with_line = replace(asked, arm=SAFETY_LINE, decoding=line)
        run_audit(with_line, target=bench.target, progress=progress, **shared)
    run_audit(replace(asked, arm=NONE), target=bench.target, progress=progress, **shared)


def _baseline_rows(
    config: ControlConfig,
    material: Material,
    audited: Sequence[Measurement],
    subject: Subject,
) -> list[Measurement]:
    """Towards refusal: the safety line, and refusing wherever a language is weak."""
    if config.toward != "refuse":
        return []
    line = [row for row in audited if row.arm == SAFETY_LINE and row.category is None]
    rows = [replace(row, **subject.fields) for row in line]
    plain = [row for row in audited if row.arm == NONE and row.category is None]
    return rows + weak_refusal_rows(plain, material.shares, subject)


def _curves(
    arms: Sequence[Arm], languages: Sequence[str]
) -> dict[tuple[str, str], tuple[Direction, Setting]]:
    """Dose-response: of the own and the source's arm, whose strength means something alone."""
    found: dict[tuple[str, str], tuple[Direction, Setting]] = {}
    for arm in arms:
        for language in languages:
            choice = arm.choices.get(language)
            if arm.name not in (OWN, SOURCE) or choice is None or choice.direction is None:
                continue
            if choice.setting is not None and choice.setting.operator != "project_out":
                found[arm.name, language] = (choice.direction, choice.setting)
    return found


def _save_guard(
    config: ControlConfig, bench: Bench, arms: Sequence[Arm], subject: Subject, folder: Path
) -> Path | None:
    arm = next((arm for arm in arms if arm.name == GUARD and arm.steers), None)
    if arm is None:
        return None
    model = bench.target.model
    path = config.guard_out or folder / "guard.safetensors"
    origin = GuardOrigin(
        model=bench.target.name,
        weights=model.weights,
        model_type=model.network.config.model_type,
        concept=config.concept,
        source_language=subject.source,
        toward=config.toward,
        examples=config.gate_examples,
        template=bench.target.model_card()["template_kind"],
        versions=package_versions(),
    )
    save_guard(Guard(origin=origin, edits=edits_of(arm, bench)), path)
    return path


def _meta(
    config: ControlConfig, plan: Plan, arms: Sequence[Arm], guard: Path | None
) -> dict[str, Any]:
    return {
        "concept": config.concept,
        "source": plan.source,
        "toward": config.toward,
        "n_settings": len(plan.settings),
        "n_placebos": len(plan.placebos),
        "bounds": asdict(config.bounds),
        "gate_examples": config.gate_examples,
        "seed": config.seed,
        "arms": [arm.name for arm in arms],
        "guard": None if guard is None else str(guard),
    }
