"""What translating would ask of a paid endpoint, before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isogloss.translate.chat import CHAT_SETTINGS, translation_messages
from isogloss.translate.journal import Journal, identity_of
from isogloss.translate.plan import Plan
from isogloss.translate.scripts import width

LETTERS_A_TOKEN = 4.0
"""Of English, in the tokenizers of today; other scripts take more tokens, see `GROWTH`."""
GROWTH = 2.0
"""Tokens of a translation for one of its English source: 1.2 in French, 5 and more in scripts far
from the tokenizer's. A middle, good for the order of magnitude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One stage's calls; tokens are estimates from characters.

    Attributes:
        stage: ``translate``, ``second engine`` or ``translate back``.
        engine: ``openai:MODEL``.
        n_known: texts that the journal has already.
    """

    stage: str
    engine: str
    n_calls: int
    n_known: int
    n_prompt_tokens: int
    n_tokens: int


def estimate_calls(plan: Plan, engines: Mapping[str, str], journal: Journal) -> list[Estimate]:
    """Calls and tokens by stage; what the journal has is not asked again.

    Back-translations are counted for every text, known or not: their texts are not there yet.

    Args:
        plan: of the set.
        engines: stage -> engine string, ``openai:`` only.
        journal: of the set to be written.
    """
    holes = {
        "translate": plan.holes,
        "second engine": plan.second,
        "translate back": (*plan.holes, *plan.second),
    }
    estimates: list[Estimate] = []
    for stage, engine in engines.items():
        wanted = {(hole.key.language, hole.source.text) for hole in holes[stage]}
        known = {
            (language, text)
            for language, text in wanted
            if stage != "translate back"
            and journal.find_by(identity_of(engine, CHAT_SETTINGS), plan.source, language, text)
        }
        sizes = [_sizes(text, plan.source, language) for language, text in sorted(wanted - known)]
        back = stage == "translate back"
        estimates.append(
            Estimate(
                stage=stage,
                engine=engine,
                n_calls=len(sizes),
                n_known=len(known),
                n_prompt_tokens=round(sum(said + text * (GROWTH if back else 1)
                                          for said, text in sizes)),
                n_tokens=round(sum(text * (1 if back else GROWTH) for _, text in sizes)),
            )
        )  # fmt: skip
    return estimates


def _sizes(text: str, source: str, target: str) -> tuple[float, float]:
    """Tokens of the instruction round a text, and of the text."""
    messages = translation_messages(text, source, target)
    own = width(text) / LETTERS_A_TOKEN
    return sum(width(m["content"]) for m in messages) / LETTERS_A_TOKEN - own, own
