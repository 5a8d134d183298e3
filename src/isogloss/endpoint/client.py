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
from functools import partial
from typing import Any, TypeVar

from isogloss.endpoint import _explain
from isogloss.endpoint._crew import concurrently
from isogloss.endpoint._failures import Failure
from isogloss.endpoint._fields import Fields
from isogloss.endpoint._health import Health
from isogloss.endpoint._pace import Pace
from isogloss.endpoint._wire import Wire, open_wire
from isogloss.endpoint.address import OPENAI_URL, is_near, read_base_url
from isogloss.endpoint.chat import ChatJob, ChatReply
from isogloss.endpoint.options import EndpointOptions
from isogloss.errors import ModelError
from isogloss.records import Decoding

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
_PROBE_DECODING = Decoding(max_new_tokens=1)


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

    def check(self) -> None:
        """See that somebody is there who takes the key and knows the model, before long work.

        Asks for the list of models, which costs nothing. Only where that cannot be had, or does not
        name the model (it may know it by another name), is it asked a question of one word.

        Raises:
            ModelError: nobody answers, the key is refused, or there is no such model.
        """
        list(concurrently([self._check], self._session, at_once=1))

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
        work = (partial(self._settle, job=job, decoding=decoding) for job in jobs)
        return concurrently(work, self._session, at_once=self.options.connections)

    @asynccontextmanager
    async def _session(
        self,
    ) -> AsyncGenerator[Callable[[Callable[[Wire], Awaitable[Any]]], Awaitable[Any]]]:
        async with open_wire(self.base_url, self._key, self.options) as wire:

            def work(item: Callable[[Wire], Awaitable[Any]]) -> Awaitable[Any]:
                return item(wire)

            yield work

    async def _settle(
        self, wire: Wire, *, job: ChatJob[K], decoding: Decoding
    ) -> tuple[K, ChatReply]:
        return job.key, await self._answer(wire, job, decoding)

    async def _answer(self, wire: Wire, job: ChatJob[Any], decoding: Decoding) -> ChatReply:
        """Ask until the job is settled, one way or another.

        Waits the server itself asked for are no attempts: it said when to come back.
        """
        reason, waited, attempt = "not asked", 0.0, 0
        while attempt <= self.options.max_retries:
            await self._pace.turn()
            if self._health.gone:
                return ChatReply(status="error", reason=f"{reason}; {self._health.gone}")
            result = await self._call(wire, job, decoding)
            if isinstance(result, ChatReply):
                return result
            if result.fallback is not None and attempt >= _NULL_RETRIES:
                return result.fallback
            reason = result.reason
            if result.kind == "fatal" or (result.is_page and not self._health.answered):
                await self._check_fatal(wire, result)
            if result.kind != "passing":
                return ChatReply(status="error", reason=reason)
            self._take_note(result)
            if result.wait:
                waited += result.wait
                if waited <= _LONGEST_WAIT or self._health.gone:
                    continue
                break
            if attempt < self.options.max_retries:
                await asyncio.sleep(self._pause(attempt))
            attempt += 1
        reason += f" (gave up after {attempt} attempts and {waited:.0f} s of asked-for waits)"
        return ChatReply(status="error", reason=reason)

    async def _call(self, wire: Wire, job: ChatJob[Any], decoding: Decoding) -> ChatReply | Failure:
        """Ask once, and again for every field that the endpoint turns out not to take."""
        while True:
            body = self._fields.body(self.model, job, decoding)
            result = await self._send(wire, body)
            if isinstance(result, ChatReply) or result.param is None:
                return result
            if not self._fields.do_without(result.param):
                if self._health.answered:
                    return result
                value = body[result.param]
                raise _explain.no_field(self.base_url, self.model, result.param, value)
            logger.info("%s: asked without %s", self.base_url, result.param)

    async def _send(self, wire: Wire, body: dict[str, Any]) -> ChatReply | Failure:
        result, headers = await wire.send(body)
        self._pace.heard(headers)
        if isinstance(result, ChatReply):
            self._health.succeeded()
            self._pace.served((result.n_prompt_tokens or 0) + (result.n_tokens or 0))
        elif result.fallback is not None:
            self._health.succeeded()
        return result

    async def _check(self, wire: Wire) -> None:
        known = await wire.models()
        for attempt in range(_UNREACHABLE - 1):
            if not (isinstance(known, Failure) and known.is_connection):
                break
            await asyncio.sleep(self._pause(attempt))
            known = await wire.models()
        if isinstance(known, Failure) and known.is_connection:
            raise _explain.no_answer(self.base_url, known.reason)
        if isinstance(known, Failure) and known.status == 401:
            raise self._not_allowed(known)
        if isinstance(known, Failure) or self.model not in known:
            result = await self._probe(wire)
            if isinstance(result, Failure) and (result.kind == "fatal" or result.is_page):
                await self._explain_fatal(wire, result)

    async def _check_fatal(self, wire: Wire, failure: Failure) -> None:
        """Raise where nothing can be asked; return where it is only this request.

        A firewall in front of an endpoint answers 403 or 404 to a prompt it does not like: where
        nothing has been answered yet, a harmless one tells which it is.
        """
        if failure.status in (401, 402, 429):
            raise self._not_allowed(failure)
        if not self._health.answered and isinstance(await self._probe(wire), Failure):
            await self._explain_fatal(wire, failure)

    async def _probe(self, wire: Wire) -> ChatReply | Failure:
        return await self._send(wire, self._fields.body(self.model, _PROBE, _PROBE_DECODING))

    async def _explain_fatal(self, wire: Wire, failure: Failure) -> None:
        """Raise what tells most."""
        if failure.status in (401, 402, 403, 429):
            raise self._not_allowed(failure)
        known = await wire.models()
        if failure.status == 404 and known and not isinstance(known, Failure):
            raise _explain.no_model(self.base_url, self.model, known, failure)
        raise _explain.no_chat(self.base_url, failure)

    def _not_allowed(self, failure: Failure) -> ModelError:
        return _explain.not_allowed(
            self.base_url, self.options.api_key_env, has_key=bool(self._key), failure=failure
        )

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
