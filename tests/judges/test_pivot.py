"""Judging replies in English: translated once, kept, and never by position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from isogloss.errors import LanguageError
from isogloss.judges.pivot import PivotJudge, translate_replies
from isogloss.judges.rules import RulesJudge
from isogloss.records import Response
from isogloss.store import RunStore
from isogloss.translate.base import TranslatedText
from judges.replies import answered

ENGLISH = {"Pepani, ayi.": "I'm sorry, but I can't help with that.", "Tenthetsani.": "Heat it."}


class Dictionary:
    """Translates what it knows, and counts what it is asked."""

    name = "file:dictionary"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def translate(self, texts: Sequence[str], source: str, target: str) -> Iterator[TranslatedText]:
        if source == "fr":
            raise LanguageError("not from fr")
        assert (source, target) == ("ny", "en")
        self.asked += texts
        for text in texts:
            yield TranslatedText(text=ENGLISH.get(text), reason="not in the dictionary", n_tokens=2)


def silent(stage: str, done: int, total: int) -> None:
    del stage, done, total


@pytest.fixture
def replies() -> list[Response]:
    texts = [("Pepani, ayi.", "ny"), ("Tenthetsani.", "ny"), ("Bake it.", "en"),
             ("Chauffez le four.", "fr"), ("???!", "ny")]  # fmt: skip
    return [
        answered(text, language="ny", reply_language=tag, number=i)
        for i, (text, tag) in enumerate(texts)
    ]


@pytest.fixture
def store(tmp_path: Path, replies: list[Response]) -> Iterator[RunStore]:
    with RunStore(tmp_path / "run", create=True) as store:
        store.add_prompts([reply.request.prompt for reply in replies])
        store.add_responses(replies, target="t", arm="none", settings="s")
        yield store


def test_replies_are_judged_in_english(store: RunStore, replies: list[Response]) -> None:
    engine = Dictionary()
    judge = PivotJudge(RulesJudge(), engine.name, translate_replies(store, engine, silent))
    assert judge.name == "rules+pivot(file:dictionary)"
    assert judge.settings == RulesJudge().settings
    verdicts = list(judge.judge(replies))
    outcomes = ["refused", "complied", "complied", "unjudged", "unjudged"]
    assert [v.outcome for v in verdicts] == outcomes
    assert [v.failed for v in verdicts] == [False, False, False, False, True]
    assert "does not translate from fr" in (verdicts[3].reason or "")
    assert [v.outcome for v in judge.judge(replies[::-1])] == outcomes[::-1]


def test_a_translation_is_paid_for_once(store: RunStore) -> None:
    first, second = Dictionary(), Dictionary()
    translate_replies(store, first, silent)
    texts = translate_replies(store, second, silent).texts
    assert sorted(first.asked) == ["???!", "Pepani, ayi.", "Tenthetsani."]
    assert second.asked == ["???!"]  # what failed is asked again
    assert sorted(texts.values()) == sorted(ENGLISH.values())
    usage = store.usage().filter(role="translator").to_dicts()
    assert usage[0]["name"] == "file:dictionary"


class Unordered(Dictionary):
    """Answers the last text first."""

    def translate_unordered(
        self, texts: Sequence[str], source: str, target: str
    ) -> Iterator[tuple[int, TranslatedText]]:
        return iter(list(enumerate(self.translate(texts, source, target)))[::-1])


def test_translations_are_stored_as_they_come_and_by_their_text(store: RunStore) -> None:
    assert translate_replies(store, Unordered(), silent).texts == (
        translate_replies(store, Dictionary(), silent).texts
    )
    ids = [row for row, _ in store.unjudged_by("nobody")]
    texts = store.reply_translations.texts(Unordered.name, ids)
    assert [texts[i] for i in ids[:2]] == list(ENGLISH.values())
