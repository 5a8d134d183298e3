"""What do the quality flags find? Errors are planted in translations known to be right.

    python bench/translation_flags.py                       in the lab: exact translations, 15 pairs
    python bench/translation_flags.py --parallel FILE.csv   in real text: a column a language

Prints the tables of docs/translation.md as Markdown. In the lab errors are planted by a noisy
translator and all flags are used, with three ways of translating back. In real text a row is one
sentence in many languages by professional translators (FLORES and SIB-200 are such), the errors
are made of the table itself, and only the flags that need no engine are used.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from isogloss.lab.questions import lab_prompts
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.lab.tongues import ENGLISH
from isogloss.prompts import load_prompts
from isogloss.records import Prompt
from isogloss.seeds import derive_seed
from isogloss.stats.intervals import wilson
from isogloss.translate.base import Translator
from isogloss.translate.flags import FLAGS, Candidate, flag_translations
from isogloss.translate.lab import LabTranslator
from isogloss.translate.noise import ERRORS, NoisyTranslator
from isogloss.translate.run import chrf

SEEDS = range(5)
LAB_RATE = 0.03
REAL_RATE = 0.03
"""Of each kind."""
N_HELD_OUT = 24
"""Sentences of a real table that are kept out of the set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One translation: what is wrong with it (None: nothing), and the flags it got."""

    kind: str | None
    language: str
    flags: tuple[str, ...]


def percent(k: int, n: int) -> str:
    """``97 (94-98)``: a rate with Wilson's interval."""
    found = wilson(k, n)
    if found.estimate is None:
        return "-"
    low, high = 100 * (found.low or 0), 100 * (found.high or 0)
    return f"{100 * found.estimate:.1f} ({low:.1f}-{high:.1f})"


def print_kinds(columns: dict[str, list[Checked]], kinds: Iterable[str]) -> None:
    """Recall by kind and column, the flags that did it, then precision and false alarms."""
    names = list(columns)
    print(f"| error | n | {' | '.join(f'found, {name}' for name in names)} | by (last column) |")
    print("|---" * (len(names) + 3) + "|")
    for kind in kinds:
        cells = [[row for row in columns[name] if row.kind == kind] for name in names]
        found = [percent(sum(bool(r.flags) for r in rows), len(rows)) for rows in cells]
        by = Counter(flag for row in cells[-1] for flag in row.flags)
        shown = ", ".join(f"{flag} {100 * n / len(cells[-1]):.0f}" for flag, n in by.most_common(4))
        print(f"| {kind} | {len(cells[-1])} | {' | '.join(found)} | {shown} |")
    rows_of = list(columns.values())
    wrong = [[row for row in rows if row.kind] for rows in rows_of]
    right = [[row for row in rows if not row.kind] for rows in rows_of]
    flagged = [[row for row in rows if row.flags] for rows in rows_of]
    for name, cells in (
        ("**all errors**", [percent(sum(bool(r.flags) for r in w), len(w)) for w in wrong]),
        ("right, flagged all the same",
         [percent(sum(bool(r.flags) for r in r_), len(r_)) for r_ in right]),
        ("precision", [percent(sum(r.kind is not None for r in f), len(f)) for f in flagged]),
    ):  # fmt: skip
        n = {"**all errors**": len(wrong[-1]), "precision": len(flagged[-1])}.get(
            name, len(right[-1])
        )
        print(f"| {name} | {n} | {' | '.join(cells)} | |")


def print_flags(rows: list[Checked]) -> None:
    """Of the texts that carry a flag, the share that is wrong."""
    print("\n| flag | raised | precision |")
    print("|---|---|---|")
    for flag in FLAGS:
        raised = [row for row in rows if flag in row.flags]
        if raised:
            right = sum(row.kind is not None for row in raised)
            print(f"| `{flag}` | {len(raised)} | {percent(right, len(raised))} |")


# The lab


