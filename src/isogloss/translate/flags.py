"""Quality flags: what a translation looks wrong by, each check under a name of its own.

A flag is a doubt, never a verdict: flagged rows stay in the set, are asked and counted, and a
report can leave them out to show what they change. Most checks need the source and the text only;
`low_chrf` needs a back-translation; lengths, endings and chrF++ are compared with the rows of the
same language. Figures on what each one finds are in ``docs/translation.md``.
"""

from __future__ import annotations

import math
import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from isogloss.identify import identify_language
from isogloss.languages import is_lab
from isogloss.translate.kept import lost_marks, lost_names, lost_numbers
from isogloss.translate.scripts import mostly_in_another_script, same_cased_script, width

FLAGS: dict[str, str] = {
    "copy": "the source came back",
    "duplicate": "the same text stands for another source too",
    "empty": "no letter and no digit",
    "engine_reply": "the engine refused, answered or announced instead of translating",
    "low_chrf": "the back-translation is far from the source",
    "marks": "a placeholder, address or piece of code is gone",
    "names": "several names, and nothing like any of them",
    "numbers": "a number is gone",
    "repetition": "the same words over and over",
    "too_long": "far longer than the language's translations are",
    "too_short": "far shorter than the language's translations are",
    "truncated": "it ends in the middle",
    "untranslated_part": "its first or second half is still in the source language",
    "wrong_language": "in another language or script than asked for",
}
"""Every flag and what it says about a translation."""

LENGTH_Z = 4.0
"""Robust standard deviations of log(length ratio) from the language's median."""
LENGTH_SPREAD = 0.12
"""Smallest standard deviation assumed of log(length ratio): 4 of it are a factor of 1.6."""
LENGTH_UNKNOWN = math.log(2)
"""The same limit where fewer than `FEWEST` rows give no median; lengths then count as `width`."""
FEWEST = 10
"""Rows of a language from which on they tell what is usual there."""
SMOOTHING = 12
"""Characters added to both lengths, so that very short texts vary less."""
CHRF_LOW = 30.0
"""chrF++ under which a back-translation is far from its source, whatever the language."""
CHRF_Z = 4.0
"""Robust standard deviations under the language's median."""
CHRF_SPREAD = 2.5
"""Smallest standard deviation assumed of chrF++: where nearly all are at 100, 10 points count."""
ENDINGS = 0.8
"""Share of the language's rows that must end in punctuation before one without is flagged."""

