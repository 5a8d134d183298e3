"""Anatomy of a failure: which link broke first, by instruments that do not look at the reply.

A run folder holds the replies to the questions with their verdicts and the rows of area ``audit``,
and those of the areas ``trace anatomy`` and ``trace anatomy over runs``. The same command again
asks what has no reply yet and computes all rows anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from isogloss.audit.measure import in_order
from isogloss.audit.preflight import preflight
from isogloss.audit.run import AuditConfig, run_audit
from isogloss.audit.selection import select_prompts
from isogloss.errors import LanguageError
from isogloss.judges.load import check_judge
from isogloss.lab.build import is_built
from isogloss.lab.questions import lab_prompt_set
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.languages import ShareTable, load_share_table, resolve_among
from isogloss.progress import Progress, silent
from isogloss.prompts import load_prompts
from isogloss.records import Measurement, Prompt, RunResult
from isogloss.store import RunStore
from isogloss.targets.load import load_target
from isogloss.targets.local import LocalTarget
from isogloss.targets.model import LocalModel
from isogloss.trace.anatomy_config import AnatomyConfig, check_config
from isogloss.trace.anatomy_instruments import instrument_rows
from isogloss.trace.anatomy_items import load_outcomes, make_items, read_items
from isogloss.trace.anatomy_over_runs import AREA as OVER_RUNS
from isogloss.trace.anatomy_over_runs import over_runs_rows
from isogloss.trace.anatomy_read import (
    lab_questions_to_weigh,
    read_questions,
    record_twins,
)
from isogloss.trace.decision_variables import decision_variables
from isogloss.trace.link_rows import AREA, failure_rows, groups_of, link_rows
from isogloss.trace.represented import (
    HarmScores,
    harm_scores,
    with_question,
)
from isogloss.trace.threshold_rows import threshold_rows
from isogloss.trace.twin_questions import TwinQuestions, lab_twin_questions, user_twin_questions

ORACLE = "oracle"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatomyResult(RunResult):
    """What an anatomy wrote.

    Attributes:
        folder: the run folder.
        targets: the models.
        measurements: rows of areas ``trace anatomy`` and ``trace anatomy over runs``.
    """

    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedModel:
    """What an anatomy of one model is.

    Attributes:
        is_there: False where a lab model must be built first.
        languages: canonical tags.
        n_prompts: questions that are asked, over all languages.
        n_read: questions whose hidden states are read.
        n_weighed: texts whose likelihood is computed; None where that depends on the replies.
    """

    target: str
    is_there: bool
    languages: tuple[str, ...]
    n_prompts: int
    n_read: int
    n_weighed: int | None


def plan_anatomy(config: AnatomyConfig) -> list[PlannedModel]:
    """What `run_anatomy` would do; everything it refuses beforehand is refused here too.

    Raises:
        UserError: as `run_anatomy`.
    """
    check_config(config)
    preflight(config.folder, limit=config.limit, options=config.options)
    if config.shares is not None:
        load_share_table(config.shares)
    if config.judge is not None and config.judge != ORACLE:
        check_judge(config.judge, target=config.target, local=config.options)
    planned: list[PlannedModel] = []
    for target in config.targets:
        lab = _lab_of(target)
        material = _material(config, lab)
        asked = _asked(config, lab, material)
        n_weighed = None
        if lab is not None:
            names = {prompt.prompt_id for prompt in asked}
            weighed = lab_questions_to_weigh(
                lab, material, lambda prompt, names=names: prompt.prompt_id in names,
                seed=config.seed,
            )  # fmt: skip
            n_weighed = sum(1 + len(question.asked.answers) for _, question in weighed)
        planned.append(
            PlannedModel(
                target=target,
                is_there=lab is None or is_built(lab.recipe),
                languages=material.languages,
                n_prompts=len(asked),
                n_read=2 * len(material.pairs().pairs),
                n_weighed=n_weighed,
            )
        )
    return planned


def run_anatomy(config: AnatomyConfig, *, progress: Progress | None = None) -> AnatomyResult:
    """Audit, read and split the failures of a model by the link that broke first.

    Lab models that are not in the cache are built first.

    Raises:
        UserError: something in the configuration, the files, the machine or the folder must change;
            found before anything is trained or asked, wherever it can be.

    Example:
        >>> run_anatomy(AnatomyConfig(target="lab:tiny", seeds=3))  # doctest: +SKIP
    """
    report = progress or silent
    plan_anatomy(config)
    folder, targets = config.folder, config.targets
    rows: list[Measurement] = []
    metas: dict[str, Any] = {}
    for done, target in enumerate(targets):
        report("models", done, len(targets))
        mine, metas[target] = _one_model(config, target, report)
        rows += mine
    report("models", len(targets), len(targets))
    over = over_runs_rows(rows)
    with RunStore(folder) as store:
        store.replace_measurements(AREA, rows)
        store.replace_measurements(OVER_RUNS, over)
        store.set_meta(AREA, metas)
    return AnatomyResult(folder=folder, targets=targets, measurements=(*rows, *over))


def _lab_of(target: str) -> Lab | None:
    return Lab(parse_spec(target)) if target.startswith("lab:") else None


def _material(config: AnatomyConfig, lab: Lab | None) -> TwinQuestions:
    """All questions in the languages asked for."""
    if lab is not None:
        return lab_twin_questions(lab, _chosen(config, lab.recipe.languages))
    assert config.prompts is not None
    prompt_set = load_prompts(config.prompts)
    languages = _chosen(config, prompt_set.languages)
    return user_twin_questions(prompt_set, languages, seed=config.seed)


def _chosen(config: AnatomyConfig, present: Sequence[str]) -> list[str]:
    if config.languages is None:
        return list(present)
    tags = list(dict.fromkeys(resolve_among(code, present) for code in config.languages))
    if absent := [tag for tag in tags if tag not in present]:
        raise LanguageError(
            f"there are no prompts in {', '.join(absent)}; there are some in {', '.join(present)}"
        )
    return tags


def _asked(config: AnatomyConfig, lab: Lab | None, material: TwinQuestions) -> list[Prompt]:
    """What the audit asks: of a lab its test questions, of a user everything."""
    if lab is not None:
        prompts = lab_prompt_set(lab.recipe.spec, languages=material.languages).prompts
    else:
        prompts = tuple(material.prompts.values())
    return select_prompts(prompts, languages=material.languages, limit=config.limit)


def _one_model(
    config: AnatomyConfig, target: str, progress: Progress
) -> tuple[list[Measurement], dict[str, Any]]:
    """Rows of one model, and what is noted about it."""
    lab = _lab_of(target)
    questions = _material(config, lab)
    audited = run_audit(
        AuditConfig(
            target=target,
            prompts=config.prompts,
            out=config.folder,
            judges=None if config.judge is None else (config.judge,),
            shares=config.shares,
            languages=questions.languages,
            limit=config.limit,
            decoding=config.decoding,
            options=config.options,
        ),
        progress=progress,
    )
    with RunStore(audited.folder) as store:
        shares = ShareTable.from_json(store.meta("share_table"))
        outcomes = load_outcomes(store, target=audited.target, judge=audited.judges[0])
    loaded = load_target(target, options=config.options)
    assert isinstance(loaded, LocalTarget)
    scores = _harm_scores(loaded.model, questions, config, progress)
    choices = read_questions(loaded.model, lab, questions, outcomes, config, progress)
    items = make_items(outcomes, questions)
    readings = read_items(
        items, choices.read, scores, missing=choices.missing, margin_unit=choices.unit
    )
    groups = groups_of(in_order(questions.languages, shares), shares)
    common: dict[str, Any] = {
        "area": AREA, "target": audited.target, "judge": audited.judges[0], "seed": config.seed,
    }  # fmt: skip
    twins = questions.of_split("validation")
    rows = [
        *failure_rows(readings, groups, common),
        *link_rows(readings, groups, common),
        *instrument_rows(readings, groups, common),
        *threshold_rows(
            readings, decision_variables(questions, choices, scores), twins, groups,
            seed=config.seed, common=common,
        ),
    ]  # fmt: skip
    noted = {
        "layers": dict(scores.layers),
        "n_items": len(items.keys),
        "n_placebos": config.n_placebos,
        "seed": config.seed,
        "validation_clusters": len({twin.cluster for twin in twins}),
    }
    return rows, noted


def _harm_scores(
    model: LocalModel, questions: TwinQuestions, config: AnatomyConfig, progress: Progress
) -> HarmScores:
    """Along directions read where the reply begins, and over the questions' own tokens."""
    english = next((tag for tag in questions.languages if tag.split("-")[0] == "en"), None)
    before_reply = harm_scores(
        record_twins(model, questions, "last_prompt", config, progress),
        english=english,
        n_placebos=config.n_placebos,
        seed=config.seed,
    )
    question = harm_scores(
        record_twins(model, questions, "mean", config, progress),
        english=english,
        n_placebos=0,
        seed=config.seed,
    )
    return with_question(before_reply, question)
