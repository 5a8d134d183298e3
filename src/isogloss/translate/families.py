"""How each family of translation models is told the languages: tokens of its own vocabulary.

Which languages a model knows is read off its tokenizer, and its codes (``swh_Latn``, ``__sw__``,
``sw_KE``, ``<2sw>``, ``>>swh<<``) go through `isogloss.languages.resolve_language` like any other:
no table of codes has to be kept in step with the models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from isogloss.errors import LanguageError, ModelError
from isogloss.languages import resolve_language

FAMILIES = {
    "m2m_100": "NLLB or M2M-100",
    "mbart": "mBART-50",
    "t5": "MADLAD (T5)",
    "mt5": "MADLAD (T5)",
    "marian": "OPUS (Marian)",
}
"""``model_type`` of a config.json -> the family it is here."""

_NAMED = re.compile(r"([a-z]{3}_[A-Z][a-z]{3})|__([a-z]{2,3})__|([a-z]{2,3}_[A-Z]{2})")
_TO = re.compile(r"<2([A-Za-z_]+)>")
_INTO = re.compile(r">>([A-Za-z_]+)<<")
_PAIR = re.compile(r"opus-mt-(?:tc-\w+?-)?([a-z_]+)-([a-z_]+)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What has to be said to a model so that it translates one pair.

    Attributes:
        prefix: stands before every text.
        source_code: set as the tokenizer's source language; None where it has none.
        first_token: the token every translation begins with; None where it is free.
    """

    prefix: str = ""
    source_code: str | None = None
    first_token: int | None = None


class Languages:
    """The languages of one model.

    Args:
        name: of the model, for messages.
        model_type: of its configuration; one of `FAMILIES`.
        tokenizer: a Hugging Face tokenizer.

    Raises:
        ModelError: not a family known here, or a tokenizer without languages.
    """

    def __init__(self, name: str, model_type: str, tokenizer: Any) -> None:
        if model_type not in FAMILIES:
            raise ModelError(
                f"{name} is a {model_type} model; translation models known here are "
                f"{', '.join(dict.fromkeys(FAMILIES.values()))}"
            )
        self._name = name
        self._kind = "t5" if model_type == "mt5" else model_type
        self._tokenizer = tokenizer
        vocabulary = tokenizer.get_vocab()
        pattern = {"t5": _TO, "marian": _INTO}.get(self._kind, _NAMED)
        self._tokens = _by_tag(vocabulary, pattern)
        self._pair = _pair(name, tokenizer) if self._kind == "marian" else None
        if not self._tokens and self._kind != "marian":
            raise ModelError(
                f"{name} is no {FAMILIES[model_type]} translation model: its tokenizer has no "
                "language tokens"
            )

    def wanted(self, source: str, target: str) -> Wanted:
        """What to say for one pair of canonical tags.

        Raises:
            LanguageError: the model does not translate this pair.
        """
        if self._kind == "t5":
            return Wanted(prefix=f"{self._token(target)} ")
        if self._kind == "marian":
            return self._marian(source, target)
        token = self._token(target)
        # M2M-100's own code is what stands between the underscores of its token.
        return Wanted(
            source_code=self._token(source).strip("_"),
            first_token=self._tokenizer.convert_tokens_to_ids(token),
        )

    def _token(self, tag: str) -> str:
        if tag not in self._tokens:
            known = ", ".join(sorted(self._tokens)[:40])
            raise LanguageError(
                f"{self._name} does not know {tag}; it knows {len(self._tokens)} languages: {known}"
                + ", …" * (len(self._tokens) > 40)
            )
        return self._tokens[tag]

    def _marian(self, source: str, target: str) -> Wanted:
        """One pair a model, or several targets told apart by a token."""
        own_source, own_target = self._pair or (None, None)
        if own_source is not None and own_source != source:
            raise LanguageError(
                f"{self._name} translates from {own_source}, not {source}; name the OPUS model of "
                "that pair"
            )
        if target in self._tokens:
            return Wanted(prefix=f"{self._tokens[target]} ")
        if self._tokens or (own_target is not None and own_target != target):
            known = ", ".join(sorted(self._tokens)) or own_target
            raise LanguageError(f"{self._name} translates into {known}, not {target}")
        return Wanted()


def _by_tag(vocabulary: Iterable[str], pattern: re.Pattern[str]) -> dict[str, str]:
    """Canonical tag -> the model's token, the first by name where two are one language."""
    found: dict[str, str] = {}
    for token in sorted(vocabulary):
        if match := pattern.fullmatch(token):
            code = next(group for group in match.groups() if group)
            if tag := _tag(code):
                found.setdefault(tag, token)
    return found


def _tag(code: str) -> str | None:
    try:
        return resolve_language(code)
    except LanguageError:  # <2transliterate>, groups such as ROMANCE
        return None


def _pair(name: str, tokenizer: Any) -> tuple[str | None, str | None]:
    """Source and target of a Marian model; None for a group of languages, or where nobody says."""
    if match := _PAIR.search(name):
        return _tag(match[1]), _tag(match[2])
    told = tokenizer.init_kwargs
    source, target = told.get("source_lang"), told.get("target_lang")
    return _tag(source) if source else None, _tag(target) if target else None
