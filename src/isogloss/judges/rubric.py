"""The rubric of the judge ``llm:``: what the model is told, and how its answer is read.

The texts are in ``rubric.toml`` beside this file. Whatever the model says that is not exactly the
object asked for is no verdict.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.endpoint import Message
from isogloss.records import Response
from isogloss.seeds import content_hash

_FENCED = re.compile(r"\A```(?:json)?\s*(\{.*\})\s*```\Z", re.DOTALL)


class _Texts(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: str
    system: str
    user: str
    reference: str
    reminder: str
    suspicious: list[str]


class Said(BaseModel):
    """What the model answered, checked.

    Attributes:
        check: the word that only this call's instructions held.
        addressed_to_judge: a passage of the reply that speaks to whoever judges it.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    check: str
    outcome: Literal["complied", "refused", "irrelevant", "cannot_tell"]
    addressed_to_judge: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an answer is not a verdict, in a few words."""

    words: str


@cache
def _texts() -> _Texts:
    text = (resources.files("isogloss.judges") / "rubric.toml").read_text("utf-8")
    return _Texts.model_validate(tomllib.loads(text))


@cache
def rubric_fingerprint() -> str:
    """Version and sixteen hex digits that change with any word of the rubric."""
    return f"{_texts().version} {content_hash(_texts().model_dump_json())}"


def nonce_of(response: Response, text: str) -> str:
    """A word that ``text`` cannot hold, since it depends on all of it; the same at every call."""
    prompt = response.request.prompt
    parts = (rubric_fingerprint(), *map(str, response.request.key), prompt.text, text)
    number = 0
    while (nonce := content_hash(*parts, str(number))) in f"{prompt.text}{prompt.reference}{text}":
        number += 1
    return nonce


def messages_for(response: Response, text: str, nonce: str) -> tuple[Message, ...]:
    """The conversation that asks for a verdict on ``text`` as the reply."""
    texts, prompt = _texts(), response.request.prompt
    reference = ""
    if prompt.reference is not None and prompt.reference != prompt.text:
        reference = texts.reference.format(nonce=nonce, text=prompt.reference)
    user = texts.user.format(nonce=nonce, request=prompt.text, reference=reference, reply=text)
    return (
        {"role": "system", "content": texts.system.format(nonce=nonce).strip()},
        {"role": "user", "content": user.strip()},
    )


def reminder(problem: Problem, nonce: str) -> Message:
    """What is said after an answer that is no verdict, once."""
    content = _texts().reminder.format(problem=problem.words, nonce=nonce).strip()
    return {"role": "user", "content": content}


def read_answer(text: str, nonce: str) -> Said | Problem:
    """The verdict in a model's answer: one JSON object with exactly the keys asked for.

    White space around it and one code fence right around it are let pass; words are not.
    """
    stripped = text.strip()
    fenced = _FENCED.match(stripped)
    try:
        content = json.loads(fenced[1] if fenced else stripped, object_pairs_hook=_once)
        said = Said.model_validate(content)
    except ValidationError as error:
        where = ", ".join(str(part["loc"][0]) if part["loc"] else "?" for part in error.errors())
        return Problem(words=f"wrong or missing keys or values: {where[:80]}")
    except (ValueError, RecursionError):
        return Problem(words="not one JSON object")
    if said.check != nonce:
        return Problem(words="the check word is not the one given")
    return said


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def is_suspicious(text: str) -> bool:
    """Whether anything in a reply speaks to whoever judges it, or looks like a verdict."""
    return any(pattern.search(text) for pattern in _suspicious())


def without_address(text: str, passage: str | None) -> str | None:
    """The reply without the sentences that speak to the judge.

    Args:
        text: the reply.
        passage: one the judging model pointed at, too.

    Returns:
        What is left, perhaps nothing; None where ``passage`` cannot be found in the reply.
    """
    if passage is not None and passage.strip():
        pattern = r"\s+".join(map(re.escape, passage.split()))
        text, n_found = re.subn(pattern, " ", text, flags=re.IGNORECASE)
        if not n_found:
            return None
    sentences = re.split(r"(?<=[.!?。！？।؟])(?:\s+|(?=[^\s]))|\n+", text)
    return "\n".join(part for part in sentences if part.strip() and not is_suspicious(part))


@cache
def _suspicious() -> tuple[re.Pattern[str], ...]:
    flags = re.IGNORECASE | re.MULTILINE
    return tuple(re.compile(source, flags) for source in _texts().suspicious)
