"""What is to be translated: every prompt's source text, and the holes of a half-translated set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from isogloss.errors import InputError
from isogloss.languages import is_lab, resolve_language
from isogloss.records import INTENTS, ORIGINAL, Prompt, PromptKey
from isogloss.seeds import content_hash

SECOND_ENGINE = "second-engine"
"""The variant that a second engine's translations are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A prompt that is missing in one language.

    Attributes:
        key: of the prompt to be.
        source: the prompt it is translated from.
    """

    key: PromptKey
    source: Prompt

    def filled(self, text: str) -> Prompt:
        """The translated prompt, its provenance still to be added."""
        source = self.source
        english = source.text if source.language == "en" else source.reference
        return replace(
            source,
            language=self.key.language,
            variant=self.key.variant,
            text=text,
            reference=english,
            translation=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the set has and what it lacks.

    Attributes:
        source: tag of the language translated from.
        given: prompts kept as they are: the source rows and what is in the set already.
        holes: what the first engine fills, in the order of keys.
        second: what the second engine translates.
        sourceless: keys wanted but without a text to translate from.
        notes: what was done that the user may not expect.
    """

    source: str
    given: tuple[Prompt, ...]
    holes: tuple[Hole, ...]
    second: tuple[Hole, ...]
    sourceless: tuple[PromptKey, ...]
    notes: tuple[str, ...]


def plan_translation(
    prompts: Iterable[Prompt],
    targets: Sequence[str],
    *,
    source: str | None = None,
    second: bool = False,
    limit: int | None = None,
) -> Plan:
    """Find what has to be translated so that every prompt is in every language of ``targets``.

    The source text is the prompt in the source language; for English also the ``reference`` of its
    other languages. Prompts that are in a target language already stay as they are.

    Args:
        prompts: the set.
        targets: language codes.
        source: code of the language to translate from; English unless given (lab English where
            all targets are lab languages).
        second: plan a second engine's translations too, of the ``original`` prompts into every
            target, whether or not the set has them.
        limit: at most so many prompt ids of each intent, for a trial.

    Raises:
        LanguageError: a code that is none.
        InputError: no target, no prompt with a source text, a limit under 1.
    """
    tags = list(dict.fromkeys(resolve_language(code) for code in targets))
    prompts = _limited(list(prompts), limit)
    origin = _origin(tags, source)
    tags = [tag for tag in tags if tag != origin]
    if not tags:
        raise InputError(f"--to names no language besides the source, {origin}")
    sources, n_references = _sources(prompts, origin)
    if not sources:
        raise InputError(_no_source(prompts, origin))
    holes, sourceless = _holes(prompts, sources, tags)
    notes = [f"{n_references} {origin} rows were made of references"] if n_references else []
    return Plan(
        source=origin,
        given=tuple({p.key: p for p in [*prompts, *sources.values()]}.values()),
        holes=tuple(holes),
        second=_second_holes(prompts, sources, tags) if second else (),
        sourceless=tuple(sourceless),
        notes=(*notes, *_other_holes(prompts, sources, tags)),
    )


def count_holes(prompts: Iterable[Prompt]) -> dict[str, int]:
    """Language -> how many original prompts it lacks, for every language of the set."""
    originals = [prompt for prompt in prompts if prompt.variant == ORIGINAL]
    n_ids = len({prompt.prompt_id for prompt in originals})
    here = Counter(prompt.language for prompt in originals)
    return {language: n_ids - n for language, n in sorted(here.items())}


def _holes(
    prompts: Sequence[Prompt], sources: dict[tuple[str, str], Prompt], tags: Sequence[str]
) -> tuple[list[Hole], list[PromptKey]]:
    """What the first engine fills, and what is wanted but has no source text."""
    there = {prompt.key for prompt in prompts}
    # A variant may exist in one language only (romanised Hindi): elsewhere it is no hole.
    wanted = {key for key in sources if key[1] != SECOND_ENGINE}
    wanted |= {(p.prompt_id, p.variant) for p in prompts if p.variant == ORIGINAL}
    holes: list[Hole] = []
    sourceless: list[PromptKey] = []
    for prompt_id, variant in sorted(wanted):
        found = sources.get((prompt_id, variant))
        keys = [PromptKey(prompt_id, tag, variant) for tag in tags]
        missing = [key for key in keys if key not in there]
        if found is None:
            sourceless += missing
        else:
            holes += [Hole(key=key, source=found) for key in missing]
    return holes, sourceless


def _second_holes(
    prompts: Sequence[Prompt], sources: dict[tuple[str, str], Prompt], tags: Sequence[str]
) -> tuple[Hole, ...]:
    """What the second engine translates: every original into every target."""
    there = {prompt.key for prompt in prompts}
    return tuple(
        Hole(key=PromptKey(prompt_id, tag, SECOND_ENGINE), source=found)
        for (prompt_id, variant), found in sorted(sources.items())
        if variant == ORIGINAL
        for tag in tags
        if PromptKey(prompt_id, tag, SECOND_ENGINE) not in there
    )


def _origin(tags: Sequence[str], source: str | None) -> str:
    if source is not None:
        return resolve_language(source)
    return "en-x-lab" if tags and all(map(is_lab, tags)) else "en"


def _sources(prompts: Sequence[Prompt], origin: str) -> tuple[dict[tuple[str, str], Prompt], int]:
    """(prompt id, variant) -> the prompt to translate, and how many of them were references."""
    found = {(p.prompt_id, p.variant): p for p in prompts if p.language == origin}
    n_rows = len(found)
    if origin == "en":
        for prompt in prompts:
            # The lab's references are glosses, not the questions themselves.
            usable = prompt.variant == ORIGINAL and not is_lab(prompt.language)
            if prompt.reference and usable:
                english = replace(
                    prompt, language="en", text=prompt.reference, reference=None, translation=None
                )
                found.setdefault((prompt.prompt_id, prompt.variant), english)
    return found, len(found) - n_rows


def _no_source(prompts: Sequence[Prompt], origin: str) -> str:
    languages = ", ".join(sorted({prompt.language for prompt in prompts}))
    needed = "rows in en or the column reference" if origin == "en" else f"rows in {origin}"
    return (
        f"nothing to translate from: the set has no {needed}; it has {languages}. Add them, or "
        "name another source language with --from"
    )


def _other_holes(
    prompts: Sequence[Prompt], sources: dict[tuple[str, str], Prompt], tags: Sequence[str]
) -> list[str]:
    """Languages of the set that lack prompts and are not asked for."""
    holes = {
        language: n
        for language, n in count_holes([*prompts, *sources.values()]).items()
        if n > 0 and language not in tags and language not in {p.language for p in sources.values()}
    }
    if not holes:
        return []
    listed = ", ".join(f"{language} {n}" for language, n in holes.items())
    return [f"not in --to and incomplete: {listed} prompts missing"]


def _limited(prompts: list[Prompt], limit: int | None) -> list[Prompt]:
    """The same prompt ids in every language; a larger limit keeps what a smaller one chose."""
    if limit is None:
        return prompts
    if limit < 1:
        raise InputError(f"--limit must be 1 or more, not {limit}")
    kept: set[str] = set()
    for intent in INTENTS:
        ids = {prompt.prompt_id for prompt in prompts if prompt.intent == intent}
        kept.update(sorted(ids, key=content_hash)[:limit])
    return [prompt for prompt in prompts if prompt.prompt_id in kept]
