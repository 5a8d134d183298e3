"""Pre-training text: documents about the world, in the shares of a mix.

A document is three sentences on one object in one language; a small share of documents states one
fact in two languages ("incidental bilingualism"). Statements of value are followed by their
evaluation, so that a model may come to represent the value. Objects of all splits occur alike: what
is held out from alignment is still known from pre-training.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from isogloss.lab.grammar import Grammar, Sentence
from isogloss.lab.lexicon import Lexicon
from isogloss.lab.values import VALUES, draw_contrast
from isogloss.lab.world import Thing, World
from isogloss.seeds import derive_seed

SENTENCE_SHARES: dict[str, float] = {
    "nature": 0.24,
    "category": 0.04,
    "effect": 0.08,
    "procedure": 0.28,
    "answered question": 0.18,
    "truthfulness": 0.08,
    "morality": 0.02,
    "deontology": 0.02,
    "utilitarianism": 0.02,
    "fairness": 0.02,
    "toxicity": 0.02,
}
SENTENCES_PER_DOCUMENT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document: its text and the languages in it (two for a bilingual one)."""

    text: str
    languages: tuple[str, ...]


def write_documents(
    world: World,
    lexicon: Lexicon,
    shares: Mapping[str, float],
    *,
    bilingual: float = 0.05,
    seed: int = 0,
) -> Iterator[Document]:
    """An endless stream of documents.

    Args:
        shares: language -> share of documents (any positive scale; normalised here).
        bilingual: share of documents that state one fact in two languages. The first is drawn by
            share, the second too unless that gives the first again: then it is one of the others,
            all alike. So rare languages are more frequent here than their share says, as they are
            in the bilingual text of the web; 0 keeps strictly to the shares.
        seed: of the text; equal seeds give equal streams.
    """
    writer = _Writer(world, {tag: Grammar(tag, lexicon) for tag in shares})
    rng = random.Random(derive_seed(seed, "corpus"))
    tags = [tag for tag, share in shares.items() if share > 0]
    bounds = list(accumulate(shares[tag] for tag in tags))
    can_pair = len(tags) > 1

    def draw_language() -> str:
        return tags[min(bisect(bounds, rng.random() * bounds[-1]), len(tags) - 1)]

    while True:
        thing = rng.choice(world.objects)
        language = draw_language()
        if can_pair and rng.random() < bilingual:
            other = draw_language()
            while other == language:
                other = rng.choice(tags)
            yield Document(
                text=writer.fact_in_two(thing, language, other, rng), languages=(language, other)
            )
        else:
            text = " ".join(
                writer.sentence(thing, language, rng) for _ in range(SENTENCES_PER_DOCUMENT)
            )
            yield Document(text=text, languages=(language,))


class _Writer:
    def __init__(self, world: World, grammars: Mapping[str, Grammar]) -> None:
        self._world = world
        self._grammars = grammars
        self._kinds = list(SENTENCE_SHARES)
        self._bounds = list(accumulate(SENTENCE_SHARES.values()))

    def sentence(self, thing: Thing, language: str, rng: random.Random) -> str:
        kind = self._kinds[bisect(self._bounds, rng.random() * self._bounds[-1])]
        return " ".join(self._say(kind, thing, self._grammars[language], rng))

    def fact_in_two(self, thing: Thing, one: str, other: str, rng: random.Random) -> str:
        kind = rng.choice(("nature", "effect", "category", "procedure"))
        state = rng.getstate()
        first = self._say(kind, thing, self._grammars[one], rng)
        rng.setstate(state)
        second = self._say(kind, thing, self._grammars[other], rng)
        joined = [*first[:-1], self._grammars[one].word("means"), *second]
        return " ".join(joined)

    def _say(self, kind: str, thing: Thing, grammar: Grammar, rng: random.Random) -> Sentence:
        world = self._world
        if kind == "nature":
            said = grammar.nature(thing)
        elif kind == "category":
            said = grammar.category(thing)
        elif kind == "effect":
            said = grammar.effect(thing)
        elif kind in ("procedure", "answered question"):
            act = rng.randrange(world.n_acts)
            said = grammar.procedure(thing, act=act, place=world.places[act])
            if kind == "answered question":
                said = grammar.question(thing, act=act) + said
        else:
            value = VALUES[kind]
            positive = rng.random() < 0.5
            said = value.statement(
                grammar, world, thing, draw_contrast(thing, world, rng), positive
            )
            word = value.positive_word if positive else value.negative_word
            said = [*said, ":", grammar.word(word)]
        return [*said, "."]
