"""How an endpoint is reached and how hard it is asked; free of the SDK, so that anyone may import
it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """Options of everything that asks an OpenAI-compatible server.

    Attributes:
        base_url: of the server, up to and with ``/v1``; None is the environment variable
            ``OPENAI_BASE_URL``, and where that is not set, OpenAI's own.
        api_key_env: the environment variable that holds the key. A server on this machine or in a
            private network is asked without one where the variable is not set.
        connections: requests in flight at once.
        timeout: seconds a request may take, from sending to the last byte of its reply.
        max_retries: how often a request is asked again after a failure that may pass (429, 5xx,
            time-outs, broken connections, replies that are not one) before it is an error.
        backoff: seconds before the first of these; each further one waits twice as long, less a
            random part, and never more than 30 s.
        max_failures, patience: when so many calls in a row have failed, over all requests, and so
            many seconds have passed since the first of them, the server counts as gone, and what is
            left is not asked.
    """

    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    connections: int = 16
    timeout: float = 120.0
    max_retries: int = 6
    backoff: float = 0.5
    max_failures: int = 20
    patience: float = 60.0
