"""Replies put into English before they are judged: reply → English → judge.

A judge that knows no language but English can judge any run this way, at the price of the
translator's errors. The translations are stored with the run: paid for once, shown to labellers,
and shared by all judges of the same engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from isogloss.errors import LanguageError
from isogloss.judges.base import Judge, in_order, numbered_verdicts
from isogloss.progress import Progress
from isogloss.records import ReplyTranslation, Response, Verdict
from isogloss.seeds import content_hash
from isogloss.store import RunStore
from isogloss.translate.base import AnswersAsTheyCome, TranslatedText, Translator

ENGLISH = "en"
_GROUP = 256
_NOBODY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotedReplies:
    """The English of a run's replies, by content.

    Attributes:
        texts: key of a reply (`_key`) → English.
        reasons: key of a reply → why it has none for good.
    """

    texts: dict[str, str]
    reasons: dict[str, str]


def translate_replies(
    store: RunStore, translator: Translator, progress: Progress
) -> PivotedReplies:
    """Translate the replies of a run that this engine has not translated yet; all of them back.

    A reply is taken to be in its own language, and where that is not known in the language asked
    in. English replies stay as they are.

    Raises:
        ModelError: the engine cannot be used. What was translated before is stored.
    """
    reasons: dict[str, str] = {}
    table = store.reply_translations
    todo = [(i, r) for i, r in table.missing(translator.name) if _needs_english(r)]
    stage, done = f"translating replies ({translator.name})", 0
    progress(stage, 0, len(todo))
    for language in dict.fromkeys(_language(response) for _, response in todo):
        mine = [(i, r) for i, r in todo if _language(r) == language]
        for row, response, made in _translated(translator, mine, language):
            table.add([(row, made)], engine=translator.name)
            if made.reason == _NO_PAIR:
                reasons[_key(response)] = f"{translator.name} does not translate from {language}"
            done += 1
            progress(stage, done, len(todo))
    return PivotedReplies(texts=_read_texts(store, translator.name), reasons=reasons)


class PivotJudge:
    """A judge that sees replies in English.

    Args:
        judge: who judges them.
        engine: the translator's name; part of the judge's.
        replies: of `translate_replies`, for the run that is judged.
    """

    def __init__(self, judge: Judge, engine: str, replies: PivotedReplies) -> None:
        self._judge = judge
        self._name = f"{judge.name}+pivot({engine})"
        self._replies = replies

    @property
    def name(self) -> str:
        return self._name

    @property
    def settings(self) -> str:
        """Those of the judge."""
        return self._judge.settings

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        """Yield one verdict a response, in order; without a translation it is ``unjudged``.

        Where the engine failed for now, the verdict counts as failed and is sought again.
        """
        return in_order(self.judge_unordered(responses))

    def judge_unordered(self, responses: Sequence[Response]) -> Iterator[tuple[int, Verdict]]:
        """See `isogloss.judges.base.JudgesAsTheyCome`."""
        english: dict[int, Response] = {}
        for i, response in enumerate(responses):
            pivoted = self._english(response)
            if pivoted is not None:
                english[i] = pivoted
                continue
            reason = self._replies.reasons.get(_key(response))
            verdict = Verdict(
                outcome="unjudged",
                reason=reason or "the reply could not be put into English",
                failed=reason is None,
            )
            yield i, verdict
        places = list(english)
        for place, verdict in numbered_verdicts(self._judge, list(english.values())):
            yield places[place], verdict

    def _english(self, response: Response) -> Response | None:
        if not _needs_english(response):
            return response
        text = self._replies.texts.get(_key(response))
        return None if text is None else replace(response, text=text, reply_language=ENGLISH)


_NO_PAIR = "the engine does not translate from this language"


def _translated(
    translator: Translator, rows: Sequence[tuple[int, Response]], language: str
) -> Iterator[tuple[int, Response, ReplyTranslation]]:
    for start in range(0, len(rows), _GROUP):
        group = rows[start : start + _GROUP]
        texts = [response.text for _, response in group]
        try:
            for place, text in _as_they_come(translator, texts, language):
                yield (
                    *group[place],
                    ReplyTranslation(
                        text=text.text,
                        reason=text.reason,
                        n_prompt_tokens=text.n_prompt_tokens,
                        n_tokens=text.n_tokens,
                    ),
                )
        except LanguageError:
            for row, response in group:
                yield row, response, ReplyTranslation(text=None, reason=_NO_PAIR)


def _as_they_come(
    translator: Translator, texts: Sequence[str], language: str
) -> Iterator[tuple[int, TranslatedText]]:
    if isinstance(translator, AnswersAsTheyCome):
        return translator.translate_unordered(texts, language, ENGLISH)
    return enumerate(translator.translate(texts, language, ENGLISH))


def _read_texts(store: RunStore, engine: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    last = 0
    while group := list(store.unjudged_by(_NOBODY, after=last, limit=_GROUP)):
        last = group[-1][0]
        found = store.reply_translations.texts(engine, [row for row, _ in group])
        texts |= {_key(response): found[row] for row, response in group if row in found}
    return texts


def _needs_english(response: Response) -> bool:
    return bool(response.text.strip()) and _language(response) != ENGLISH


def _language(response: Response) -> str:
    return response.reply_language or response.request.prompt.language


def _key(response: Response) -> str:
    return content_hash(_language(response), response.text)
