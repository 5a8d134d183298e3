"""One model measured well and badly: exact and faulty translations of prompts, and of replies.

In a lab the truth is known: every prompt has an exact translation, and the oracle judges a reply in
the language it is in. What is wrong with a translation is planted, prompt by prompt and reply by
reply, with another draw for every seed of the model. The same prompts go wrong at a rate and at
every higher one, whatever is wrong with them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from isogloss.lab.questions import lab_prompts
from isogloss.lab.setting import Lab
from isogloss.lab.tongues import ENGLISH
from isogloss.prompts import PromptSet, prompts_fingerprint
from isogloss.records import ORIGINAL, Prompt
from isogloss.seeds import derive_seed
from isogloss.translate.lab import LabTranslator
from isogloss.translate.noise import ERRORS, Context

EXACT = "exact"
Fault = Literal["mistranslated", "left in English"]
FAULTS: tuple[Fault, ...] = ("mistranslated", "left in English")
MISTRANSLATIONS = ("wrong_object", "wrong_act", "dropped_word", "cut")
"""Of `isogloss.translate.noise.ERRORS` those that say something else in the same language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a model is measured.

    Attributes:
        name: in rows and tables.
        group: the target without its seed.
        rate: share of prompts, of replies, or of each, that are translated wrongly.
        prompts: what is wrong with prompts; None where they are exact.
        replies: whether replies are put into English, with mistranslations, before they are judged.
    """

    name: str
    group: str
    rate: float = 0.0
    prompts: Fault | None = None
    replies: bool = False

    @property
    def variant(self) -> str:
        """Of the prompts that are asked."""
        return ORIGINAL if self.prompts is None else variant_of(self.rate, self.prompts)


def conditions_of(group: str, rates: Sequence[float]) -> tuple[Condition, ...]:
    """The exact one first; the others by rising rate.

    Example:
        >>> for condition in conditions_of("lab:tiny:english@chat", [0.3]):
        ...     print(condition.name)
        exact
        prompts 30 % mistranslated
        prompts 30 % left in English
        replies 30 % mistranslated
        both 30 % mistranslated
    """
    ways: tuple[tuple[str, Fault | None, bool], ...] = (
        ("prompts", "mistranslated", False),
        ("prompts", "left in English", False),
        ("replies", None, True),
        ("both", "mistranslated", True),
    )
    found = [Condition(name=EXACT, group=group)]
    for rate in sorted(rates):
        for what, prompts, replies in ways:
            name = f"{what} {variant_of(rate, prompts or 'mistranslated')}"
            found.append(
                Condition(name=name, group=group, rate=rate, prompts=prompts, replies=replies)
            )
    return tuple(found)


def variant_of(rate: float, fault: Fault) -> str:
    """What prompts with this fault at this rate are called.

    Example:
        >>> variant_of(0.3, "left in English")
        '30 % left in English'
    """
    return f"{100 * rate:g} % {fault}"


def prompts_under(lab: Lab, rates: Sequence[float]) -> PromptSet:
    """The lab's test questions, and the same with faulty translations; English is always right.

    Raises:
        InputError: the lab has no English.
    """
    exact = lab_prompts(lab)
    english = {p.prompt_id: p.text for p in lab_prompts(lab, languages=[ENGLISH])}
    engine = LabTranslator(lab, name=f"lab:{lab.recipe.preset}")
    prompts = [*exact]
    for rate in rates:
        for fault in FAULTS:
            name = variant_of(rate, fault)
            for prompt in exact:
                text = prompt.text
                if prompt.language != ENGLISH and goes_wrong(lab, rate, "prompt", prompt):
                    source = english[prompt.prompt_id]
                    rng = _rng(lab, "how", "prompt", prompt)
                    text = (
                        source if fault == "left in English"
                        else mistranslate(engine, source, ENGLISH, prompt.language, rng)
                    )  # fmt: skip
                prompts.append(replace(prompt, text=text, variant=name))
    prompts.sort(key=lambda prompt: prompt.key)
    return PromptSet(
        prompts=tuple(prompts),
        fingerprint=prompts_fingerprint(prompts),
        licence="Apache-2.0",
        source=f"the lab's questions about test objects ({lab.recipe.preset}), also with faulty "
        f"translations ({', '.join(f'{100 * rate:g} %' for rate in rates)})",
        notes=(),
    )


def goes_wrong(lab: Lab, rate: float, what: str, prompt: Prompt) -> bool:
    """Whether the translation of a prompt, or of the reply to it, is wrong."""
    return _rng(lab, "which", what, prompt).random() < rate


def mistranslate(
    engine: LabTranslator, text: str, source: str, target: str, rng: random.Random
) -> str:
    """A translation that says something else: the first kind, in a random order, that changes it.

    A text without two words stays as it is translated.
    """
    context = Context(engine, text, source, target, rng)
    right = context.translated(text)
    if sum(word not in ".?" for word in right.split()) < 2:
        return right
    kinds = rng.sample(MISTRANSLATIONS, len(MISTRANSLATIONS))
    made = (ERRORS[kind](right, context) for kind in kinds)
    return next((wrong for wrong in made if wrong != right), right)


def _rng(lab: Lab, *what: str | Prompt) -> random.Random:
    """A prompt in one language has the same draws in all its variants."""
    names: list[str] = []
    for one in what:
        names += [one] if isinstance(one, str) else [one.prompt_id, one.language]
    return random.Random(derive_seed(lab.recipe.seed, "faulty instruments", *names))
