"""The training mixture: which languages are trained on, and how much of each.

Sampling by temperature is that of Arivazhagan et al. 2019 (arXiv 1907.05019): of a language with
the share q of the data, the share p ∝ q ** (1 / T) is drawn. T = 1 keeps the data's own shares, a
greater T lifts small languages, and T → ∞ gives all the same. mT5 (Xue et al. 2021, arXiv
2010.11934) writes the exponent as alpha = 1 / T.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.align.examples import Example
from isogloss.errors import InputError
from isogloss.languages import resolve_among
from isogloss.seeds import derive_seed

ALL, PROPORTIONAL, TEMPERATURE = "all", "proportional", "temperature"
FORMS = f"{ALL}, {PROPORTIONAL}, {TEMPERATURE}=5, en, en,sw or en=3,sw=1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Languages to train on, by fixed ratios or by temperature; exactly one of the two.

    Attributes:
        languages: canonical tags.
        ratios: one for each language, in any unit; greater is more.
        temperature: T, above 0; ``inf`` gives every language the same share.

    Raises:
        InputError: no language, one twice, or a ratio or temperature that is not above 0.
    """

    languages: tuple[str, ...]
    ratios: tuple[float, ...] | None = None
    temperature: float | None = None

    def __post_init__(self) -> None:
        if not self.languages:
            raise InputError("a mixture needs at least one language")
        for tag in self.languages:
            if self.languages.count(tag) > 1:
                raise InputError(f"{tag} comes twice in the mixture; name every language once")
        if (self.ratios is None) == (self.temperature is None):
            raise InputError("a mixture has either ratios or a temperature")
        if self.ratios is not None:
            if len(self.ratios) != len(self.languages):
                raise InputError(f"{len(self.ratios)} ratios for {len(self.languages)} languages")
            for tag, ratio in zip(self.languages, self.ratios, strict=True):
                if not (math.isfinite(ratio) and ratio > 0):
                    raise InputError(
                        f"the weight of {tag} is {ratio}; use a number above 0, or leave {tag} out"
                    )
        elif self.temperature is not None and not self.temperature > 0:
            raise InputError(f"the temperature is {self.temperature}; use a number above 0")

    def weights(self, sizes: Mapping[str, float]) -> dict[str, float]:
        """The share of training examples of every language, in [0, 1]; they sum to 1.

        Args:
            sizes: of each language's data, in any one unit; only a temperature looks at them, and
                only at those of the mixture's languages.

        Raises:
            InputError: a size is missing, or is not above 0.

        Example:
            >>> Mixture(languages=("en", "sw"), temperature=2).weights({"en": 90, "sw": 10})
            {'en': 0.75, 'sw': 0.25}
        """
        if self.ratios is not None:
            raw = self.ratios
        else:
            assert self.temperature is not None
            for tag in self.languages:
                if not (math.isfinite(sizes.get(tag, 0)) and sizes.get(tag, 0) > 0):
                    raise InputError(
                        f"the data of {tag} have the size {sizes.get(tag)}; a mixture by "
                        "temperature needs a number above 0 for every language"
                    )
            # Divided by the largest, so that no power of a small T is 0 for all.
            largest = max(sizes[tag] for tag in self.languages)
            raw = [(sizes[tag] / largest) ** (1 / self.temperature) for tag in self.languages]
        total = math.fsum(raw)
        return {tag: x / total for tag, x in zip(self.languages, raw, strict=True)}


