"""Reading one model for its anatomy: hidden states of twins, answers weighed one by another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from isogloss.concepts.activations import Activations, Position
from isogloss.concepts.record import PairRecorder, RecordOptions, record_pair_set
from isogloss.concepts.templates import PromptTemplate
from isogloss.judges.answers import load_exchanges
from isogloss.lab.setting import Lab
from isogloss.progress import Progress
from isogloss.records import Prompt
from isogloss.targets.model import LocalModel
from isogloss.trace.anatomy_config import AnatomyConfig
from isogloss.trace.broken_links import Instrument
from isogloss.trace.forced_choice import (
    AskedAnswers,
    QuestionReading,
    WeighedAnswers,
    weigh_answers,
)
from isogloss.trace.lab_answers import LabQuestion, lab_question
from isogloss.trace.twin_questions import Key, TwinQuestions
from isogloss.trace.user_answers import (
    MeaningQuestions,
    UserQuestion,
    meaning_questions,
    own_threshold,
    shipped_refusals,
    user_question,
)

Weigh = Callable[[Sequence[AskedAnswers], str], list[WeighedAnswers]]


class QuestionReadings(NamedTuple):
    """What forced choices say of the validation and test questions.

    Attributes:
        read: (prompt id, language) → reading; the margin's 0 is the model's own threshold.
        missing: (instrument, language) → why a choice could not be made.
        unit: of the margin.
    """

    read: Mapping[Key, QuestionReading]
    missing: Mapping[tuple[Instrument, str], str]
    unit: str


def record_twins(
    model: LocalModel,
    questions: TwinQuestions,
    position: Position,
    config: AnatomyConfig,
    progress: Progress,
) -> list[Activations]:
    """Hidden states of all twins in every language."""
    plain = model.tokenizer.chat_template is None
    options = RecordOptions(
        template=PromptTemplate(kind="plain" if plain else "chat"),
        position=position,
        batch_tokens=config.options.batch_tokens,
        threads=config.options.threads,
    )
    recorder = PairRecorder(model, options)
    return list(record_pair_set(recorder, questions.pairs(), progress=progress))


def read_questions(
    model: LocalModel,
    lab: Lab | None,
    questions: TwinQuestions,
    outcomes: Mapping[Key, str],
    config: AnatomyConfig,
    progress: Progress,
) -> QuestionReadings:
    """Make all forced choices; the form is asked of test questions alone.

    Args:
        model: the model.
        lab: whose questions they are; None is a user's.
        questions: all of them.
        outcomes: what became of those that were asked: of the test, only these are read.
        config: seed and options.
        progress: told of questions.
    """

    def weigh(asked: Sequence[AskedAnswers], stage: str) -> list[WeighedAnswers]:
        return weigh_answers(
            model, asked, system_prompt=config.decoding.system_prompt,
            batch_tokens=config.options.batch_tokens, progress=progress, stage=stage,
        )  # fmt: skip

    if lab is not None:
        return _read_lab(lab, questions, outcomes, config.seed, weigh)
    return _read_user(questions, outcomes, config.seed, weigh)


def lab_questions_to_weigh(
    lab: Lab, questions: TwinQuestions, asked: Callable[[Prompt], bool], *, seed: int
) -> Iterator[tuple[Key, LabQuestion]]:
    """The validation questions, and those of the test that were asked, with their answers.

    Args:
        lab: whose.
        questions: all of them.
        asked: whether a test question was put to the model.
        seed: of the corruptions.
    """
    for key in sorted(questions.prompts):
        split, prompt = questions.split_of(key[0]), questions.prompts[key]
        if split == "validation" or (split == "test" and asked(prompt)):
            yield key, lab_question(lab, prompt, seed=seed, corrupt=split == "test")


def _read_lab(
    lab: Lab, questions: TwinQuestions, outcomes: Mapping[Key, str], seed: int, weigh: Weigh
) -> QuestionReadings:
    def was_asked(prompt: Prompt) -> bool:
        return (prompt.prompt_id, prompt.language) in outcomes

    asked = dict(lab_questions_to_weigh(lab, questions, was_asked, seed=seed))
    weighed = weigh([question.asked for question in asked.values()], "weighing answers")
    read = {
        key: question.read(found)
        for (key, question), found in zip(asked.items(), weighed, strict=True)
    }
    return QuestionReadings(read=read, missing={}, unit="nats")


@dataclass(frozen=True, slots=True, kw_only=True)
class _UserLanguage:
    """What is asked about a user's questions in one language; a reason where it cannot be."""

    prompts: dict[Key, Prompt]
    refusals: dict[Key, UserQuestion] | str
    meaning: MeaningQuestions | str


