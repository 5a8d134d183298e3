"""Words of the micro-languages: family phonologies, sound change, cognates, loans.

A word is inherited from the family's proto-language through the language's consonant shifts (so
often that sisters share about half of the lexicon), borrowed from English unchanged (5 %), or
native.
A fifth of Romance proto-words are shared with Germanic. Every word remembers its root, so the true
lexical distance of two languages is known exactly.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from isogloss.lab.tongues import ENGLISH, TONGUES, Tongue
from isogloss.lab.world import World
from isogloss.seeds import derive_seed

COGNATE_SHARE = 0.7
INDO_EUROPEAN_SHARE = 0.2
LOAN_SHARE = 0.05
N_SHIFTS = 3
MARGIN = 0.25

_CONSONANTS = "bcdfghjklmnprstvwz"
_VOWELS = "aeiou"

FUNCTION_WORDS = (
    "be", "how", "I", "with", "at", "means", "sorry", "cannot", "help", "person",
    "dangerous", "safe", "hurts", "helps", "right", "wrong", "must", "but", "missing", "valid",
    "invalid", "good", "bad", "pleasant", "unpleasant", "and", "alike", "every", "use", "fair",
    "unfair", "please", "friend", "fool", "bring", "polite", "rude", "get", "instead",
)  # fmt: skip
DEEDS_GOOD = ("share", "return", "mend", "guard")
DEEDS_BAD = ("steal", "break", "hide", "spoil")
OUTCOMES_GOOD = ("win", "enjoy", "praise")
OUTCOMES_BAD = ("lose", "suffer", "regret")
GROUPS = ("northerners", "southerners", "farmers", "sailors")


def concepts_of(world: World) -> list[str]:
    """Everything that has a word, in a fixed order: ``word:safe``, ``tool:2``, ``object:7`` ...

    Objects come last, so that worlds of different sizes share their words.
    """
    words = FUNCTION_WORDS + DEEDS_GOOD + DEEDS_BAD + OUTCOMES_GOOD + OUTCOMES_BAD + GROUPS
    named = [f"word:{word}" for word in words]
    named += [f"act:{i}" for i in range(world.n_acts)]
    named += [f"tool:{i}" for i in range(world.n_tools)]
    named += [f"place:{i}" for i in range(world.n_places)]
    named += [f"category:{i}" for i in range(world.n_categories)]
    return named + [f"object:{thing.index}" for thing in world.objects]


@dataclass(frozen=True)
class Lexicon:
    """The words of several languages.

    Attributes:
        words: language -> concept -> word; no two concepts of a language share a word.
        roots: language -> concept -> etymological root (equal roots are cognates or loans).
    """

    words: Mapping[str, Mapping[str, str]]
    roots: Mapping[str, Mapping[str, str]]

    @property
    def languages(self) -> list[str]:
        return list(self.words)

    def distance(self, one: str, other: str) -> float:
        """Share of concepts whose words have different roots, in [0, 1]."""
        a, b = self.roots[one], self.roots[other]
        return sum(a[concept] != b[concept] for concept in a) / len(a)

    @cached_property
    def _speakers(self) -> dict[str, list[str]]:
        speakers: dict[str, list[str]] = {}
        for language, words in self.words.items():
            for form in surface_forms(TONGUES[language], words):
                speakers.setdefault(form, []).append(language)
        return speakers

    def identify(self, text: str) -> str | None:
        """The language most words of ``text`` belong to; None where no language leads.

        A word shared by n languages counts 1/n for each of them.
        """
        votes: dict[str, float] = {}
        for word in text.split():
            speakers = self._speakers.get(word, ())
            for language in speakers:
                votes[language] = votes.get(language, 0.0) + 1 / len(speakers)
        ranked = sorted(votes, key=lambda language: -votes[language])
        if not ranked or (len(ranked) > 1 and votes[ranked[0]] - votes[ranked[1]] < MARGIN):
            return None
        return ranked[0]


def surface_forms(tongue: Tongue, words: Mapping[str, str]) -> list[str]:
    """Every written form of the language: plain words and, where it fuses, words with endings."""
    forms = list(words.values())
    if tongue.fused:
        for kind, marker in (("tool:", "word:with"), ("place:", "word:at")):
            forms += [w + words[marker] for name, w in words.items() if name.startswith(kind)]
    return forms


@dataclass(frozen=True, slots=True)
class _Phonology:
    consonants: str
    vowels: str
    closed: float
    long_words: float

    @classmethod
    def draw(cls, rng: random.Random) -> _Phonology:
        return cls(
            "".join(sorted(rng.sample(_CONSONANTS, 10))),
            "".join(sorted(rng.sample(_VOWELS, rng.choice((3, 4, 5))))),
            rng.choice((0.0, 0.2, 0.4)),
            rng.choice((0.0, 0.15, 0.3)),
        )

    def word(self, rng: random.Random, *, short: bool) -> str:
        n = 1 if short else 2 + (rng.random() < self.long_words)
        syllables = []
        for _ in range(n):
            syllable = rng.choice(self.consonants) + rng.choice(self.vowels)
            if short or rng.random() < self.closed:
                syllable += rng.choice(self.consonants)
            syllables.append(syllable)
        return "".join(syllables)


def make_lexicon(world: World, languages: Sequence[str], *, seed: int = 0) -> Lexicon:
    """Invent the words of ``languages``; they do not depend on which others are asked for."""
    concepts = concepts_of(world)
    english = _vocabulary(TONGUES[ENGLISH], concepts, None, seed)
    words: dict[str, dict[str, str]] = {}
    roots: dict[str, dict[str, str]] = {}
    for tag in languages:
        if tag == ENGLISH:
            words[tag], roots[tag] = english
        else:
            words[tag], roots[tag] = _vocabulary(TONGUES[tag], concepts, english, seed)
    return Lexicon(words, roots)


Vocabulary = tuple[dict[str, str], dict[str, str]]
"""Concept -> word and concept -> root, of one language."""


def _vocabulary(
    tongue: Tongue, concepts: Sequence[str], english: Vocabulary | None, seed: int
) -> Vocabulary:
    has_sisters = sum(other.family == tongue.family for other in TONGUES.values()) > 1
    is_indo_european = tongue.lineage[0] == "Indo-European"
    shifts = _consonant_shifts(tongue, seed)
    own = _Phonology.draw(random.Random(derive_seed(seed, "phonology", tongue.tag)))
    words: dict[str, str] = {}
    roots: dict[str, str] = {}
    taken: set[str] = set()
    for concept in concepts:
        rng = random.Random(derive_seed(seed, "word", tongue.tag, concept))
        short = concept in ("word:with", "word:at", "word:be", "word:I", "word:how")
        draw = rng.random()
        word, root = "", ""
        if english and draw < LOAN_SHARE:
            word, root = english[0][concept], english[1][concept]
        elif (has_sisters or is_indo_european) and draw < LOAN_SHARE + COGNATE_SHARE:
            branch = _proto_branch(tongue, concept, seed)
            proto = _proto_word(branch, concept, seed, short=short)
            word = proto if tongue.tag == ENGLISH else proto.translate(shifts)
            root = f"{branch}/{concept}"
        while not word or word in taken:
            word, root = own.word(rng, short=short), f"{tongue.tag}/{concept}"
            short = short and rng.random() < 0.9
        taken.add(word)
        words[concept], roots[concept] = word, root
    return words, roots


def _proto_branch(tongue: Tongue, concept: str, seed: int) -> str:
    """The branch a word descends from: a fifth of Romance words are Germanic cognates."""
    if tongue.family != "Romance":
        return tongue.family
    rng = random.Random(derive_seed(seed, "indo-european", concept))
    return "Germanic" if rng.random() < INDO_EUROPEAN_SHARE else "Romance"


def _proto_word(branch: str, concept: str, seed: int, *, short: bool) -> str:
    phonology = _Phonology.draw(random.Random(derive_seed(seed, "phonology", branch)))
    rng = random.Random(derive_seed(seed, "proto", branch, concept))
    return phonology.word(rng, short=short)


def _consonant_shifts(tongue: Tongue, seed: int) -> dict[int, str]:
    rng = random.Random(derive_seed(seed, "shifts", tongue.tag))
    sources = rng.sample(_CONSONANTS, N_SHIFTS)
    targets = rng.sample([c for c in _CONSONANTS if c not in sources], N_SHIFTS)
    return str.maketrans(dict(zip(sources, targets, strict=True)))
