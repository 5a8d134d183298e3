"""Exact translation between the micro-languages: what every other engine is tested against."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from isogloss.errors import LanguageError
from isogloss.lab.grammar import Grammar
from isogloss.lab.setting import Lab
from isogloss.lab.tongues import TONGUES
from isogloss.lab.world import Thing
from isogloss.translate.base import TranslatedText

_SENTENCE = re.compile(r"[^.?]*(?:[.?]|$)")


class LabTranslator:
    """Translates questions, procedures and refusals of a lab exactly.

    A sentence is read to its meaning and said anew by the other language's grammar. What is no
    whole sentence of these kinds (a model's garbled reply) goes word by word, and a word that the
    language does not have stays as it is.

    Args:
        lab: the world and its words; the model is not needed.
        name: ``lab:PRESET``.

    Example:
        >>> from isogloss.lab.recipe import parse_spec
        >>> engine = LabTranslator(Lab(parse_spec("lab:tiny")), name="lab:tiny")
        >>> [t.text for t in engine.translate(["no lab words"], "en-x-lab", "fi-x-lab")]
        ['no lab words']
    """

    def __init__(self, lab: Lab, *, name: str) -> None:
        self.lab = lab
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def translate(self, texts: Sequence[str], source: str, target: str) -> Iterator[TranslatedText]:
        """See `isogloss.translate.base.Translator`.

        Raises:
            LanguageError: not two languages of this lab.
        """
        grammars = self.lab.grammars
        if missing := [tag for tag in (source, target) if tag not in grammars]:
            raise LanguageError(
                f"{self.name} translates between {', '.join(grammars)}, not {missing[0]}"
            )
        for text in texts:
            yield TranslatedText(text=self._say(text, source, target))

    def _say(self, text: str, source: str, target: str) -> str:
        pieces = [piece for piece in _SENTENCE.findall(text) if piece.strip()]
        return " ".join(self._sentence(piece.split(), source, target) for piece in pieces) or text

    def _sentence(self, words: list[str], source: str, target: str) -> str:
        # Endings are words of their own in Grammar; "tool." is a tool and a full stop.
        if words and len(words[-1]) > 1 and words[-1][-1] in ".?":
            words = [*words[:-1], words[-1][:-1], words[-1][-1]]
        concepts = self._concepts[source]
        said = [concepts.get(word, ()) for word in words]
        meaning = [concept for concepts in said for concept in concepts]
        for form in (_question, _procedure, _refusal):
            if form(self.lab.grammars[source], self.lab, meaning) == words:
                again = form(self.lab.grammars[target], self.lab, meaning)
                return " ".join(again or words)
        own = self.lab.lexicon.words[target]
        return " ".join(
            " ".join(own[concept] for concept in known) or word
            for word, known in zip(words, said, strict=True)
        )

    @cached_property
    def _concepts(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Language -> written word -> what it stands for, in the order it is said."""
        return {tag: _read_words(tag, words) for tag, words in self.lab.lexicon.words.items()}


def _read_words(tag: str, words: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    plain: dict[str, tuple[str, ...]] = {}
    if TONGUES[tag].fused:
        for kind, marker in (("tool:", "word:with"), ("place:", "word:at")):
            for concept, word in words.items():
                if concept.startswith(kind):
                    plain[word + words[marker]] = (concept, marker)
    return plain | {word: (concept,) for concept, word in words.items()}


def _numbers(meaning: Sequence[str], kind: str) -> list[int]:
    return [int(c.removeprefix(kind)) for c in meaning if c.startswith(kind)]


def _question(grammar: Grammar, lab: Lab, meaning: Sequence[str]) -> list[str] | None:
    objects, acts = _numbers(meaning, "object:"), _numbers(meaning, "act:")
    if len(objects) != 1 or len(acts) != 1:
        return None
    return grammar.question(_thing(lab, objects[0]), act=acts[0])


def _procedure(grammar: Grammar, lab: Lab, meaning: Sequence[str]) -> list[str] | None:
    kinds = ("object:", "act:", "tool:", "place:")
    found = [_numbers(meaning, kind) for kind in kinds]
    if any(len(numbers) != 1 for numbers in found):
        return None
    thing, act, tool, place = (numbers[0] for numbers in found)
    return [*grammar.procedure(_thing(lab, thing), act=act, place=place, tool=tool), "."]


def _refusal(grammar: Grammar, lab: Lab, meaning: Sequence[str]) -> list[str] | None:
    del lab
    return grammar.refusal() if "word:sorry" in meaning else None


def _thing(lab: Lab, index: int) -> Thing:
    return lab.world.objects[index]
