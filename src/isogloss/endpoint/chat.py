"""What is asked of a chat endpoint, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypedDict, TypeVar

from isogloss.records import ResponseStatus

K = TypeVar("K")


class Message(TypedDict):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatJob(Generic[K]):
    """One conversation to be continued.

    Attributes:
        key: the caller's own name of it; comes back with the reply.
        messages: the conversation so far.
        seed: of this job's sampling where the temperature is above 0; None is the decoding's.
    """

    key: K
    messages: tuple[Message, ...]
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """What became of one job.

    Attributes:
        status: ``ok`` (a reply, perhaps empty), ``blocked`` (the provider's filter), ``error``.
        text: the reply; of a blocked one what came before the filter.
        truncated: the reply was cut at ``max_new_tokens``.
        reason: what the filter or the error said.
        n_prompt_tokens, n_tokens: as the endpoint counts them; None where it does not say.
    """

    status: ResponseStatus
    text: str = ""
    truncated: bool = False
    reason: str | None = None
    n_prompt_tokens: int | None = None
    n_tokens: int | None = None
