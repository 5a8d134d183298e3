"""Ten questions that P1 leaves open, each with the command that answers it and where the answer is.

P1 (Shen et al. 2024, arXiv 2401.13136) is about one model, machine-translated prompts and a judge
that is a model; it infers from outcomes that pre-training is to blame. What it cannot say is put
here as questions, in our words. An answer is a claim's verdict with its figure; a question about
which a study measured nothing says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from isogloss.lab.modifiers import ARCHITECTURES, SIZES
from isogloss.records import Measurement

Chosen = Callable[[Measurement], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One open question.

    Attributes:
        words: the question.
        where: the section it comes from.
        command: what measures it.
        chosen: whether a claim or a figure is part of the answer.
    """

    words: str
    where: str
    command: str
    chosen: Chosen

    def answers(self, claims: Sequence[Measurement]) -> list[Measurement]:
        """The rows that answer it, in their order."""
        return [row for row in claims if self.chosen(row)]


def _says(*parts: str) -> Chosen:
    return lambda row: any(part in (row.category or "") for part in parts)


def _of_networks(row: Measurement) -> bool:
    """Claims about architectures or sizes, and the curses in models that differ in them."""
    if _says("than the architecture", "than the size", "larger models")(row):
        return True
    modifiers = row.target.partition("@")[0].split("+")[1:]
    return _says("tier follows less", "tier complies with harm")(row) and not (
        {*ARCHITECTURES, *SIZES}.isdisjoint(modifiers)
    )


_ORIGIN, _ALIGNMENT, _LIMITS = "P1, section 4", "P1, sections 3 and 5", "P1, set-up and limitations"

QUESTIONS: tuple[Question, ...] = (
    Question(
        words="Is there a gap before any alignment, and which stage makes most of it?",
        where=_ORIGIN,
        command="isogloss trace ladder lab:tiny --seeds 5",
        chosen=_says(
            "exists before alignment",
            "exists at base",
            "widens the gap",
            "largest part",
            "medium minus high tier",
        ),
    ),
    Question(
        words="Is the amount of pre-training text the cause, and how much more would close the "
        "gap?",
        where=_ORIGIN,
        command="isogloss trace dose lab:tiny --language sw --factors 0.25,1,4,16",
        chosen=_says("more text of a language", "tokens at which its"),
    ),
    Question(
        words="Would the same number of extra tokens of anything do?",
        where=_ORIGIN,
        command="isogloss trace dose lab:tiny --language sw --extra 50k,200k",
        chosen=_says("continued pre-training"),
    ),
    Question(
        words="Is text in parallel with English worth more than text of its own?",
        where=_ORIGIN,
        command="isogloss trace dose lab:tiny --language sw --parallel",
        chosen=_says("parallel text"),
    ),
    Question(
        words="Is it the tokens, or the tokenizer that cuts rare languages to pieces?",
        where=_ORIGIN,
        command="isogloss trace dose lab:tiny --language sw --tokenizer",
        chosen=_says("not the tokenizer"),
    ),
    Question(
        words="Is the reward model the bottleneck of reinforcement learning in weak languages?",
        where=_ALIGNMENT,
        command="isogloss align xreward xrlhf xrlhf-oracle --model lab:tiny --seeds 5",
        chosen=_says("reward model", "perfect reward"),
    ),
    Question(
        words="From which language to which does alignment cross over, and what predicts it?",
        where=_ALIGNMENT,
        command="isogloss trace grid lab:tiny --seeds 5",
        chosen=_says("can be foretold", "does not help"),
    ),
    Question(
        words="Do weak languages fail because they are not understood, not seen as harmful, not "
        "acted on, or not producible?",
        where="P1, section 2",
        command="isogloss trace anatomy lab:tiny --seeds 5",
        chosen=_says("represented", "understood", "producible"),
    ),
    Question(
        words="Does it hold for other architectures and sizes, or for one model family?",
        where=_LIMITS,
        command="isogloss trace mixes lab:tiny:{english,balanced}+fixed "
        "lab:tiny:english+fixed+{neox,bloom,gemma,300k,3m} --seeds 3",
        chosen=_of_networks,
    ),
    Question(
        words="How much of a gap is the instruments': the translation, the judge?",
        where=_LIMITS,
        command="isogloss trace instruments lab:tiny --seeds 5",
        chosen=_says("exact translations", "translations as faulty", "translations faulty"),
    ),
)