def _read_user(
    questions: TwinQuestions, outcomes: Mapping[Key, str], seed: int, weigh: Weigh
) -> QuestionReadings:
    refusals = shipped_refusals(load_exchanges())
    read: dict[Key, QuestionReading] = {}
    missing: dict[tuple[Instrument, str], str] = {}
    for language in questions.languages:
        prompts = {k: p for k, p in sorted(questions.prompts.items()) if k[1] == language}
        test = [p for k, p in prompts.items() if questions.split_of(k[0]) == "test"]
        asked = _UserLanguage(
            prompts=prompts,
            refusals=_refusal_questions(prompts, questions, refusals.get(language), seed),
            meaning=meaning_questions(test, questions.clusters),
        )
        mine, why = _read_language(asked, questions, outcomes, weigh)
        read |= mine
        missing |= {(instrument, language): reason for instrument, reason in why.items()}
    return QuestionReadings(read=read, missing=missing, unit="nats per character")


def _refusal_questions(
    prompts: Mapping[Key, Prompt],
    questions: TwinQuestions,
    refusals: Sequence[str] | None,
    seed: int,
) -> dict[Key, UserQuestion] | str:
    """The form is asked of harmful test questions: of benign ones no right reply is known."""
    if refusals is None:
        return "no refusals are shipped in this language, so there is nothing to weigh"
    found: dict[Key, UserQuestion] = {}
    for key, prompt in prompts.items():
        whole = prompt.intent == "harmful" and questions.split_of(key[0]) == "test"
        found[key] = user_question(prompt, refusals, seed=seed, decision_only=not whole)
    return found


def _read_language(
    asked: _UserLanguage,
    questions: TwinQuestions,
    outcomes: Mapping[Key, str],
    weigh: Weigh,
) -> tuple[dict[Key, QuestionReading], dict[Instrument, str]]:
    found = {key: QuestionReading() for key in asked.prompts}
    missing: dict[Instrument, str] = {}
    if isinstance(asked.refusals, str):
        missing |= {"decision": asked.refusals, "form": asked.refusals}
    else:
        weighed = weigh([q.asked for q in asked.refusals.values()], "weighing refusals")
        for (key, question), one in zip(asked.refusals.items(), weighed, strict=True):
            found[key] = question.read(one)
        own = _own_threshold(found, questions, outcomes)
        if isinstance(own, str):
            missing["decision"] = own
        zero = np.nan if isinstance(own, str) else own
        found = {key: replace(one, margin=one.margin - zero) for key, one in found.items()}
        if not any(any(question.n_corrupted) for question in asked.refusals.values()):
            missing["form"] = "the words of the shipped refusals are not written apart"
    if isinstance(asked.meaning, str):
        missing["comprehension"] = asked.meaning
        return found, missing
    language = next(iter(asked.prompts))[1]
    meaning = asked.meaning.read(weigh(asked.meaning.asked, "weighing meanings"))
    for name, share in meaning.items():
        found[name, language] = replace(found[name, language], comprehension=share)
    return found, missing


def _own_threshold(
    found: Mapping[Key, QuestionReading], questions: TwinQuestions, outcomes: Mapping[Key, str]
) -> float | str:
    """From what became of the questions outside the test."""
    known = [
        key for key in found if key in outcomes and questions.split_of(key[0]) != "test"
    ]  # fmt: skip
    return own_threshold(
        np.array([found[key].margin for key in known]),
        np.array([float(outcomes[key] == "refused") for key in known]),
    )
