"""What went wrong with a request, sorted by what is to be done about it.

Blocked      the provider's filter refused the prompt: status ``blocked``
Fatal        the key, the model or the account: nothing can be asked before that is mended
Passing      asked again after a while (429, 5xx, time-outs, broken connections, no reply in it)
Lasting      of this request alone (too long, not allowed): status ``error`` at once
Unsupported  a field of the request that this server does not take: asked again without it
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from isogloss.endpoint._pace import retry_after
from isogloss.endpoint.chat import ChatReply

_FILTER_CODES = (
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "data_inspection_failed",
    "moderation_blocked",
    "prompt_blocked",
    "invalid_prompt",
)
"""Codes (or types, or inner codes) of the error bodies with which filters refuse a prompt: OpenAI,
Azure, Alibaba, LiteLLM, Gemini."""
_FILTER_WORDS = re.compile(r"requires moderation|flagged|content (management )?policy", re.I)
"""What the message says where a filter answers 403 without a code of its own (OpenRouter)."""
_BROKE_CODES = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_UNSUPPORTED_CODES = ("unsupported_parameter", "unsupported_value", "unknown_parameter")
_UNSUPPORTED_WORDS = re.compile(
    r"(not|does.?n.t) support|unsupported|unrecognized|unknown|not (permitted|allowed)|extra", re.I
)
_QUOTED = 40
"""Characters of a prompt by which a quotation is known."""
_PASSING = (408, 409, 425, 429)

Kind = Literal["blocked", "fatal", "passing", "lasting", "unsupported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed call.

    Attributes:
        kind: see the module; ``unsupported`` is a field of the request the server does not take.
        reason: what to store and say.
        is_connection: the server could not be reached at all.
        wait: seconds the server asks to wait; None where it does not.
        param: for ``unsupported``, the field; else None.
        fallback: the reply to settle for where asking again does not help.
        is_page: a web page came: a gateway's, or of a server that is no endpoint.
        status: the HTTP status; None where there was no response.
    """

    kind: Kind
    reason: str
    is_connection: bool = False
    wait: float | None = None
    param: str | None = None
    status: int | None = None
    fallback: ChatReply | None = None
    is_page: bool = False


def of_status(
    status: int,
    headers: Mapping[str, str],
    body: object,
    sent: Collection[str] = (),
    prompts: Collection[str] = (),
) -> Failure:
    """Sort an HTTP error by its status and its body (the ``error`` object, or whatever came).

    Args:
        status, headers, body: of the response.
        sent: the optional fields of the request, for errors that name one.
        prompts: the texts of the request; a message that quotes one is left out of the reason.
    """
    error = _ErrorBody.of(body)
    reason = error.in_words(status, prompts)

    def failure(kind: Kind, *, wait: float | None = None, param: str | None = None) -> Failure:
        return Failure(kind=kind, reason=reason, wait=wait, param=param, status=status)

    if error.is_filter(status):
        return failure("blocked")
    if status in (401, 402, 403, 404) or error.has(_BROKE_CODES):
        return failure("fatal")
    if status in _PASSING or status >= 500:
        return failure("passing", wait=retry_after(headers))
    if status in (400, 422) and (param := error.unsupported(sent)):
        return failure("unsupported", param=param)
    return failure("lasting")


def of_exception(error: BaseException) -> Failure:
    """Sort what was raised instead of a response: a time-out or a broken connection.

    The SDK calls a refused connection a time-out where aiohttp carries it; the causes tell.
    """
    import aiohttp

    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, aiohttp.ClientConnectorError):
            reason = f"cannot connect ({_system_words(cause.os_error)})"
            return Failure(kind="passing", reason=reason, is_connection=True)
        if isinstance(cause, TimeoutError):
            return Failure(kind="passing", reason="no reply in time")
    return Failure(kind="passing", reason=f"the connection broke ({type(chain[-1]).__name__})")


def _system_words(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return str(error.strerror or error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


@dataclass(frozen=True, slots=True, kw_only=True)
class _ErrorBody:
    """The few strings providers agree on, more or less."""

    codes: tuple[str, ...]
    param: str | None
    message: str

    @classmethod
    def of(cls, body: object) -> _ErrorBody:
        outer = _mapping(body)
        error = _mapping(outer.get("error")) or outer
        inner = _mapping(error.get("innererror"))
        found = [error.get("code"), error.get("type"), inner.get("code"), outer.get("code")]
        message = error.get("message") or outer.get("message") or outer.get("detail")
        param = error.get("param")
        return cls(
            codes=tuple(code for code in found if isinstance(code, str)),
            param=param if isinstance(param, str) else None,
            message=message if isinstance(message, str) else "",
        )

    def has(self, codes: tuple[str, ...]) -> bool:
        return any(code.lower() in codes for code in self.codes)

    def is_filter(self, status: int) -> bool:
        if self.has(_FILTER_CODES):
            return True
        return status == 403 and bool(_FILTER_WORDS.search(self.message))

    def unsupported(self, sent: Collection[str]) -> str | None:
        """The field of those sent that the server does not take, if it says so."""
        if not (self.has(_UNSUPPORTED_CODES) or _UNSUPPORTED_WORDS.search(self.message)):
            return None
        if self.param in sent:
            return self.param
        return next((name for name in sent if re.search(rf"\b{name}\b", self.message)), None)

    def in_words(self, status: int, prompts: Collection[str]) -> str:
        code = next((code for code in self.codes if code != "error"), "")
        quotes = any(prompt[:_QUOTED].strip() in self.message for prompt in prompts if prompt)
        said = "" if quotes else " ".join(self.message.split())[:200]
        return ": ".join(part for part in (f"HTTP {status} {code}".strip(), said) if part)


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
