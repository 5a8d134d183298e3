"""Which prompts of a set are asked: languages and a limit, the same choice on every machine."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from isogloss.errors import InputError, LanguageError
from isogloss.languages import resolve_among
from isogloss.records import INTENTS, Prompt
from isogloss.seeds import content_hash


def select_prompts(
    prompts: Iterable[Prompt], *, languages: Sequence[str] | None = None, limit: int | None = None
) -> list[Prompt]:
    """The prompts in ``languages``, at most ``limit`` prompt ids of each intent.

    The ids are the same in every language and variant. They are taken one of each cluster before
    a second of any, so that few prompts say as much as they can. Clusters come in a fixed shuffle
    of their places in the set's order, the same for both intents: benign twins in the order of
    their harmful prompts come with them. A larger limit keeps what a smaller one chose.

    Raises:
        LanguageError: a language the set does not have.
        InputError: a limit under 1, or nothing left to ask.
    """
    prompts = list(prompts)
    if not prompts:
        raise InputError("the prompt set is empty: there is nothing to ask")
    chosen = _chosen_ids(prompts, limit)
    wanted = _wanted(prompts, languages)
    selected = [p for p in prompts if p.language in wanted and p.prompt_id in chosen]
    if not selected:
        raise InputError("no prompt is left after --languages and --limit")
    return sorted(selected, key=lambda prompt: prompt.key)


def _wanted(prompts: Sequence[Prompt], languages: Sequence[str] | None) -> frozenset[str]:
    present = {prompt.language for prompt in prompts}
    if not languages:
        return frozenset(present)
    wanted = [resolve_among(code, present) for code in languages]
    if absent := [tag for tag in wanted if tag not in present]:
        raise LanguageError(
            f"the prompt set has no prompts in {', '.join(absent)}; "
            f"it has {', '.join(sorted(present))}"
        )
    return frozenset(wanted)


def _chosen_ids(prompts: Sequence[Prompt], limit: int | None) -> frozenset[str]:
    if limit is None:
        return frozenset(prompt.prompt_id for prompt in prompts)
    if limit < 1:
        raise InputError(f"--limit must be 1 or more, not {limit}")
    chosen: set[str] = set()
    for intent in INTENTS:
        clusters: defaultdict[str, set[str]] = defaultdict(set)
        for prompt in prompts:
            if prompt.intent == intent:
                clusters[prompt.cluster_id].add(prompt.prompt_id)
        places = [
            (rank, content_hash(str(place)), prompt_id)
            for place, cluster in enumerate(sorted(clusters, key=_natural))
            for rank, prompt_id in enumerate(sorted(clusters[cluster], key=_natural))
        ]
        chosen.update(prompt_id for _, _, prompt_id in sorted(places)[:limit])
    return frozenset(chosen)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sorts ``object:9`` before ``object:10``."""
    parts = re.split(r"(\d+)", name)
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
