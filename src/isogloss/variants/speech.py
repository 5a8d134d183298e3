"""What a speech recogniser might have written, at a stated word error rate. Simulated from text.

No audio is made or heard. Case and punctuation go, as recognisers leave them out; then words are
replaced by similar-sounding ones, left out or put in, in the proportions of `MIXTURE`, which are
ours. The rate counts errors against the words without case and punctuation, as a word error rate
does. Languages without spaces between words are counted in characters.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

from isogloss.records import Prompt
from isogloss.variants.made import Made, Maker, NotMade, draw_count
from isogloss.variants.sounds import SoundIndex
from isogloss.variants.units import edit_distance, graphemes, is_letter, words, writes_spaces

MIXTURE = {"substitution": 0.6, "deletion": 0.25, "insertion": 0.15}
"""Share of each class; a word that sounds like no other of the set is left out instead."""

BY_CHARACTER = "no spaces between words: errors are counted in characters"


def speech_maker(rate: float, prompts: Iterable[Prompt]) -> Maker:
    """A maker of texts misheard at ``rate``, the expected word error rate, in (0, 0.5].

    Which words are hit, and how, depends on the prompt and the seed alone; the word put in comes
    from the set's own vocabulary of the language, so it changes with the set.

    Args:
        prompts: the set; its texts are the vocabulary.
    """
    spoken: dict[str, list[str]] = {}
    for prompt in prompts:
        spoken.setdefault(prompt.language, []).extend(spoken_units(prompt.text, prompt.language))
    indices: dict[str, SoundIndex] = {}

    def make(prompt: Prompt, rng: random.Random) -> Made | NotMade:
        units = spoken_units(prompt.text, prompt.language)
        if not units:
            return NotMade("no word that could be misheard")
        if prompt.language not in indices:
            indices[prompt.language] = SoundIndex(spoken[prompt.language], prompt.language)
        n_errors = draw_count(rate, len(units), rng)
        heard = _misheard(units, n_errors, indices[prompt.language], rng)
        distance = edit_distance(units, heard, transpositions=False)
        spaced = writes_spaces(prompt.language)
        text = (" " if spaced else "").join(heard)
        if not text:
            return NotMade("no word was left")
        note = None if spaced else BY_CHARACTER
        return Made(text=text, n_units=len(units), n_edits=distance, note=note)

    return make


def spoken_units(text: str, language: str) -> list[str]:
    """The words of a text, or its characters where no spaces are written, in lower case.

    Example:
        >>> spoken_units("Where's the Station?", "en")
        ["where's", 'the', 'station']
    """
    if writes_spaces(language):
        return [word.text.lower() for word in words(text)]
    return [c.lower() for c in graphemes(text) if is_letter(c) or c.isdigit()]


def _misheard(units: Sequence[str], n: int, index: SoundIndex, rng: random.Random) -> list[str]:
    kinds = _kinds(n, rng)
    hit = dict(zip(rng.sample(range(len(units)), min(n, len(units))), kinds, strict=False))
    heard: list[str] = []
    for place, unit in enumerate(units):
        kind = hit.get(place)
        draw = rng.random()  # drawn for every word: the vocabulary never shifts later draws
        if kind == "substitution" and (other := index.similar(unit, draw)):
            heard.append(other)
        elif kind == "insertion":
            heard += [unit, index.any_word(draw)]
        elif kind is None:
            heard.append(unit)
    return heard


def _kinds(n: int, rng: random.Random, shares: Mapping[str, float] = MIXTURE) -> list[str]:
    return rng.choices(list(shares), list(shares.values()), k=n)
