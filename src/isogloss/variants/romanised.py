"""Texts in Latin letters: what people type who have no keyboard for their script."""

from __future__ import annotations

import random
from functools import cache
from importlib import import_module
from typing import Any

import langcodes

from isogloss.languages import is_lab
from isogloss.records import Prompt
from isogloss.variants.made import Made, Maker, NotMade
from isogloss.variants.units import latin_share

ALREADY_LATIN = "already in Latin script"
_MOSTLY = 0.5


def romanised_maker() -> Maker:
    """A maker of romanised texts (uroman, Hermjakob et al. 2018), told the row's language.

    A text whose letters are mostly Latin is not made: uroman would only strip its accents. uroman
    reads Chinese characters in Mandarin whatever the language, so the kanji of a Japanese text come
    out as Chinese; the summary says on how many rows.
    """

    def make(prompt: Prompt, rng: random.Random) -> Made | NotMade:
        del rng
        share = latin_share(prompt.text)
        if share is None:
            return NotMade("no letters")
        if share > _MOSTLY:
            return NotMade(ALREADY_LATIN)
        note = "kanji are read as Chinese" if prompt.language == "ja" else None
        return Made(text=romanise(prompt.text, prompt.language), note=note)

    return make


def romanise(text: str, language: str) -> str:
    """``text`` in Latin letters; lab languages are Latin already.

    Example:
        >>> romanise("Привет, мир", "ru")
        'Privet, mir'
    """
    if is_lab(language):
        return text
    return str(_uroman().romanize_string(text, lcode=_alpha3(language)))


@cache
def _alpha3(tag: str) -> str:
    return langcodes.Language.get(tag).to_alpha3()


@cache
def _uroman() -> Any:
    # Loaded at first use: its tables take two seconds. It ships no type stubs.
    return import_module("uroman").Uroman()