def lab_bench() -> None:
    """Every kind of error at 3 %, then objects confused in both directions."""
    lab = Lab(parse_spec("lab:small"))
    exact = LabTranslator(lab, name="lab:small")
    questions = [p.text for p in lab_prompts(lab, languages=[ENGLISH])]
    targets = [tag for tag in lab.recipe.languages if tag != ENGLISH]
    columns: dict[str, list[Checked]] = defaultdict(list)
    confused: dict[str, list[Checked]] = defaultdict(list)
    n_empty = 0
    for seed in SEEDS:
        noisy = NoisyTranslator(exact, dict.fromkeys(ERRORS, LAB_RATE), seed=seed)
        mistaken = NoisyTranslator(exact, {}, confused=0.1, seed=seed)
        for target in targets:
            for name, back in (("no back-translation", None), ("same engine back", noisy),
                               ("exact engine back", exact)):  # fmt: skip
                rows, lacking = lab_rows(questions, target, noisy, back)
                columns[name] += rows
            n_empty += lacking
            for name, back in (("same engine back", mistaken), ("exact engine back", exact)):
                confused[name] += lab_rows(questions, target, mistaken, back)[0]
    print(f"\nlab:small, {len(targets)} languages, {len(questions)} questions, {len(SEEDS)} seeds; "
          f"each kind in {100 * LAB_RATE:g} % of texts\n")  # fmt: skip
    print_kinds(columns, [kind for kind in ERRORS if kind != "empty"])
    print_flags(columns["exact engine back"])
    print(f"\n{n_empty} empty translations: all listed as not translated.")
    print("\nA tenth of the objects taken for one another, in both directions alike\n")
    print_kinds(confused, ["confused_object"])


def lab_rows(
    questions: Sequence[str], target: str, engine: NoisyTranslator, back: Translator | None
) -> tuple[list[Checked], int]:
    """Translate, translate back, flag; and how many texts were not translated."""
    kept: list[tuple[str | None, Candidate]] = []
    lacking = 0
    for text, answer in zip(questions, engine.translate(questions, ENGLISH, target), strict=True):
        if answer.text is None:
            lacking += 1
            continue
        row = Candidate(source=text, text=answer.text, source_language=ENGLISH, language=target)
        if back is not None:
            again = next(back.translate([answer.text], target, ENGLISH)).text
            score = None if again is None else chrf(again, text)
            row = replace(row, back_translation=again, chrf=score)
        kept.append((engine.planted(text, ENGLISH, target), row))
    flags = flag_translations([row for _, row in kept])
    rows = [Checked(kind=kind, language=target, flags=f)
            for (kind, _), f in zip(kept, flags, strict=True)]  # fmt: skip
    return rows, lacking


# Real text


@dataclass(frozen=True, slots=True)
class Place:
    """Where a planted error may take its material from."""

    source: str
    text: str
    others: Sequence[str]  # translations of sentences that are not in the set
    abroad: Sequence[str]  # translations of the same sentence into other languages
    rng: random.Random


