"""Training examples that are audit prompts, or nearly so: an audit of those would measure memory.

Exact matches go by id and by normalised text. Near-duplicates go by sets of character 5-grams
("shingles"; resemblance and containment of Broder 1997): their Jaccard index, and the share of the
audit prompt's that the training prompt contains. Short audit prompts are not compared so: "how do I
paint a lamp" and "how do I paint a camp" are two questions. Where a script writes much in few
characters (Chinese), most prompts are short in this sense.

An example and an audit prompt that are close share most of the audit prompt's 5-grams, hence some
of any third of them. So only the rarest third is indexed, and sets are compared only where enough
of it is found (prefix filtering, Chaudhuri et al. 2006). 200,000 prompts of 150 characters against
5,000 take 6 seconds on one core; half a minute where all share a template of half their length.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.align.examples import Example
from isogloss.errors import InputError
from isogloss.records import Prompt

JACCARD = 0.8
"""Shared 5-grams over those of either text, from which two texts are nearly the same."""
CONTAINMENT = 0.9
"""Share of an audit prompt's 5-grams in a training prompt, from which it stands in there."""
SHORTEST = 40
"""Characters of an audit prompt; shorter ones need to be equal."""

_N = 5
_CHARACTERS_A_BLOCK = 2_000_000
_PAIRS_A_BLOCK = 10_000_000
# Odd multipliers of a hash modulo 2**64; two 5-grams that meet are told apart when sets are made.
_MULTIPLIERS = (
    0x9E3779B97F4A7C15,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0xD6E8FEB86659FD93,
    0xFF51AFD7ED558CCD,
)

_Hashes = NDArray[np.uint64]
_Indices = NDArray[np.int64]


def check_unseen(examples: Sequence[Example], prompts: Sequence[Prompt]) -> None:
    """That nothing of what is audited was trained on.

    Args:
        examples: what is trained on.
        prompts: what will be asked, in all languages and variants.

    Raises:
        InputError: examples have the id or the cluster of an audit prompt, its text (white space
            and case apart, in whatever language), or nearly its text (`JACCARD`, `CONTAINMENT`).
    """
    names = {name for prompt in prompts for name in (prompt.prompt_id, prompt.cluster_id)}
    asked = {normalised(prompt.text) for prompt in prompts}
    texts = [normalised(example.prompt) for example in examples]
    ways: dict[str, list[Example]] = {"id or cluster": [], "text": [], "nearly the same text": []}
    remaining: dict[str, list[Example]] = {}
    for example, text in zip(examples, texts, strict=True):
        if example.example_id in names or example.cluster_id in names:
            ways["id or cluster"].append(example)
        elif text in asked:
            ways["text"].append(example)
        else:
            remaining.setdefault(text, []).append(example)
    for text in near_duplicates(list(remaining), sorted(asked)):
        ways["nearly the same text"] += remaining[text]
    found = [example for one in ways.values() for example in one]
    if not found:
        return
    told = ", ".join(f"{len(one)} by {way}" for way, one in ways.items() if one)
    ids = list(dict.fromkeys(example.example_id for example in found))
    advice = "take them out of the training data, or audit other prompts"
    if ways["id or cluster"]:
        advice += "; if only their numbering is the same, give them other ids"
    raise InputError(
        f"{len(found)} of {len(examples)} training examples are in the audit prompts: {told}, "
        f"such as {', '.join(map(repr, ids[:3]))}; an audit would measure what was learnt by "
        f"heart: {advice}"
    )


