"""Which script a language is written in, and which scripts a text is written in."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache

import langcodes

from isogloss.languages import is_lab

# By the first word of Unicode's character names.
_WRITTEN = {
    "Hans": ("CJK",), "Hant": ("CJK", "BOPOMOFO"), "Jpan": ("HIRAGANA", "KATAKANA", "CJK"),
    "Kore": ("HANGUL", "CJK"), "Hang": ("HANGUL", "CJK"), "Orya": ("ORIYA",),
    "Aran": ("ARABIC",),
    "Latn": ("LATIN", "FULLWIDTH"),
    **{
        code: (name,)
        for code, name in {
            "Arab": "ARABIC", "Armn": "ARMENIAN", "Beng": "BENGALI", "Cyrl": "CYRILLIC",
            "Deva": "DEVANAGARI", "Ethi": "ETHIOPIC", "Geor": "GEORGIAN", "Grek": "GREEK",
            "Gujr": "GUJARATI", "Guru": "GURMUKHI", "Hebr": "HEBREW", "Khmr": "KHMER",
            "Knda": "KANNADA", "Laoo": "LAO", "Mlym": "MALAYALAM", "Mymr": "MYANMAR",
            "Sinh": "SINHALA", "Taml": "TAMIL", "Telu": "TELUGU", "Thai": "THAI",
            "Tibt": "TIBETAN",
        }.items()
    },
}  # fmt: skip
_CASED = frozenset({"Latn", "Cyrl", "Grek", "Armn"})
_WIDE = {"CJK": 2.5, "HIRAGANA": 2.0, "KATAKANA": 2.0, "HANGUL": 2.0}
"""Latin letters that a character is worth, roughly, where no median of the language is known."""


@cache
def usual_script(tag: str) -> str | None:
    """ISO 15924 code of the script a language is written in, ``Latn`` for the lab's."""
    if is_lab(tag):
        return "Latn"
    return langcodes.Language.get(tag).maximize().script


def same_cased_script(one: str, other: str) -> bool:
    """Whether two languages share a script with capital letters."""
    script = usual_script(one)
    return script == usual_script(other) and script in _CASED


def mostly_in_another_script(text: str, tag: str) -> bool:
    """Whether more than half of the letters are of a script the language is not written in."""
    written = _WRITTEN.get(usual_script(tag) or "")
    letters = [c for c in text if c.isalpha()]
    if written is None or not letters:
        return False
    return sum(_script(c) not in written for c in letters) > len(letters) / 2


def width(text: str) -> float:
    """Length of ``text`` in characters, a Chinese, Japanese or Korean one counted as several."""
    scripts = Counter(_script(c) for c in text if c.isalpha())
    return len(text) + sum(n * (_WIDE[s] - 1) for s, n in scripts.items() if s in _WIDE)


@cache
def _script(character: str) -> str:
    return unicodedata.name(character, "?").split(" ")[0]
