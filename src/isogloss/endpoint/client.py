"""Any OpenAI-compatible chat endpoint, asked concurrently through the official SDK.

The SDK's own retries are off (``max_retries=0``) and the loop here takes their place: theirs see
one request at a time, cannot slow the others down after a refusal, give up on a ``retry-after``
above two minutes, and know nothing of replies that came with HTTP 200 and are none.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from isogloss.endpoint import _explain
from isogloss.endpoint._crew import concurrently
from isogloss.endpoint._failures import Failure, of_exception, of_status
from isogloss.endpoint._fields import Fields
from isogloss.endpoint._health import Health
from isogloss.endpoint._pace import Pace
from isogloss.endpoint._reply import NoReplyError, NullReplyError, read_models, read_reply
from isogloss.endpoint.address import OPENAI_URL, is_near, read_base_url
from isogloss.endpoint.chat import ChatJob, ChatReply
from isogloss.endpoint.options import EndpointOptions
from isogloss.errors import ModelError
from isogloss.records import Decoding

if TYPE_CHECKING:
    from openai import AsyncOpenAI

logger = logging.getLogger(__name__)

K = TypeVar("K")

_LONGEST_BACKOFF = 30.0
_LONGEST_WAIT = 600.0
"""Seconds a server may ask us to wait; one that asks for more (a daily limit) counts as gone."""
_UNREACHABLE = 3
"""Connections refused before anything was answered: the address is wrong, or nobody is there."""
_NULL_RETRIES = 2
"""How often a finished reply without content is asked for again; then it is an empty reply."""
_PROBE: ChatJob[None] = ChatJob(key=None, messages=({"role": "user", "content": "Hello"},))


class ChatEndpoint:
    """One model behind one endpoint.

    What is learned of the endpoint (how fast it may be asked, which fields it takes, whether it is
    still there) is kept from one `ask` to the next. Nothing is sent before the first `ask`.

    Args:
        model: its name at the endpoint.
        options: how to reach it.

    Raises:
        ModelError: the base URL is not one, a number is out of range, or a hosted endpoint needs a
            key and the environment variable is not set.

    Example:
        >>> endpoint = ChatEndpoint("llama", EndpointOptions(base_url="http://localhost:8000/v1"))
        >>> endpoint.base_url
        'http://localhost:8000/v1'
    """

    def __init__(self, model: str, options: EndpointOptions) -> None:
        _check_numbers(options)
        self.model, self.options = model, options
        self.base_url = read_base_url(options.base_url)
        self._key = os.environ.get(options.api_key_env, "").strip()
        if not self._key and not is_near(self.base_url):
            own = ", or your own server with --base-url" if self.base_url == OPENAI_URL else ""
            raise ModelError(
                f"{self.base_url} needs a key, and the environment variable "
                f"{options.api_key_env} is not set; set it, or name another variable with "
                f"--api-key-env{own}"
            )
        self._pace = Pace(options.connections)
        self._health = Health(options.max_failures, options.patience)
        self._fields = Fields()
        self._n_unreachable = 0

    def ask(self, jobs: Iterable[ChatJob[K]], decoding: Decoding) -> Iterator[tuple[K, ChatReply]]:
        """Yield ``(job.key, reply)`` for every job, as the replies arrive.

        Args:
            jobs: drawn lazily, in the caller's thread, a few per connection ahead of the replies.
            decoding: ``max_new_tokens``, ``temperature`` and ``seed``; a system prompt is a message
                of the job and is not added here.

        Raises:
            ModelError: the endpoint, the key or the model as a whole cannot be used. What goes
                wrong with one job is a reply with status ``error``; so is every job left when a
                server that answered before is gone.
        """
        session = partial(self._session, decoding)
        return concurrently(jobs, session, at_once=self.options.connections)

    @asynccontextmanager
    async def _session(
        self, decoding: Decoding
    ) -> AsyncGenerator[Callable[[ChatJob[Any]], Awaitable[tuple[Any, ChatReply]]]]:
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient

        n, timeout = self.options.connections, self.options.timeout
        http_client = DefaultAioHttpClient(
            limits=httpx2.Limits(max_connections=n, max_keepalive_connections=n),
            timeout=httpx2.Timeout(timeout, connect=min(timeout, 10.0), pool=None),
        )
        async with AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self.base_url,
            max_retries=0,
            http_client=http_client,
        ) as client:

            async def answer(job: ChatJob[Any]) -> tuple[Any, ChatReply]:
                return job.key, await self._answer(client, job, decoding)

            yield answer

    async def _answer(
        self, client: AsyncOpenAI, job: ChatJob[Any], decoding: Decoding
    ) -> ChatReply:
        """Ask until the job is settled, one way or another."""
        reason, attempt = "not asked", 0
        for attempt in range(self.options.max_retries + 1):
            await self._pace.turn()
            if self._health.gone:
                return ChatReply(status="error", reason=f"{reason}; {self._health.gone}")
            result = await self._call(client, job, decoding)
            if isinstance(result, ChatReply):
                return result
            if result.fallback is not None and attempt >= _NULL_RETRIES:
                return result.fallback
            reason = result.reason
            if result.kind == "fatal":
                await self._check_fatal(client, result, decoding)
            if result.kind != "passing":
                return ChatReply(status="error", reason=reason)
            self._take_note(result)
            if result.wait is None and attempt < self.options.max_retries:
                await asyncio.sleep(self._pause(attempt))
        return ChatReply(status="error", reason=f"{reason} ({attempt + 1} attempts)")

    async def _call(
        self, client: AsyncOpenAI, job: ChatJob[Any], decoding: Decoding
    ) -> ChatReply | Failure:
        """Ask once, and again for every field that the endpoint turns out not to take."""
        while True:
            body = self._fields.body(self.model, job, decoding)
            result = await self._send(client, body)
            if isinstance(result, Failure) and result.kind == "unsupported":
                if self._fields.do_without(str(result.param)):
                    logger.info("%s: asked without %s", self.base_url, result.param)
                    continue
                if not self._health.answered:
                    value = body[str(result.param)]
                    raise _explain.no_field(self.base_url, self.model, str(result.param), value)
            return result

    async def _send(self, client: AsyncOpenAI, body: dict[str, Any]) -> ChatReply | Failure:
        import httpx2
        from openai import APIConnectionError, APIStatusError

        try:
            async with asyncio.timeout(self.options.timeout):
                # The response as it came: `read_reply` is stricter than the SDK, and quicker.
                response = await client.post(
                    "/chat/completions", cast_to=httpx2.Response, body=body
                )
        except APIStatusError as error:
            self._pace.heard(error.response.headers)
            sent = body.keys() - {"model", "messages"}
            failure = of_status(error.status_code, error.response.headers, error.body, sent)
            failure = self._redacted(failure)
            if failure.kind != "blocked":
                return failure
            self._health.succeeded()
            return ChatReply(status="blocked", reason=failure.reason)
        except (APIConnectionError, TimeoutError) as error:
            return of_exception(error)
        self._pace.heard(response.headers)
        return self._read(response.content, response.headers.get("content-type", ""))

    def _read(self, content: bytes, content_type: str) -> ChatReply | Failure:
        try:
            reply = read_reply(content)
        except NullReplyError as error:
            self._health.succeeded()
            return Failure(kind="passing", reason=str(error), fallback=error.reply)
        except NoReplyError as error:
            page = content_type.startswith("text/html") and not self._health.answered
            return Failure(kind="fatal" if page else "passing", reason=str(error), status=200)
        self._health.succeeded()
        self._pace.served((reply.n_prompt_tokens or 0) + (reply.n_tokens or 0))
        return reply

    def _redacted(self, failure: Failure) -> Failure:
        """Providers quote the key they refuse."""
        if not self._key or self._key not in failure.reason:
            return failure
        return replace(failure, reason=failure.reason.replace(self._key, "[key]"))

    async def _check_fatal(self, client: AsyncOpenAI, failure: Failure, decoding: Decoding) -> None:
        """Raise where nothing can be asked; return where it is only this request.

        A firewall in front of an endpoint answers 403 or 404 to a prompt it does not like: where
        nothing has been answered yet, a harmless one tells which it is.
        """
        if failure.status not in (200, 403, 404, 405):
            raise _explain.not_allowed(self.base_url, self.options.api_key_env, self._key, failure)
        if not self._health.answered:
            await self._send(client, self._fields.body(self.model, _PROBE, decoding))
        if self._health.answered:
            return
        if failure.status == 403:
            raise _explain.not_allowed(self.base_url, self.options.api_key_env, self._key, failure)
        if failure.status == 404 and (known := await self._models(client)):
            raise _explain.no_model(self.base_url, self.model, known, failure)
        raise _explain.no_chat(self.base_url, failure)

    async def _models(self, client: AsyncOpenAI) -> list[str]:
        import httpx2
        from openai import APIError

        try:
            response = await client.get("/models", cast_to=httpx2.Response)
        except APIError:
            return []
        return read_models(response.content)

    def _take_note(self, failure: Failure) -> None:
        """What a failure that may pass means for the requests after it."""
        wait = failure.wait or 0.0
        if failure.status == 429:
            self._pace.refused()
        if wait > _LONGEST_WAIT:
            self._health.give_up(f"the endpoint asks to wait {wait:.0f} s ({failure.reason})")
        else:
            self._pace.hold(wait)
        if failure.fallback is None:
            self._health.failed(failure.reason, excused=wait)
        self._n_unreachable += failure.is_connection
        if self._health.answered:
            return
        if self._health.gone or (failure.is_connection and self._n_unreachable >= _UNREACHABLE):
            raise _explain.no_answer(self.base_url, self._health.gone or failure.reason)

    def _pause(self, attempt: int) -> float:
        """Seconds to the next attempt: doubled each time, less up to half of it at random."""
        longest = min(self.options.backoff * 2.0**attempt, _LONGEST_BACKOFF)
        return longest * random.uniform(0.5, 1.0)


def _check_numbers(options: EndpointOptions) -> None:
    for name, value, least in (
        ("--connections", options.connections, 1),
        ("max_retries", options.max_retries, 0),
        ("max_failures", options.max_failures, 1),
    ):
        if value < least:
            raise ModelError(f"{name} must be {least} or more, not {value}")
    if not (math.isfinite(options.timeout) and options.timeout > 0):
        raise ModelError(f"--timeout must be seconds above 0, not {options.timeout}")
