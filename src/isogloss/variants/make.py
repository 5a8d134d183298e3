"""From a prompt set to its variants: rows of their own that pair with the originals by key."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from isogloss.errors import InputError
from isogloss.languages import is_lab
from isogloss.progress import Progress, silent
from isogloss.records import ORIGINAL, Prompt, Translation
from isogloss.seeds import derive_seed
from isogloss.variants.keyboard import keyboard_maker
from isogloss.variants.kinds import Kind
from isogloss.variants.made import Made, Maker, NotMade
from isogloss.variants.reply_in import reply_in_maker
from isogloss.variants.romanised import romanised_maker
from isogloss.variants.speech import speech_maker
from isogloss.variants.switched import switched_maker
from isogloss.variants.words import WordList


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantTally:
    """What became of one variant in one language. Rows made and not made sum to the originals.

    Attributes:
        stated: the rate asked for, in (0, 1]; None where the kind has none.
        n_units: characters or words of the originals that errors are counted against.
        n_edits: of these changed, measured on the finished texts.
        reasons: why rows were not made, and how many.
        notes: what is special about rows that were made, and how many.
    """

    variant: str
    language: str
    stated: float | None
    n_made: int
    n_not_made: int
    n_units: int
    n_edits: int
    reasons: dict[str, int] = field(default_factory=dict[str, int])
    notes: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def realised(self) -> float | None:
        """Edits over units of all rows made; None where no rate was stated or nothing was made."""
        return self.n_edits / self.n_units if self.stated is not None and self.n_units else None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSet:
    """The variants, without the originals, and an account of them by variant and language."""

    prompts: tuple[Prompt, ...]
    tallies: tuple[VariantTally, ...]


def make_variants(
    prompts: Sequence[Prompt],
    kinds: Sequence[Kind],
    *,
    seed: int = 0,
    words: WordList | None = None,
    progress: Progress = silent,
) -> VariantSet:
    """Make every kind of variant of every original prompt.

    A variant keeps prompt_id, language, intent, category, cluster_id, reference and, except where
    its text comes from the reference (code-switching), the translation's provenance and flags. Its
    chance comes from a seed derived from its own key, so neither order nor company matter (for
    ``noise-speech`` the vocabulary does: see `speech_maker`). Only rows of variant ``original`` are
    varied.

    Args:
        words: the dictionary for code-switching.

    Raises:
        InputError: code-switching without a dictionary.
    """
    originals = [prompt for prompt in prompts if prompt.variant == ORIGINAL]
    taken = {prompt.key for prompt in prompts}
    total, done = len(kinds) * len(originals), 0
    made: list[Prompt] = []
    tallies: list[VariantTally] = []
    for kind in kinds:
        account = _Account(kind)
        maker = _maker(kind, originals, words)
        for prompt in originals:
            rng = random.Random(derive_seed(seed, "variant", kind.variant, *prompt.key))
            answer = maker(prompt, rng)
            variant = None if isinstance(answer, NotMade) else _variant(prompt, kind, answer)
            if variant is not None and variant.key in taken:
                answer, variant = NotMade("the set has this variant already"), None
            account.add(prompt.language, answer)
            if variant is not None:
                made.append(variant)
            done += 1
            progress("variants", done, total)
        tallies += account.tallies()
    return VariantSet(
        prompts=tuple(sorted(made, key=lambda prompt: prompt.key)), tallies=tuple(tallies)
    )


def _maker(kind: Kind, originals: Iterable[Prompt], words: WordList | None) -> Maker:
    rate = kind.rate or 0.0
    match kind.name:
        case "romanised":
            return romanised_maker()
        case "reply-in":
            return reply_in_maker(kind.language or "en")
        case "noise-keyboard":
            return keyboard_maker(rate)
        case "noise-speech":
            return speech_maker(rate, originals)
        case "code-switched":
            if words is None:
                raise InputError(
                    "code-switched needs translations of words: name a word list with --words FILE "
                    "(columns source, target, language) or a translator with --engine"
                )
            return switched_maker(rate, words, originals)


def _variant(prompt: Prompt, kind: Kind, made: Made) -> Prompt:
    translation = prompt.translation
    if made.source is not None:
        # The flags of the row's own translation say nothing about a text made from the English one.
        english = "en-x-lab" if is_lab(prompt.language) else "en"
        translation = Translation(engine=made.source, source_language=english)
    return replace(
        prompt, text=made.text, variant=kind.variant + made.suffix, translation=translation
    )


class _Account:
    """Counts of one kind, by language."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._answers: dict[str, list[Made | NotMade]] = {}

    def add(self, language: str, answer: Made | NotMade) -> None:
        kept = replace(answer, text="") if isinstance(answer, Made) else answer
        self._answers.setdefault(language, []).append(kept)

    def tallies(self) -> Iterator[VariantTally]:
        for language, answers in sorted(self._answers.items()):
            made = [answer for answer in answers if isinstance(answer, Made)]
            suffixes = {answer.suffix for answer in made} or {""}
            yield VariantTally(
                variant=self._kind.variant + max(suffixes),
                language=language,
                stated=self._kind.rate,
                n_made=len(made),
                n_not_made=len(answers) - len(made),
                n_units=sum(answer.n_units for answer in made),
                n_edits=sum(answer.n_edits for answer in made),
                reasons=dict(Counter(a.reason for a in answers if isinstance(a, NotMade))),
                notes=dict(Counter(a.note for a in made if a.note)),
            )
