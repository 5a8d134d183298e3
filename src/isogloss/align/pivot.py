"""Training texts put into one language: a reward model's view through a translator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from isogloss.align.examples import Example
from isogloss.errors import InputError
from isogloss.translate.base import Translator


def translate_examples(
    examples: Sequence[Example], translator: Translator, source: str
) -> tuple[Example, ...]:
    """Prompts and responses put into the source language; the language stays that of the original.

    Raises:
        InputError: the engine left a text untranslated.
    """
    texts: dict[str, list[str]] = {}
    for example in examples:
        if example.language != source:
            found = texts.setdefault(example.language, [])
            found += [example.prompt, example.chosen, example.rejected or ""]
    said: dict[tuple[str, str], str] = {}
    for language, mine in texts.items():
        wanted = [text for text in dict.fromkeys(mine) if text]
        for text, got in zip(wanted, translator.translate(wanted, language, source), strict=True):
            if got.text is None:
                raise InputError(
                    f"{translator.name} left a training text in {language} untranslated "
                    f"({got.reason}); leave the language out of the mixture, or use another engine"
                )
            said[language, text] = got.text

    def put(example: Example, text: str) -> str:
        return text if example.language == source else said[example.language, text]

    return tuple(
        replace(
            example,
            prompt=put(example, example.prompt),
            chosen=put(example, example.chosen),
            rejected=put(example, example.rejected) if example.rejected else None,
            provenance={**example.provenance, "pivot": translator.name},
        )
        for example in examples
    )