def near_duplicates(texts: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Those of ``texts`` that are close to one of ``asked``; all normalised."""
    long = [text for text in asked if len(text) >= SHORTEST]
    if not long or not texts:
        return []
    index = _make_index(long)
    sets = [_shingles(text) for text in long]
    found: list[str] = []
    for block in _blocks(texts):
        candidates: dict[int, list[int]] = {}
        for text, prompt in _candidates(block, index):
            candidates.setdefault(text, []).append(prompt)
        for text, near in sorted(candidates.items()):
            mine = _shingles(block[text])
            if any(_close(mine, sets[prompt]) for prompt in near):
                found.append(block[text])
    return found


def normalised(text: str) -> str:
    """Case-folded, compatible characters made one (NFKC), white space single."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _shingles(text: str) -> set[str]:
    return {text[i : i + _N] for i in range(len(text) - _N + 1)}


def _close(text: set[str], prompt: set[str]) -> bool:
    shared = len(text & prompt)
    either = len(text) + len(prompt) - shared
    return shared >= JACCARD * either or shared >= CONTAINMENT * len(prompt)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    """The rarest 5-grams of P prompts.

    Attributes:
        hashes: (H,) sorted, each once.
        maybe: (2**20,) whether the top 20 bits of a hash are those of any in ``hashes``.
        starts: (H + 1,) where the prompts of each hash begin.
        prompts: prompts by hash.
        needed: (P,) how many of its indexed 5-grams a close text has at least.
    """

    hashes: _Hashes
    maybe: NDArray[np.bool_]
    starts: _Indices
    prompts: _Indices
    needed: _Indices


def _make_index(prompts: Sequence[str]) -> _Index:
    hashes, owners = _hashed(prompts)
    order = np.lexsort((hashes, owners))
    hashes, owners = hashes[order], owners[order]
    first = np.ones(hashes.size, dtype=np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    hashes, owners = hashes[first], owners[first]
    _, place, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    order = np.lexsort((hashes, counts[place], owners))
    hashes, owners = hashes[order], owners[order]
    n = np.bincount(owners, minlength=len(prompts))
    rank = np.arange(owners.size) - (np.cumsum(n) - n)[owners]
    # Close texts share at least ceil(0.8 n): both measures say so. They then lack n - ceil(0.8 n),
    # and of that many and `needed` more they have `needed`.
    needed = 1 + n // 10
    lacking = n - np.ceil(min(JACCARD, CONTAINMENT) * n - 1e-9).astype(np.int64)
    kept = rank < (lacking + needed)[owners]
    hashes, owners = hashes[kept], owners[kept]
    order = np.argsort(hashes, kind="stable")
    unique, starts = np.unique(hashes[order], return_index=True)
    maybe = np.zeros(2**20, dtype=np.bool_)
    maybe[unique >> np.uint64(44)] = True
    return _Index(
        hashes=unique,
        maybe=maybe,
        starts=np.append(starts, hashes.size),
        prompts=owners[order],
        needed=needed,
    )


def _candidates(texts: Sequence[str], index: _Index) -> Iterator[tuple[int, int]]:
    """Every (text, prompt) that may be close, and some more."""
    hashes, owners = _hashed(texts)
    likely = index.maybe[hashes >> np.uint64(44)]
    hashes, owners = hashes[likely], owners[likely]
    at = np.minimum(np.searchsorted(index.hashes, hashes), index.hashes.size - 1)
    there = index.hashes[at] == hashes
    at, owners = at[there], owners[there]
    counts = index.starts[at + 1] - index.starts[at]
    ends = np.cumsum(counts)
    # In parts that end with a text and have about so many pairs.
    bounds = np.searchsorted(ends, np.arange(_PAIRS_A_BLOCK, int(counts.sum()), _PAIRS_A_BLOCK))
    cuts = np.unique(np.searchsorted(owners, owners[bounds]))
    for part in np.split(np.arange(at.size), cuts):
        number = counts[part]
        offsets = np.arange(int(number.sum())) - np.repeat(np.cumsum(number) - number, number)
        prompt = index.prompts[np.repeat(index.starts[at[part]], number) + offsets]
        pair = np.repeat(owners[part], number) * index.needed.size + prompt
        pairs, shared = np.unique(pair, return_counts=True)
        text, prompt = np.divmod(pairs, index.needed.size)
        enough = shared >= index.needed[prompt]
        yield from zip(text[enough].tolist(), prompt[enough].tolist(), strict=True)


def _hashed(texts: Sequence[str]) -> tuple[_Hashes, _Indices]:
    """The hash of every 5-gram of every text, and the index of its text; in the texts' order."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    owners = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    n = max(0, codes.size - _N + 1)
    hashes = np.zeros(n, dtype=np.uint64)
    for i, multiplier in enumerate(_MULTIPLIERS):
        hashes += codes[i : i + n].astype(np.uint64) * np.uint64(multiplier)
    whole = owners[:n] == owners[_N - 1 :]
    return hashes[whole], owners[:n][whole]


def _blocks(texts: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    size = 0
    for text in texts:
        block.append(text)
        size += len(text)
        if size >= _CHARACTERS_A_BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block
