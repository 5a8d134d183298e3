"""One canonical tag a language, whatever code it came under."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import langcodes
from langcodes.tag_parser import LanguageTagError

from isogloss.errors import LanguageError

LAB_SUFFIX = "-x-lab"
LAB_LANGUAGES: tuple[str, ...] = tuple(
    code + LAB_SUFFIX
    for code in (
        *("en", "fr", "zh", "es", "pt", "vi", "ca", "id"),
        *("ja", "ko", "fi", "hu", "ta", "te", "sw", "ny"),
    )
)
"""The lab's micro-languages; no other private-use tag is a language here."""

_NOT_A_LANGUAGE = frozenset({"und", "mul", "zxx", "mis", "art", "root"})
# CLDR keeps these apart from the code that detectors and corpora count them under.
_SAME_LANGUAGE = {"nb": "no", "tl": "fil", "pbt": "ps"}
# FLORES names the alphabet alone where CLDR names the whole mixed script.
_SAME_SCRIPT = {("ko", "Hang"): "Kore"}
_RIGHT_TO_LEFT = frozenset(
    {"Adlm", "Arab", "Aran", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What is known about one language.

    Attributes:
        tag: canonical tag, as `resolve_language` gives it.
        name: in English.
        family: branch of the family tree (``Romance``, ``Bantu``, …), None where not in the table.
        word_order: ``SVO``, ``SOV`` or ``VSO``; None where no order dominates or none is listed.
        direction: of the usual script.
    """

    tag: str
    name: str
    family: str | None = None
    word_order: str | None = None
    direction: Literal["ltr", "rtl"] = "ltr"


def is_lab(tag: str) -> bool:
    """Whether ``tag`` is one of the lab's micro-languages (``ny-x-lab``)."""
    return tag.endswith(LAB_SUFFIX)


def resolve_language(code: str) -> str:
    """The canonical tag of a language.

    ISO 639-1 and 639-3 codes, FLORES codes (``swh_Latn``), old codes (``iw``) and BCP-47 tags fold
    into one tag: the member of a macrolanguage that CLDR calls dominant takes its code (``cmn`` →
    ``zh``, ``khk`` → ``mn``; ``yue`` stays), the script is kept only where it is not the usual one
    (``zho_Hans`` → ``zh``, ``zho_Hant`` and ``zh-TW`` → ``zh-Hant``), and the region goes: no share
    table and no language identifier tells ``pt-BR`` from ``pt-PT``. Two dialects are told apart by
    ``variant`` in a prompt set.

    Args:
        code: any of these, in any case, with ``-`` or ``_``.

    Raises:
        LanguageError: not a language; the message names the nearest codes.

    Example:
        >>> resolve_language("zho_Hans"), resolve_language("swh_Latn"), resolve_language("ny-x-lab")
        ('zh', 'sw', 'ny-x-lab')
    """
    return _resolve(code.strip())


def resolve_among(code: str, present: Container[str]) -> str:
    """The canonical tag, or the lab language of that code where only that one is there.

    Example:
        >>> resolve_among("sw", {"sw-x-lab"}), resolve_among("swh", {"sw", "sw-x-lab"})
        ('sw-x-lab', 'sw')
    """
    tag = resolve_language(code)
    twin = tag + LAB_SUFFIX
    return twin if tag not in present and twin in present else tag


@cache
def _resolve(code: str) -> str:
    lowered = code.lower().replace("_", "-")
    if lowered in LAB_LANGUAGES:
        return lowered
    is_word = code.isascii() and code.isprintable()
    if "-x-" in lowered or lowered.startswith("x-") or not is_word:
        raise _unknown(code)
    try:
        standard = langcodes.Language.get(langcodes.standardize_tag(code, macro=True))
        valid = langcodes.tag_is_valid(code)
    except LanguageTagError:
        raise _unknown(code) from None
    language = standard.language
    reserved = language is not None and "qaa" <= language <= "qtz" and len(language) == 3
    if not valid or language is None or language in _NOT_A_LANGUAGE or reserved:
        raise _unknown(code)
    language = _SAME_LANGUAGE.get(language, language)
    usual = langcodes.Language.get(language).maximize().script
    script = standard.maximize().script
    script = _SAME_SCRIPT.get((language, script or ""), script)
    return language if script == usual else f"{language}-{script}"


def _unknown(code: str) -> LanguageError:
    nearest = _suggestions(code)
    hint = f"did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""
    return LanguageError(
        f"{code!r} is not a language code; {hint or 'use a BCP-47 or ISO 639 code'}"
        f"{'' if hint else ' such as fr, sw or zho_Hans'}"
    )


def _suggestions(code: str) -> list[str]:
    """At most three tags: by name first (``chichewa`` → ``ny``), then by likeness of the code."""
    lowered = code.lower().replace("_", "-")
    if "-x-" in lowered or lowered.startswith("x-"):
        return difflib.get_close_matches(lowered, LAB_LANGUAGES, n=3, cutoff=0.6)
    names = {language.name.lower(): tag for tag, language in known_languages().items()}
    if lowered in names:
        return [names[lowered]]
    if not code.isprintable():  # langcodes cannot look control characters up
        return []
    try:
        return [resolve_language(langcodes.find(code).to_tag())]
    except LookupError:
        pass
    base = lowered.split("-")[0]
    by_name = [names[n] for n in difflib.get_close_matches(lowered, names, n=3, cutoff=0.75)]
    by_code = difflib.get_close_matches(base, known_languages(), n=3, cutoff=0.6)
    return list(dict.fromkeys([*by_name, *by_code]))[:3]


def describe_language(tag: str) -> Language:
    """What is known about a language; for one outside the table, its name and direction only.

    Lab languages have the family and word order of the language they stand for.

    Raises:
        LanguageError: not a language.
    """
    tag = resolve_language(tag)
    if is_lab(tag):
        real = known_languages()[tag.removesuffix(LAB_SUFFIX)]
        # Every lab script is Latin.
        return Language(
            tag=tag, name=f"{real.name} (lab)", family=real.family, word_order=real.word_order
        )
    if tag in known_languages():
        return known_languages()[tag]
    parsed = langcodes.Language.get(tag)
    right_to_left = parsed.maximize().script in _RIGHT_TO_LEFT
    return Language(
        tag=tag, name=parsed.display_name(), direction="rtl" if right_to_left else "ltr"
    )


@cache
def table_rows() -> tuple[dict[str, str], ...]:
    """The shipped table, one dictionary a language, as written in ``table.csv``."""
    text = resources.files("isogloss.languages").joinpath("table.csv").read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def known_languages() -> dict[str, Language]:
    """The languages of the shipped table, by tag."""
    return {
        row["tag"]: Language(
            tag=row["tag"],
            name=row["name"],
            family=row["family"] or None,
            word_order=row["word_order"] or None,
            direction="rtl" if row["direction"] == "rtl" else "ltr",
        )
        for row in table_rows()
    }
