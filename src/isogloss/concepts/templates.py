"""From a value pair to what the model reads, and which of its tokens are the text's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from jinja2 import TemplateError

from isogloss.concepts.activations import Position
from isogloss.concepts.pairs import ValuePair
from isogloss.errors import ModelError
from isogloss.seeds import content_hash
from isogloss.targets.recording import TokenSpan

TemplateKind = Literal["chat", "plain"]

ENGLISH_LABELS = ("Question:", "Answer:")
"""Those of Xu et al. 2024 in every language (their released ``get_pair``)."""

LOCAL_LABELS: Mapping[str, tuple[str, str]] = {
    "en": ENGLISH_LABELS,
    "fr": ("Question :", "Réponse :"),
    "zh": ("问题：", "回答："),
    "es": ("Pregunta:", "Respuesta:"),
    "pt": ("Pergunta:", "Resposta:"),
    "vi": ("Câu hỏi:", "Trả lời:"),
    "ca": ("Pregunta:", "Resposta:"),
    "id": ("Pertanyaan:", "Jawaban:"),
    "ja": ("質問：", "回答："),
    "ko": ("질문:", "답변:"),
    "fi": ("Kysymys:", "Vastaus:"),
    "hu": ("Kérdés:", "Válasz:"),
    "ta": ("கேள்வி:", "பதில்:"),
    "te": ("ప్రశ్న:", "సమాధానం:"),
    "sw": ("Swali:", "Jibu:"),
    "ny": ("Funso:", "Yankho:"),
}
"""Labels in the language of the pair; a language that is not here gets the English ones."""

_PROBE = "isogloss looks where this text goes"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplate:
    """How a pole is put to the model; one for a whole run, stored with the result.

    A question goes before its answer between two labels, a scenario before its excuse with a space,
    as Xu et al. did; the whole is then one user turn of the model's chat template (``chat``, reply
    opened), or plain text behind the tokenizer's opening token (``plain``).

    Attributes:
        kind: chat or plain.
        labels: language → what stands before a question and before an answer; for all others,
            `ENGLISH_LABELS`.

    Example:
        >>> PromptTemplate(kind="plain", labels=LOCAL_LABELS).compose("vrai", "ça ?", "question")
        ('Question: ça ? Answer: vrai', 23)
    """

    kind: TemplateKind
    labels: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])

    def identity(self, tokenizer: Any) -> str:
        """Names the template and all that distinguishes it, for storing and for resuming."""
        pieces = ["plain"]
        if self.kind == "chat":
            pieces = [f"chat:{content_hash(str(tokenizer.chat_template))}"]
        if self.labels:
            told = [f"{tag}={one}|{two}" for tag, (one, two) in sorted(self.labels.items())]
            pieces.append(f"labels:{content_hash(*told)}")
        return " ".join(pieces)

    def compose(
        self, pole: str, context: str | None, kind: str | None, language: str = "en"
    ) -> tuple[str, int]:
        """The text that says a pole in its context, and where the pole begins in it."""
        pole = pole.strip()
        if context is None:
            return pole, 0
        before = f"{context.strip()} "
        if kind == "question":
            question, answer = self.labels.get(language, ENGLISH_LABELS)
            before = f"{question} {before}{answer} "
        return before + pole, len(before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Why a text gives no activations."""

    reason: str


class PairReader:
    """Turns poles into tokens for one model.

    Args:
        tokenizer: the model's.
        template: see `PromptTemplate`.
        position: which tokens are looked at. Of the pole itself, never of its context:
            ``last_content`` is its last token, ``mean`` all of them; a token across the border
            counts. ``last_prompt`` is the last one of all, behind everything a template adds.

    Raises:
        ModelError: no chat template, one that fails, or one that does not keep the text.
    """

    def __init__(self, tokenizer: Any, template: PromptTemplate, position: Position) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self._position = position
        self._before, self._after = "", ""
        if template.kind == "chat":
            self._before, self._after = self._around()

    def read(self, pairs: Sequence[ValuePair], *, positive: bool) -> list[TokenSpan | Unreadable]:
        """One pole of every pair, in their order."""
        composed = [
            self._template.compose(
                pair.positive if positive else pair.negative,
                pair.context,
                pair.context_kind,
                pair.language,
            )
            for pair in pairs
        ]
        if not composed:
            return []
        texts = self._render([text for text, _ in composed])
        encoded = self._tokenize(texts)
        return [
            self._span(rendered, text, start, tokens, offsets)
            for rendered, (text, start), (tokens, offsets) in zip(
                texts, composed, encoded, strict=True
            )
        ]

    def _span(
        self,
        rendered: str,
        text: str,
        start: int,
        tokens: list[int],
        offsets: list[tuple[int, int]],
    ) -> TokenSpan | Unreadable:
        if rendered != self._before + text + self._after:
            return Unreadable(reason="the chat template swallows or changes the text")
        first, last = len(self._before) + start, len(self._before) + len(text)
        own = [n for n, (a, b) in enumerate(offsets) if a < last and b > first]
        if not own:
            return Unreadable(reason="the tokenizer keeps nothing of the text")
        if self._position == "last_prompt":
            return TokenSpan(tokens=tuple(tokens), start=len(tokens) - 1, stop=len(tokens))
        begin = own[0] if self._position == "mean" else own[-1]
        return TokenSpan(tokens=tuple(tokens), start=begin, stop=own[-1] + 1)

    def _around(self) -> tuple[str, str]:
        if self._tokenizer.chat_template is None:
            raise ModelError("the model has no chat template; record with the template 'plain'.")
        rendered = self._render([_PROBE])[0]
        before, found, after = rendered.partition(_PROBE)
        if not found or _PROBE in after:
            raise ModelError(
                "the model's chat template "
                + ("repeats the user's text" if found else "swallows the user's text")
                + "; where it stands cannot be told: record with the template 'plain'."
            )
        return before, after

    def _render(self, texts: Sequence[str]) -> list[str]:
        if self._template.kind == "plain":
            return list(texts)
        try:
            return self._tokenizer.apply_chat_template(
                [[{"role": "user", "content": text}] for text in texts],
                tokenize=False,
                add_generation_prompt=True,
            )
        except TemplateError as error:
            raise ModelError(f"the model's chat template cannot be used: {error}") from error

    def _tokenize(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Token ids and the characters each stands for.

        Plain text gets the tokenizer's opening token, if it has one, but never its closing one.
        """
        if not self._tokenizer.is_fast:
            raise ModelError(
                f"the tokenizer ({type(self._tokenizer).__name__}) does not tell which characters "
                "a token stands for; save the model with a fast tokenizer (tokenizer.json)."
            )
        plain = self._template.kind == "plain"
        encoded = self._tokenizer(
            list(texts), add_special_tokens=plain, return_offsets_mapping=True
        )
        rows = list(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True))
        end = self._tokenizer.eos_token_id
        if plain:
            rows = [(t[:-1], o[:-1]) if t and t[-1] == end else (t, o) for t, o in rows]
        return rows
