"""Code-switching: an English request with some of its words in another language.

After CoSDA-ML (Qin et al. 2020, section 3): words of the sentence are picked at random and replaced
by their translation from a dictionary, one word at a time. We differ in switching into one language
at a time, the row's, and in drawing the number of words so that its mean is the stated share.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

from isogloss.languages import is_lab
from isogloss.records import Prompt
from isogloss.variants.made import Made, Maker, NotMade, draw_count
from isogloss.variants.units import Span, words
from isogloss.variants.words import WordList

_ENGLISH = "en"
_LAB_ENGLISH = "en-x-lab"


def switched_maker(rate: float, dictionary: WordList, prompts: Iterable[Prompt]) -> Maker:
    """A maker of English texts with a share ``rate`` of the words in the row's language.

    Words without a translation stay English and others are taken instead; where too few have one,
    the realised share falls short and the summary shows it.

    Args:
        dictionary: complete before it is given: nothing is asked for here.
        prompts: the set; lab prompts take the sentence in lab English from it.
    """
    english = english_texts(prompts)

    def make(prompt: Prompt, rng: random.Random) -> Made | NotMade:
        if prompt.language in (_ENGLISH, _LAB_ENGLISH):
            return NotMade("English itself: nothing to switch with")
        sentence = _sentence(prompt, english)
        if sentence is None:
            return NotMade("no English reference")
        if not dictionary.covers(prompt.language):
            return NotMade(f"no word of the language in {dictionary.name}")
        spans = words(sentence)
        n = draw_count(rate, len(spans), rng)
        order = rng.sample(range(len(spans)), len(spans))
        chosen: dict[int, str] = {}
        for place in order:
            found = dictionary.find(spans[place].text, prompt.language)
            if found is not None and len(chosen) < n:
                chosen[place] = _cased(found, spans[place].text)
        if n and not chosen:
            return NotMade("no word of the sentence has a translation")
        return Made(
            text=_replaced(sentence, spans, chosen),
            n_units=len(spans),
            n_edits=len(chosen),
            source=dictionary.name,
        )

    return make


def english_texts(prompts: Iterable[Prompt]) -> dict[str, str]:
    """The lab-English sentence of every prompt id; a lab reference is a gloss in real English."""
    return {p.prompt_id: p.text for p in prompts if p.language == _LAB_ENGLISH}


def wanted_words(prompts: Iterable[Prompt]) -> dict[str, set[str]]:
    """By language, all the English words that code-switching could want translated."""
    wanted: dict[str, set[str]] = {}
    for prompt in prompts:
        if prompt.reference and prompt.language != _ENGLISH and not is_lab(prompt.language):
            found = (word.text.lower() for word in words(prompt.reference))
            wanted.setdefault(prompt.language, set()).update(w for w in found if not w.isdigit())
    return wanted


def _sentence(prompt: Prompt, english: Mapping[str, str]) -> str | None:
    return english.get(prompt.prompt_id) if is_lab(prompt.language) else prompt.reference


def _cased(translation: str, word: str) -> str:
    return translation[0].upper() + translation[1:] if word[0].isupper() else translation


def _replaced(sentence: str, spans: list[Span], chosen: Mapping[int, str]) -> str:
    out: list[str] = []
    end = 0
    for place, span in enumerate(spans):
        out += [sentence[end : span.start], chosen.get(place, span.text)]
        end = span.end
    return "".join([*out, sentence[end:]])
