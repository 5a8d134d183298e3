"""Which variants there are, how they are asked for and what they are called."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from isogloss.errors import InputError, LanguageError
from isogloss.languages import is_lab, resolve_language

KindName = Literal["romanised", "code-switched", "reply-in", "noise-keyboard", "noise-speech"]

KINDS: dict[KindName, str] = {
    "romanised": "in Latin script (uroman)",
    "code-switched": "English with a stated share of its words in the row's language",
    "reply-in": "with a sentence that asks for the answer in one language",
    "noise-keyboard": "with typing errors at a stated character error rate",
    "noise-speech": "as a speech recogniser might write it, at a stated word error rate",
}
"""Name and what it is; the example of each is in `EXAMPLES`."""

EXAMPLES: dict[KindName, str] = {
    "romanised": "romanised",
    "code-switched": "code-switched:0.3",
    "reply-in": "reply-in:en",
    "noise-keyboard": "noise-keyboard:0.1",
    "noise-speech": "noise-speech:0.1",
}
OWN = "own"
"""``reply-in:own`` asks for the answer in the row's own language."""

_HIGHEST: dict[KindName, float] = {"code-switched": 1.0, "noise-keyboard": 0.5, "noise-speech": 0.5}
"""Above half of all characters or words wrong no text is left that errors could be counted in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One variant asked for.

    Attributes:
        name: of `KINDS`.
        rate: the stated share of characters or words, in (0, 1]; None where the kind has none.
        language: what the answer is asked for in: a canonical tag or ``own``; else None.
    """

    name: KindName
    rate: float | None = None
    language: str | None = None

    @property
    def variant(self) -> str:
        """The canonical name, `Prompt.variant`: ``noise-keyboard-10``, ``reply-in-en``."""
        if self.rate is not None:
            return f"{self.name}-{100 * self.rate:g}"
        return f"{self.name}-{self.language}" if self.language else self.name


def parse_kinds(specs: Iterable[str]) -> tuple[Kind, ...]:
    """The kinds that ``--make`` names; several in one string are separated by commas.

    Raises:
        InputError: an unknown kind, a parameter missing, superfluous or out of range, a kind twice.
        LanguageError: ``reply-in`` with a code that is none.

    Example:
        >>> [kind.variant for kind in parse_kinds(["romanised,noise-keyboard:0.1", "reply-in:eng"])]
        ['romanised', 'noise-keyboard-10', 'reply-in-en']
    """
    parts = [part.strip() for spec in specs for part in spec.split(",") if part.strip()]
    if not parts:
        raise InputError(f"no variant is named; make one or more of {', '.join(EXAMPLES.values())}")
    kinds = tuple(_parse(part) for part in parts)
    names = [kind.variant for kind in kinds]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"variant {twice} is asked for twice; name it once")
    return kinds


def _parse(spec: str) -> Kind:
    given, colon, parameter = spec.partition(":")
    name: KindName | None = next((known for known in KINDS if known == given.strip()), None)
    if name is None:
        near = difflib.get_close_matches(given, KINDS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InputError(
            f"{given!r} is no kind of variant; {hint}known are {', '.join(EXAMPLES.values())}"
        )
    parameter = parameter.strip()
    if name == "romanised":
        if colon:
            raise InputError(f"romanised takes no parameter, found {parameter!r}; write romanised")
        return Kind(name=name)
    if not parameter:
        raise InputError(f"{name} needs a parameter, for example {EXAMPLES[name]}")
    if name == "reply-in":
        return Kind(name=name, language=_reply_language(parameter))
    return Kind(name=name, rate=_rate(name, parameter))


def _reply_language(code: str) -> str:
    if code == OWN:
        return OWN
    tag = resolve_language(code)
    if is_lab(tag):
        raise LanguageError(
            f"reply-in:{tag}: no sentence asks for a lab language; use a real one or {OWN!r}"
        )
    return tag


def _rate(name: KindName, parameter: str) -> float:
    highest = _HIGHEST[name]
    try:
        rate = float(parameter)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= highest:
        raise InputError(
            f"{name}:{parameter} is no rate; use a number above 0 and up to {highest:g}, such as "
            f"{EXAMPLES[name]} for {100 * float(EXAMPLES[name].partition(':')[2]):g} %"
        )
    return rate
