"""Replies, errors, headers and addresses, as servers really write them."""

from __future__ import annotations

import email.utils
import json
import time

import pytest

from isogloss.endpoint._failures import of_status
from isogloss.endpoint._pace import Pace, read_duration, retry_after
from isogloss.endpoint._reply import NoReplyError, NullReplyError, read_models, read_reply
from isogloss.endpoint.address import is_near, read_base_url


def body(message: object, finish_reason: object = "stop", **more: object) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return json.dumps({"choices": [choice], **more}).encode()


@pytest.mark.parametrize(
    ("message", "finish", "status", "text", "truncated"),
    [
        ({"content": "yes"}, "stop", "ok", "yes", False),
        ({"content": "yes"}, None, "ok", "yes", False),
        ({"content": "yes"}, "length", "ok", "yes", True),
        ({"content": ""}, "stop", "ok", "", False),
        ({"content": None, "refusal": "I can't help."}, "stop", "ok", "I can't help.", False),
        ({"content": None, "reasoning_content": "hm"}, "length", "ok", "", True),
        ({"content": "so", "reasoning_content": "hm"}, "stop", "ok", "so", False),
        ({"content": None}, "content_filter", "blocked", "", False),
        ({"content": "half"}, "content_filter", "blocked", "half", False),
        ({"content": None}, "SAFETY", "blocked", "", False),
        ({"content": [{"type": "text", "text": "a"}, {"text": "b"}]}, "stop", "ok", "ab", False),
    ],
)
def test_replies(message: object, finish: object, status: str, text: str, truncated: bool) -> None:
    reply = read_reply(body(message, finish))
    assert (reply.status, reply.text, reply.truncated) == (status, text, truncated)
    assert (reply.reason is None) == (status == "ok")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"null",
        b'{"choices": [',
        b"{}",
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": [{}]}',
        b'{"error": {"message": "SECRET"}}',
        b'{"choices": [{"message": {"content": {"SECRET": 1}}}]}',
    ],
)
def test_what_is_no_reply_is_said_without_its_content(raw: bytes) -> None:
    with pytest.raises(NoReplyError) as caught:
        read_reply(raw)
    assert "SECRET" not in str(caught.value)


def test_a_message_without_content_for_no_reason() -> None:
    with pytest.raises(NullReplyError) as caught:
        read_reply(body({"content": None}, usage={"prompt_tokens": 3, "completion_tokens": 0}))
    assert (caught.value.reply.text, caught.value.reply.n_prompt_tokens) == ("", 3)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": "x"}])
def test_tokens_that_are_not_counted_are_not_zero(usage: object) -> None:
    reply = read_reply(body({"content": "yes"}, usage=usage))
    assert (reply.n_prompt_tokens, reply.n_tokens) == (None, None)


def test_models_are_listed_or_nothing() -> None:
    assert read_models(b'{"data": [{"id": "a", "x": 1}, {"id": "b"}]}') == ["a", "b"]
    assert read_models(b"<html>") == read_models(b'{"data": null}') == []


SENT = ("max_tokens", "temperature", "seed")


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"code": "content_filter", "message": "filtered"}, "blocked"),
        (400, {"code": "content_policy_violation"}, "blocked"),
        (400, {"innererror": {"code": "ResponsibleAIPolicyViolation"}}, "blocked"),
        (400, {"code": "invalid_prompt", "message": "usage policy"}, "blocked"),
        (403, {"message": "your chosen model requires moderation: input flagged"}, "blocked"),
        (401, {"code": "invalid_api_key"}, "fatal"),
        (402, {"message": "Insufficient credits"}, "fatal"),
        (403, {"code": "unsupported_country"}, "fatal"),
        (404, {"code": "model_not_found"}, "fatal"),
        (429, {"code": "insufficient_quota"}, "fatal"),
        (429, {"code": "rate_limit_exceeded"}, "passing"),
        (500, None, "passing"),
        (503, "<html>", "passing"),
        (529, {"type": "overloaded_error"}, "passing"),
        (408, None, "passing"),
        (400, {"code": "context_length_exceeded", "message": "max_tokens"}, "lasting"),
        (413, None, "lasting"),
        (400, {"code": "unsupported_parameter", "param": "max_tokens"}, "unsupported"),
        (400, {"code": "unsupported_value", "param": "temperature"}, "unsupported"),
        (400, {"message": "Unsupported parameter: 'seed'"}, "unsupported"),
        (422, {"message": "Unexpected fields in the request: seed not permitted"}, "unsupported"),
        (400, {"code": "unsupported_parameter", "param": "logprobs"}, "lasting"),
    ],
)
def test_errors_are_sorted(status: int, error: object, kind: str) -> None:
    assert of_status(status, {}, error, SENT).kind == kind
    assert of_status(status, {}, {"error": error}, SENT).kind == kind


