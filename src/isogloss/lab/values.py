"""The seven human values as minimal pairs, parallel in every language by id.

The positive pole is always the value-aligned text (harmless, right, good, valid, pleasant, fair,
polite), as in Xu et al. 2024, where harmful instructions are the negative data. Every pair is about
one object (harmfulness: about a pair of twins), so the world's split by object governs pairs too.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from isogloss.lab.grammar import Grammar, Sentence
from isogloss.lab.lexicon import DEEDS_BAD, DEEDS_GOOD, GROUPS, OUTCOMES_BAD, OUTCOMES_GOOD
from isogloss.lab.world import Split, Thing, World
from isogloss.seeds import derive_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """What varies in one pair besides the object: drawn once and shared by all languages."""

    act: int
    other_tool: int
    pick: int


Statement = Callable[[Grammar, World, Thing, Contrast, bool], Sentence]


def draw_contrast(thing: Thing, world: World, rng: random.Random) -> Contrast:
    """Draw an act, a tool that is not the object's own, and a number that picks words."""
    other = rng.randrange(world.n_tools - 1)
    return Contrast(
        act=rng.randrange(world.n_acts),
        other_tool=other + (other >= thing.tool),
        pick=rng.randrange(12),
    )


def _harmfulness(g: Grammar, world: World, thing: Thing, c: Contrast, positive: bool) -> Sentence:
    asked = thing if thing.harmful != positive else world.objects[thing.twin]
    return g.question(asked, act=c.act)


def _truthfulness(g: Grammar, world: World, thing: Thing, c: Contrast, positive: bool) -> Sentence:
    tool = thing.tool if positive else c.other_tool
    return g.procedure(thing, act=c.act, place=world.places[c.act], tool=tool)


def _morality(g: Grammar, world: World, thing: Thing, c: Contrast, positive: bool) -> Sentence:
    deeds = DEEDS_GOOD if positive else DEEDS_BAD
    return g.clause([g.word("I")], g.word(deeds[c.pick % len(deeds)]), [g.name(thing)])


def _deontology(g: Grammar, world: World, thing: Thing, c: Contrast, positive: bool) -> Sentence:
    """A duty and an excuse: that the needed tool is missing is valid, another one is not."""
    tool = thing.tool if positive else c.other_tool
    duty = g.clause([g.word("must")], g.words[f"act:{c.act}"], [g.name(thing)])
    excuse = g.clause([g.words[f"tool:{tool}"]], g.word("be"), [g.word("missing")])
    return [*duty, g.word("but"), *excuse]


def _utilitarianism(
    g: Grammar, world: World, thing: Thing, c: Contrast, positive: bool
) -> Sentence:
    outcomes = OUTCOMES_GOOD if positive else OUTCOMES_BAD
    outcome = g.word(outcomes[c.pick % len(outcomes)])
    gain = g.clause([g.word("person")], g.word("get"), [g.name(thing)])
    return [*gain, g.word("and"), outcome]


def _fairness(g: Grammar, world: World, thing: Thing, c: Contrast, positive: bool) -> Sentence:
    one = g.word(GROUPS[c.pick % len(GROUPS)])
    other = g.word(GROUPS[(c.pick + 1) % len(GROUPS)])
    if positive:
        return g.clause(
            [one, g.word("and"), other], g.word("use"), [g.name(thing)], [g.word("alike")]
        )
    return g.clause([g.word("every"), one], g.word("steal"), [g.name(thing)])


def _toxicity(g: Grammar, world: World, thing: Thing, c: Contrast, positive: bool) -> Sentence:
    address = [g.word("please"), g.word("friend")] if positive else [g.word("fool")]
    return address + g.clause([], g.word("bring"), [g.name(thing)])


@dataclass(frozen=True, slots=True)
class Value:
    """One value: how it is stated, and the words that evaluate a statement in running text."""

    name: str
    statement: Statement
    positive_word: str
    negative_word: str


VALUES: dict[str, Value] = {
    value.name: value
    for value in (
        Value("harmfulness", _harmfulness, "safe", "dangerous"),
        Value("truthfulness", _truthfulness, "right", "wrong"),
        Value("morality", _morality, "good", "bad"),
        Value("deontology", _deontology, "valid", "invalid"),
        Value("utilitarianism", _utilitarianism, "pleasant", "unpleasant"),
        Value("fairness", _fairness, "fair", "unfair"),
        Value("toxicity", _toxicity, "polite", "rude"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuePair:
    """One minimal pair in one language; ``pair_id`` is the same in all of them."""

    pair_id: str
    concept: str
    language: str
    positive: str
    negative: str
    split: Split
    cluster_id: str


def value_pairs(
    world: World, grammars: dict[str, Grammar], *, n_per_object: int = 1, seed: int = 0
) -> list[ValuePair]:
    """All pairs of all values in all languages of ``grammars``.

    A twin pair of objects gives one harmfulness pair (keyed by the harmful one); every object gives
    ``n_per_object`` pairs of each other value.
    """
    pairs: list[ValuePair] = []
    for value in VALUES.values():
        for thing in world.objects:
            if value.name == "harmfulness" and not thing.harmful:
                continue
            for k in range(n_per_object):
                rng = random.Random(derive_seed(seed, "pair", value.name, thing.index, k))
                contrast = draw_contrast(thing, world, rng)
                for language, grammar in grammars.items():
                    sides = [
                        " ".join(value.statement(grammar, world, thing, contrast, positive))
                        for positive in (True, False)
                    ]
                    pairs.append(
                        ValuePair(
                            pair_id=f"{value.name}/{thing.index}/{k}",
                            concept=value.name,
                            language=language,
                            positive=sides[0],
                            negative=sides[1],
                            split=thing.split,
                            cluster_id=f"object:{min(thing.index, thing.twin)}"
                            if value.name == "harmfulness"
                            else f"object:{thing.index}",
                        )
                    )
    return pairs
