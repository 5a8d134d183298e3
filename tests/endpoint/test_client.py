"""One endpoint: what is sent, how much at once, what is learned, and what cannot be used."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from isogloss.endpoint import ChatEndpoint, ChatJob, ChatReply, EndpointOptions
from isogloss.errors import ModelError
from isogloss.records import Decoding
from openai_server import OpenAIServer, openai_server

KEY = "sk-this-is-secret-0123456789"


def jobs(n: int, *, seed: int | None = None) -> Iterator[ChatJob[int]]:
    for i in range(n):
        yield ChatJob(key=i, messages=({"role": "user", "content": f"job {i}"},), seed=seed)


def options(base_url: str, **changes: object) -> EndpointOptions:
    given = {"base_url": base_url, "connections": 4, "timeout": 5.0, "backoff": 0.005}
    return EndpointOptions(**(given | changes))  # pyright: ignore[reportArgumentType]


def ask(
    server: OpenAIServer, n: int = 8, decoding: Decoding | None = None, **changes: object
) -> dict[int, ChatReply]:
    endpoint = ChatEndpoint("test-model", options(server.base_url, **changes))
    return dict(endpoint.ask(jobs(n), decoding or Decoding()))


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def test_replies_come_with_their_own_key_in_any_order() -> None:
    with openai_server(latency=0.01) as server:
        replies = ask(server, 40)
    assert {key: reply.text for key, reply in replies.items()} == {
        i: f"echo job {i}" for i in range(40)
    }
    assert replies[7].n_prompt_tokens == 2
    assert replies[7].n_tokens == 3


def test_no_more_at_once_than_connections_and_no_fewer() -> None:
    with openai_server(latency=0.02) as server:
        ask(server, 40, connections=7)
        assert server.most_at_once == 7


def test_jobs_are_drawn_lazily_in_the_callers_thread_and_memory_is_bounded() -> None:
    drawn = 0
    threads: set[int] = set()

    def counted() -> Iterator[ChatJob[int]]:
        nonlocal drawn
        for job in jobs(500):
            drawn += 1
            threads.add(threading.get_ident())
            yield job

    with openai_server() as server:
        endpoint = ChatEndpoint("test-model", options(server.base_url))
        for n_replies, _ in enumerate(endpoint.ask(counted(), Decoding()), start=1):
            assert drawn - n_replies <= 3 * 4
    assert threads == {threading.get_ident()}


def test_a_caller_that_stops_leaves_nothing_behind() -> None:
    n_threads = threading.active_count()
    with openai_server(latency=0.01) as server:
        endpoint = ChatEndpoint("test-model", options(server.base_url))
        replies = endpoint.ask(jobs(100), Decoding())
        next(replies)
        replies.close()  # pyright: ignore[reportAttributeAccessIssue]
        assert server.n_calls < 30
    assert threading.active_count() == n_threads


def test_an_error_in_the_callers_jobs_reaches_the_caller() -> None:
    def broken() -> Iterator[ChatJob[int]]:
        yield from jobs(2)
        raise KeyError("mine")

    with openai_server() as server:
        endpoint = ChatEndpoint("test-model", options(server.base_url))
        with pytest.raises(KeyError, match="mine"):
            list(endpoint.ask(broken(), Decoding()))


def test_greedy_sends_temperature_zero_and_no_seed() -> None:
    with openai_server() as server:
        ask(server, 1, Decoding(max_new_tokens=17))
    assert server.calls[0].body == {
        "model": "test-model",
        "messages": [{"role": "user", "content": "job 0"}],
        "max_tokens": 17,
        "temperature": 0.0,
    }
    assert server.calls[0].headers["authorization"] == "Bearer none"


def test_sampling_sends_the_seed_of_the_job_or_else_the_decodings() -> None:
    with openai_server() as server:
        endpoint = ChatEndpoint("test-model", options(server.base_url))
        list(endpoint.ask(jobs(1), Decoding(temperature=0.7, seed=5)))
        list(endpoint.ask(jobs(1, seed=11), Decoding(temperature=0.7, seed=5)))
    assert [call.body["seed"] for call in server.calls] == [5, 11]
    assert server.calls[0].body["temperature"] == 0.7


def test_a_server_that_wants_the_newer_limit_is_asked_for_it_from_then_on() -> None:
    with openai_server(refuse_fields=("max_tokens",)) as server:
        replies = ask(server, 20, connections=1)
        fields = ["max_tokens" in call.body for call in server.calls]
    assert {reply.status for reply in replies.values()} == {"ok"}
    assert fields == [True] + [False] * 20
    assert server.calls[-1].body["max_completion_tokens"] == 64


def test_a_server_without_seeds_is_asked_without() -> None:
    with openai_server(refuse_fields=("seed",)) as server:
        replies = ask(server, 5, Decoding(temperature=1.0), connections=1)
    assert {reply.status for reply in replies.values()} == {"ok"}
    assert "seed" not in server.calls[-1].body


def test_a_temperature_is_never_dropped_in_silence() -> None:
    with (
        openai_server(refuse_fields=("temperature",)) as server,
        pytest.raises(ModelError, match=r"does not take temperature 0.0; choose another"),
    ):
        ask(server)


def test_half_a_surrogate_pair_is_asked_as_a_question_mark() -> None:
    with openai_server() as server:
        endpoint = ChatEndpoint("test-model", options(server.base_url))
        job = ChatJob(key=0, messages=({"role": "user", "content": "a\ud800b é"},))
        [(_, reply)] = endpoint.ask([job], Decoding())
    assert reply.text == "echo a?b é"


def test_limits_are_met_and_not_run_into() -> None:
    """Ten requests each half second, and the headers say how many are left: none is refused."""
    starts: list[float] = []
    refused: list[int] = []

    def reply(_: object) -> dict[str, object]:
        now = time.monotonic()
        if not starts or now - starts[-1] >= 0.5:
            starts.append(now)
            used.clear()
        used.append(now)
        headers = {
            "x-ratelimit-remaining-requests": str(max(0, 10 - len(used))),
            "x-ratelimit-reset-requests": f"{1000 * (starts[-1] + 0.5 - now):.0f}ms",
        }
        if len(used) > 10:
            refused.append(1)
            return {"status": 429, "error": {"message": "slow down"}, "headers": headers}
        return {"content": "yes", "headers": headers}

    used: list[float] = []
    with openai_server(reply) as server:
        replies = ask(server, 24, connections=2)
    assert {reply.status for reply in replies.values()} == {"ok"}
    assert len(starts) >= 3, "24 requests take three windows"
    assert not refused


def test_waits_the_server_asks_for_are_no_attempts() -> None:
    """One request each 30 ms and one retry: whoever is told when to come back gets a reply."""
    free_at = 0.0

    def reply(_: object) -> str | dict[str, object]:
        nonlocal free_at
        now = time.monotonic()
        if now < free_at:
            headers = {"retry-after-ms": f"{1000 * (free_at - now):.0f}"}
            return {"status": 429, "error": {"message": "slow down"}, "headers": headers}
        free_at = now + 0.03
        return "yes"

    with openai_server(reply) as server:
        replies = ask(server, 20, connections=8, max_retries=1)
    assert {reply.status for reply in replies.values()} == {"ok"}


def test_a_daily_limit_ends_the_asking_at_once() -> None:
    def reply(messages: list[dict[str, str]]) -> str | dict[str, object]:
        if messages[-1]["content"] in ("job 0", "job 1"):
            return "yes"
        error = {"message": "limit of today reached", "code": "rate_limit_exceeded"}
        return {"status": 429, "error": error, "headers": {"retry-after": "40000"}}

    with openai_server(reply) as server:
        replies = ask(server, 30, connections=1)
        assert server.n_calls == 3
    assert sum(reply.status == "ok" for reply in replies.values()) == 2
    assert all("asks to wait 40000 s" in str(r.reason) for r in replies.values() if not r.text)


@pytest.mark.parametrize("message", ["Unsupported: see the docs", "max_tokens is too large"])
def test_a_lasting_refusal_is_not_mistaken_for_a_dialect(message: str) -> None:
    def reply(messages: list[dict[str, str]]) -> str | dict[str, object]:
        if messages[-1]["content"] == "job 2":
            return {"status": 400, "error": {"message": message, "code": "invalid_value"}}
        return "yes"

    with openai_server(reply) as server:
        replies = ask(server)
        assert server.n_calls == 8
    assert [key for key, reply in replies.items() if reply.status == "error"] == [2]


def test_a_firewall_that_dislikes_one_prompt_does_not_stop_the_others() -> None:
    def reply(messages: list[dict[str, str]]) -> str | dict[str, object]:
        if messages[-1]["content"] == "job 0":
            return {"status": 403, "error": "Access denied"}
        return "yes"

    with openai_server(reply) as server:
        replies = ask(server, connections=1)
    assert replies[0].status == "error"
    assert "HTTP 403" in str(replies[0].reason)
    assert {reply.status for key, reply in replies.items() if key} == {"ok"}


def test_content_that_stays_null_is_an_empty_reply() -> None:
    with openai_server(lambda _: {"content": None}) as server:
        replies = ask(server, 2, connections=1)
        assert server.n_calls == 6, "asked for three times each"
    assert {(reply.status, reply.text) for reply in replies.values()} == {("ok", "")}


def test_a_wrong_key_is_one_sentence_without_the_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", KEY)
    error = {"message": f"Incorrect API key provided: {KEY}.", "code": "invalid_api_key"}
    with (
        openai_server(lambda _: {"status": 401, "error": error}) as server,
        pytest.raises(ModelError, match="check the key in MY_KEY") as caught,
    ):
        ask(server, api_key_env="MY_KEY")
    assert server.calls[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(caught.value)
    assert KEY not in caplog.text


def test_a_key_that_is_asked_for_and_not_there() -> None:
    with (
        openai_server(api_key="sk-good") as server,
        pytest.raises(ModelError, match="set its key in OPENAI_API_KEY"),
    ):
        ask(server)
    with pytest.raises(ModelError, match="OPENAI_API_KEY is not set"):
        ChatEndpoint("gpt", EndpointOptions())
    with pytest.raises(ModelError, match=r"https://llm\.example\.com/v1 needs a key"):
        ChatEndpoint("gpt", EndpointOptions(base_url="https://llm.example.com/v1"))


def test_an_unknown_model_lists_the_known() -> None:
    with openai_server(models=("llama", "qwen")) as server:
        endpoint = ChatEndpoint("lama", options(server.base_url))
        with pytest.raises(ModelError, match=r"'lama' .*it has: llama, qwen"):
            list(endpoint.ask(jobs(3), Decoding()))
        with pytest.raises(ModelError, match=r"'lama' .*it has: llama, qwen"):
            endpoint.check()


@pytest.mark.parametrize("change", ["/v1x", ""])
def test_a_base_url_that_leads_elsewhere(change: str) -> None:
    with openai_server() as server:
        url = server.base_url.removesuffix("/v1") + change
        endpoint = ChatEndpoint("test-model", options(url))
        for act in (endpoint.check, lambda: list(endpoint.ask(jobs(3), Decoding()))):
            with pytest.raises(ModelError, match=r"no OpenAI-compatible .*most end in /v1"):
                act()


def test_nobody_there() -> None:
    with openai_server() as server:
        url = server.base_url
    endpoint = ChatEndpoint("test-model", options(url))
    for act in (endpoint.check, lambda: list(endpoint.ask(jobs(3), Decoding()))):
        with pytest.raises(ModelError, match=r"does not answer: cannot connect \(connection ref"):
            act()


def test_a_check_costs_nothing_where_the_model_is_listed() -> None:
    with openai_server() as server:
        ChatEndpoint("test-model", options(server.base_url)).check()
        assert server.n_calls == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"connections": 0}, "--connections must be 1 or more"),
        ({"timeout": 0.0}, "--timeout must be seconds above 0"),
        ({"timeout": float("nan")}, "--timeout must be seconds above 0"),
        ({"base_url": "localhost:8000"}, "is no address"),
        ({"base_url": "http://h:99999/v1"}, "is no address"),
        ({"base_url": "ftp://host/v1"}, "is no address"),
        ({"base_url": "http://user:secret@host/v1"}, "must hold no user"),
        ({"base_url": "http://host/v1?key=secret"}, "must hold no user"),
    ],
)
def test_options_that_cannot_be(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        ChatEndpoint("m", options(**({"base_url": "http://localhost/v1"} | changes)))  # pyright: ignore[reportArgumentType]
    assert "secret" not in str(caught.value)