def _halves(text: str) -> tuple[str, str]:
    """Cut in the middle, between words where the script has blanks."""
    words = text.split()
    if len(words) >= 4:
        return " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])
    return text[: len(text) // 2], text[len(text) // 2 :]


def _looped(place: Place) -> str:
    tail = place.text.split()[-3:]
    return f"{place.text} {' '.join(tail * 6 if len(tail) == 3 else [place.text[-6:]] * 6)}"


def _digits_dropped(place: Place) -> str:
    return " ".join(re.sub(r"\d+([.,:]\d+)*", "", place.text).split())


REAL_ERRORS: dict[str, Callable[[Place], str]] = {
    "another sentence": lambda place: place.rng.choice(place.others),
    "first half only": lambda place: _halves(place.text)[0],
    "last fifth cut": lambda place: place.text[: -max(2, len(place.text) // 5)].rstrip(),
    "another language": lambda place: place.rng.choice(place.abroad),
    "source copied": lambda place: place.source,
    "second half in English": lambda place: f"{_halves(place.text)[0]} {_halves(place.source)[1]}",
    "numbers dropped": _digits_dropped,
    "loop": _looped,
}


def real_bench(path: Path) -> None:
    """Every kind of error at 3 % in every language of a parallel table."""
    prompts = load_prompts(path, intent="benign").prompts
    by_id: dict[str, dict[str, Prompt]] = defaultdict(dict)
    for prompt in prompts:
        by_id[prompt.prompt_id][prompt.language] = prompt
    table = [row for row in by_id.values() if "en" in row]
    languages = sorted({tag for row in table for tag in row} - {"en"})
    rows = [
        checked for seed in SEEDS for tag in languages for checked in real_rows(table, tag, seed)
    ]
    print(
        f"\n{len(languages)} languages, {len(table) - N_HELD_OUT} sentences, {len(SEEDS)} seeds; "
        f"each kind in {100 * REAL_RATE:g} % of texts\n"
    )
    print_kinds({"no engine": rows}, REAL_ERRORS)
    print_flags(rows)
    clean = {tag: clean_rows(table, tag) for tag in languages}
    print("\n| language | found, of planted | flagged, of the translations as they are | by |")
    print("|---|---|---|---|")
    for tag in languages:
        wrong = [row for row in rows if row.language == tag and row.kind]
        by = Counter(flag for row in clean[tag] for flag in row.flags)
        shown = ", ".join(f"{flag} {n}" for flag, n in by.most_common())
        print(
            f"| {tag} | {percent(sum(bool(r.flags) for r in wrong), len(wrong))} "
            f"| {percent(sum(bool(r.flags) for r in clean[tag]), len(clean[tag]))} | {shown} |"
        )
    everything = [row for made in clean.values() for row in made]
    by = Counter(flag for row in everything for flag in row.flags)
    shown = ", ".join(f"{flag} {n}" for flag, n in by.most_common())
    flagged = percent(sum(bool(r.flags) for r in everything), len(everything))
    print(f"| **all** | | {flagged} | {shown} |")


def clean_rows(table: Sequence[dict[str, Prompt]], tag: str) -> list[Checked]:
    """The flags of a language's translations as they are."""
    made = [Candidate(source=row["en"].text, text=row[tag].text, source_language="en", language=tag)
            for row in table if tag in row]  # fmt: skip
    return [Checked(kind=None, language=tag, flags=flags) for flags in flag_translations(made)]


def real_rows(table: Sequence[dict[str, Prompt]], tag: str, seed: int) -> list[Checked]:
    """One language with its share of planted errors."""
    rng = random.Random(derive_seed(seed, "planted", tag))
    here = [row for row in table if tag in row]
    # Material for "another sentence" is held out: else the flag "duplicate" would find it all.
    here, held_out = here[N_HELD_OUT:], here[:N_HELD_OUT]
    others = [row[tag].text for row in held_out]
    made: list[tuple[str | None, Candidate]] = []
    for row in here:
        text, kind = row[tag].text, None
        draw = rng.random() / REAL_RATE
        if draw < len(REAL_ERRORS):
            kind = list(REAL_ERRORS)[int(draw)]
            abroad = [row[other].text for other in sorted(row) if other not in ("en", tag)]
            wrong = REAL_ERRORS[kind](Place(row["en"].text, text, others, abroad, rng))
            # Nothing to drop in a sentence without numbers: then nothing is planted.
            text, kind = (wrong, kind) if wrong != " ".join(text.split()) else (text, None)
        made.append(
            (kind, Candidate(source=row["en"].text, text=text, source_language="en", language=tag))
        )
    flags = flag_translations([row for _, row in made])
    return [Checked(kind=kind, language=tag, flags=f)
            for (kind, _), f in zip(made, flags, strict=True)]  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parallel", type=Path, help="a table with a column a language")
    chosen = parser.parse_args()
    if chosen.parallel:
        real_bench(chosen.parallel)
    else:
        lab_bench()
