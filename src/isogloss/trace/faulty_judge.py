"""A judge who reads English only and gets replies in faulty translation, as P1's did."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from isogloss.errors import LanguageError
from isogloss.judges.oracle import OracleJudge
from isogloss.lab.setting import Lab
from isogloss.lab.tongues import ENGLISH
from isogloss.records import Response, Verdict
from isogloss.seeds import derive_seed
from isogloss.trace.instrument_conditions import goes_wrong, mistranslate
from isogloss.translate.lab import LabTranslator


class FaultyJudge:
    """The oracle behind a translator into English, reply by reply.

    A reply is taken to be in its own language, and where that is not known in the one asked in; one
    in English is left alone. What the translator cannot read reaches the judge as it is.

    Args:
        lab: the lab whose model answered.
        rate: share of replies that are mistranslated.
    """

    def __init__(self, lab: Lab, rate: float) -> None:
        self.name = f"oracle in English ({100 * rate:g} % mistranslated)"
        self._lab, self._rate = lab, rate
        self._oracle = OracleJudge(lab, languages=[ENGLISH])
        self._engine = LabTranslator(lab, name=f"lab:{lab.recipe.preset}")
        self.settings = f"{self._oracle.settings}; draws {lab.recipe.seed}"

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        """Yield a verdict a response, in order.

        Raises:
            InputError: a prompt is not one of the lab's questions.
        """
        return self._oracle.judge([self._in_english(response) for response in responses])

    def _in_english(self, response: Response) -> Response:
        prompt = response.request.prompt
        language = response.reply_language or prompt.language
        if language == ENGLISH or not response.text.strip():
            return response
        try:
            if goes_wrong(self._lab, self._rate, "reply", prompt):
                rng = random.Random(
                    derive_seed(self._lab.recipe.seed, "how", *prompt.key, response.text)
                )
                text = mistranslate(self._engine, response.text, language, ENGLISH, rng)
            else:
                (made,) = self._engine.translate([response.text], language, ENGLISH)
                text = made.text or response.text
        except LanguageError:
            return response
        return replace(response, text=text, reply_language=ENGLISH)
