"""One model measured well and badly: exact or faulty translations of prompts, and of replies.

In a lab the truth is known: every prompt has an exact translation, and the oracle judges a reply in
the language it is in. Faulty instruments are made from these: prompts that a translator with a
known rate of errors (`isogloss.translate.noise`) put into the language, replies that it put into
English before they were judged, or both, as P1 had it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from isogloss.judges.oracle import OracleJudge
from isogloss.judges.pivot import ENGLISH, PivotJudge, translate_replies
from isogloss.lab.questions import lab_prompts
from isogloss.lab.setting import Lab
from isogloss.lab.tongues import ENGLISH as LAB_ENGLISH
from isogloss.progress import Progress
from isogloss.prompts import PromptSet, prompts_fingerprint
from isogloss.records import ORIGINAL, Prompt
from isogloss.store import RunStore
from isogloss.translate.base import TranslatedText, Translator
from isogloss.translate.lab import LabTranslator
from isogloss.translate.noise import NoisyTranslator, uniform_noise

EXACT = "exact"
ORACLE = "oracle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a model is measured.

    Attributes:
        name: in rows and tables.
        group: the target without its seed.
        rate: share of texts that are translated wrongly.
        prompts, replies: whether these are.
    """

    name: str
    group: str
    rate: float = 0.0
    prompts: bool = False
    replies: bool = False

    @property
    def variant(self) -> str:
        """Of the prompts that are asked."""
        return variant_of(self.rate) if self.prompts else ORIGINAL


def conditions_of(group: str, rates: Sequence[float]) -> tuple[Condition, ...]:
    """The exact one first, then by rate: prompts, replies, both.

    Example:
        >>> [condition.name for condition in conditions_of("lab:tiny:english@chat", [0.3])]
        ['exact', 'prompts 30 % wrong', 'replies 30 % wrong', 'both 30 % wrong']
    """
    found = [Condition(name=EXACT, group=group)]
    for rate in rates:
        for what, prompts, replies in (
            ("prompts", True, False),
            ("replies", False, True),
            ("both", True, True),
        ):
            found.append(
                Condition(
                    name=f"{what} {100 * rate:g} % wrong",
                    group=group,
                    rate=rate,
                    prompts=prompts,
                    replies=replies,
                )
            )
    return tuple(found)


def variant_of(rate: float) -> str:
    """What prompts are called that were translated with errors.

    Example:
        >>> variant_of(0.3)
        'translated, 30 % wrong'
    """
    return f"translated, {100 * rate:g} % wrong"


def faulty_translator(lab: Lab, rate: float, *, seed: int) -> NoisyTranslator:
    """All kinds of errors alike, ``rate`` together; another draw for every seed."""
    exact = LabTranslator(lab, name=f"lab:{lab.recipe.preset}")
    return NoisyTranslator(exact, uniform_noise(rate), seed=seed)


def prompts_under(lab: Lab, rates: Sequence[float]) -> PromptSet:
    """The lab's test questions, and the same translated from English with errors.

    English prompts are what the others are translated from, so they are right in every variant.
    """
    exact = lab_prompts(lab)
    prompts = [*exact]
    for rate in rates:
        prompts += _translated(lab, exact, rate)
    prompts.sort(key=lambda prompt: prompt.key)
    return PromptSet(
        prompts=tuple(prompts),
        fingerprint=prompts_fingerprint(prompts),
        licence="Apache-2.0",
        source=f"the lab's questions about test objects ({lab.recipe.preset}), also translated "
        "with known rates of errors",
        notes=(),
    )


def _translated(lab: Lab, exact: Sequence[Prompt], rate: float) -> Iterator[Prompt]:
    engine = faulty_translator(lab, rate, seed=lab.recipe.seed)
    english = {p.prompt_id: p.text for p in exact if p.language == LAB_ENGLISH}
    for language in lab.recipe.languages:
        mine = [prompt for prompt in exact if prompt.language == language]
        texts = [english[prompt.prompt_id] for prompt in mine]
        told = (
            [TranslatedText(text=text) for text in texts]
            if language == LAB_ENGLISH
            else engine.translate(texts, LAB_ENGLISH, language)
        )
        for prompt, made in zip(mine, told, strict=True):
            # An engine that gave nothing leaves the prompt as it was.
            text = made.text or english[prompt.prompt_id]
            yield replace(prompt, text=text, variant=variant_of(rate))


def oracle_in_english(store: RunStore, lab: Lab, rate: float, progress: Progress) -> PivotJudge:
    """The oracle, shown the replies of a run in a faulty translation into English.

    Replies that have none yet are translated first.
    """
    engine = _IntoLabEnglish(faulty_translator(lab, rate, seed=lab.recipe.seed))
    replies = translate_replies(store, engine, progress)
    return PivotJudge(OracleJudge(lab), engine.name, replies)


class _IntoLabEnglish:
    """A lab's translator for a judge who asks for English and gets the lab's."""

    def __init__(self, engine: Translator) -> None:
        self._engine = engine

    @property
    def name(self) -> str:
        return self._engine.name

    def translate(self, texts: Sequence[str], source: str, target: str) -> Iterator[TranslatedText]:
        """See `isogloss.translate.base.Translator`."""
        if source == LAB_ENGLISH and target == ENGLISH:
            return (TranslatedText(text=text) for text in texts)
        wanted = LAB_ENGLISH if target == ENGLISH else target
        return self._engine.translate(texts, source, wanted)
