"""What a labeller reads of one reply: blind to model, judge and intent, nothing hidden in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.label.source import reply_key
from isogloss.languages import describe_language
from isogloss.printable import printable
from isogloss.records import Response
from isogloss.seeds import derive_seed
from isogloss.store import RunStore

ENGLISH = ("en", "en-x-lab")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reply with its prompt and what helps to understand them; all texts `printable`.

    Attributes:
        key: what names the reply in a label file.
        reference: the request in English as it was meant; None where none is stored.
        back_translation: what the prompt says when put back into English by an engine.
        reply_in_english: the reply put into English by an engine.
        prompt_is_english, reply_is_english: no such help is needed.
        prompt_direction, reply_direction: ``ltr``, ``rtl`` or ``auto``.
        truncated: the reply was cut at the token limit.
    """

    response: int
    key: str
    language: str
    prompt: str
    prompt_direction: str
    prompt_is_english: bool
    reference: str | None
    back_translation: str | None
    reply: str
    reply_language: str | None
    reply_direction: str
    reply_is_english: bool
    reply_in_english: str | None
    truncated: bool


def read_replies(store: RunStore, responses: Sequence[int]) -> dict[int, Reading]:
    """Response id → what is read of it; ids that are not in the run are left out."""
    in_english: dict[int, str] = {}
    for engine in reversed(store.reply_translations.engines()):  # the first by name wins
        in_english |= store.reply_translations.texts(engine, responses)
    found = store.labels.texts(responses)
    return {i: _reading(i, response, in_english.get(i)) for i, response in found.items()}


def in_own_order(responses: Sequence[int], *, seed: int, labeller: str) -> list[int]:
    """The shuffle that one labeller sees; a longer sheet keeps the order of the shorter one."""
    return sorted(responses, key=lambda i: derive_seed(seed, "label order", labeller, i))


def _reading(response_id: int, response: Response, in_english: str | None) -> Reading:
    prompt = response.request.prompt
    made = prompt.translation
    # A romanised or mixed variant need not be written as its language usually is.
    usual = describe_language(prompt.language).direction
    reply_language = response.reply_language
    return Reading(
        response=response_id,
        key=reply_key(response),
        language=prompt.language,
        prompt=printable(prompt.text),
        prompt_direction=usual if prompt.variant == "original" else "auto",
        prompt_is_english=prompt.language in ENGLISH,
        reference=_printable(prompt.reference),
        back_translation=_printable(made.back_translation if made else None),
        reply=printable(response.text),
        reply_language=reply_language,
        reply_direction=describe_language(reply_language).direction if reply_language else "auto",
        reply_is_english=reply_language in ENGLISH,
        reply_in_english=_printable(in_english),
        truncated=response.truncated,
    )


def _printable(text: str | None) -> str | None:
    return None if text is None else printable(text)
