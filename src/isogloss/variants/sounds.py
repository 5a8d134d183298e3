"""Which words of a vocabulary sound alike: romanised, near sounds folded, then compared."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable

from isogloss.variants.romanised import romanise
from isogloss.variants.units import edit_distance, latin_share, script_of

_FOLDED = str.maketrans("bdgvzqckywxjou", "ptkfskkkiiksuu")
"""Voiced with voiceless, c and q with k, and vowels that are often confused."""

N_BEST = 3
MOST_APART = 0.5
"""Two words sound alike when their folded forms differ in at most this share of the longer one."""

_LOOKED_AT = 40


class SoundIndex:
    """The vocabulary of one language, searchable by sound.

    Args:
        vocabulary: words, as often as they come.
        language: canonical tag; tells the romaniser how to read.
    """

    def __init__(self, vocabulary: Iterable[str], language: str) -> None:
        self._counts = Counter(vocabulary)
        self._words = sorted(self._counts)
        self._forms = {word: sound_of(word, language) for word in self._words}
        self._by_bigram: dict[str, list[str]] = defaultdict(list)
        for word in self._words:
            for bigram in _bigrams(self._forms[word]):
                self._by_bigram[bigram].append(word)
        self._found: dict[str, list[str]] = {}

    def similar(self, word: str, draw: float) -> str | None:
        """One of the `N_BEST` words that sound most like ``word``; None where none does.

        Args:
            draw: a random number in [0, 1) that chooses among them.
        """
        if word not in self._found:
            self._found[word] = self._search(word)
        best = self._found[word]
        return best[int(draw * len(best))] if best else None

    def any_word(self, draw: float) -> str:
        """A word of the vocabulary, as likely as it is frequent; so mostly a short common one."""
        place = draw * self._counts.total()
        for word in self._words:
            place -= self._counts[word]
            if place < 0:
                return word
        return self._words[-1]

    def _search(self, word: str) -> list[str]:
        form = self._forms.get(word, "")
        shared: Counter[str] = Counter()
        for bigram in _bigrams(form):
            shared.update(self._by_bigram.get(bigram, ()))
        del shared[word]
        # Most shared pairs of letters first, then those of nearest length, then by alphabet.
        near = sorted(shared, key=lambda w: (-shared[w], abs(len(self._forms[w]) - len(form)), w))
        ranked: list[tuple[float, str]] = []
        for other in near[:_LOOKED_AT]:
            longer = max(len(form), len(self._forms[other]))
            apart = edit_distance(form, self._forms[other], transpositions=False)
            if apart <= MOST_APART * longer:
                ranked.append((apart / longer, other))
        return [other for _, other in sorted(ranked)[:N_BEST]]


def sound_of(word: str, language: str) -> str:
    """A rough key of how a word sounds: romanised, without accents, near sounds as one letter.

    The kanji of a Japanese text have none: their reading is not known to the romaniser.

    Example:
        >>> sound_of("Köder", "de"), sound_of("kutter", "de")
        ('kuter', 'kuter')
    """
    if script_of(language) == "Jpan" and any(map(_is_kanji, word)):
        return ""
    latin = word if latin_share(word) == 1 else romanise(word, language)
    plain = "".join(c for c in unicodedata.normalize("NFD", latin.lower()) if c.isalnum())
    folded = plain.translate(_FOLDED)
    return "".join(c for i, c in enumerate(folded) if i == 0 or c != folded[i - 1])


def _is_kanji(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK")


def _bigrams(form: str) -> set[str]:
    padded = f"<{form}>" if form else ""
    return {padded[i : i + 2] for i in range(len(padded) - 1)}
