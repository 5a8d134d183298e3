"""How well is the language of a text told? Accuracy and abstention of `isogloss.identify`.

    python bench/identify.py FILE            a prompt set with the same texts in many languages
    python bench/identify.py FILE --plain    without telling which language was asked for

Whole texts and their beginnings, as right / abstained / wrong with 95 % Wilson intervals; then the
same in Latin letters, for the languages that write others. Prints Markdown: the tables of
docs/prompt-sets.md come from the test split of SIB-200 (Adelani et al. 2024; its sentences are
FLORES-200's, CC-BY-SA 4.0), 204 sentences in each of 32 languages. Ten seconds on one core.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from isogloss.identify import identify_language
from isogloss.prompts import load_prompts
from isogloss.records import Prompt
from isogloss.stats.intervals import wilson
from isogloss.variants.romanised import romanise
from isogloss.variants.units import latin_share, words, writes_spaces


@dataclass(frozen=True, slots=True)
class Count:
    """How often the language was told right, not told, or told wrong."""

    right: int
    abstained: int
    wrong: int
    mistaken: Counter[str]

    @property
    def n(self) -> int:
        return self.right + self.abstained + self.wrong

    def __str__(self) -> str:
        return f"{self.right} / {self.abstained} / {self.wrong}"


def five_words(prompt: Prompt) -> str:
    """The first five words; fourteen characters where no spaces are written."""
    if not writes_spaces(prompt.language):
        return prompt.text[:14]
    spans = words(prompt.text)[:5]
    return prompt.text[: spans[-1].end] if spans else prompt.text


PIECES: dict[str, Callable[[Prompt], str]] = {
    "whole": lambda prompt: prompt.text,
    "100 characters": lambda prompt: prompt.text[:100],
    "50 characters": lambda prompt: prompt.text[:50],
    "20 characters": lambda prompt: prompt.text[:20],
    "five words": five_words,
}


def count(
    prompts: Sequence[Prompt], piece: Callable[[Prompt], str], *, plain: bool
) -> dict[str, Count]:
    """By language, what became of one piece of every text."""
    found: dict[str, list[str | None]] = {}
    for prompt in prompts:
        prefer = None if plain else prompt.language
        found.setdefault(prompt.language, []).append(
            identify_language(piece(prompt), prefer=prefer)
        )
    return {
        tag: Count(
            right=answers.count(tag),
            abstained=answers.count(None),
            wrong=sum(answer not in (tag, None) for answer in answers),
            mistaken=Counter(answer for answer in answers if answer not in (tag, None)),
        )
        for tag, answers in found.items()
    }


def interval(k: int, n: int) -> str:
    """``97.1 (94.8-98.4)`` in percent."""
    estimate = wilson(k, n)
    low, high = estimate.low or 0.0, estimate.high or 0.0
    return f"{100 * k / n:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def print_table(counts: dict[str, dict[str, Count]]) -> None:
    """A row a language, a column a piece; then all languages together."""
    first = next(iter(counts.values()))
    print("| language | " + " | ".join(counts) + " | whole, right in % |")
    print("|---" * (len(counts) + 2) + "|")
    for tag in first:
        cells = [str(counts[piece][tag]) for piece in counts]
        print(f"| {tag} | {' | '.join(cells)} | {interval(first[tag].right, first[tag].n)} |")
    print("\n| all languages | right in % | abstained in % | wrong in % | named wrongly most |")
    print("|---|---|---|---|---|")
    for piece, by_language in counts.items():
        print(f"| {piece} | {totals(list(by_language.values()))} |")


def totals(counts: Sequence[Count]) -> str:
    """Three shares and the commonest mistakes; no interval, as a sentence is in all languages."""
    n = sum(count.n for count in counts)
    shares = [sum(getattr(count, name) for count in counts)
              for name in ("right", "abstained", "wrong")]  # fmt: skip
    mistakes = sum((count.mistaken for count in counts), Counter[str]())
    named = ", ".join(f"{tag} {k}" for tag, k in mistakes.most_common(4))
    return " | ".join([*(f"{100 * k / n:.1f}" for k in shares), named or "none"])


def print_romanised(prompts: Sequence[Prompt], *, plain: bool) -> None:
    """The same texts in Latin letters, for languages whose own are others."""
    shares = [latin_share(prompt.text) for prompt in prompts]
    others = [
        p for p, share in zip(prompts, shares, strict=True) if share is not None and share < 0.5
    ]
    whole = count(others, lambda prompt: romanise(prompt.text, prompt.language), plain=plain)
    print("\n| romanised | right / abstained / wrong | wrong in % | named instead |")
    print("|---|---|---|---|")
    for tag, result in whole.items():
        named = ", ".join(f"{other} {k}" for other, k in result.mistaken.most_common(3))
        print(f"| {tag} | {result} | {interval(result.wrong, result.n)} | {named} |")
    if whole:
        print(f"\nAll: {totals(list(whole.values()))}")


def main() -> None:
    parser = argparse.ArgumentParser(description="accuracy of language identification")
    parser.add_argument("file", nargs="?", help="a prompt set: one text in many languages")
    parser.add_argument("--plain", action="store_true", help="do not tell what was asked for")
    options = parser.parse_args()
    if options.file is None:
        print("nothing measured: name a prompt set, for example SIB-200's test split as a CSV")
        sys.exit(0)
    prompts = load_prompts(options.file, intent="benign").prompts
    started = time.monotonic()
    print_table({name: count(prompts, piece, plain=options.plain)
                 for name, piece in PIECES.items()})  # fmt: skip
    print_romanised(prompts, plain=options.plain)
    print(f"\n{len(prompts)} texts, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
