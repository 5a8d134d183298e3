"""One call over the official SDK: a body goes out, a reply or a failure comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from isogloss.endpoint._failures import Failure, of_exception, of_status
from isogloss.endpoint._reply import NoReplyError, NullReplyError, read_models, read_reply
from isogloss.endpoint.address import is_near
from isogloss.endpoint.chat import ChatReply
from isogloss.endpoint.options import EndpointOptions

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

_CONNECT = 10.0
_LISTING = 20.0
"""Seconds a connection, and the list of models, may take at most."""


class Wire:
    """An open client; see `open_wire`."""

    def __init__(self, client: AsyncOpenAI, key: str, timeout: float) -> None:
        self._client, self._key, self._timeout = client, key, timeout

    async def send(self, body: Mapping[str, Any]) -> tuple[ChatReply | Failure, Mapping[str, str]]:
        """One chat request: what came of it, and the headers of the response (perhaps none)."""
        from openai import APIConnectionError, APIStatusError

        try:
            async with asyncio.timeout(self._timeout):
                response = await self._post(body)
        except APIStatusError as error:
            sent = body.keys() - {"model", "messages"}
            headers = error.response.headers
            prompts = [message["content"] for message in body["messages"]]
            failure = of_status(error.status_code, headers, error.body, sent, prompts)
            failure = self._redacted(failure)
            if failure.kind == "blocked":
                return ChatReply(status="blocked", reason=failure.reason), headers
            return failure, headers
        except (APIConnectionError, TimeoutError) as error:
            return of_exception(error), {}
        return _read(response), response.headers

    async def _post(self, body: Mapping[str, Any]) -> httpx2.Response:
        import httpx2

        # The response as it came: `read_reply` is stricter than the SDK, and quicker.
        return await self._client.post("/chat/completions", cast_to=httpx2.Response, body=body)

    async def models(self) -> list[str] | Failure:
        """Names of the models the endpoint lists; empty where it answers something else."""
        import httpx2
        from openai import APIConnectionError, APIStatusError

        try:
            async with asyncio.timeout(min(self._timeout, _LISTING)):
                response = await self._client.get("/models", cast_to=httpx2.Response)
        except APIStatusError as error:
            return self._redacted(of_status(error.status_code, error.response.headers, error.body))
        except (APIConnectionError, TimeoutError) as error:
            return of_exception(error)
        return read_models(response.content)

    def _redacted(self, failure: Failure) -> Failure:
        """Providers quote the key they refuse."""
        if not self._key or self._key not in failure.reason:
            return failure
        return replace(failure, reason=failure.reason.replace(self._key, "[key]"))


def _read(response: httpx2.Response) -> ChatReply | Failure:
    try:
        return read_reply(response.content)
    except NullReplyError as error:
        return Failure(kind="passing", reason=str(error), status=200, fallback=error.reply)
    except NoReplyError as error:
        page = response.headers.get("content-type", "").startswith("text/html")
        reason = f"{error} (a web page)" if page else str(error)
        return Failure(kind="passing", reason=reason, status=200, is_page=page)


@asynccontextmanager
async def open_wire(base_url: str, key: str, options: EndpointOptions) -> AsyncGenerator[Wire]:
    """A client for as long as the block lasts; without retries of its own."""
    import httpx2
    from openai import AsyncOpenAI, DefaultAioHttpClient

    n, timeout = options.connections, options.timeout
    http_client = DefaultAioHttpClient(
        limits=httpx2.Limits(max_connections=n, max_keepalive_connections=n),
        # A proxy of the environment leads out, never to a server of one's own.
        trust_env=not is_near(base_url),
        timeout=httpx2.Timeout(timeout, connect=min(timeout, _CONNECT), pool=None),
    )
    # The SDK insists on a key; a server without one ignores it.
    async with AsyncOpenAI(
        api_key=key or "none", base_url=base_url, max_retries=0, http_client=http_client
    ) as client:
        yield Wire(client, key, timeout)
