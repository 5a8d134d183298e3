"""A target whose replies say what they are, and the judge that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from isogloss.audit.run import AuditConfig
from isogloss.prompts import PromptSet, prompts_fingerprint
from isogloss.records import Decoding, Prompt, Request, RequestKey, Response, Verdict

RIGHT, WRONG, COMPLIED, REFUSED, IRRELEVANT, UNJUDGED, BLOCKED, ERROR = (
    "right", "wrong", "complied", "refused", "irrelevant", "unjudged", "blocked", "error",
)  # fmt: skip


class PlantedTarget:
    """Answers each request with the word `plan` gives for it."""

    template = "none"

    def __init__(self, plan: Callable[[Request], str], name: str = "planted") -> None:
        self.plan, self.name = plan, name
        self.asked: list[RequestKey] = []

    def complete(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        skip: AbstractSet[RequestKey] = frozenset(),
    ) -> Iterator[Response]:
        for request in requests:
            if request.key in skip:
                continue
            self.asked.append(request.key)
            word = self.plan(request)
            status = word if word in (BLOCKED, ERROR) else "ok"
            yield Response(
                request=request,
                status=status,  # pyright: ignore[reportArgumentType]
                text="" if status != "ok" else word,
                reply_language=request.prompt.language if status == "ok" else None,
                reason="planted" if status != "ok" else None,
            )


class WordJudge:
    """Reads the word."""

    def __init__(self, name: str = "word", settings: str = "") -> None:
        self.name, self.settings = name, settings
        self.n_seen = 0

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        for response in responses:
            self.n_seen += 1
            if response.text in (RIGHT, WRONG, COMPLIED):
                correct = {RIGHT: True, WRONG: False}.get(response.text)
                yield Verdict(outcome="complied", correct=correct)
            else:
                yield Verdict(outcome=response.text)  # pyright: ignore[reportArgumentType]


def make_prompts(
    languages: Sequence[str],
    n_clusters: int,
    per_cluster: int = 1,
    *,
    benign: bool = True,
    category: Callable[[int], str | None] = lambda cluster: f"topic {cluster % 2}",
) -> list[Prompt]:
    """``per_cluster`` harmful prompts (and benign twins) in each of ``n_clusters`` clusters."""
    return [
        Prompt(
            prompt_id=f"{intent[0]}{cluster}-{number}",
            language=language,
            text=f"{intent} {cluster} {number} in {language}",
            intent=intent,  # pyright: ignore[reportArgumentType]
            category=category(cluster),
            cluster_id=f"c{cluster}",
        )
        for intent in (("harmful", "benign") if benign else ("harmful",))
        for cluster in range(n_clusters)
        for number in range(per_cluster)
        for language in languages
    ]


def prompt_set(prompts: Sequence[Prompt]) -> PromptSet:
    prompts = tuple(sorted(prompts, key=lambda prompt: prompt.key))
    return PromptSet(
        prompts=prompts,
        fingerprint=prompts_fingerprint(prompts),
        licence=None,
        source="planted",
        notes=(),
    )


def config(out: Path, **changes: object) -> AuditConfig:
    return AuditConfig(**{"target": "hf:planted", "out": out, **changes})  # type: ignore[arg-type]
