"""Whose replies a sheet is drawn from, and the fingerprint that ties a label file to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isogloss.errors import InputError
from isogloss.records import Response
from isogloss.seeds import content_hash
from isogloss.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One target and arm of a run, and one variant of its prompts.

    Attributes:
        fingerprint: names run, target, arm, decoding and variant; equal in a copy of the run.
    """

    target: str
    arm: str
    variant: str
    fingerprint: str


def choose_source(
    store: RunStore,
    *,
    target: str | None = None,
    arm: str | None = None,
    variant: str | None = None,
) -> Source:
    """What is named, else what the last audit of the run asked.

    Raises:
        InputError: no such target, arm or variant in the run, or several and no telling which.
    """
    sources = store.sources()
    if not sources:
        raise InputError(f"{store.folder} holds no replies yet; there is nothing to label")
    audit: dict[str, Any] = store.meta("audit", {})
    if (
        target is None
        and arm is None
        and (audit.get("target"), audit.get("arm")) in {source[:2] for source in sources}
    ):
        target, arm = audit["target"], audit["arm"]
    found = [s for s in sources if target in (None, s[0]) and arm in (None, s[1])]
    if len(found) != 1:
        names = ", ".join(f"--target {t} --arm {a}" for t, a, _ in sources)
        which = "no such target and arm" if not found else "several targets or arms"
        raise InputError(f"{store.folder} has {which}; choose one of: {names}")
    chosen_target, chosen_arm, _ = found[0]
    chosen: str = variant or audit.get("primary_variant", "original")
    variants = sorted(set(store.planned()["variant"]))
    if chosen not in variants:
        raise InputError(
            f"{store.folder} has no prompts of variant {chosen}; it has {', '.join(variants)}"
        )
    prompt_set = store.meta("prompt_set", {}).get("fingerprint", "")
    fingerprint = "run-" + content_hash("labels", prompt_set, *found[0], chosen)
    return Source(target=chosen_target, arm=chosen_arm, variant=chosen, fingerprint=fingerprint)


def reply_key(response: Response) -> str:
    """What names a reply in a label file: a hash of its key and of both texts.

    It begins with a letter, so that no spreadsheet takes it for a number, and it says nothing of
    model, judge or intent. Another reply to the same prompt has another one.
    """
    prompt = response.request.prompt
    sample = str(response.request.sample)
    return "reply-" + content_hash(*prompt.key, sample, prompt.text, response.text)