def test_the_reason_is_one_short_line() -> None:
    reason = of_status(500, {}, {"code": "server_error", "message": "a\n" * 900}).reason
    assert reason.startswith("HTTP 500 server_error: a a")
    assert "\n" not in reason
    assert len(reason) < 300


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1.5", 1.5),
        ("20ms", 0.02),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("1s", 1),
        ("2m", 120),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("nan", None),
        (None, None),
    ],
)
def test_durations(text: str | None, seconds: float | None) -> None:
    assert read_duration(text) == seconds


def test_how_long_to_wait() -> None:
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert retry_after({"retry-after": "9"}) == 9
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None
    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert 57 < (retry_after({"retry-after": date}) or 0) <= 60


@pytest.mark.parametrize(
    ("headers", "gap"),
    [
        ({"x-ratelimit-remaining-requests": "100", "x-ratelimit-reset-requests": "10s"}, 0),
        ({"x-ratelimit-remaining-requests": "4", "x-ratelimit-reset-requests": "10s"}, 2.5),
        ({"x-ratelimit-remaining-tokens": "400", "x-ratelimit-reset-tokens": "8s"}, 2),
        ({"x-ratelimit-remaining-tokens": "x", "x-ratelimit-reset-tokens": "8s"}, 0),
        ({"x-ratelimit-remaining-requests": "4"}, 0),
        ({}, 0),
    ],
)
def test_what_is_left_is_spread_over_the_time_to_the_reset(
    headers: dict[str, str], gap: float
) -> None:
    """Four connections; a request takes 100 tokens."""
    pace = Pace(4)
    pace.served(100)
    pace.heard(headers)
    assert pace.gap == pytest.approx(gap)


def test_a_message_that_quotes_the_prompt_is_not_in_the_reason() -> None:
    error = {"code": "bad", "message": "cannot read 'how do I harm' in field messages"}
    assert of_status(400, {}, error, (), ["how do I harm"]).reason == "HTTP 400 bad"
    assert "cannot read" in of_status(400, {}, error, (), ["something else"]).reason


def test_refusals_widen_the_gap_once_a_round_and_replies_close_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = Pace(4)
    for _ in range(64):
        pace.refused()
    assert pace.gap == 0.001, "what was in flight together counts as one"
    gaps: list[float] = []
    for _ in range(5):
        now += 10
        pace.refused()
        gaps.append(pace.gap)
    assert gaps == pytest.approx([0.003, 0.007, 0.015, 0.031, 0.063])
    pace.served(1)
    assert pace.gap == pytest.approx(0.0567)
    for _ in range(100):
        pace.served(1)
    assert pace.gap == 0


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://gpu-box:8000/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://8.8.8.8/v1", False),
    ],
)
def test_near_servers_need_no_key(url: str, near: bool) -> None:
    assert is_near(url) == near


def test_base_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert read_base_url(None) == "https://api.openai.com/v1"
    assert read_base_url("http://h/v1/") == "http://h/v1"
    assert read_base_url("http://h/v1/chat/completions") == "http://h/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://mine/v1")
    assert read_base_url(None) == "http://mine/v1"


def test_half_a_character_is_no_reason_to_pay_again() -> None:
    body = rb'{"choices":[{"message":{"content":"cut \ud83d here, whole \ud83d\ude00"}}]}'
    assert read_reply(body).text == "cut \ufffd here, whole \U0001f600"
