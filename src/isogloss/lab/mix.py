"""How much pre-training text each language has: mixes by name, dominance or table, and doses."""

from __future__ import annotations

import csv
import math
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.errors import InputError, LanguageError
from isogloss.lab.tongues import TONGUES
from isogloss.languages import resolve_among
from isogloss.seeds import derive_seed

ALL_CODES = tuple(tag.removesuffix("-x-lab") for tag in TONGUES)
MIXES: dict[str, tuple[float, ...]] = {
    "english": (62, 6.1, 4.9, 4.9, 3.8, 3.4, 3.0, 2.3, 2.3, 1.9, 1.5, 1.3, 1.0, 0.8, 0.5, 0.3),
    "bilingual": (40, 2.2, 45, 1.9, 1.6, 1.5, 1.3, 1.2, 1.1, 1.0, 0.8, 0.7, 0.6, 0.5, 0.35, 0.25),
    "balanced": (24, 12, 14, 10, 7, 5.5, 3.6, 4.0, 3.2, 2.9, 2.6, 2.4, 2.7, 2.3, 2.0, 1.8),
}
"""Percent of documents, in the order of `TONGUES`. ``english`` keeps the order of LLaMA-2's shares
but compresses them (real ones of 0.13 % and less would need billions of tokens), ``bilingual`` is
Qwen-like, ``balanced`` BLOOM-like. A preset with fewer languages renormalises."""

