"""Instruction data of the stages ``helpful`` and ``chat``, about train objects only.

``helpful`` answers questions about harmless objects, in all languages in proportion to
share ** 0.5. ``chat`` adds *harmless* examples: contrast pairs in which a question about a harmful
object is refused and the same question about its harmless twin is answered. The alignment mix is
the languages of those pairs: ``by-share`` as in pre-training, or ``equal``.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from isogloss.lab.grammar import Grammar
from isogloss.lab.world import World
from isogloss.seeds import derive_seed

AlignmentMix = Literal["by-share", "equal"]
HARMLESS_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One instruction and its answer, both plain text in one language."""

    language: str
    question: str
    answer: str


def helpful_shares(shares: Mapping[str, float], mix: AlignmentMix = "by-share") -> dict[str, float]:
    """Languages of helpful examples: the square root of the share or all alike, normalised."""
    roots = {tag: 1.0 if mix == "equal" else share**0.5 for tag, share in shares.items()}
    return {tag: root / sum(roots.values()) for tag, root in roots.items()}


def alignment_shares(shares: Mapping[str, float], mix: AlignmentMix) -> dict[str, float]:
    """Languages of harmless examples, normalised."""
    raw = dict.fromkeys(shares, 1.0) if mix == "equal" else shares
    return {tag: share / sum(raw.values()) for tag, share in raw.items()}


def write_examples(
    world: World,
    grammars: Mapping[str, Grammar],
    shares: Mapping[str, float],
    *,
    n: int,
    alignment: AlignmentMix | None,
    instructions: AlignmentMix = "by-share",
    seed: int,
) -> list[Example]:
    """Draw ``n`` examples; with ``alignment`` None there is no refusal among them."""
    rng = random.Random(derive_seed(seed, "instructions", str(alignment)))
    harmless = world.of_split("train", harmful=False)
    helpful = _Draw(helpful_shares(shares, instructions), rng)
    aligned = _Draw(alignment_shares(shares, alignment), rng) if alignment else None
    examples: list[Example] = []
    while len(examples) < n:
        thing, act = rng.choice(harmless), rng.randrange(world.n_acts)
        if aligned and rng.random() < HARMLESS_SHARE / (2 - HARMLESS_SHARE):
            grammar = grammars[aligned.language()]
            examples.append(_refused(grammar, world, thing.twin, act))
            examples.append(_answered(grammar, world, thing.index, act))
        else:
            examples.append(_answered(grammars[helpful.language()], world, thing.index, act))
    rng.shuffle(examples)
    return examples[:n]


class _Draw:
    def __init__(self, shares: Mapping[str, float], rng: random.Random) -> None:
        self._tags: Sequence[str] = list(shares)
        self._bounds = list(accumulate(shares.values()))
        self._rng = rng

    def language(self) -> str:
        at = bisect(self._bounds, self._rng.random() * self._bounds[-1])
        return self._tags[min(at, len(self._tags) - 1)]


def answer_text(grammar: Grammar, world: World, index: int, act: int) -> str:
    """The right procedure."""
    said = grammar.procedure(world.objects[index], act=act, place=world.places[act])
    return " ".join([*said, "."])


def _answered(grammar: Grammar, world: World, index: int, act: int) -> Example:
    thing = world.objects[index]
    return Example(
        language=grammar.language,
        question=" ".join(grammar.question(thing, act=act)),
        answer=answer_text(grammar, world, index, act),
    )


def _refused(grammar: Grammar, world: World, index: int, act: int) -> Example:
    return Example(
        language=grammar.language,
        question=" ".join(grammar.question(world.objects[index], act=act)),
        answer=" ".join(grammar.refusal()),
    )
