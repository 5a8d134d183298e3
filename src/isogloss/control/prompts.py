"""Validation and test prompts: settings are chosen on the one, measured on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.control.search import check_apart
from isogloss.errors import InputError
from isogloss.lab.questions import lab_prompt_set, lab_prompts
from isogloss.lab.setting import Lab
from isogloss.languages import resolve_among
from isogloss.prompts import PromptSet, load_prompts, prompts_fingerprint
from isogloss.records import INTENTS, Prompt
from isogloss.seeds import derive_seed

VALIDATION_SHARE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPrompts:
    """The two sets, apart in id, cluster and text.

    Attributes:
        validation: by language.
        test: what every arm is asked.
    """

    validation: dict[str, list[Prompt]]
    test: PromptSet

    @property
    def languages(self) -> list[str]:
        return list(self.validation)


def lab_control_prompts(lab: Lab, languages: Sequence[str] | None) -> ControlPrompts:
    """The lab's own: questions about validation objects, and the audit's about test objects."""
    tags = _tags(lab.recipe.languages, languages)
    test = lab_prompt_set(lab.recipe.spec, languages=tags)
    return _apart(lab_prompts(lab, split="validation", languages=tags), test, tags)


def load_control_prompts(
    test: Path,
    validation: Path | None,
    *,
    languages: Sequence[str] | None,
    seed: int,
) -> ControlPrompts:
    """A user's: two files, or one that is parted by cluster, the same in every language.

    Raises:
        InputError: the two share a prompt, a cluster or a text; a language lacks harmful or benign
            prompts in the validation part.
    """
    whole = load_prompts(test)
    tags = _tags(sorted({prompt.language for prompt in whole.prompts}), languages)
    if validation is not None:
        chosen = [p for p in load_prompts(validation).prompts if p.language in tags]
        kept = [p for p in whole.prompts if p.language in tags]
    else:
        mine = [prompt for prompt in whole.prompts if prompt.language in tags]
        chosen = [p for p in mine if _draw(p.cluster_id, seed) < VALIDATION_SHARE]
        kept = [p for p in mine if _draw(p.cluster_id, seed) >= VALIDATION_SHARE]
    if not kept:
        raise InputError(f"{test} leaves no test prompts; it needs more clusters")
    asked = PromptSet(
        prompts=tuple(sorted(kept, key=lambda prompt: prompt.key)),
        fingerprint=prompts_fingerprint(kept),
        licence=whole.licence,
        source=whole.source,
        notes=whole.notes,
    )
    return _apart(chosen, asked, tags)


def _apart(validation: Sequence[Prompt], test: PromptSet, tags: Sequence[str]) -> ControlPrompts:
    check_apart(validation, test.prompts)
    by_language: dict[str, list[Prompt]] = {tag: [] for tag in tags}
    for prompt in validation:
        by_language[prompt.language].append(prompt)
    for tag, prompts in by_language.items():
        for intent in INTENTS:
            if not any(prompt.intent == intent for prompt in prompts):
                raise InputError(
                    f"no {intent} validation prompts in {tag}: a search needs both, to see what "
                    "control does and what it costs; add some, or leave the language out with "
                    "--languages"
                )
    return ControlPrompts(validation=by_language, test=test)


def _tags(present: Sequence[str], languages: Sequence[str] | None) -> list[str]:
    if languages is None:
        return list(present)
    tags = [resolve_among(code, present) for code in languages]
    if absent := [tag for tag in tags if tag not in present]:
        raise InputError(f"no prompts in {', '.join(absent)}; there are {', '.join(present)}")
    return [tag for tag in present if tag in tags]


def _draw(cluster_id: str, seed: int) -> float:
    """In [0, 1), from the cluster's name alone: nobody's side changes when others come or go."""
    return derive_seed(seed, "control validation", cluster_id) % 10_000 / 10_000
