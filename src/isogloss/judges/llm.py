"""A language model as the judge: three outcomes over request, English reference and reply.

What keeps its word honest:

- the reply stands between markers with a word that it cannot contain, and is called material;
- the answer must be one JSON object of an exact shape that repeats this word; anything else, the
  judge's own refusal included, is asked once more with a reminder and then ``unjudged``;
- a reply that speaks to its judge (by patterns, or by the judge's own word) is judged again
  without these passages. If the outcome changes, the reply talked the judge into it, and the
  verdict is ``unjudged``.

What this does not see: a reply that persuades without speaking to the judge, and passages that
neither the patterns nor the judge notice. Whether a judge reads a language well is for calibration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from isogloss.endpoint import ChatEndpoint, ChatJob, ChatReply, EndpointOptions, Message
from isogloss.judges.base import in_order
from isogloss.judges.rubric import (
    Problem,
    Said,
    is_suspicious,
    messages_for,
    nonce_of,
    read_answer,
    reminder,
    rubric_fingerprint,
    without_address,
)
from isogloss.records import Decoding, Outcome, Response, Verdict

ANSWER_TOKENS = 1024
"""Room for the object, a quotation, and what a reasoning model thinks before."""


@dataclass(slots=True, kw_only=True)
class _Case:
    """One reply on its way to a verdict.

    Attributes:
        text: the reply, or what is left of it without the passages that speak to the judge.
        said: the judge's word; None until it has given one.
    """

    response: Response
    text: str
    nonce: str
    messages: tuple[Message, ...]
    said: Said | None = None
    verdict: Verdict | None = None
    n_prompt_tokens: int | None = None
    n_tokens: int | None = None


class LlmJudge:
    """Judges with a chat model behind an endpoint; see the module.

    Args:
        model: its name at the endpoint.
        options: how to reach it.

    Raises:
        ModelError: the endpoint cannot be used.
    """

    def __init__(self, model: str, options: EndpointOptions) -> None:
        self._endpoint = ChatEndpoint(model, options)
        self._name = f"llm:openai:{model}"
        self._decoding = Decoding(max_new_tokens=ANSWER_TOKENS, temperature=0.0)

    @property
    def name(self) -> str:
        return self._name

    @property
    def settings(self) -> str:
        """Version and fingerprint of the rubric."""
        return rubric_fingerprint()

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        """Yield one verdict a response, in order; the replies are judged side by side."""
        return in_order(self.judge_unordered(responses))

    def judge_unordered(self, responses: Sequence[Response]) -> Iterator[tuple[int, Verdict]]:
        """See `isogloss.judges.base.JudgesAsTheyCome`."""
        cases = {i: _case(r, r.text) for i, r in enumerate(responses) if r.text.strip()}
        yield from ((i, _verdict(None)) for i in range(len(responses)) if i not in cases)
        doubted: list[int] = []
        for i in self._settle(cases):
            if _is_doubtful(cases[i]):
                doubted.append(i)
            else:
                yield i, _verdict(cases[i])
        again = {i: _case(cases[i].response, left) for i in doubted if (left := _left(cases[i]))}
        yield from ((i, _compared(cases[i], None)) for i in doubted if i not in again)
        for i in self._settle(again):
            yield i, _compared(cases[i], again[i])

    def _settle(self, cases: Mapping[int, _Case]) -> Iterator[int]:
        """Ask about all cases, a second time where the answer was no verdict; which are done."""
        unread: dict[int, tuple[str, Problem]] = {}
        jobs = (ChatJob(key=i, messages=case.messages) for i, case in cases.items())
        for i, reply in self._endpoint.ask(jobs, self._decoding):
            problem = _take(cases[i], reply)
            if problem is None:
                yield i
            else:
                unread[i] = (reply.text, problem)
        yield from self._remind(cases, unread)

    def _remind(
        self, cases: Mapping[int, _Case], unread: Mapping[int, tuple[str, Problem]]
    ) -> Iterator[int]:
        """Ask once more where the answer was no verdict; then there is none."""
        jobs = (
            ChatJob(
                key=i,
                messages=(
                    *cases[i].messages,
                    {"role": "assistant", "content": answer or "(empty)"},
                    reminder(problem, cases[i].nonce),
                ),
            )
            for i, (answer, problem) in unread.items()
        )
        for i, reply in self._endpoint.ask(jobs, self._decoding):
            problem = _take(cases[i], reply)
            if problem is not None:
                cases[i].verdict = _no_verdict(reply.text, problem)
            yield i


def _case(response: Response, text: str) -> _Case:
    nonce = nonce_of(response, text)
    return _Case(
        response=response, text=text, nonce=nonce, messages=messages_for(response, text, nonce)
    )


def _take(case: _Case, reply: ChatReply) -> Problem | None:
    """Note what a reply says and costs; the problem with it, if it is one that asking may mend."""
    case.n_prompt_tokens = _sum(case.n_prompt_tokens, reply.n_prompt_tokens)
    case.n_tokens = _sum(case.n_tokens, reply.n_tokens)
    if reply.status == "error":
        case.verdict = Verdict(
            outcome="unjudged", reason=f"the judge could not be asked: {reply.reason}", failed=True
        )
        return None
    if reply.status == "blocked":
        case.verdict = Verdict(
            outcome="unjudged", reason=f"blocked by the judge's provider: {reply.reason}"
        )
        return None
    said = read_answer(reply.text, case.nonce)
    if isinstance(said, Problem):
        return Problem(words="cut at its longest") if reply.truncated else said
    case.said = said
    return None


def _no_verdict(answer: str, problem: Problem) -> Verdict:
    """Twice no verdict: the judge declined, or does not keep to the form."""
    from isogloss.judges.rules.patterns import all_patterns

    english = all_patterns()["en"]
    if english.find("refusal", english.spelling.plain(answer)):
        return Verdict(outcome="unjudged", reason="the judge declined to judge")
    return Verdict(outcome="unjudged", reason=f"no verdict in the judge's answer: {problem.words}")


def _is_doubtful(case: _Case) -> bool:
    if case.said is None:
        return False
    return bool((case.said.addressed_to_judge or "").strip()) or is_suspicious(case.text)


def _left(case: _Case) -> str | None:
    passage = case.said.addressed_to_judge if case.said else None
    return without_address(case.text, passage)


def _compared(case: _Case, again: _Case | None) -> Verdict:
    """The verdict on a reply that speaks to its judge: only what stays without these passages."""
    said, left = case.said, _left(case)
    assert said is not None
    if left is None:
        # The judge points at a passage that is not there: its reading cannot be checked.
        reason = "the judge names a passage addressed to it that the reply does not hold"
        return _priced(Verdict(outcome="unjudged", reason=reason), case, again)
    if again is None:
        other = "irrelevant"  # nothing is left of it
    elif again.verdict is not None:
        return _priced(again.verdict, case, again)
    else:
        assert again.said is not None
        other = again.said.outcome
        if (again.said.addressed_to_judge or "").strip():
            reason = "the reply speaks to its judge in more passages than could be taken out"
            return _priced(Verdict(outcome="unjudged", reason=reason), case, again)
    if other != said.outcome:
        reason = (
            f"the reply speaks to its judge, who says {said.outcome} with and {other} without "
            "these passages"
        )
        return _priced(Verdict(outcome="unjudged", reason=reason), case, again)
    verdict = _said_verdict(said)
    note = "the same without the passages that speak to the judge"
    return _priced(replace(verdict, reason=verdict.reason or note), case, again)


def _verdict(case: _Case | None) -> Verdict:
    if case is None:
        return Verdict(outcome="irrelevant", reason="empty reply")
    if case.verdict is not None:
        return _priced(case.verdict, case)
    assert case.said is not None
    return _priced(_said_verdict(case.said), case)


def _said_verdict(said: Said) -> Verdict:
    if said.outcome == "cannot_tell":
        return Verdict(outcome="unjudged", reason="the judge cannot tell")
    outcome: Outcome = said.outcome
    return Verdict(outcome=outcome)


def _priced(verdict: Verdict, *cases: _Case | None) -> Verdict:
    n_prompt = n_tokens = None
    for case in cases:
        if case is not None:
            n_prompt = _sum(n_prompt, case.n_prompt_tokens)
            n_tokens = _sum(n_tokens, case.n_tokens)
    return replace(verdict, n_prompt_tokens=n_prompt, n_tokens=n_tokens)


def _sum(left: int | None, right: int | None) -> int | None:
    return right if left is None else left if right is None else left + right
