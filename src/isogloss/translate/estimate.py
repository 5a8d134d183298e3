"""What translating would ask of a paid endpoint, before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isogloss.endpoint.tokens import TOKENS_A_MESSAGE, guess_tokens
from isogloss.translate.chat import CHAT_SETTINGS, translation_messages
from isogloss.translate.journal import Journal, identity_of
from isogloss.translate.plan import Plan

GROWTH = 2
"""Tokens of a translation for one of its source: about 1.2 in French, 3 in Bengali. A middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One stage's calls; tokens are estimates from bytes.

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
        read, written = (1, GROWTH) if stage != "translate back" else (GROWTH, 1)
        estimates.append(
            Estimate(
                stage=stage,
                engine=engine,
                n_calls=len(sizes),
                n_known=len(known),
                n_prompt_tokens=sum(said + read * text for said, text in sizes),
                n_tokens=sum(written * text for _, text in sizes),
            )
        )
    return estimates


def _sizes(text: str, source: str, target: str) -> tuple[int, int]:
    """Tokens of the instruction round a text, and of the text."""
    messages = translation_messages("", source, target)
    said = sum(guess_tokens(message["content"]) + TOKENS_A_MESSAGE for message in messages)
    return said, guess_tokens(text)
