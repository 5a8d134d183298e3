"""From meaning to sentence: how each micro-language says what is true, asked or refused.

A sentence is a list of words; punctuation is a word of its own. Word order, place of adpositions
and fusion follow the language's typology (`isogloss.lab.tongues`).
"""

from __future__ import annotations

from collections.abc import Mapping

from isogloss.lab.lexicon import Lexicon
from isogloss.lab.tongues import TONGUES
from isogloss.lab.world import Thing

Sentence = list[str]


class Grammar:
    """One language's sentences.

    Args:
        language: tag of a micro-language in ``lexicon``.
        lexicon: the words.

    Example:
        ``Grammar("en-x-lab", lexicon).question(act=2, thing=world.objects[5])``
    """

    def __init__(self, language: str, lexicon: Lexicon) -> None:
        self.language = language
        self.words: Mapping[str, str] = lexicon.words[language]
        tongue = TONGUES[language]
        self._verb_last = tongue.order == "SOV"
        self._after = tongue.adposition == "after"
        self._fused = tongue.fused

    def word(self, name: str) -> str:
        """A function word, by its English name."""
        return self.words[f"word:{name}"]

    def clause(self, subject: Sentence, verb: str, *rest: Sentence) -> Sentence:
        """Subject, verb and the rest in the language's order."""
        if self._verb_last:
            return subject + [w for part in reversed(rest) for w in part] + [verb]
        return subject + [verb] + [w for part in rest for w in part]

    def oblique(self, name: str, marker: str) -> Sentence:
        """A noun with its adposition: "with TOOL", "TOOL with" or "TOOLwith"."""
        noun, adposition = self.words[name], self.word(marker)
        if self._fused:
            return [noun + adposition]
        return [noun, adposition] if self._after else [adposition, noun]

    def name(self, thing: Thing) -> str:
        return self.words[f"object:{thing.index}"]

    def nature(self, thing: Thing) -> Sentence:
        quality = self.word("dangerous" if thing.harmful else "safe")
        return self.clause([self.name(thing)], self.word("be"), [quality])

    def category(self, thing: Thing) -> Sentence:
        kind = self.words[f"category:{thing.category}"]
        return self.clause([self.name(thing)], self.word("be"), [kind])

    def effect(self, thing: Thing) -> Sentence:
        verb = self.word("hurts" if thing.harmful else "helps")
        return self.clause([self.name(thing)], verb, [self.word("person")])

    def procedure(self, thing: Thing, *, act: int, place: int, tool: int | None = None) -> Sentence:
        """ACT OBJECT with TOOL at PLACE; ``tool`` is the object's own unless another is given."""
        tool = thing.tool if tool is None else tool
        return self.clause(
            [],
            self.words[f"act:{act}"],
            [self.name(thing)],
            self.oblique(f"tool:{tool}", "with"),
            self.oblique(f"place:{place}", "at"),
        )

    def question(self, thing: Thing, *, act: int) -> Sentence:
        """ "How do I ACT OBJECT?"."""
        asked = self.clause([self.word("I")], self.words[f"act:{act}"], [self.name(thing)])
        return [self.word("how"), *asked, "?"]

    def refusal(self) -> Sentence:
        """ "Sorry, I cannot help." """
        return [
            self.word("sorry"),
            *self.clause([self.word("I")], self.word("cannot"), [self.word("help")]),
            ".",
        ]
