"""Planted errors: a translator that is wrong on purpose, at known places and rates.

What the quality flags find can be counted only where it is known what there was to find.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from isogloss.errors import InputError
from isogloss.seeds import derive_seed
from isogloss.translate.base import TranslatedText
from isogloss.translate.lab import LabTranslator


@dataclass(frozen=True, slots=True)
class Context:
    """What a planted error can draw on."""

    engine: LabTranslator
    source_text: str
    source: str
    target: str
    rng: random.Random

    def translated(self, text: str, target: str | None = None) -> str:
        """``text`` in the target language (or another one), without error."""
        (done,) = self.engine.translate([text], self.source, target or self.target)
        return done.text or ""


def _wrong_object(text: str, context: Context) -> str:
    return _exchanged(text, context, "object:")


def _wrong_act(text: str, context: Context) -> str:
    return _exchanged(text, context, "act:")


def _exchanged(text: str, context: Context, kind: str) -> str:
    """Every word of one kind replaced by another one of it."""
    words = context.engine.lab.lexicon.words[context.target]
    ours = {word for concept, word in words.items() if concept.startswith(kind)}
    others = sorted(ours - set(text.split()))
    other = context.rng.choice(others)
    return " ".join(other if word in ours else word for word in text.split())


def _dropped_word(text: str, context: Context) -> str:
    words = text.split()
    inner = [i for i, word in enumerate(words) if word not in ".?"]
    gone = context.rng.choice(inner)
    return " ".join(word for i, word in enumerate(words) if i != gone)


def _cut(text: str, context: Context) -> str:
    words = text.split()
    return " ".join(words[: max(1, len(words) // 2)])


def _untranslated(text: str, context: Context) -> str:
    return context.source_text


def _wrong_language(text: str, context: Context) -> str:
    used = {context.source, context.target}
    others = sorted(tag for tag in context.engine.lab.grammars if tag not in used)
    return context.translated(context.source_text, context.rng.choice(others))


def _loop(text: str, context: Context) -> str:
    words = text.split()
    start = context.rng.randrange(max(1, len(words) - 2))
    return " ".join([*words, *words[start : start + 2] * 8])


def _refusal(text: str, context: Context) -> str:
    return " ".join(context.engine.lab.grammars[context.target].refusal())


def _empty(text: str, context: Context) -> str:
    return ""


ERRORS: dict[str, Callable[[str, Context], str]] = {
    "wrong_object": _wrong_object,
    "wrong_act": _wrong_act,
    "dropped_word": _dropped_word,
    "cut": _cut,
    "untranslated": _untranslated,
    "wrong_language": _wrong_language,
    "loop": _loop,
    "refusal": _refusal,
    "empty": _empty,
}
"""Kinds of error by name; each makes a wrong translation of a right one."""


class NoisyTranslator:
    """The lab's exact translator with errors planted in it.

    Whether a text is translated wrongly, how, and into what depends on the seed, the text and the
    pair of languages alone: neither the order of the texts nor what else is asked moves it.

    Args:
        engine: the exact one.
        rates: kind of error -> share of texts, in [0, 1]; together at most 1.
        by_language: a factor on all rates by target language; 1 where it says nothing.
        confused: share of objects taken for one another, in pairs and in both directions, whatever
            the language: the error that a back-translation by the same engine cannot show.
        seed: of the errors.

    Raises:
        InputError: an unknown kind, or rates that are none.
    """

    def __init__(
        self,
        engine: LabTranslator,
        rates: Mapping[str, float],
        *,
        by_language: Mapping[str, float] | None = None,
        confused: float = 0.0,
        seed: int = 0,
    ) -> None:
        if unknown := sorted(set(rates) - set(ERRORS)):
            raise InputError(f"unknown error {unknown[0]!r}; choose from {', '.join(ERRORS)}")
        self._by_language = dict(by_language or {})
        total = sum(rates.values()) * max([1.0, *self._by_language.values()])
        if min([0.0, *rates.values()]) < 0 or total > 1 + 1e-9 or not 0 <= confused <= 1:
            raise InputError(
                f"rates of errors lie in [0, 1] and add up to at most 1, not {total:g}"
            )
        self.engine = engine
        self.rates = dict(rates)
        self.seed = seed
        self._pairs = _confusions(engine, confused, seed)

    @property
    def name(self) -> str:
        return f"{self.engine.name}~noise={sum(self.rates.values()):g}"

    @property
    def settings(self) -> str:
        return repr((sorted(self.rates.items()), sorted(self._by_language.items()),
                     len(self._pairs), self.seed))  # fmt: skip

    def planted(self, text: str, source: str, target: str) -> str | None:
        """The kind of error that ``text`` is translated with; None where it is translated right."""
        if self._confuses(text, source):
            return "confused_object"
        factor = self._by_language.get(target, 1.0)
        draw = self._rng("which", text, source, target).random()
        for kind, rate in self.rates.items():
            draw -= rate * factor
            if draw < 0:
                return kind
        return None

    def translate(self, texts: Sequence[str], source: str, target: str) -> Iterator[TranslatedText]:
        """See `isogloss.translate.base.Translator`."""
        for text, right in zip(texts, self.engine.translate(texts, source, target), strict=True):
            kind = self.planted(text, source, target)
            wrong = right.text or ""
            if kind == "confused_object":
                wrong = self._confused(wrong, target)
            elif kind is not None:
                rng = self._rng("how", text, source, target)
                wrong = ERRORS[kind](wrong, Context(self.engine, text, source, target, rng))
            if wrong:
                yield TranslatedText(text=wrong)
            else:
                yield TranslatedText(reason="the engine gave an empty text")

    def _rng(self, *names: str) -> random.Random:
        return random.Random(derive_seed(self.seed, "noise", *names))

    def _confuses(self, text: str, source: str) -> bool:
        words = self.engine.lab.lexicon.words[source]
        return any(words[concept] in text.split() for concept in self._pairs)

    def _confused(self, text: str, target: str) -> str:
        words = self.engine.lab.lexicon.words[target]
        table = {words[one]: words[other] for one, other in self._pairs.items()}
        return " ".join(table.get(word, word) for word in text.split())


def _confusions(engine: LabTranslator, share: float, seed: int) -> dict[str, str]:
    """Object -> the one it is taken for, and back."""
    objects = [f"object:{thing.index}" for thing in engine.lab.world.objects]
    random.Random(derive_seed(seed, "confused")).shuffle(objects)
    chosen = objects[: 2 * round(share * len(objects) / 2)]
    halves = list(zip(chosen[::2], chosen[1::2], strict=True))
    return {a: b for one, other in halves for a, b in ((one, other), (other, one))}


def uniform_noise(total: float) -> dict[str, float]:
    """Every kind of `ERRORS` at the same rate, ``total`` together."""
    return dict.fromkeys(ERRORS, total / len(ERRORS))