# The path of a table may hold any sign; what is done to it comes after its ".csv".
_MIX = re.compile(
    r"(?P<name>.*\.csv|[^~*+]*)(?P<deal>~[^*+]*)?(?P<doses>(?:\*[^*+]*)*)(?P<modifiers>(?:\+[^+]*)*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A mix as it is written.

    Attributes:
        shares: language → percent of documents; they add up to 100.
        modifiers: what stands after each ``+``, in order.
    """

    shares: dict[str, float]
    modifiers: tuple[str, ...]


def read_mix(mix: str, languages: list[str]) -> Mix:
    """Read ``NAME[~DEAL][*LANGUAGE=FACTOR…][+MODIFIER…]``.

    NAME is one of `MIXES`, the path of a table, or the percents of a few dominant languages
    (``en=30,zh=20``), of which all others share the rest alike: the mix that Xu et al. 2024
    (section 6) recommend, a limited number of dominant languages and balanced others.

    Args:
        languages: of a mix that is no table; a table brings its own.

    Raises:
        InputError: not a mix, an unknown name, deal or language, or a table, a dose or dominant
            languages that do not leave every language something.

    Example:
        >>> read_mix("balanced*sw=2", ["en-x-lab", "sw-x-lab"]).shares["sw-x-lab"].__round__(1)
        15.4
    """
    match = _MIX.fullmatch(mix)
    if match is None:
        raise InputError(
            f"{mix!r} is not a mix; after its name come ~DEAL, *LANGUAGE=FACTOR and +MODIFIER only"
        )
    shares = _named_shares(match["name"], languages)
    if match["deal"] is not None:
        shares = _deal(shares, match["deal"].removeprefix("~"))
    for dose in match["doses"].split("*")[1:]:
        shares = _dosed(shares, dose)
    return Mix(shares=shares, modifiers=tuple(match["modifiers"].split("+")[1:]))


def without_modifiers(mix: str, is_dropped: Callable[[str], bool]) -> str:
    """The mix as it is written, less some of its modifiers.

    Example:
        >>> without_modifiers("english+even+apart", lambda modifier: modifier == "even")
        'english+apart'
    """
    match = _MIX.fullmatch(mix)
    if match is None:
        return mix
    modifiers = match["modifiers"].split("+")[1:]
    kept = [f"+{modifier}" for modifier in modifiers if not is_dropped(modifier)]
    return mix[: match.start("modifiers")] + "".join(kept)


def find_language(code: str, languages: Iterable[str]) -> str | None:
    """The tag of a language written as its tag or as a short code; None where it is none of them.

    Example:
        >>> find_language("sw", ["en-x-lab", "sw-x-lab"])
        'sw-x-lab'
    """
    known = list(languages)
    try:
        tag = resolve_among(code, known) if code else code
    except LanguageError:
        return None
    return tag if tag in known else None


def short_codes(languages: Iterable[str]) -> str:
    """The languages' codes for a message: ``en, fr, sw``."""
    return listed(tag.removesuffix("-x-lab") for tag in languages)


def listed(names: Iterable[str]) -> str:
    """Names for a message."""
    return ", ".join(names)


def is_number(text: str) -> bool:
    """Whether the text is a whole number from 0 to 999999999."""
    return text.isascii() and text.isdecimal() and len(text) < 10


def _dosed(shares: Mapping[str, float], dose: str) -> dict[str, float]:
    """One language's share times a factor; the others give way in proportion."""
    code, equals, text = dose.partition("=")
    tag = find_language(code, shares)
    if not equals or tag is None:
        raise InputError(
            f"'*{dose}' is not a dose; write *LANGUAGE=FACTOR with one of {short_codes(shares)}"
        )
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    share = shares[tag] * factor
    if not 0 < share < 100:
        raise InputError(
            f"'*{dose}' would give {tag} {share:.4g} % of the text; a factor leaves every language "
            f"something (its share is {shares[tag]:.4g} %)"
        )
    rest = (100 - share) / (100 - shares[tag])
    return {name: share if name == tag else value * rest for name, value in shares.items()}


def _deal(shares: dict[str, float], deal: str) -> dict[str, float]:
    """The same shares, given to the languages in another order."""
    values = list(shares.values())
    if deal == "reversed":
        values.reverse()
    elif is_number(deal):
        random.Random(derive_seed(int(deal), "deal shares")).shuffle(values)
    else:
        raise InputError(f"after ~ comes 'reversed' or the number of a permutation, not {deal!r}")
    return dict(zip(shares, values, strict=True))


def _named_shares(name: str, languages: list[str]) -> dict[str, float]:
    if name in MIXES:
        raw = dict(zip(TONGUES, MIXES[name], strict=True))
        kept = {tag: raw[tag] for tag in languages}
    elif name.endswith(".csv"):
        kept = _shares_from_file(Path(name))
    elif "=" in name:
        kept = _dominated(name, languages)
    else:
        raise InputError(
            f"unknown mix {name!r}; choose one of {listed(MIXES)}, the percents of dominant "
            "languages (en=40 or en=30,zh=20) or the path of a .csv table with the columns "
            "language,percent"
        )
    total = sum(kept.values())
    return {tag: 100 * share / total for tag, share in kept.items()}


def _dominated(name: str, languages: Sequence[str]) -> dict[str, float]:
    """``en=30,zh=20``: these percents, and the rest in equal parts for all other languages."""
    dominant: dict[str, float] = {}
    for part in name.split(","):
        code, _, text = part.partition("=")
        tag = find_language(code, languages)
        if tag is None:
            raise InputError(
                f"{part!r} in the mix {name!r} does not begin with one of its languages; write "
                f"LANGUAGE=PERCENT with one of {short_codes(languages)}"
            )
        if tag in dominant:
            raise InputError(f"the mix {name!r} names {tag} twice; give it one percent")
        try:
            dominant[tag] = float(text)
        except ValueError:
            raise InputError(
                f"{text!r} in the mix {name!r} is not a number; write LANGUAGE=PERCENT"
            ) from None
        if not 0 < dominant[tag] < 100:
            raise InputError(
                f"{part!r} in the mix {name!r}: a percent is above 0 and below 100, not {text}"
            )
    others = [tag for tag in languages if tag not in dominant]
    rest = 100 - sum(dominant.values())
    if not others or rest <= 0:
        raise InputError(
            f"the mix {name!r} gives {100 - rest:g} % to {len(dominant)} of {len(languages)} "
            "languages; name fewer than all, with less than 100 % together: the others share the "
            "rest"
        )
    return {tag: dominant.get(tag, rest / len(others)) for tag in languages}


def _shares_from_file(path: Path) -> dict[str, float]:
    if not path.is_file():
        raise InputError(f"the mix table {path} does not exist")
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    reader = csv.DictReader(lines)
    if not {"language", "percent"} <= set(reader.fieldnames or ()):
        raise InputError(
            f"{path}: expected the columns language,percent; found "
            + (", ".join(reader.fieldnames or ()) or "none: the file is empty")
        )
    shares: dict[str, float] = {}
    for row in reader:
        tag, share = _read_share(row, f"{path}, line {reader.line_num}")
        if tag in shares:
            raise InputError(f"{path}, line {reader.line_num}: {tag} appears twice")
        shares[tag] = share
    total = sum(shares.values())
    if len(shares) < 2 or not 99 <= total <= 101:
        raise InputError(
            f"{path}: the shares of {len(shares)} languages add up to {total:g} %; "
            "name two languages or more whose shares add up to 100"
        )
    return {tag: shares[tag] for tag in TONGUES if tag in shares}


def _read_share(row: Mapping[str, str | None], place: str) -> tuple[str, float]:
    code = (row["language"] or "").strip()
    tag = code if code in TONGUES else f"{code}-x-lab"
    if tag not in TONGUES:
        raise InputError(
            f"{place}: {code!r} is not a lab language; choose from {listed(ALL_CODES)}"
        )
    try:
        share = float(row["percent"] or "")
    except ValueError:
        raise InputError(f"{place}: {row['percent']!r} is not a number") from None
    if not 0 < share <= 100:
        raise InputError(f"{place}: a share is above 0 and at most 100 percent, not {share}")
    return tag, share
