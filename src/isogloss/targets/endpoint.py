"""A model behind an OpenAI-compatible endpoint as a target: ``openai:MODEL``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from isogloss.endpoint import ChatEndpoint, ChatJob, EndpointOptions, Message
from isogloss.records import Decoding, Request, RequestKey, Response
from isogloss.seeds import derive_seed


class EndpointTarget:
    """Asks an endpoint every prompt as a conversation of its own.

    The system prompt is the system message. Samples differ by their seeds, which come from the
    request's key, where the endpoint takes any. The model's own chat template is the server's
    affair: the same model behind another base URL may well be another (other weights, another
    template), so the URL is part of the `template` and replies of two of them never mix.

    Args:
        model: its name at the endpoint.
        options: how to reach it.

    Raises:
        ModelError: see `isogloss.endpoint.ChatEndpoint`.

    Example:
        >>> target = EndpointTarget("llama", EndpointOptions(base_url="http://localhost:8000/v1"))
        >>> target.name
        'openai:llama'
    """

    def __init__(self, model: str, options: EndpointOptions) -> None:
        self._endpoint = ChatEndpoint(model, options)
        self._name = f"openai:{model}"

    @property
    def name(self) -> str:
        return self._name

    @property
    def template(self) -> str:
        return f"endpoint {self._endpoint.base_url}"

    def model_card(self) -> dict[str, Any]:
        """What a run keeps about the model: all that is known of it from outside."""
        return {"model": self._endpoint.model, "base_url": self._endpoint.base_url}

    def check(self) -> None:
        """See `isogloss.endpoint.ChatEndpoint.check`."""
        self._endpoint.check()

    def complete(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        skip: AbstractSet[RequestKey] = frozenset(),
    ) -> Iterator[Response]:
        """One response a request, in the order in which the endpoint gives them."""
        jobs = (
            ChatJob(
                key=request,
                messages=conversation(request, decoding),
                seed=derive_seed(decoding.seed, *request.key),
            )
            for request in requests
            if request.key not in skip
        )
        for request, reply in self._endpoint.ask(jobs, decoding):
            yield Response(
                request=request,
                status=reply.status,
                text=reply.text,
                truncated=reply.truncated,
                reason=reply.reason,
                n_prompt_tokens=reply.n_prompt_tokens,
                n_tokens=reply.n_tokens,
            )


def conversation(request: Request, decoding: Decoding) -> tuple[Message, ...]:
    """The messages of one request."""
    user = Message(role="user", content=request.prompt.text)
    if not decoding.system_prompt:
        return (user,)
    return (Message(role="system", content=decoding.system_prompt), user)
