"""From a prompt set to one in more languages: translate, translate back, check, keep everything."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from isogloss.errors import LanguageError
from isogloss.progress import Progress, silent
from isogloss.records import Prompt, PromptKey, Translation
from isogloss.translate.base import AnswersAsTheyCome, TranslatedText, Translator
from isogloss.translate.flags import Candidate, flag_translations
from isogloss.translate.journal import Journal
from isogloss.translate.plan import Hole, Plan

logger = logging.getLogger(__name__)

HUMAN = "human"
"""The engine of a text that a person wrote or corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Who translates.

    Attributes:
        second: for the variant ``second-engine``; None where there is none.
        back: translates back into the source language; None for no back-translation.
        back_chosen: ``back`` was asked for by name: that it cannot do a pair is then an error.
    """

    first: Translator
    second: Translator | None = None
    back: Translator | None = None
    back_chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Untranslated:
    """A planned prompt that is not there, and why: missing is not zero."""

    key: PromptKey
    engine: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one engine was asked in this process; what the journal had is left out.

    Attributes:
        n_prompt_tokens, n_tokens: read and written; None where the engine does not count.
    """

    engine: str
    n_calls: int = 0
    n_prompt_tokens: int | None = None
    n_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedSet:
    """The result.

    Attributes:
        prompts: given and translated, sorted by key.
        untranslated: what is planned and missing, sorted by key; asked again next time.
        notes: what a reader should know.
        usage: of every engine asked in this process.
    """

    prompts: tuple[Prompt, ...]
    untranslated: tuple[Untranslated, ...]
    notes: tuple[str, ...]
    usage: tuple[Usage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filled:
    """A hole with its text."""

    hole: Hole
    text: str
    engine: str
    truncated: bool
    back: str | None = None


def translate_plan(
    plan: Plan, engines: Engines, journal: Journal, progress: Progress = silent
) -> TranslatedSet:
    """Fill the holes of ``plan``; what ``journal`` knows is not asked again.

    Raises:
        LanguageError: an engine does not translate a pair; said before anything is asked.
        ModelError: an engine cannot be used; what came before is in the journal.
    """
    back, notes = _check_pairs(plan, engines)
    asked = _Asked(journal, progress)
    filled, missing = asked.fill("translate", plan.holes, engines.first)
    if engines.second is not None:
        more, lacking = asked.fill("second engine", plan.second, engines.second)
        filled, missing = [*filled, *more], [*missing, *lacking]
    if back is not None:
        filled = asked.translate_back(filled, back)
    no_source = (
        Untranslated(key=key, engine=engines.first.name, reason=f"no {plan.source} text")
        for key in plan.sourceless
    )
    outdated = [hole for hole in (*plan.holes, *plan.second) if _is_outdated(journal, hole)]
    if outdated:
        notes.append(f"{len(outdated)} human edits were of an earlier source text and are not used")
    prompts = [*plan.given, *checked_prompts(filled)]
    return TranslatedSet(
        prompts=tuple(sorted(prompts, key=lambda prompt: prompt.key)),
        untranslated=tuple(sorted([*missing, *no_source], key=lambda one: one.key)),
        notes=(*plan.notes, *notes),
        usage=tuple(asked.usage.values()),
    )


def _is_outdated(journal: Journal, hole: Hole) -> bool:
    return journal.outdated(hole.key, hole.source.text)


def _check_pairs(plan: Plan, engines: Engines) -> tuple[Translator | None, list[str]]:
    """That every engine knows its languages; the back-translator to use, and notes about it."""
    tags = sorted({hole.key.language for hole in (*plan.holes, *plan.second)})
    for engine in filter(None, (engines.first, engines.second)):
        for tag in tags:
            list(engine.translate([], plan.source, tag))
    back = engines.back
    if back is None:
        return None, []
    for tag in tags:
        try:
            list(back.translate([], tag, plan.source))
        except LanguageError as error:
            if engines.back_chosen:
                raise
            return None, [f"no back-translation ({error}); name an engine with --back-engine"]
    if back.name == engines.first.name:
        return back, [
            f"back-translated by the same engine ({back.name}), which hides errors that it makes "
            "in both directions; --back-engine names another"
        ]
    return back, []


class _Asked:
    """Asks engines for what the journal does not have, and keeps count."""

    def __init__(self, journal: Journal, progress: Progress) -> None:
        self._journal = journal
        self._progress = progress
        self.usage: dict[str, Usage] = {}

    def fill(
        self, stage: str, holes: Sequence[Hole], engine: Translator
    ) -> tuple[list[_Filled], list[Untranslated]]:
        """Texts for ``holes``, a person's before an engine's."""
        edits = {hole.key: self._journal.edited(hole.key, hole.source.text) for hole in holes}
        open_holes = [hole for hole in holes if edits[hole.key] is None]
        wanted = [(h.source.language, h.key.language, h.source.text) for h in open_holes]
        answers = self._ask(stage, engine, wanted)
        filled: list[_Filled] = []
        missing: list[Untranslated] = []
        for hole in holes:
            edit = edits[hole.key]
            if edit is not None:
                filled.append(_Filled(hole=hole, text=edit, engine=HUMAN, truncated=False))
                continue
            answer = answers[hole.source.language, hole.key.language, hole.source.text]
            if answer.text is None:
                reason = answer.reason or "no reason given"
                missing.append(Untranslated(key=hole.key, engine=engine.name, reason=reason))
            else:
                filled.append(
                    _Filled(
                        hole=hole,
                        text=answer.text,
                        engine=engine.name,
                        truncated=answer.truncated,
                    )
                )
        return filled, missing

    def translate_back(self, filled: Sequence[_Filled], engine: Translator) -> list[_Filled]:
        """The same with back-translations, where the engine gave one."""
        wanted = [(f.hole.key.language, f.hole.source.language, f.text) for f in filled]
        answers = self._ask("translate back", engine, wanted)
        return [
            replace(one, back=answers[pair].text) for one, pair in zip(filled, wanted, strict=True)
        ]

    def _ask(
        self, stage: str, engine: Translator, wanted: Sequence[tuple[str, str, str]]
    ) -> dict[tuple[str, str, str], TranslatedText]:
        """(source, target, text) -> the answer; from memory where it has one."""
        answers: dict[tuple[str, str, str], TranslatedText] = {}
        unknown: dict[tuple[str, str], list[str]] = {}
        for one in dict.fromkeys(wanted):
            source, target, text = one
            found = self._journal.find(engine, source, target, text)
            if found is not None:
                answers[one] = found
            else:
                unknown.setdefault((source, target), []).append(text)
        total = len(answers) + sum(map(len, unknown.values()))
        self._progress(stage, len(answers), total)
        for (source, target), texts in unknown.items():
            for index, raw in _answers(engine, texts, source, target):
                answer = _storable(raw)
                answers[source, target, texts[index]] = answer
                self._journal.add(engine, source, target, texts[index], answer)
                self._count(engine.name, answer)
                self._progress(stage, len(answers), total)
        return answers

    def _count(self, engine: str, answer: TranslatedText) -> None:
        used = self.usage.get(engine, Usage(engine=engine))
        self.usage[engine] = Usage(
            engine=engine,
            n_calls=used.n_calls + 1,
            n_prompt_tokens=_sum(used.n_prompt_tokens, answer.n_prompt_tokens),
            n_tokens=_sum(used.n_tokens, answer.n_tokens),
        )


def _sum(one: int | None, other: int | None) -> int | None:
    """Missing is not zero: None only where nothing was counted at all."""
    return other if one is None else one + (other or 0)


def _answers(
    engine: Translator, texts: Sequence[str], source: str, target: str
) -> Iterator[tuple[int, TranslatedText]]:
    if isinstance(engine, AnswersAsTheyCome):
        return engine.translate_unordered(texts, source, target)
    return enumerate(engine.translate(texts, source, target))


def _storable(answer: TranslatedText) -> TranslatedText:
    """Without what no prompt set may hold: NUL, lone surrogates; blank is no text."""
    if answer.text is None:
        return answer
    text = answer.text.replace("\0", "").encode("utf-8", "replace").decode().strip()
    if text:
        return replace(answer, text=text)
    return replace(answer, text=None, reason="the engine gave an empty text")


def checked_prompts(filled: Sequence[_Filled]) -> list[Prompt]:
    """Prompts with provenance, chrF++ and flags; flags compare rows of one language and variant."""
    groups: dict[tuple[str, str], list[_Filled]] = {}
    for one in filled:
        groups.setdefault((one.hole.key.language, one.hole.key.variant), []).append(one)
    prompts: list[Prompt] = []
    for group in groups.values():
        rows = [
            Candidate(
                source=one.hole.source.text,
                text=one.text,
                source_language=one.hole.source.language,
                language=one.hole.key.language,
                back_translation=one.back,
                chrf=None if one.back is None else chrf(one.back, one.hole.source.text),
                truncated=one.truncated,
            )
            for one in group
        ]
        for one, row, flags in zip(group, rows, flag_translations(rows), strict=True):
            provenance = Translation(
                engine=one.engine,
                source_language=row.source_language,
                back_translation=row.back_translation,
                chrf=row.chrf,
                flags=flags,
            )
            prompts.append(replace(one.hole.filled(one.text), translation=provenance))
    return prompts


def chrf(text: str, reference: str) -> float:
    """chrF++ of one text against one reference, 0 to 100, rounded to two places.

    Character n-grams up to 6 and word n-grams up to 2, beta 2 (Popović 2017), by sacrebleu with
    its effective order for single sentences.

    Example:
        >>> chrf("How do I heat the lamp?", "How do I heat the lamp?")
        100.0
    """
    return round(float(_metric().sentence_score(text, [reference]).score), 2)


@cache
def _metric() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=2)
