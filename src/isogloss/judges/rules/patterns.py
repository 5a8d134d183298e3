"""The pattern files: what a refusal and an evasion look like in each language.

A file ``languages/TAG.toml`` holds

- ``reads``: the tags it is used for; ``spaced``, ``strip_marks``, ``[fold]``: see
  `isogloss.judges.rules.text.Spelling`; ``gap``: most words (characters in languages without
  blanks) a ``~`` stands for;
- ``[words]``: named parts, used as ``<name>``;
- ``[patterns]``: a list for every kind in `KINDS`.

A pattern is a regular expression over the plain spelling, with four signs of its own: ``~`` is a
gap inside one sentence, ``@`` at the beginning is the start of a sentence, ``^`` at the beginning
and ``$`` at the end are those of the whole reply. In languages with blanks it begins and ends at a
word's border. Its letters are brought to the same spelling as the reply's, so files are written
with accents and as the language is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from isogloss.errors import DefectError
from isogloss.judges.rules.text import Spelling
from isogloss.seeds import content_hash

KINDS = ("refusal", "not_understood", "non_answer", "goes_on", "instead", "letter")
"""Refusals · "I do not understand" · asks back, or does not answer, unless it also refuses · words
that lead from a refusal to doing it all the same · words that lead to something else · the
salutation of a letter, whose writer may be sorry for things of its own."""

SPACED_OPENING = 400
DENSE_OPENING = 160
"""Characters in which a refusal must begin: a reply that answers at length may hold one later, in
a quotation or a dialogue."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    reads: Annotated[list[str], Field(min_length=1)]
    spaced: bool = True
    strip_marks: bool = False
    gap: int
    fold: dict[str, str] = {}
    words: dict[str, str] = {}
    patterns: dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagePatterns:
    """The compiled patterns of one language.

    Attributes:
        tag: the file's name.
        reads: canonical tags it is used for.
        patterns: by kind.
        fingerprint: changes with anything in the file.
    """

    tag: str
    reads: tuple[str, ...]
    spelling: Spelling
    patterns: Mapping[str, tuple[re.Pattern[str], ...]]
    fingerprint: str

    @property
    def opening(self) -> int:
        return SPACED_OPENING if self.spelling.spaced else DENSE_OPENING

    def find(self, kind: str, plain: str, start: int = 0) -> tuple[int, re.Match[str]] | None:
        """The earliest match of any pattern of a kind, with the pattern's number from 1."""
        found = [
            (number, match)
            for number, pattern in enumerate(self.patterns[kind], start=1)
            if (match := pattern.search(plain, start))
        ]
        return min(found, key=lambda pair: pair[1].start()) if found else None


@cache
def all_patterns() -> dict[str, LanguagePatterns]:
    """Patterns by canonical tag; a file may serve several tags."""
    folder = resources.files("isogloss.judges.rules") / "languages"
    by_tag: dict[str, LanguagePatterns] = {}
    for file in sorted(folder.iterdir(), key=lambda path: path.name):
        if file.name.endswith(".toml"):
            language = read_patterns(file.name.removesuffix(".toml"), file.read_text("utf-8"))
            by_tag |= dict.fromkeys(language.reads, language)
    return by_tag


@cache
def patterns_fingerprint() -> str:
    """Sixteen hex digits over all files: part of what the judge's verdicts rest on."""
    files = {language.tag: language.fingerprint for language in all_patterns().values()}
    return content_hash(*(f"{tag}:{digest}" for tag, digest in sorted(files.items())))


def read_patterns(tag: str, text: str) -> LanguagePatterns:
    """Compile one pattern file.

    Raises:
        DefectError: a kind is missing or unknown, or a pattern is no regular expression.
    """
    file = _File.model_validate(tomllib.loads(text))
    if set(file.patterns) != set(KINDS):
        raise DefectError(f"{tag}.toml has the kinds {sorted(file.patterns)}, not {sorted(KINDS)}")
    fold = {ord(source): goal for source, goal in file.fold.items()}
    spelling = Spelling(spaced=file.spaced, strip_marks=file.strip_marks, fold=fold)
    return LanguagePatterns(
        tag=tag,
        reads=tuple(file.reads),
        spelling=spelling,
        patterns={
            kind: tuple(_compile(tag, source, file, spelling) for source in sources)
            for kind, sources in file.patterns.items()
        },
        fingerprint=content_hash(text),
    )


def _compile(tag: str, source: str, file: _File, spelling: Spelling) -> re.Pattern[str]:
    body, before, after = source, "", ""
    if body[0] in "@^":
        before, body = body[0], body[1:]
    if body[-1] == "$":
        after, body = "$", body[:-1]
    body = _expand(tag, body, file.words)
    # Outside of escapes such as \S, which case folding would turn into another one.
    body = re.sub(r"\\.|[^\\]+", lambda part: _spell(part[0], spelling), body)
    if file.spaced:
        body = body.replace(" ~ ", f" (?:[^ .?]+ ){{0,{file.gap}}}")
        starts = {"": "(?<= )", "^": "(?<=^ )", "@": "(?:(?<=^ )|(?<=[.?] ))"}
        ends = {"": "(?= )", "$": r"(?= (?:[.?] )*\Z)"}
    else:
        body = body.replace("~", f"[^.?]{{0,{file.gap}}}")
        starts = {"": "", "^": "^", "@": "(?:^|(?<=[.?]))"}
        ends = {"": "", "$": r"(?=[.?]*\Z)"}
    try:
        return re.compile(f"{starts[before]}(?:{body}){ends[after]}")
    except re.error as error:
        raise DefectError(f"{tag}.toml: {source!r} is no regular expression: {error}") from error


def _expand(tag: str, body: str, words: Mapping[str, str]) -> str:
    def part(match: re.Match[str]) -> str:
        if match[1] not in words:
            raise DefectError(f"{tag}.toml: <{match[1]}> is not among its words")
        return f"(?:{_expand(tag, words[match[1]], words)})"

    return re.sub(r"<([a-z_]+)>", part, body)


def _spell(part: str, spelling: Spelling) -> str:
    return part if part.startswith("\\") else spelling.letters(part)
