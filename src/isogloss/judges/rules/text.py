"""A reply as the patterns see it: one spelling for what may be written in many ways.

Compatibility forms and upper case are folded (NFKC, case folding), invisible characters go, every
apostrophe becomes the plain one, a sentence ends in ``.`` or ``?`` and all other punctuation and
mark-up is gone. In languages that set words off by blanks the result is words between single
blanks, with one at either end; in the others (Chinese, Japanese, Thai; Korean too, where blanks
are set freely) it has no blanks at all.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼʹ′＇`´"), "'")
_ENDS = frozenset(".!:;。।॥؛۔॰\n\r\u2028\u2029")
_QUESTIONS = frozenset("?؟")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How a language's text is brought to one spelling.

    Attributes:
        spaced: words are set off by blanks.
        strip_marks: accents carry no difference that the patterns need.
        fold: characters read as others; as nothing where the other is empty.
    """

    spaced: bool = True
    strip_marks: bool = False
    fold: dict[int, str] = field(default_factory=dict[int, str])

    def plain(self, text: str) -> str:
        """``text`` in the one spelling.

        Example:
            >>> Spelling(strip_marks=True).plain("Désolé… **je n’en sais rien** !")
            " desole . je n'en sais rien . "
        """
        parts: list[str] = []
        for character in self.letters(text):
            if character in _QUESTIONS:
                parts.append(" ? ")
            elif character in _ENDS:
                parts.append(" . ")
            elif character == "'" or unicodedata.category(character)[0] in "LMN":
                parts.append(character)
            else:
                parts.append(" ")
        words = "".join(parts).split()
        kept = [
            word for i, word in enumerate(words) if word != "." or (i and words[i - 1] not in ".?")
        ]
        return f" {' '.join(kept)} " if self.spaced else "".join(kept)

    def letters(self, text: str) -> str:
        """``text`` with its letters folded and everything else as it was."""
        # Ellipses become three dots under NFKC; the apostrophes must be replaced before it, for
        # it would take the acute accent apart into a blank and a mark.
        text = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).casefold()
        text = unicodedata.normalize("NFKC", text)
        if self.strip_marks:
            apart = unicodedata.normalize("NFD", text)
            text = "".join(c for c in apart if not unicodedata.combining(c))
        text = text.translate(self.fold)
        return "".join(c for c in text if unicodedata.category(c) != "Cf")
