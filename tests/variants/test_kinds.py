"""What ``--make`` may say, and what it means."""

from __future__ import annotations

import pytest

from isogloss.errors import InputError, LanguageError
from isogloss.variants.kinds import EXAMPLES, KINDS, parse_kinds


@pytest.mark.parametrize(
    ("spec", "variant"),
    [
        ("romanised", "romanised"),
        ("noise-keyboard:0.1", "noise-keyboard-10"),
        ("noise-keyboard:.025", "noise-keyboard-2.5"),
        ("noise-speech:0.5", "noise-speech-50"),
        ("code-switched:1", "code-switched-100"),
        ("reply-in:swh_Latn", "reply-in-sw"),
        ("reply-in:own", "reply-in-own"),
    ],
)
def test_names_are_canonical(spec: str, variant: str) -> None:
    assert [kind.variant for kind in parse_kinds([spec])] == [variant]


def test_every_kind_has_an_example_that_parses() -> None:
    assert [kind.name for kind in parse_kinds(EXAMPLES.values())] == list(KINDS)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "no variant is named"),
        ("romanized", "did you mean romanised"),
        ("romanised:0.1", "takes no parameter"),
        ("noise-keyboard", "needs a parameter, for example noise-keyboard:0.1"),
        ("noise-keyboard:10", "above 0 and up to 0.5"),
        ("noise-speech:0", "above 0 and up to 0.5"),
        ("code-switched:nan", "above 0 and up to 1"),
        ("noise-speech:ten", "noise-speech:0.1 for 10 %"),
        ("romanised,romanised", "asked for twice"),
        ("reply-in:eng,reply-in:en", "reply-in-en is asked for twice"),
    ],
)
def test_other_words_are_refused(spec: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_kinds([spec])


def test_a_reply_language_must_be_a_real_one() -> None:
    with pytest.raises(LanguageError, match="qq"):
        parse_kinds(["reply-in:qq"])
    with pytest.raises(LanguageError, match="no sentence asks for a lab language"):
        parse_kinds(["reply-in:fi-x-lab"])
