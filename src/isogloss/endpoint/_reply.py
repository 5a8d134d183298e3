"""The body of a chat completion, read with suspicion: servers differ in what they leave out."""

from __future__ import annotations

import json
import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from isogloss.endpoint.chat import ChatReply

_FILTERED = ("content_filter", "safety", "prohibited_content", "blocklist", "sensitive")
"""How the finish reasons of providers begin that say their filter cut or withheld the reply."""


class NoReplyError(Exception):
    """What came with HTTP 200 is no reply; asking again may help."""


class NullReplyError(NoReplyError):
    """A message without content for no reason given; ``reply`` is it, as an empty one."""

    def __init__(self, reply: ChatReply) -> None:
        super().__init__("the message has no content")
        self.reply = reply


def _count(value: object) -> object:
    """Servers that do not count say null, 0.0 or nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Usage(_Body):
    prompt_tokens: Annotated[int | None, BeforeValidator(_count)] = None
    completion_tokens: Annotated[int | None, BeforeValidator(_count)] = None


class _Part(_Body):
    text: str | None = None


class _Message(_Body):
    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Choice(_Body):
    message: _Message
    finish_reason: str | None = None


class _Completion(_Body):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None


_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")


def _mended(body: bytes) -> bytes | str:
    """The body with U+FFFD for halves of characters, which a cut stream may leave in a reply."""
    if not _HALF_CHARACTER.search(body):
        return body
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        return body
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_reply(body: bytes) -> ChatReply:
    """What a response with HTTP 200 says.

    A model's own ``refusal`` is the text of its reply; what a reasoning model thought before it
    spoke is not. A reply that ended while the model still thought is empty and truncated.

    Raises:
        NoReplyError: not JSON, cut, no choice in it.
        NullReplyError: a finished message whose content is null.
    """
    try:
        completion = _Completion.model_validate_json(_mended(body))
    except ValidationError as error:
        raise NoReplyError(_in_words(error)) from None
    if not completion.choices:
        raise NoReplyError("the response has no choices")
    choice, usage = completion.choices[0], completion.usage
    finish = (choice.finish_reason or "").lower()
    filtered = finish.startswith(_FILTERED)
    text = _text(choice.message)
    reply = ChatReply(
        status="blocked" if filtered else "ok",
        text=text or "",
        truncated=finish in ("length", "max_tokens"),
        reason=f"finish reason {finish[:40]}" if filtered else None,
        n_prompt_tokens=usage.prompt_tokens if usage else None,
        n_tokens=usage.completion_tokens if usage else None,
    )
    if text is None and reply.status == "ok" and not reply.truncated:
        raise NullReplyError(reply)
    return reply


def _text(message: _Message) -> str | None:
    content = message.content
    if isinstance(content, list):
        content = "".join(part.text or "" for part in content)
    return content or message.refusal or content


def _in_words(error: ValidationError) -> str:
    """Where the body is wrong; never what it holds."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return "the response is not valid JSON, or was cut"
    place = ".".join(str(part) for part in first["loc"])
    return f"the response is no chat completion ({place}: {first['type']})"


class _Model(_Body):
    id: str


class _Models(_Body):
    data: list[_Model]


def read_models(body: bytes) -> list[str]:
    """Names in the response to ``GET /models``; empty where it is none."""
    try:
        return [model.id for model in _Models.model_validate_json(body).data]
    except ValidationError:
        return []
