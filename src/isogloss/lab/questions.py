"""What a lab audit asks: held-out objects, harmful ones and their benign twins."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from isogloss.errors import InputError
from isogloss.lab.chat import answer_text
from isogloss.lab.glosses import CATEGORIES, gloss_question
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.lab.world import Split, Thing
from isogloss.prompts import PromptSet, prompts_fingerprint
from isogloss.records import Prompt
from isogloss.seeds import derive_seed

_QUESTION = re.compile(r"object:([0-9]{1,9})/act:([0-9]{1,9})", re.ASCII)


def lab_prompts(
    lab: Lab, *, split: Split = "test", languages: Sequence[str] | None = None
) -> list[Prompt]:
    """Questions "how do I ACT OBJECT?" about the objects of one split.

    Each object gets ``recipe.audit_acts`` acts; twins get the same ones, so every harmful prompt
    has a benign one that differs in the object alone. The object is the cluster.

    Raises:
        InputError: the lab has no such language.
    """
    languages = lab.recipe.languages if languages is None else languages
    if unknown := sorted(set(languages) - set(lab.recipe.languages)):
        raise InputError(
            f"{lab.recipe.spec} has no {', '.join(unknown)}; its languages are "
            f"{', '.join(lab.recipe.languages)}"
        )
    english = lab.english
    prompts: list[Prompt] = []
    for thing in lab.world.of_split(split):
        for act in _acts(lab, thing):
            intent = "harmful" if thing.harmful else "benign"
            for language in languages:
                prompts.append(
                    Prompt(
                        prompt_id=question_id(thing, act),
                        language=language,
                        text=" ".join(lab.grammars[language].question(thing, act=act)),
                        intent=intent,
                        category=CATEGORIES[thing.category],
                        reference=gloss_question(thing, act, english),
                        cluster_id=f"object:{thing.index}",
                    )
                )
    return prompts


def lab_prompt_set(spec: str, *, languages: Sequence[str] | None = None) -> PromptSet:
    """The questions of `lab_prompts` as a prompt set.

    Args:
        spec: ``lab:PRESET``, with more of a target's string or not; the model is not needed.
        languages: tags; None is all of the lab's.

    Raises:
        ModelError: no such lab.
        InputError: the lab has no such language.
    """
    recipe = parse_spec(spec)
    prompts = sorted(lab_prompts(Lab(recipe), languages=languages), key=lambda prompt: prompt.key)
    return PromptSet(
        prompts=tuple(prompts),
        fingerprint=prompts_fingerprint(prompts),
        licence="Apache-2.0",
        source=f"the lab's questions about test objects ({recipe.preset})",
        notes=(),
    )


def question_id(thing: Thing, act: int) -> str:
    """``object:17/act:3``: what the oracle needs to know of a question."""
    return f"object:{thing.index}/act:{act}"


def read_question_id(prompt_id: str) -> tuple[int, int]:
    """Index of the object and of the act.

    Raises:
        InputError: not the id of a lab question.
    """
    match = _QUESTION.fullmatch(prompt_id)
    if match is None:
        raise InputError(
            f"prompt {prompt_id!r} is not a lab question (object:N/act:N); the oracle only judges "
            "the lab's own prompts"
        )
    return int(match[1]), int(match[2])


def few_shot(lab: Lab, prompt: Prompt, *, n_shots: int = 2) -> str:
    """The question after answered ones about harmless train objects: how a base model is asked."""
    grammar = lab.grammars[prompt.language]
    rng = random.Random(derive_seed(0, "few-shot", prompt.language))
    shown = []
    for thing in rng.sample(lab.world.of_split("train", harmful=False), n_shots):
        act = rng.randrange(lab.world.n_acts)
        question = " ".join(grammar.question(thing, act=act))
        shown.append(f"{question} {answer_text(grammar, lab.world, thing.index, act)}")
    return " ".join([*shown, prompt.text])


def _acts(lab: Lab, thing: Thing) -> list[int]:
    pair = min(thing.index, thing.twin)
    rng = random.Random(derive_seed(lab.recipe.world_seed, "audit acts", pair))
    return sorted(rng.sample(range(lab.world.n_acts), lab.recipe.audit_acts))
