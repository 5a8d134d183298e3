"""From a prompt to the text a model sees: its chat template, plain text, or a given function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from isogloss.errors import ModelError
from isogloss.records import Prompt
from isogloss.seeds import content_hash

Render = Callable[[Prompt, str | None], str]
"""(prompt, system prompt) → the exact text, special tokens written out; none are added."""

_PROBE = "isogloss probes for a system role"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """How one model is asked.

    Attributes:
        tokenizer: the model's.
        render: replaces everything below, where given.
        render_id: names ``render`` and all that shapes it; becomes part of a response's key.

    Raises:
        ModelError: the model's chat template fails.
    """

    tokenizer: Any
    render: Render | None = None
    render_id: str | None = None

    def __post_init__(self) -> None:
        if (self.render is None) != (self.render_id is None):
            raise ValueError("render and render_id come together")
        if self.kind == "chat":  # a template that cannot be used is found before anything is asked
            self._chat_texts([[{"role": "user", "content": _PROBE}]])

    @property
    def kind(self) -> str:
        """``render``, ``chat`` (the tokenizer's chat template) or ``plain``."""
        if self.render is not None:
            return "render"
        return "plain" if self.tokenizer.chat_template is None else "chat"

    @property
    def template(self) -> str:
        """The kind and what distinguishes it; see `isogloss.targets.base.Target`."""
        if self.render_id is not None:
            return f"render:{self.render_id}"
        if self.kind == "plain":
            return "plain"
        return f"chat:{content_hash(str(self.tokenizer.chat_template))}"

    def encode(self, prompts: Sequence[Prompt], system_prompt: str | None) -> list[list[int]]:
        """Token ids of every prompt as the model should see it.

        A chat template knows a system role or it does not (it raises, or it silently drops the
        text); then, and for models without a template, the system prompt stands before the prompt,
        an empty line between them. Plain text gets the tokenizer's opening token, if it has one,
        but never its closing one: a model asked to go on after an end has nothing to go on with.
        """
        if self.render is not None:
            texts = [self.render(prompt, system_prompt) for prompt in prompts]
            return self._tokenize(texts, special=False)
        if self.kind == "chat":
            return self._tokenize(self._apply_template(prompts, system_prompt), special=False)
        ids = self._tokenize([_before(system_prompt, p.text) for p in prompts], special=True)
        end = self.tokenizer.eos_token_id
        return [row[:-1] if row and row[-1] == end else row for row in ids]

    def _apply_template(self, prompts: Sequence[Prompt], system_prompt: str | None) -> list[str]:
        in_role = bool(system_prompt) and self._has_system_role()
        conversations = [
            [
                {"role": "system", "content": system_prompt},
                {"role": "user", "content": prompt.text},
            ]
            if in_role
            else [{"role": "user", "content": _before(system_prompt, prompt.text)}]
            for prompt in prompts
        ]
        return self._chat_texts(conversations)

    def _chat_texts(self, conversations: list[list[dict[str, Any]]]) -> list[str]:
        try:
            return self._render_chat(conversations)
        except TemplateError as error:
            raise ModelError(f"the model's chat template cannot be used: {error}") from error

    def _has_system_role(self) -> bool:
        probe = [{"role": "system", "content": _PROBE}, {"role": "user", "content": "?"}]
        try:
            return _PROBE in self._render_chat([probe])[0]
        except TemplateError:
            return False

    def _render_chat(self, conversations: list[list[dict[str, Any]]]) -> list[str]:
        return self.tokenizer.apply_chat_template(
            conversations, tokenize=False, add_generation_prompt=True
        )

    def _tokenize(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        if not texts:
            return []
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        return self.tokenizer(clean, add_special_tokens=special)["input_ids"]


def _before(system_prompt: str | None, text: str) -> str:
    return f"{system_prompt}\n\n{text}" if system_prompt else text
