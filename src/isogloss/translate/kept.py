"""What a translation must keep: numbers, names, and the marks that are no words.

Made for few false alarms: a check that fires on one honest translation in ten is switched off by
its reader. What is let pass on purpose stands beside each rule; what remains is measured in
``docs/translation.md``.
"""

from __future__ import annotations

import difflib
import re
import unicodedata

SMALLEST_NUMBER = 13
"""Whole numbers below it are often written as words in one language and as digits in another."""

_SEPARATORS = ".,'’٫٬\u00a0\u202f\u2009 :/"
_NUMBER = re.compile(rf"\d+(?:[{re.escape(_SEPARATORS)}]\d+)*")
# Magnitudes, clock times and centuries change their digits from language to language: 2.5 million
# is 250 万, 8:46 p.m. is 20:46, the 20th century le XXe.
_CHANGES = re.compile(
    r"\s*-?(?:thousand|million|billion|trillion|lakh|crore|hundred|[ap]\.?m\b|(?:st|nd|rd|th)\b)",
    re.IGNORECASE,
)
_MARKS = re.compile(
    r"https?://\S+|www\.\S+"  # addresses
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.\w[\w.]*"
    r"|\{\{?\w[\w .]*\}?\}|\$\{?[A-Za-z_]\w*\}?|%\(\w+\)[sd]|%[sd]\b"  # slots
    r"|<\/?\w+>|\[\[?[A-Z_]+\]?\]"
    r"|`[^`]+`"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_END = frozenset('.?!:;"“”‘(*•-–—\n')
# English writes these with a capital, and most languages translate them.
_TRANSLATED = """
i i'm i'd i'll i've mr mrs ms dr monday tuesday wednesday thursday friday saturday sunday january
february march april may june july august september october november december english american
british french german spanish chinese japanese russian african european asian arab arabic indian
jewish muslim christian islamic god north south east west ok tv us uk usa un eu
"""
_NOT_NAMES = frozenset(_TRANSLATED.split())
_LIKENESS = 0.6


def lost_numbers(source: str, text: str) -> list[str]:
    """Numbers of ``source`` that are nowhere in ``text``, whatever digits and separators it uses.

    Example:
        >>> lost_numbers("In 1984 it cost 1,000.50.", "١٩٨٤ में 1 000,50")
        []
        >>> lost_numbers("There were 250 of them.", "Il y en avait.")
        ['250']
    """
    source, text = _plain_digits(source), _plain_digits(text)
    there: set[str] = set()
    for number in _NUMBER.findall(text):
        there.update(_forms(number))
    lost: list[str] = []
    for match in _NUMBER.finditer(source):
        whole, *parts = _forms(match[0])
        small = len(parts) <= 1 and len(whole) <= 2 and int(whole) < SMALLEST_NUMBER
        if small or _CHANGES.match(source, match.end()):
            continue
        # "10:30" may come back as "10.30" or as two numbers apart.
        if whole not in there and not (parts and all(part in there for part in parts)):
            lost.append(match[0])
    return lost


def _plain_digits(text: str) -> str:
    """Digits of any script (Nd) as 0-9."""
    return "".join(c if c.isascii() else str(unicodedata.decimal(c, c)) for c in text)


def _forms(number: str) -> list[str]:
    """The number without separators, then its parts."""
    parts = re.findall(r"\d+", number)
    return ["".join(parts), *parts]


def lost_marks(source: str, text: str) -> list[str]:
    """Addresses, placeholders and code of ``source`` that are not in ``text`` to the letter."""
    return [mark.rstrip(".,;") for mark in _MARKS.findall(source) if mark.rstrip(".,;") not in text]


def lost_names(source: str, text: str) -> list[str]:
    """Names in ``source`` with nothing like them in ``text``; none unless all of several are lost.

    A name is a capitalised word that begins no sentence. Languages inflect names (``Lontoossa``),
    spell them their own way (``Londres``) and translate some, so a name counts as kept where any
    word of ``text`` is like it, and one lost name among kept ones proves nothing. Only for two
    languages in one cased script, and a source language that writes common nouns small.
    """
    names = _names(source)
    if len(names) < 2:
        return []
    words = {_folded(word) for word in _WORD.findall(text)}
    lost = [name for name in names if not _like_any(_folded(name), words)]
    return lost if len(lost) == len(names) else []


def _names(source: str) -> list[str]:
    found: dict[str, None] = {}
    for match in _WORD.finditer(source):
        before = source[: match.start()].rstrip()
        initial = not before or before[-1] in _SENTENCE_END
        word = match[0].removesuffix("'s").removesuffix("’s")
        if word[0].isupper() and not initial and len(word) > 2 and word.lower() not in _NOT_NAMES:
            found[word] = None
    return list(found)


def _folded(word: str) -> str:
    bare = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in bare if not unicodedata.combining(c))


def _like_any(name: str, words: set[str]) -> bool:
    stem = name[:4]
    return any(
        word.startswith(stem)
        or stem in word
        or difflib.SequenceMatcher(None, name, word).ratio() >= _LIKENESS
        for word in words
    )
