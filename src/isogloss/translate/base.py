"""Who translates: the one-method protocol behind every engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedText:
    """One translation, or why there is none.

    Attributes:
        text: None where there is none; never empty.
        reason: why there is none.
        truncated: the engine ran into its limit; the text is what came before.
        n_prompt_tokens, n_tokens: what the engine read and wrote, where it counts.
    """

    text: str | None = None
    reason: str | None = None
    truncated: bool = False
    n_prompt_tokens: int | None = None
    n_tokens: int | None = None


class Translator(Protocol):
    """Something that translates.

    Attributes:
        name: the engine's canonical string (``openai:MODEL``, ``hf:ID``, …), kept on every row.
    """

    @property
    def name(self) -> str: ...

    def translate(self, texts: Sequence[str], source: str, target: str) -> Iterator[TranslatedText]:
        """Yield one translation a text, in the order of ``texts``.

        What goes wrong with one text is a `TranslatedText` without text; what is wrong with the
        engine raises.

        Args:
            texts: none of them blank.
            source: canonical tag of the language they are in.
            target: canonical tag of the language wanted.

        Raises:
            LanguageError: the engine does not translate this pair; also for no texts at all.
            ModelError: the engine cannot be used.
        """
        ...


@runtime_checkable
class HasSettings(Protocol):
    """An engine whose translations depend on more than its name (weights, a file's content)."""

    @property
    def settings(self) -> str: ...


@runtime_checkable
class AnswersAsTheyCome(Protocol):
    """An engine with many texts in flight, which need not wait for one another."""

    def translate_unordered(
        self, texts: Sequence[str], source: str, target: str
    ) -> Iterator[tuple[int, TranslatedText]]:
        """The same as `Translator.translate`, as they are done, each with its text's position."""
        ...


def in_order(
    answers: Iterator[tuple[int, TranslatedText]], n_texts: int
) -> Iterator[TranslatedText]:
    """Numbered translations in the order of their texts, each as soon as its turn has come."""
    waiting: dict[int, TranslatedText] = {}
    position = 0
    for index, answer in answers:
        waiting[index] = answer
        while position in waiting:
            yield waiting.pop(position)
            position += 1
    for missing in range(position, n_texts):
        yield waiting.get(missing) or TranslatedText(reason="the engine gave no answer")
