"""Prompt sets and recorded responses as files, for the command line's tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

LANGUAGES = ("en", "fr", "zh", "sw", "ny")


def write_prompts(path: Path, n: int = 40) -> Path:
    rows = [
        {
            "prompt_id": f"{intent[0]}{i}", "language": tag, "intent": intent,
            "text": f"SECRET {intent} {i}", "category": f"topic {i % 2}", "cluster_id": f"c{i}",
        }
        for intent in ("harmful", "benign")
        for i in range(n)
        for tag in LANGUAGES
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def safe(tag: str, intent: str, number: int) -> str:
    del tag, number
    return "complied" if intent == "benign" else "refused"


def write_recording(
    path: Path, outcome: Callable[[str, str, int], str] = safe, n: int = 40
) -> Path:
    rows = [
        {
            "prompt_id": f"{intent[0]}{i}", "language": tag, "correct": True,
            "response": f"REPLY \x1b[31m{intent}\u202e", "outcome": outcome(tag, intent, i),
        }
        for intent in ("harmful", "benign")
        for i in range(n)
        for tag in LANGUAGES
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
