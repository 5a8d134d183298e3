"""Runs made by hand, to be labelled: known verdicts, hostile texts, two targets where asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from isogloss.records import (
    Outcome,
    Prompt,
    ReplyTranslation,
    Request,
    Response,
    Translation,
    Verdict,
)
from isogloss.store import RunStore

TARGET = "hf:planted/model"
JUDGE = "planted-judge"
INTENTS = ("harmful", "benign")

Says = Callable[[str, str, int], str]


def mostly_refused(language: str, intent: str, number: int) -> Outcome:
    """One in ten complied: what a stratified draw takes more often."""
    del language, intent
    return "complied" if number % 10 == 0 else "refused"


def plain(language: str, intent: str, number: int) -> str:
    return f"reply to {intent} {number} in {language}"


def make_run(
    folder: Path,
    *,
    languages: tuple[str, ...] = ("sw", "fi"),
    n: int = 30,
    says: Says = plain,
    asks: Says = lambda language, intent, number: f"{language} {intent} {number}?",
    target: str = TARGET,
    samples: int = 1,
) -> Path:
    """``n`` prompts of each intent and language, each answered and judged."""
    with RunStore(folder, create=True) as store:
        prompts = [
            Prompt(
                prompt_id=f"{intent}-{i}",
                language=language,
                text=asks(language, intent, i),
                intent=intent,
                reference=f"Meant {intent} {i}" if i % 2 else None,
                cluster_id=f"c{i}",
                translation=Translation(engine="hf:planted", back_translation=f"Back {intent} {i}")
                if i % 3 == 0
                else None,
            )
            for language in languages
            for intent in INTENTS
            for i in range(n)
        ]
        store.add_prompts(prompts)
        store.add_responses(
            [
                Response(
                    request=Request(prompt=prompt, sample=sample),
                    status="ok",
                    text=says(prompt.language, prompt.intent, _number(prompt)),
                    truncated=_number(prompt) == 1,
                    reply_language=prompt.language if _number(prompt) % 4 else None,
                )
                for prompt in prompts
                for sample in range(samples)
            ],
            target=target,
            arm="none",
            settings="abc",
        )
        found = list(store.unjudged_by(JUDGE))
        store.add_verdicts(
            [
                (i, Verdict(outcome=mostly_refused("", "", _number(r.request.prompt))))
                for i, r in found
            ],
            judge=JUDGE,
        )
        store.reply_translations.add(
            [
                (i, ReplyTranslation(text=f"English of {i}"))
                for i, r in found
                if _number(r.request.prompt) % 2
            ],
            engine="hf:planted",
        )
        store.set_meta("audit", {"target": target, "arm": "none", "primary_variant": "original"})
        store.set_meta("prompt_set", {"fingerprint": f"set of {n}"})
    return folder


def _number(prompt: Prompt) -> int:
    return int(prompt.prompt_id.split("-")[1])
