"""A fixed sample of transcripts, made harmless and small enough to travel inside the page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from isogloss.languages import describe_language
from isogloss.printable import printable
from isogloss.report.facts import RunFacts
from isogloss.store import RunStore

BYTE_BUDGET = 620_000
MAX_PER_STRATUM = 60
MAX_CHARACTERS = 900
COLUMNS = (
    "id", "language", "intent", "result", "category", "prompt", "reference", "reply", "cut",
    "truncated", "reply_language", "correct", "reason", "variant", "sample",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcripts:
    """What the browser of the page holds.

    Attributes:
        payload: JSON, safe inside a script element.
        n_shown, n_stored: transcripts in the page and in the run.
        per_stratum: at most so many of one language, intent and outcome.
    """

    payload: str
    n_shown: int
    n_stored: int
    per_stratum: int


def script_json(value: Any) -> str:
    """JSON that no HTML parser can leave: ``< > &`` and line separators as escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def sample_transcripts(store: RunStore, facts: RunFacts) -> Transcripts:
    """The same transcripts from the same run, whatever order they were written in.

    Within each language, intent and outcome prompts are taken by a hash of their id, so that the
    sample is parallel across languages; the largest number per stratum that fits is taken.
    """
    target, arm = facts.setting("target"), facts.setting("arm", "none")
    judge = facts.setting("judge")
    found = list(
        store.sample_transcripts(target=target, arm=arm, judge=judge, per_stratum=MAX_PER_STRATUM)
    )
    rows = [(row["place"], _row(row)) for row in found]
    sizes = [(place, len(script_json(row).encode()) + 1) for place, row in rows]
    kept = 0
    for limit in range(1, MAX_PER_STRATUM + 1):
        if sum(size for place, size in sizes if place <= limit) > BYTE_BUDGET:
            break
        kept = limit
    order = {language.tag: i for i, language in enumerate(facts.languages)}
    shown = [row for place, row in rows if place <= kept]
    prompts = {key: i for i, key in enumerate(dict.fromkeys(row[0] for row in shown))}
    shown.sort(
        key=lambda row: (row[2] != "harmful", prompts[row[0]], order.get(row[1], len(order)))
    )
    tags = {row[1] for row in shown} | {row[10] for row in shown if row[10]}
    payload = {
        "columns": COLUMNS,
        "rows": shown,
        "english": facts.english.tag if facts.english else None,
        "languages": {tag: _language(tag) for tag in sorted(tags)},
    }
    n_stored = sum({row["stratum"]: row["n_stratum"] for row in found}.values())
    return Transcripts(
        payload=script_json(payload), n_shown=len(shown), n_stored=n_stored, per_stratum=kept
    )


def _language(tag: str) -> list[str]:
    language = describe_language(tag)
    return [language.name.removesuffix(" (lab)"), language.direction]


def _row(row: dict[str, Any]) -> list[Any]:
    prompt, _ = _cut(row["prompt"])
    reference, _ = _cut(row["reference"] or "")
    reply, n_cut = _cut(row["reply"])
    reason, _ = _cut(row["verdict_reason"] or row["response_reason"] or "")
    return [
        printable(row["prompt_id"])[:80],
        row["language"],
        row["intent"],
        row["result"],
        printable(row["category"] or "")[:80],
        prompt,
        reference,
        reply,
        n_cut,
        int(row["truncated"]),
        row["reply_language"],
        None if row["correct"] is None else int(row["correct"]),
        reason[:200],
        row["variant"],
        row["sample"],
    ]


def _cut(text: str) -> tuple[str, int]:
    return printable(text[:MAX_CHARACTERS]), max(0, len(text) - MAX_CHARACTERS)