_REPLY = re.compile(
    r"\b(?:i['’]?m|i am) (?:sorry|unable|not able)\b|\bi (?:can(?:['’]?t|not)|won['’]?t|will not)"
    r" (?:\w+ ){0,2}(?:help|assist|translat|provid|comply|fulfil|do that|support)"
    r"|\bas an (?:ai|artificial)\b|\b(?:here(?:['’]s| is)|this is|below is) the translat"
    r"|^\W*(?:translation|sure|certainly|of course)\b\s*[:,!.]|\bagainst my (?:guidelines|polic)",
    re.IGNORECASE,
)
_LOOP = re.compile(r"(.{1,60}?)\1{3,}", re.DOTALL)
_LOOP_LENGTH = 16
_LETTERS_FOR_LANGUAGE = 12
_NO_FULL_STOP = frozenset({"th", "lo"})
_LAST = frozenset("\"'”’»）)]】』」 ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One translation to be checked.

    Attributes:
        back_translation, chrf: where there is one; chrF++ from 0 to 100.
        truncated: the engine said that it was cut.
    """

    source: str
    text: str
    source_language: str
    language: str
    back_translation: str | None = None
    chrf: float | None = None
    truncated: bool = False


def flag_translations(rows: Sequence[Candidate]) -> list[tuple[str, ...]]:
    """The flags of every row, sorted by name, in the order of ``rows``.

    Args:
        rows: all translations into one language, so that they can be compared with one another.
    """
    raised: list[set[str]] = [
        {name for name, check in _CHECKS.items() if check(row)} for row in rows
    ]
    for flagged, row in zip(raised, rows, strict=True):
        if row.truncated:
            flagged.add("truncated")
    for check in (_flag_lengths, _flag_endings, _flag_duplicates, _flag_chrf):
        check(rows, raised)
    return [tuple(sorted(flagged)) for flagged in raised]


def _is_copy(row: Candidate) -> bool:
    source = _letters_only(row.source)
    # One word may be the same in both: a name, a loan.
    return source == _letters_only(row.text) and len(row.source.split()) > 1 and source != ""


def _letters_only(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _is_empty(row: Candidate) -> bool:
    return not any(c.isalnum() for c in row.text)


def _is_reply(row: Candidate) -> bool:
    if _REPLY.search(row.source):
        return False
    return bool(_REPLY.search(row.text) or _REPLY.search(row.back_translation or ""))


def _loses_names(row: Candidate) -> bool:
    # German writes every noun with a capital.
    comparable = same_cased_script(row.source_language, row.language) and not is_lab(row.language)
    if not comparable or row.source_language in ("de", "lb"):
        return False
    return bool(lost_names(row.source, row.text))


def _repeats(row: Candidate) -> bool:
    return _loops(row.text) and not _loops(row.source)


def _loops(text: str) -> bool:
    text = " ".join(text.split())
    # A space in front makes the first word of a loop equal to the others.
    return any(len(m[0]) >= _LOOP_LENGTH and m[1].strip() for m in _LOOP.finditer(f" {text} "))


def _is_in_wrong_language(row: Candidate) -> bool:
    """Abstention is no flag: languages that no detector knows are never identified."""
    if sum(c.isalpha() for c in row.text) < _LETTERS_FOR_LANGUAGE:
        return False
    if is_lab(row.language):
        from isogloss.lab.identify import identify_lab_language

        return identify_lab_language(row.text) not in (None, row.language)
    if mostly_in_another_script(row.text, row.language):
        return True
    found = identify_language(row.text, prefer=row.language)
    return found is not None and found.split("-")[0] != row.language.split("-")[0]


def _is_partly_untranslated(row: Candidate) -> bool:
    if is_lab(row.language) or _is_in_wrong_language(row):
        return False
    middle = len(row.text) // 2
    halves = (row.text[:middle].rpartition(" ")[0], row.text[middle:].partition(" ")[2])
    return any(
        sum(c.isalpha() for c in half) >= _LETTERS_FOR_LANGUAGE
        and identify_language(half) == row.source_language
        for half in halves
    )


_CHECKS: dict[str, Callable[[Candidate], bool]] = {
    "copy": _is_copy,
    "empty": _is_empty,
    "engine_reply": _is_reply,
    "marks": lambda row: bool(lost_marks(row.source, row.text)),
    "names": _loses_names,
    "numbers": lambda row: bool(lost_numbers(row.source, row.text)),
    "repetition": _repeats,
    "untranslated_part": _is_partly_untranslated,
    "wrong_language": _is_in_wrong_language,
}
"""What one row tells alone."""


def _flag_lengths(rows: Sequence[Candidate], raised: list[set[str]]) -> None:
    if len(rows) < FEWEST:
        ratios = [_log_ratio(width(row.text), width(row.source)) for row in rows]
        middle, limit = 0.0, LENGTH_UNKNOWN
    else:
        ratios = [_log_ratio(len(row.text), len(row.source)) for row in rows]
        middle, spread = _middle(ratios)
        limit = LENGTH_Z * max(spread, LENGTH_SPREAD)
    for flagged, ratio in zip(raised, ratios, strict=True):
        if ratio < middle - limit:
            flagged.add("too_short")
        elif ratio > middle + limit:
            flagged.add("too_long")


def _log_ratio(length: float, source_length: float) -> float:
    return math.log((length + SMOOTHING) / (source_length + SMOOTHING))


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """Median, and the standard deviation that the median absolute deviation stands for."""
    median = statistics.median(values)
    return median, 1.4826 * statistics.median(abs(value - median) for value in values)


def _flag_endings(rows: Sequence[Candidate], raised: list[set[str]]) -> None:
    """Where the source ends in punctuation and so do most translations, one that does not."""
    ended = [
        (flagged, _ends(row.text))
        for row, flagged in zip(rows, raised, strict=True)
        if _ends(row.source) and row.language not in _NO_FULL_STOP
    ]
    if len(ended) < FEWEST or sum(end for _, end in ended) < ENDINGS * len(ended):
        return
    for flagged, end in ended:
        if not end:
            flagged.add("truncated")


def _ends(text: str) -> bool:
    text = text.rstrip()
    while text and text[-1] in _LAST:
        text = text[:-1]
    return not text or unicodedata.category(text[-1])[0] == "P"


def _flag_duplicates(rows: Sequence[Candidate], raised: list[set[str]]) -> None:
    sources: dict[str, set[str]] = {}
    for row in rows:
        sources.setdefault(_letters_only(row.text), set()).add(_letters_only(row.source))
    for flagged, row in zip(raised, rows, strict=True):
        if len(sources[_letters_only(row.text)]) > 1:
            flagged.add("duplicate")


def _flag_chrf(rows: Sequence[Candidate], raised: list[set[str]]) -> None:
    scores = [row.chrf for row in rows if row.chrf is not None]
    limit = CHRF_LOW
    if len(scores) >= FEWEST:
        median, spread = _middle(scores)
        limit = max(limit, median - CHRF_Z * max(spread, CHRF_SPREAD))
    for flagged, row in zip(raised, rows, strict=True):
        if row.chrf is not None and row.chrf < limit:
            flagged.add("low_chrf")


def count_flags(flags: Sequence[Sequence[str]]) -> Counter[str]:
    """How many rows carry each flag; every name of `FLAGS` is there, with 0 where none does."""
    counts = Counter(dict.fromkeys(FLAGS, 0))
    counts.update(name for row in flags for name in row)
    return counts
