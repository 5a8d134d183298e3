"""What ``isogloss translate`` does, from the strings of a configuration to the files it writes."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.endpoint import EndpointOptions
from isogloss.errors import InputError
from isogloss.progress import Progress, silent
from isogloss.prompts import PromptSet, check_format, load_prompts, write_prompts
from isogloss.records import Intent, Prompt
from isogloss.targets.options import LocalOptions
from isogloss.targets.prices import ENDPOINT
from isogloss.translate.base import Translator
from isogloss.translate.edits import corrections_in, read_edits, take_edits
from isogloss.translate.estimate import Estimate, estimate_calls
from isogloss.translate.journal import Journal, journal_path, open_journal
from isogloss.translate.load import load_translator
from isogloss.translate.plan import Plan, plan_translation
from isogloss.translate.run import (
    Engines,
    TranslatedSet,
    Untranslated,
    translate_plan,
)

LAB = "lab:"


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationConfig:
    """What to translate, into what, by whom.

    Attributes:
        prompts: the prompt set's file; ``lab:PRESET`` is that lab's English questions.
        to: language codes; a language that the set has in part is completed.
        out: the prompt set to write; its journal stands beside it.
        engine: an engine string, see `isogloss.translate.load.SCHEMES`.
        source: code of the language to translate from; English unless given.
        second_engine: makes the variant ``second-engine``.
        back: translate back, and compare with the source.
        back_engine: who does; ``engine`` unless given.
        edits: a table of corrections by people.
        intent: of prompts whose row does not say.
        limit: at most so many prompt ids of each intent.
    """

    prompts: Path | str
    to: Sequence[str]
    out: Path
    engine: str
    source: str | None = None
    second_engine: str | None = None
    back: bool = True
    back_engine: str | None = None
    edits: Path | None = None
    intent: Intent | None = None
    limit: int | None = None
    endpoint: EndpointOptions = field(default_factory=EndpointOptions)
    local: LocalOptions = field(default_factory=LocalOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationResult:
    """What came of it.

    Attributes:
        out: the prompt set written.
        untranslated_file: lists what is missing; None where nothing is.
        n_edits: texts that people changed, this time.
        notes: of the set as loaded, of the plan and of the engines.
    """

    out: Path
    untranslated_file: Path | None
    translated: TranslatedSet
    n_edits: int
    notes: tuple[str, ...]


def run_translation(config: TranslationConfig, *, progress: Progress = silent) -> TranslationResult:
    """Translate a prompt set; the same configuration again resumes where a killed run stopped.

    Raises:
        InputError: the set, the edits or the files cannot be used; nothing is asked then.
        LanguageError: a code that is none, or a pair that an engine does not translate.
        ModelError: an engine cannot be loaded or used.
    """
    prompt_set, plan = prepare(config)
    edits = {} if config.edits is None else read_edits(config.edits)
    with open_journal(config.out) as journal:
        written = _written_before(config.out)
        _check_languages(config.out, written, plan)
        corrected = corrections_in(written, plan, journal)
        shown = [prompt for prompt in written if prompt.key not in corrected]
        n_edits = take_edits(corrected | edits, plan, shown, journal)
        engines, notes = _load_engines(config)
        translated = translate_plan(plan, engines, journal, progress)
        write_prompts(translated.prompts, config.out)
        listed = _write_untranslated(config.out, translated.untranslated)
    return TranslationResult(
        out=config.out,
        untranslated_file=listed,
        translated=translated,
        n_edits=n_edits,
        notes=(*prompt_set.notes, *notes, *translated.notes),
    )


def estimate_translation(config: TranslationConfig) -> list[Estimate]:
    """What `run_translation` would ask of ``openai:`` engines; nothing is asked or written.

    Raises:
        InputError: the set cannot be used, or no engine is behind an endpoint.
    """
    _, plan = prepare(config)
    engines = {
        "translate": config.engine,
        "second engine": config.second_engine,
        "translate back": (config.back_engine or config.engine) if config.back else None,
    }
    paid = {stage: spec for stage, spec in engines.items() if spec and spec.startswith(ENDPOINT)}
    if not paid:
        raise InputError("--dry-run estimates openai: engines, and none is named; others are free")
    return estimate_calls(plan, paid, Journal(journal_path(config.out)))


def prepare(config: TranslationConfig) -> tuple[PromptSet, Plan]:
    """Load and plan: all that can go wrong before an engine is loaded."""
    check_format(config.out)
    given = Path(config.prompts)
    if config.out.exists() and given.exists() and config.out.samefile(given):
        raise InputError(f"--out {config.out} is the set itself; write to another file")
    prompt_set = load_source(config.prompts, config.intent)
    plan = plan_translation(
        prompt_set.prompts,
        config.to,
        source=config.source,
        second=config.second_engine is not None,
        limit=config.limit,
    )
    return prompt_set, plan


def load_source(prompts: Path | str, intent: Intent | None) -> PromptSet:
    """The set to translate: a file, or the English questions of a lab.

    Raises:
        InputError: it cannot be used.
    """
    if not str(prompts).startswith(LAB):
        return load_prompts(prompts, intent=intent)
    from isogloss.lab.questions import lab_prompt_set
    from isogloss.lab.tongues import ENGLISH

    return lab_prompt_set(str(prompts), languages=[ENGLISH])


def _load_engines(config: TranslationConfig) -> tuple[Engines, list[str]]:
    if config.second_engine == config.engine:
        raise InputError(
            f"--second-engine {config.second_engine} is --engine itself: a second engine shows "
            "what the first one distorts; name another"
        )
    loaded: dict[str, Translator] = {}

    def load(spec: str) -> Translator:
        if spec not in loaded:
            loaded[spec] = load_translator(spec, endpoint=config.endpoint, local=config.local)
        return loaded[spec]

    notes: list[str] = []
    back = config.back_engine or config.engine
    chosen = config.back_engine is not None
    if config.back and not chosen and back.startswith("file:"):
        notes.append("not translated back: a file gives its own source back; see --back-engine")
    wanted = config.back and (chosen or not back.startswith("file:"))
    engines = Engines(
        first=load(config.engine),
        second=None if config.second_engine is None else load(config.second_engine),
        back=load(back) if wanted else None,
        back_chosen=chosen,
    )
    return engines, notes


def _check_languages(out: Path, written: Sequence[Prompt], plan: Plan) -> None:
    """A set only grows: a language left out of ``--to`` must not vanish from it unasked."""
    kept = {prompt.language for prompt in plan.given}
    kept |= {hole.key.language for hole in (*plan.holes, *plan.second)}
    if lost := sorted({prompt.language for prompt in written} - kept):
        raise InputError(
            f"{out} holds {', '.join(lost)} too, which --to leaves out; name all languages (what "
            "is translated is not asked again), or write to another --out"
        )


def _written_before(out: Path) -> tuple[Prompt, ...]:
    return load_prompts(out).prompts if out.exists() else ()


def _write_untranslated(out: Path, missing: Sequence[Untranslated]) -> Path | None:
    """``OUT.untranslated.csv``: keys and reasons, never a text; gone when nothing is missing."""
    path = out.with_name(f"{out.name}.untranslated.csv")
    if not missing:
        path.unlink(missing_ok=True)
        return None
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(["prompt_id", "language", "variant", "engine", "reason"])
    writer.writerows([*one.key, one.engine, one.reason] for one in missing)
    path.write_text(lines.getvalue(), "utf-8", newline="")
    return path
