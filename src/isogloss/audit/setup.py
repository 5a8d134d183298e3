"""From the strings of a configuration to what an audit needs: prompts, target, judges, shares."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from isogloss.audit.preflight import check_folder
from isogloss.audit.selection import select_prompts
from isogloss.errors import InputError
from isogloss.judges.base import Judge
from isogloss.judges.load import check_judge, load_judge
from isogloss.languages import DEFAULT_SHARE_TABLE, ShareTable, load_share_table
from isogloss.progress import Progress
from isogloss.prompts import PromptSet, load_prompts
from isogloss.prompts.rows import read_table
from isogloss.records import Prompt
from isogloss.targets.base import Target
from isogloss.targets.load import load_target

if TYPE_CHECKING:
    from isogloss.audit.run import AuditConfig

LAB = "lab:"
REPLAY = "replay:"


@runtime_checkable
class HasModelCard(Protocol):
    """A target that can describe its model."""

    def model_card(self) -> dict[str, Any]: ...


@runtime_checkable
class CanBeChecked(Protocol):
    """A target that can tell, for nothing, that it cannot be asked."""

    def check(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything an audit needs, loaded and checked.

    Attributes:
        chosen: the prompts to ask, after ``languages`` and ``limit``.
        notes: what else the run folder keeps in its meta: ``model``, ``lab``.
    """

    folder: Path
    prompt_set: PromptSet
    chosen: list[Prompt]
    shares: ShareTable
    target: Target
    judges: tuple[Judge, ...]
    notes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a configuration asks for, understood and checked; no model has been loaded for it.

    Attributes:
        chosen: the prompts to ask, after ``languages`` and ``limit``.
        judges: names of those to load, the primary one first.
    """

    folder: Path
    prompt_set: PromptSet
    chosen: list[Prompt]
    shares: ShareTable
    judges: tuple[str, ...]


def understand(
    config: AuditConfig,
    *,
    judges: Sequence[Judge] | None = None,
    prompts: PromptSet | None = None,
    shares: ShareTable | None = None,
) -> Asked:
    """The half of `prepare` that costs nothing: what it refuses needs neither model nor server.

    Args:
        judges, prompts, shares: in place of what ``config`` names.

    Raises:
        UserError: the first thing that must change.
    """
    _check_numbers(config)
    shares = shares or _shares(config)
    prompt_set = prompts or load_prompt_set(config)
    chosen = select_prompts(prompt_set.prompts, languages=config.languages, limit=config.limit)
    names = judge_names(config) if judges is None else ()
    for name in names:
        check_judge(
            name,
            target=config.target,
            endpoint=config.judge_endpoint or config.endpoint,
            local=config.options,
        )
    if "oracle" in names and (config.prompts is not None or prompts is not None):
        _check_lab_questions(chosen, config.target)
    folder = config.out or default_folder(config)
    check_folder(folder)
    return Asked(folder=folder, prompt_set=prompt_set, chosen=chosen, shares=shares, judges=names)


def prepare(
    config: AuditConfig,
    *,
    target: Target | None,
    judges: Sequence[Judge] | None,
    prompts: PromptSet | None,
    shares: ShareTable | None,
    progress: Progress,
) -> Setup:
    """Load what the configuration names, the cheap and fallible before the slow.

    A lab model that is not in the cache yet is built, and ``progress`` is told how far that is.
    """
    asked = understand(config, judges=judges, prompts=prompts, shares=shares)
    if judges is None:
        endpoint = config.judge_endpoint or config.endpoint
        local = replace(config.options, guard=None)  # it guards who answers, not who judges
        judges = [
            load_judge(name, target=config.target, endpoint=endpoint, local=local)
            for name in asked.judges
        ]
    notes: dict[str, Any] = {}
    if config.target.startswith(LAB):
        notes["lab"] = _build_lab(config.target, progress)
    if target is None:
        target = load_target(config.target, options=config.options, endpoint=config.endpoint)
    # A run that was begun goes on, or is measured again, whether or not anyone is there.
    if isinstance(target, CanBeChecked) and not (asked.folder / "run.db").is_file():
        target.check()
    if isinstance(target, HasModelCard):
        notes["model"] = target.model_card()
    return Setup(
        folder=asked.folder,
        prompt_set=asked.prompt_set,
        chosen=asked.chosen,
        shares=asked.shares,
        target=target,
        judges=tuple(judges),
        notes=notes,
    )


def _check_numbers(config: AuditConfig) -> None:
    """Refuse what could not be asked, or not be told apart from a mistake."""
    decoding = config.decoding
    if config.samples < 1:
        raise InputError(f"--samples must be 1 or more, not {config.samples}")
    if decoding.max_new_tokens < 1:
        raise InputError(f"--max-new-tokens must be 1 or more, not {decoding.max_new_tokens}")
    if not (math.isfinite(decoding.temperature) and decoding.temperature >= 0):
        raise InputError(
            f"--temperature must be 0 (greedy) or a number above, not {decoding.temperature}"
        )
    if not config.arm.strip():
        raise InputError("--arm must be a name; leave it out where nothing was done to the model")
    repeats = config.samples > 1 and decoding.temperature == 0
    if repeats and not config.target.startswith(REPLAY):
        raise InputError(
            f"--samples {config.samples} at temperature 0 would give the same reply "
            f"{config.samples} times; set --temperature above 0"
        )


def _shares(config: AuditConfig) -> ShareTable:
    if config.shares is not None:
        return load_share_table(config.shares)
    if config.target.startswith(LAB):
        from isogloss.lab.recipe import parse_spec

        return parse_spec(config.target).share_table()
    return load_share_table(DEFAULT_SHARE_TABLE)


def load_prompt_set(config: AuditConfig) -> PromptSet:
    """The prompts a configuration names, or those that come with its target."""
    if config.prompts is not None:
        return load_prompts(config.prompts, intent=config.intent, licence=config.licence)
    if config.target.startswith(REPLAY) and config.target != REPLAY:
        return _recorded_prompt_set(config)
    if config.intent is not None or config.licence is not None:
        raise InputError("--intent and --licence describe a prompt set; name one with --prompts")
    if config.target.startswith(LAB):
        from isogloss.lab.questions import lab_prompt_set

        return lab_prompt_set(config.target)
    raise InputError(
        f"{config.target} comes without prompts: name a prompt set with --prompts FILE "
        "(CSV, JSONL or Parquet; a row or a column a language)"
    )


def _recorded_prompt_set(config: AuditConfig) -> PromptSet:
    """The prompts that stand beside the recorded responses, in one file."""
    path = config.target.removeprefix(REPLAY)
    if missing := [c for c in ("text", "intent") if c not in read_table(path).columns]:
        raise InputError(
            f"{path} has recorded responses but no prompts (no column {' and '.join(missing)}): "
            "name a prompt set with --prompts FILE, or add the columns text (the prompt) and "
            "intent (harmful or benign)"
        )
    return load_prompts(path, intent=config.intent, licence=config.licence)


def _check_lab_questions(prompts: Sequence[Prompt], target: str) -> None:
    """Before the lab is built: the oracle grades nothing but the lab's own questions.

    A variant or a translation of one is worded otherwise and asks the same.
    """
    from isogloss.lab.questions import lab_prompt_set

    own = {(p.prompt_id, p.language): p for p in lab_prompt_set(target).prompts}

    def is_own(prompt: Prompt) -> bool:
        question = own.get((prompt.prompt_id, prompt.language))
        reworded = prompt.variant != "original" or prompt.translation is not None
        return (
            question is not None
            and question.intent == prompt.intent
            and (reworded or question.text == prompt.text)
        )

    if other := [prompt for prompt in prompts if not is_own(prompt)]:
        first = other[0]
        raise InputError(
            f"{len(other)} prompts, such as {first.prompt_id!r} in {first.language}, are not "
            f"questions of {target}, and the oracle only judges those; leave out --prompts"
        )


def _build_lab(spec: str, progress: Progress) -> dict[str, Any]:
    """Build the model unless it is in the cache; what the run keeps about it."""
    from isogloss.lab.build import build_lab, read_card
    from isogloss.lab.recipe import parse_spec

    recipe = parse_spec(spec)
    card = read_card(build_lab(recipe, progress=progress))
    return {"spec": recipe.spec, "key": recipe.key(), **card}


def judge_names(config: AuditConfig) -> tuple[str, ...]:
    """Of those who judge: as asked for, else whoever goes with the target."""
    return config.judges if config.judges is not None else default_judges(config.target)


def default_judges(target: str) -> tuple[str, ...]:
    """Who judges where nobody is named."""
    if target.startswith(LAB):
        return ("oracle",)
    return ("recorded",) if target.startswith(REPLAY) else ()


def default_folder(config: AuditConfig) -> Path:
    """Where a run is kept that names no folder."""
    parts = [config.target]
    if config.prompts is not None:
        parts.append(config.prompts.stem)
    if config.arm != "none":
        parts.append(config.arm)
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(parts)).strip("-.")
    return Path("runs") / slug[-120:]
