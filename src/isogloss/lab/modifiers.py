"""What stands after each ``+`` of a mix, and the fields of a recipe that it sets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from isogloss.errors import InputError
from isogloss.lab.mix import find_language, listed, short_codes

Architecture = Literal["llama", "neox", "bloom", "gemma"]

SIZES: dict[str, tuple[int, int]] = {"300k": (80, 3), "1m": (128, 4), "3m": (192, 6)}
"""The size dial: (hidden size, layers)."""
ARCHITECTURES: tuple[Architecture, ...] = ("neox", "bloom", "gemma")
"""The families that can be asked for; without one of them a model is a Llama."""
MIXED = "mix"
"""In place of a language: text of the mix, as in pre-training."""
MIN_TOKENS, MAX_TOKENS = 2048, 1_000_000_000
"""Of a dose of further text: from one training step up."""

PLAIN: dict[str, dict[str, Any]] = {
    "fixed": {"tokenizer": "fixed"},
    "equal": {"alignment": "equal"},
    "even": {"instructions": "equal"},
    "apart": {"bilingual": 0.0},
}
"""Modifiers that are single words, and what they set."""

_SIZED = {
    name: {"hidden_size": hidden_size, "n_layers": n_layers}
    for name, (hidden_size, n_layers) in SIZES.items()
}
_TOKENS = re.compile(r"(?P<number>\d{1,10}(?:\.\d{1,6})?)(?P<unit>[km]?)", re.ASCII)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}
_FORMS = listed(
    (*PLAIN, *SIZES, *ARCHITECTURES, "parallel:LANGUAGE", "LANGUAGE=TOKENS", "mix=TOKENS")
)


def read_modifiers(
    modifiers: Sequence[str], *, mix: str, languages: Sequence[str]
) -> dict[str, Any]:
    """The fields of a recipe that modifiers set.

    Args:
        modifiers: without their ``+``, in order.
        mix: all of it, for messages.
        languages: tags of the mix.

    Raises:
        InputError: an unknown or ill-formed modifier, or two that exclude each other.

    Example:
        >>> read_modifiers(["fixed", "sw=100k"], mix="…", languages=["en-x-lab", "sw-x-lab"])
        {'tokenizer': 'fixed', 'extra': {'sw-x-lab': 100000}}
    """
    fields: dict[str, Any] = {}
    extra: dict[str, int] = {}
    parallel: list[str] = []
    _check_one_of(modifiers, SIZES, "sizes", mix)
    _check_one_of(modifiers, ARCHITECTURES, "architectures", mix)
    for modifier in modifiers:
        if modifier in PLAIN:
            fields |= PLAIN[modifier]
        elif modifier in SIZES:
            fields |= _SIZED[modifier]
        elif modifier in ARCHITECTURES:
            fields["architecture"] = modifier
        elif modifier.startswith("parallel:"):
            parallel.append(_parallel(modifier, languages))
        elif "=" in modifier:
            source, n_tokens = _further(modifier, languages)
            if source in extra:
                raise InputError(f"{mix!r} gives {source} further text twice; give it one number")
            extra[source] = n_tokens
        else:
            raise InputError(
                f"unknown modifier '+{modifier}' in the mix {mix!r}; choose from {_FORMS}"
            )
    if extra:
        fields["extra"] = extra
    if parallel:
        fields["parallel"] = tuple(parallel)
    return fields


def is_further(modifier: str) -> bool:
    """Whether it asks for continued pre-training."""
    return "=" in modifier


def _check_one_of(
    modifiers: Sequence[str], names: Sequence[str] | dict[str, Any], kind: str, mix: str
) -> None:
    if len(found := [modifier for modifier in modifiers if modifier in names]) > 1:
        raise InputError(f"{mix!r} names several {kind}: {listed(found)}; name one")


def _parallel(modifier: str, languages: Sequence[str]) -> str:
    tag = find_language(modifier.removeprefix("parallel:"), languages)
    if tag is None:
        raise InputError(
            f"'+{modifier}' is not parallel text; write +parallel:LANGUAGE with one of "
            f"{short_codes(languages)}"
        )
    return tag


def _further(modifier: str, languages: Sequence[str]) -> tuple[str, int]:
    """Language or mix, and tokens, of ``sw=100k`` or ``mix=1.5m``."""
    code, _, text = modifier.partition("=")
    source = MIXED if code == MIXED else find_language(code, languages)
    match = _TOKENS.fullmatch(text)
    if source is None or match is None:
        raise InputError(
            f"'+{modifier}' is not further text; write +LANGUAGE=TOKENS or +mix=TOKENS, with one "
            f"of {short_codes(languages)} and tokens such as 50000, 50k or 1.5m"
        )
    n_tokens = round(float(match["number"]) * _UNITS[match["unit"]])
    if not MIN_TOKENS <= n_tokens <= MAX_TOKENS:
        raise InputError(
            f"'+{modifier}' asks for {n_tokens:,} further tokens; give {MIN_TOKENS:,} (one "
            f"training step) to {MAX_TOKENS:,}"
        )
    return source, n_tokens