def parse_mixture(text: str, languages: Sequence[str]) -> Mixture:
    """The mixture that a text names.

    Args:
        text: ``all`` (every language alike), ``en`` or ``en,sw`` (only these, alike),
            ``en=3,sw=1`` (only these, three to one), ``temperature=5`` or ``proportional`` (every
            language; the latter is ``temperature=1``). Any language code will do, and in a lab
            ``en`` is ``en-x-lab``.
        languages: tags of the languages that there is data in.

    Raises:
        InputError: none of these forms, a language without data, or a bad number.
        LanguageError: not a language.
    """
    parts = [part.strip() for part in text.strip().split(",")]
    everyone = tuple(dict.fromkeys(languages))
    match parts[0].lower().replace(" ", "").split("=") if len(parts) == 1 else []:
        case ["all"]:
            return Mixture(languages=everyone, ratios=(1.0,) * len(everyone))
        case ["proportional"]:
            return Mixture(languages=everyone, temperature=1.0)
        case ["temperature", number]:
            return Mixture(languages=everyone, temperature=_number(number, text))
        case _:
            pass
    codes = [part.partition("=")[0].strip() for part in parts]
    numbers = [part.partition("=")[2] for part in parts if "=" in part]
    if not all(codes) or {ALL, PROPORTIONAL, TEMPERATURE} & {code.lower() for code in codes}:
        raise InputError(f"{text!r} is not a mixture of languages; use {FORMS}")
    if len(numbers) not in (0, len(codes)):
        raise InputError(f"{text!r}: give every language a weight, as in en=3,sw=1, or none")
    tags = tuple(resolve_among(code, everyone) for code in codes)
    if absent := [tag for tag in tags if tag not in everyone]:
        raise InputError(
            f"there are no examples in {', '.join(absent)}; there are some in {_listed(everyone)}"
        )
    ratios = tuple(_number(number, text) for number in numbers) or (1.0,) * len(tags)
    return Mixture(languages=tags, ratios=ratios)


def draw_examples(
    examples: Sequence[Example],
    mixture: Mixture,
    *,
    n: int,
    seed: int,
    sizes: Mapping[str, float] | None = None,
) -> list[Example]:
    """Exactly ``n`` examples in the languages of ``mixture``, shuffled.

    The number of a language is its share of ``n``, rounded by largest remainder. Each language's
    examples come in shuffled passes: none a second time before all have come once. The order of
    ``examples`` does not matter.

    Args:
        sizes: of each language's data, for a temperature; the numbers of examples unless given.

    Raises:
        InputError: ``n`` below 1, or no example in a language of the mixture.
    """
    if n < 1:
        raise InputError(f"{n} examples cannot be drawn; ask for at least 1")
    by_language: defaultdict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_language[example.language].append(example)
    if absent := [tag for tag in mixture.languages if tag not in by_language]:
        raise InputError(
            f"there are no examples in {', '.join(absent)}, which the mixture names; there are "
            f"some in {_listed(by_language)}"
        )
    counted = {tag: float(len(found)) for tag, found in by_language.items()}
    counts = _round_shares(mixture.weights(counted if sizes is None else sizes), n)
    drawn = [
        example
        for tag in sorted(counts)
        for example in _in_passes(by_language[tag], counts[tag], tag, seed)
    ]
    random.Random(derive_seed(seed, "mixture order")).shuffle(drawn)
    return drawn


def _round_shares(shares: Mapping[str, float], n: int) -> dict[str, int]:
    """Whole numbers that sum to ``n``, by largest remainder; of equal ones the first tag's."""
    counts = {tag: math.floor(share * n) for tag, share in shares.items()}
    # Rounded, so that what the last bit says never decides between equal remainders.
    by_remainder = sorted(shares, key=lambda tag: (-round(shares[tag] * n - counts[tag], 9), tag))
    for tag in by_remainder[: n - sum(counts.values())]:
        counts[tag] += 1
    return counts


def _in_passes(examples: Sequence[Example], n: int, language: str, seed: int) -> list[Example]:
    ordered = sorted(examples, key=lambda e: (e.example_id, e.prompt, e.chosen, e.rejected or ""))
    found: list[Example] = []
    while len(found) < n:
        shuffled = list(ordered)
        number = len(found) // len(ordered)
        random.Random(derive_seed(seed, "mixture pass", language, number)).shuffle(shuffled)
        found += shuffled[: n - len(found)]
    return found


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{whole!r}: {text.strip()!r} is not a number; use {FORMS}") from None


def _listed(tags: Mapping[str, object] | Sequence[str]) -> str:
    return ", ".join(sorted(tags)) or "no language"
