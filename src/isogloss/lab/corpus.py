"""Pre-training text: documents about the world, in the shares of a mix.

A document is three sentences on one object in one language; a small share of documents states one
fact in two languages ("incidental bilingualism"). In a *parallel* language every document says each
of its three sentences in English too, so that in all there is as much text in either language as
without: only what stands beside what differs. Statements of value are followed by their
evaluation, so that a model may come to represent the value. Objects of all splits occur alike: what
is held out from alignment is still known from pre-training.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from isogloss.lab.grammar import Grammar, Sentence
from isogloss.lab.lexicon import Lexicon
from isogloss.lab.tongues import ENGLISH
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

Passages = tuple[tuple[str, str], ...]
"""(language, text), one after the other."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document.

    Attributes:
        passages: one in a document of one language, two or more in a bilingual one.
    """

    passages: Passages

    @property
    def text(self) -> str:
        return " ".join(text for _, text in self.passages)

    @property
    def languages(self) -> tuple[str, ...]:
        """Each once, in the order of its first passage."""
        return tuple(dict.fromkeys(language for language, _ in self.passages))


def write_documents(
    world: World,
    lexicon: Lexicon,
    shares: Mapping[str, float],
    *,
    bilingual: float = 0.05,
    parallel: Collection[str] = (),
    seed: int = 0,
) -> Iterator[Document]:
    """An endless stream of documents.

    Args:
        shares: language -> share of documents (any positive scale; normalised here).
        bilingual: share of documents that state one fact in two languages. The first is drawn by
            share, the second too unless that gives the first again: then it is one of the others,
            all alike. So rare languages are more frequent here than their share says, as they are
            in the bilingual text of the web; 0 keeps strictly to the shares.
        parallel: languages whose documents say each sentence in their language and then in
            English. English loses as many documents of its own as those bring: its share must be
            at least the sum of theirs. Documents that state one fact in two languages stay.
        seed: of the text; equal seeds give equal streams.
    """
    writer = _Writer(world, {tag: Grammar(tag, lexicon) for tag in shares})
    rng = random.Random(derive_seed(seed, "corpus"))
    tags = [tag for tag, share in shares.items() if share > 0]
    bounds = list(accumulate(shares[tag] for tag in tags))
    can_pair = len(tags) > 1
    carried = sum(shares[tag] for tag in parallel) / shares[ENGLISH] if parallel else 0.0

    def draw_language() -> str:
        return tags[min(bisect(bounds, rng.random() * bounds[-1]), len(tags) - 1)]

    while True:
        thing = rng.choice(world.objects)
        language = draw_language()
        if can_pair and rng.random() < bilingual:
            other = draw_language()
            while other == language:
                other = rng.choice(tags)
            yield Document(writer.fact_in_two(thing, language, other, rng))
        elif language in parallel:
            yield Document(writer.document_in_two(thing, language, ENGLISH, rng))
        elif not (carried and language == ENGLISH and rng.random() < carried):
            yield Document(((language, writer.document(thing, language, rng)),))


class _Writer:
    def __init__(self, world: World, grammars: Mapping[str, Grammar]) -> None:
        self._world = world
        self._grammars = grammars
        self._kinds = list(SENTENCE_SHARES)
        self._bounds = list(accumulate(SENTENCE_SHARES.values()))

    def sentence(self, thing: Thing, language: str, rng: random.Random) -> str:
        kind = self._kinds[bisect(self._bounds, rng.random() * self._bounds[-1])]
        return " ".join(self._say(kind, thing, self._grammars[language], rng))

    def document(self, thing: Thing, language: str, rng: random.Random) -> str:
        return " ".join(self.sentence(thing, language, rng) for _ in range(SENTENCES_PER_DOCUMENT))

    def document_in_two(self, thing: Thing, one: str, other: str, rng: random.Random) -> Passages:
        """Each sentence in one language and at once, without a word between, in the other."""
        passages: list[tuple[str, str]] = []
        for _ in range(SENTENCES_PER_DOCUMENT):
            state = rng.getstate()
            passages.append((one, self.sentence(thing, one, rng)))
            rng.setstate(state)
            passages.append((other, self.sentence(thing, other, rng)))
        return tuple(passages)

    def fact_in_two(self, thing: Thing, one: str, other: str, rng: random.Random) -> Passages:
        kind = rng.choice(("nature", "effect", "category", "procedure"))
        state = rng.getstate()
        first = self._say(kind, thing, self._grammars[one], rng)
        rng.setstate(state)
        second = self._say(kind, thing, self._grammars[other], rng)
        joined = [*first[:-1], self._grammars[one].word("means")]
        return (one, " ".join(joined)), (other, " ".join(second))

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
