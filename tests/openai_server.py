"""A local server that speaks the OpenAI chat API, for tests: answers, counts, fails on command.

    with openai_server(lambda messages: "a reply", faults=one_in(10, "500")) as server:
        EndpointOptions(base_url=server.base_url)
        server.calls  # what was asked, in the order it came in

It runs in a thread of the test's process, on a free port of 127.0.0.1. As a script it is a process
of its own, for measurements: ``python tests/openai_server.py [--latency 0.02] [--count FILE]``
prints its base URL on the first line and serves until it is stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

Message = dict[str, Any]
Reply = Callable[[list[Message]], "str | dict[str, Any]"]
"""From the messages to the content of the reply, or to a dict: fields of the reply's message
(``content``, ``refusal``, ``reasoning_content``) and, apart from these, ``finish_reason``,
``usage``, ``headers``, and ``status`` with ``error`` for an HTTP error instead of a reply."""
Faults = Callable[[int], "str | None"]
"""From the number of a call (0, 1, … in the order they come in) to one of `FAULTS`, or None."""

FAULTS = (
    "429",
    "429-retry-after",
    "500",
    "hang",
    "reset",
    "truncated-json",
    "empty-choices",
    "null-content",
    "filter-error",
    "filter-finish",
    "dies",
)


def one_in(n: int, fault: str, *, first: int = 3) -> Faults:
    """``fault`` on every ``n``-th call, from call number ``first`` on."""
    assert fault in FAULTS, fault
    return lambda number: fault if number >= first and (number - first) % n == 0 else None


def after(n_calls: int, fault: str) -> Faults:
    """``fault`` on every call from number ``n_calls`` on."""
    assert fault in FAULTS, fault
    return lambda number: fault if number >= n_calls else None


def echo(messages: list[Message]) -> str:
    """The default reply: says back the last message."""
    return f"echo {messages[-1]['content']}"


@dataclass
class Call:
    """One request as it came in: its JSON body, its headers in lower case, what was done to it."""

    body: dict[str, Any]
    headers: dict[str, str]
    fault: str | None

    @property
    def messages(self) -> list[Message]:
        return self.body["messages"]


@dataclass
class OpenAIServer:
    """The running server.

    Attributes:
        reply, latency, faults, models, api_key: as in `openai_server`; may be changed while it
            runs.
        refuse_fields: fields of a request that get HTTP 400 ``unsupported_parameter``.
        calls: every chat request that came in, faulty ones included.
        n_at_once, most_at_once: chat requests in work now, and the most there ever were.
    """

    reply: Reply = echo
    latency: float = 0.0
    faults: Faults | None = None
    models: tuple[str, ...] = ("test-model",)
    api_key: str | None = None
    refuse_fields: tuple[str, ...] = ()
    port: int = 0
    base_url: str = ""
    keep_calls: bool = True
    calls: list[Call] = field(default_factory=list[Call])
    n_calls: int = 0
    n_at_once: int = 0
    most_at_once: int = 0
    _sites: list[web.TCPSite] = field(default_factory=list[web.TCPSite])

    async def start(self) -> web.AppRunner:
        """Listen on a free port of 127.0.0.1."""
        app = web.Application(client_max_size=1 << 28)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self._sites = [site]
        self.port = runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        return runner

    async def _models(self, request: web.Request) -> web.Response:
        del request
        data = [{"id": name, "object": "model"} for name in self.models]
        return web.json_response({"object": "list", "data": data})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        number = self.n_calls
        self.n_calls += 1
        body = await request.json()
        fault = self.faults(number) if self.faults else None
        if self.keep_calls:
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.calls.append(Call(body=body, headers=headers, fault=fault))
        self.n_at_once += 1
        self.most_at_once = max(self.most_at_once, self.n_at_once)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            return await self._answer(request, body, fault)
        finally:
            self.n_at_once -= 1

    async def _answer(
        self, request: web.Request, body: dict[str, Any], fault: str | None
    ) -> web.StreamResponse:
        if refused := self._refused(request, body):
            return refused
        match fault:
            case "429":
                return _error(429, "Rate limit reached", "rate_limit_exceeded")
            case "429-retry-after":
                headers = {"retry-after": "0.05"}
                return _error(429, "Rate limit reached", "rate_limit_exceeded", headers=headers)
            case "500":
                return _error(500, "The server had an error", "server_error")
            case "hang":
                await asyncio.sleep(3600)
            case "reset" | "dies":
                if fault == "dies":
                    await self._stop_listening()
                assert request.transport is not None
                request.transport.abort()
            case "filter-error":
                return _error(400, "The prompt was filtered", "content_filter")
            case _:
                pass
        reply = self.reply(body["messages"])
        if isinstance(reply, dict) and "status" in reply:
            return web.json_response(
                {"error": reply.get("error")}, status=reply["status"], headers=reply.get("headers")
            )
        answer, headers = _completion(body, reply)
        if fault == "empty-choices":
            answer["choices"] = []
        elif fault == "null-content":
            answer["choices"][0]["message"]["content"] = None
        elif fault == "filter-finish":
            answer["choices"][0] |= {"finish_reason": "content_filter"}
            answer["choices"][0]["message"]["content"] = ""
        text = json.dumps(answer)
        if fault == "truncated-json":
            text = text[: len(text) // 2]
        return web.Response(text=text, content_type="application/json", headers=headers)

    def _refused(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return _error(401, "Incorrect API key provided", "invalid_api_key")
        if body["model"] not in self.models:
            return _error(404, f"The model {body['model']!r} does not exist", "model_not_found")
        for name in self.refuse_fields:
            if name in body:
                message = f"Unsupported parameter: {name!r} is not supported with this model."
                return _error(400, message, "unsupported_parameter", param=name)
        return None

    async def _stop_listening(self) -> None:
        sites, self._sites = self._sites, []
        for site in sites:
            await site.stop()


def _error(
    status: int,
    message: str,
    code: str,
    *,
    param: str | None = None,
    headers: dict[str, str] | None = None,
) -> web.Response:
    error = {"message": message, "type": "error", "param": param, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)


def _completion(
    body: dict[str, Any], reply: str | dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    fields: dict[str, Any] = {"content": reply} if isinstance(reply, str) else dict(reply)
    finish_reason = fields.pop("finish_reason", "stop")
    headers = fields.pop("headers", {})
    n_prompt = sum(len(str(message["content"]).split()) for message in body["messages"])
    n_reply = len(str(fields.get("content") or "").split())
    usage = {"prompt_tokens": n_prompt, "completion_tokens": n_reply}
    usage = fields.pop("usage", usage | {"total_tokens": n_prompt + n_reply})
    message = {"role": "assistant", "content": None} | fields
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0}
    answer |= {"model": body["model"], "choices": [choice], "usage": usage}
    return answer, headers


@contextmanager
def openai_server(
    reply: Reply = echo,
    *,
    latency: float = 0.0,
    faults: Faults | None = None,
    models: tuple[str, ...] = ("test-model",),
    api_key: str | None = None,
    refuse_fields: tuple[str, ...] = (),
    port: int = 0,
) -> Iterator[OpenAIServer]:
    """Serve in a thread until the block ends.

    Args:
        reply: what to answer (see `Reply`); called in the server's thread.
        latency: seconds before each answer.
        faults: which calls fail and how (see `Faults`; `one_in`, `after`).
        models: the names it knows; others get HTTP 404 ``model_not_found``.
        api_key: asked for where given; another one gets HTTP 401.
        refuse_fields: fields of a request that get HTTP 400 ``unsupported_parameter``.
        port: to listen on; a free one unless given.
    """
    server = OpenAIServer(
        reply=reply,
        latency=latency,
        faults=faults,
        models=models,
        api_key=api_key,
        refuse_fields=refuse_fields,
        port=port,
    )
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    with ThreadPoolExecutor(1) as executor:
        ended = executor.submit(lambda: asyncio.run(_run(server, ready)))
        loop, stop = ready.result(10)
        try:
            yield server
        finally:
            loop.call_soon_threadsafe(stop.set)
            ended.result(10)


async def _run(
    server: OpenAIServer, ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]
) -> None:
    runner = await server.start()
    stop = asyncio.Event()
    ready.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()
    await runner.cleanup()


async def _serve(options: argparse.Namespace) -> None:
    if options.count:
        log = options.count.open("a", buffering=1)

        def counted(messages: list[Message]) -> str:
            log.write(json.dumps(messages[-1]["content"]) + "\n")
            return echo(messages)

        server = OpenAIServer(reply=counted, latency=options.latency, keep_calls=False)
    else:
        server = OpenAIServer(latency=options.latency, keep_calls=False)
    await server.start()
    sys.stdout.write(f"{server.base_url}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--count", type=Path, help="append the last message of every call here")
    asyncio.run(_serve(parser.parse_args()))
