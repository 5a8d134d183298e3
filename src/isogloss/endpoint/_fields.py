"""The body of a request, in the dialect this endpoint turns out to speak."""

from __future__ import annotations

from typing import Any

from isogloss.endpoint.chat import ChatJob
from isogloss.records import Decoding

_LIMITS = ("max_tokens", "max_completion_tokens")
"""The older name first: servers that know only that one ignore the other without a word, and then
write without end; those that want the newer one refuse the older, and say so."""
_SEEDS = 1 << 31


class Fields:
    """Which optional fields to send; learned from what the endpoint refuses.

    The limit of the reply goes by `_LIMITS`, in this order. ``temperature`` is always sent: asked
    for greedy decoding, we never take another. ``seed`` is sent when sampling and left out where
    the endpoint refuses it: replies then cannot be repeated.
    """

    def __init__(self) -> None:
        self._refused: set[str] = set()

    def body(self, model: str, job: ChatJob[Any], decoding: Decoding) -> dict[str, Any]:
        """The request for one job."""
        messages = [dict(message, content=_clean(message["content"])) for message in job.messages]
        body: dict[str, Any] = {"model": model, "messages": messages}
        body |= self.optional(decoding)
        if "seed" in body:
            body["seed"] = (decoding.seed if job.seed is None else job.seed) % _SEEDS
        return body

    def optional(self, decoding: Decoding) -> dict[str, Any]:
        """What is sent beside the model and the messages."""
        limit = next((name for name in _LIMITS if name not in self._refused), _LIMITS[0])
        fields: dict[str, Any] = {limit: decoding.max_new_tokens}
        fields["temperature"] = decoding.temperature
        if decoding.temperature > 0 and "seed" not in self._refused:
            fields["seed"] = decoding.seed
        return fields

    def do_without(self, name: str) -> bool:
        """Leave out a field the endpoint refuses; False where there is nothing to send instead."""
        self._refused.add(name)
        return name == "seed" or (name in _LIMITS and not self._refused.issuperset(_LIMITS))


def _clean(text: str) -> str:
    """Half a surrogate pair cannot be sent; it becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
