"""How likely a model finds given answers to a question: choices it is forced to make.

The log-likelihood of every answer after the question, in the very form in which the question is
asked. Nothing is generated, so what a model would never say by itself can be compared too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.progress import Progress
from isogloss.quiet import quiet_transformers
from isogloss.records import Prompt
from isogloss.stats.distributions import Array
from isogloss.targets.model import LocalModel, default_threads, torch_threads
from isogloss.targets.rendering import Renderer
from isogloss.targets.scoring import score_texts

PROMPTS_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionReading:
    """What forced choices say of one question; NaN is not measured.

    Attributes:
        comprehension: share of wrong alternatives that the right one beats, in [0, 1].
        margin: how far the model leans towards refusal; its zero is the reader's matter.
        form: share of corruptions that the right form beats, in [0, 1].
        right_nats, right_characters: log-likelihood and length of the right reply (a refusal of a
            harmful question, else the procedure).
    """

    comprehension: float = math.nan
    margin: float = math.nan
    form: float = math.nan
    right_nats: float = math.nan
    right_characters: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAnswers:
    """A question and the answers to weigh against each other."""

    prompt: Prompt
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighedAnswers:
    """Log-likelihoods of the answers to one question.

    Attributes:
        nats: [A] log p(answer | question); higher is likelier; NaN where it does not fit into the
            model's context.
        n_characters: [A] of the answers.
    """

    nats: Array
    n_characters: Array


def weigh_answers(
    model: LocalModel,
    asked: Sequence[AskedAnswers],
    *,
    system_prompt: str | None = None,
    batch_tokens: int | None = None,
    progress: Progress,
    stage: str = "weighing answers",
) -> list[WeighedAnswers]:
    """The log-likelihood of every answer after its question.

    Question and answer are put into tokens apart, as they are when a model is trained on answers
    and when it generates them.

    Args:
        model: the model.
        asked: questions with their answers, at least one each.
        system_prompt: as the model is asked elsewhere.
        batch_tokens: see `isogloss.targets.scoring.score_texts`.
        progress: told of questions.
        stage: its name there.

    Returns:
        One a question, in their order.

    Raises:
        ModelError: out of memory.
    """
    renderer = Renderer(tokenizer=model.tokenizer)
    # Without a template the answer goes on in the same text, so a space must part the two.
    space = " " if renderer.kind == "plain" else ""
    found: list[WeighedAnswers] = []
    progress(stage, 0, len(asked))
    with torch_threads(default_threads(model.n_parameters)), quiet_transformers():
        for start in range(0, len(asked), PROMPTS_AT_ONCE):
            part = asked[start : start + PROMPTS_AT_ONCE]
            encoded = renderer.encode([one.prompt for one in part], system_prompt)
            texts: list[list[int]] = []
            for one, question in zip(part, encoded, strict=True):
                answers = [space + answer for answer in one.answers]
                ids = model.tokenizer(answers, add_special_tokens=False)["input_ids"]
                texts += [question, *(question + answer for answer in ids)]
            nats = _nats(model, texts, batch_tokens)
            at = 0
            for one in part:
                n = len(one.answers)
                found.append(
                    WeighedAnswers(
                        nats=nats[at] - np.array(nats[at + 1 : at + 1 + n]),
                        n_characters=np.array([len(answer) for answer in one.answers], float),
                    )
                )
                at += 1 + n
            progress(stage, len(found), len(asked))
    return found


def _nats(
    model: LocalModel, texts: Sequence[Sequence[int]], batch_tokens: int | None
) -> list[float]:
    """-log p of each text; NaN of one that is longer than the context."""
    room = model.context_length
    fitting = [at for at, text in enumerate(texts) if room is None or len(text) <= room]
    found = [math.nan] * len(texts)
    scores = score_texts(model, [texts[at] for at in fitting], batch_tokens=batch_tokens)
    for at, score in zip(fitting, scores, strict=True):
        found[at] = score.nats
    return found


def share_beaten(right: float, wrong: Array) -> float:
    """Of the wrong answers, the share that is less likely than the right one; ties one half.

    Returns:
        In [0, 1]: 1 where the right answer is the likeliest, 0.5 by chance; NaN without a wrong
        answer, or where one of them has no likelihood.

    Example:
        >>> share_beaten(-1.0, np.array([-2.0, 0.0, -1.0, -9.0]))
        0.625
    """
    return float((np.sign(right - wrong) + 1).mean() / 2) if wrong.size else math.nan
