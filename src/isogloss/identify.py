"""In which language is a reply? Three detectors vote, and abstain when no two of them agree.

py3langid, CLD2 (pycld2) and CLD3 err in different ways, so two that agree are far more often right
than any of them alone; figures by language are in ``docs/prompt-sets.md``. None of the three knows
Kamba or Luo: replies in these stay unidentified. Lab languages are identified exactly elsewhere.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from isogloss.errors import LanguageError
from isogloss.languages import resolve_language

_LONGEST = 4000
"""Characters looked at; a detector learns nothing more from a longer reply."""

# Scripts that one language writes, for our purposes, by the first word of a character's name.
_SCRIPT_LANGUAGE = {
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KANNADA": "kn",
    "KATAKANA": "ja",
    "KHMER": "km",
    "LAO": "lo",
    "MALAYALAM": "ml",
    "ORIYA": "or",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}
# Detectors call these by one another's name on short text; they count as one where it is asked for.
_NEAR = (
    frozenset({"id", "ms"}),
    frozenset({"no", "nn"}),
    frozenset({"bs", "hr", "sr-Latn"}),
    frozenset({"zh", "zh-Hant"}),
)
# py3langid and CLD3 read Kamba and Kikuyu, which they lack, as a Bantu language of their own list,
# mostly Swahili, and agree on it; CLD2 stays silent. A Bantu language needs CLD2's voice.
_BANTU = frozenset(
    {"lg", "ln", "nso", "ny", "rn", "rw", "sn", "ss", "st", "sw", "tn", "ts", "ve", "xh", "zu"}
)


def identify_language(text: str, *, prefer: str | None = None) -> str | None:
    """The language most of ``text`` is in, or None where the detectors do not agree.

    A script that only one language writes decides by itself; else two of three detectors must
    agree. Text of fewer than four letters is never identified.

    Args:
        text: a reply; may hold anything (control characters and lone surrogates are ignored).
        prefer: the canonical tag that was asked for. It only decides between near-identical
            languages that detectors mix up (Indonesian and Malay, Bokmål and Nynorsk, Bosnian,
            Croatian and Latin-script Serbian, the two Chinese scripts); it never breaks a tie.

    Returns:
        A canonical tag of a real language, or None (abstained).

    Example:
        >>> identify_language("Bonjour à tous, comment allez-vous aujourd'hui ?")
        'fr'
    """
    text = _letters_and_spaces(text[:_LONGEST])
    n_letters = sum(not character.isspace() for character in text)
    if n_letters < 4:
        return None
    return _by_script(text, n_letters) or _vote(text, prefer)


def _letters_and_spaces(text: str) -> str:
    # pycld2 raises on category C (control, format, surrogate, unassigned). Digits, punctuation and
    # mark-up carry no language but sway detectors; marks (M) are parts of letters.
    text = unicodedata.normalize("NFC", text)
    kept = (c if unicodedata.category(c)[0] in "LM" or c in "'’" else " " for c in text)
    return " ".join("".join(kept).split())


def _by_script(text: str, n_letters: int) -> str | None:
    scripts = Counter(unicodedata.name(c, "?").split(" ")[0] for c in text if not c.isspace())
    n_kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    # Japanese mixes kana with Chinese characters; Chinese has no kana.
    if n_kana and n_kana + scripts["CJK"] > n_letters / 2:
        return "ja" if n_kana > 0.1 * scripts["CJK"] else None
    script, count = scripts.most_common(1)[0]
    return _SCRIPT_LANGUAGE.get(script) if count > n_letters / 2 else None


def _vote(text: str, prefer: str | None) -> str | None:
    cld2, *others = (_tag(code) for code in _detect(text))
    near = next((group for group in _NEAR if prefer in group), frozenset[str]())
    votes = Counter(prefer if tag in near else tag for tag in (cld2, *others) if tag)
    winner, count = votes.most_common(1)[0] if votes else (None, 0)
    if count < 2 or (winner in _BANTU and winner != cld2):
        return None
    return winner


def _detect(text: str) -> tuple[str, str, str]:
    """What CLD2, py3langid and CLD3 each call the language of ``text``, in their own codes."""
    cld2, langid, cld3 = _detectors()
    # CLD2's likeliest also where it calls itself unsure: the vote decides.
    return cld2(text)[2][0][1], langid(text)[0], cld3(text).language


@cache
def _detectors() -> tuple[Callable[[str], Any], Callable[[str], Any], Callable[[str], Any]]:
    # The three models are loaded at first use: they take 1.5 s. None of them ships type stubs.
    langid = import_module("py3langid").classify
    cld3 = import_module("gcld3").NNetLanguageIdentifier(0, 700).FindLanguage
    return import_module("pycld2").detect, langid, cld3


@cache
def _tag(code: str) -> str | None:
    try:
        return resolve_language(code)
    except LanguageError:  # a detector's word for "unknown"
        return None
