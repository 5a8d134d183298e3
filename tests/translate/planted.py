"""Prompt sets and engines whose every answer is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from isogloss.errors import LanguageError
from isogloss.records import Prompt
from isogloss.translate.base import TranslatedText

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def english(n: int = 6, **fields: object) -> list[Prompt]:
    """``n`` prompts in English, harmful and benign by turns."""
    return [
        Prompt(
            prompt_id=f"p{i:02}",
            language="en",
            text=f"How do I mend lamp {WORDS[i % 10]} of house {WORDS[i // 10]}?",
            intent="harmful" if i % 2 else "benign",
            category="lamps",
            cluster_id=f"c{i // 2}",
            **fields,  # type: ignore[arg-type]
        )
        for i in range(n)
    ]


class Scripted:
    """Says ``[target] text``, back and forth; remembers what it was asked; fails on command.

    Args:
        lacks: texts for which it has no translation.
        dies_after: after so many answers it raises `KeyboardInterrupt`, like a user's Ctrl-C.
        languages: targets it knows; None for all.
    """

    def __init__(
        self,
        name: str = "scripted",
        *,
        lacks: Sequence[str] = (),
        dies_after: int | None = None,
        languages: Sequence[str] | None = None,
    ) -> None:
        self._name = name
        self.lacks = set(lacks)
        self.dies_after = dies_after
        self.languages = languages
        self.asked: list[tuple[str, str, str]] = []

    @property
    def name(self) -> str:
        return self._name

    def translate(self, texts: Sequence[str], source: str, target: str) -> Iterator[TranslatedText]:
        if self.languages is not None and target not in self.languages:
            raise LanguageError(f"{self.name} knows no {target}")
        for text in texts:
            if self.dies_after is not None and len(self.asked) >= self.dies_after:
                raise KeyboardInterrupt
            self.asked.append((source, target, text))
            if text in self.lacks:
                yield TranslatedText(reason="no such word")
            elif text.startswith(f"[{source}] "):
                yield TranslatedText(text=text.removeprefix(f"[{source}] "), n_tokens=3)
            else:
                yield TranslatedText(text=f"[{target}] {text}", n_prompt_tokens=5, n_tokens=3)
