"""From files to a set of value pairs: what is left out, put together and turned round is told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from isogloss.concepts.p2_layout import (
    RawPair,
    read_contrast_table,
    read_p2_file,
    read_p2_folder,
)
from isogloss.concepts.pairs import SPLITS, PairSet, ValuePair, make_pair_set, split_of_cluster
from isogloss.errors import InputError
from isogloss.lab.world import Split


def load_pairs(
    path: str | Path,
    *,
    flip: Sequence[str] = (),
    concepts: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
    seed: int = 0,
) -> PairSet:
    """Load value pairs from a contrast table, or from files in the layout of Xu et al.'s data.

    What is left out or put together is told in `PairSet.notes`. Where the files give no cluster,
    pairs of a concept that share a question or a scenario are one; where they give no split, it
    goes by cluster (see `split_pairs`), before anything is selected.

    Args:
        path: a table (CSV, TSV, JSONL, Parquet, a JSON array), a ``CONCEPT_LANGUAGE.json``, or a
            folder with such files in it. See `isogloss.concepts.p2_layout`.
        flip: concepts whose poles stand the other way round in the files.
        concepts, languages: keep only these.
        seed: of the split.

    Raises:
        InputError: a file, row or cell that cannot be used, an id twice, splits that leak, or
            nothing left.
    """
    path = Path(path)
    notes: list[str] = []
    raw = _with_both_poles(_read(path), notes)
    if not raw:
        raise InputError(f"{path}: no pair is left: {'; '.join(notes) or 'the files are empty'}")
    if unknown := sorted(set(flip) - {pair.concept for pair in raw}):
        there = ", ".join(sorted({pair.concept for pair in raw}))
        raise InputError(f"{path}: no concept {unknown[0]!r} to flip; there are {there}")
    for concept in sorted(set(flip)):
        notes.append(f"poles of {concept} turned round: its negative column is value-aligned")
    clusters = _clusters(raw, notes)
    given = _given_splits(raw)
    pairs = [
        ValuePair(
            pair_id=pair.pair_id,
            concept=pair.concept,
            language=pair.language,
            positive=pair.negative if pair.concept in flip else pair.positive,
            negative=pair.positive if pair.concept in flip else pair.negative,
            source=pair.source,
            cluster_id=cluster,
            split=given[n] if given else split_of_cluster(cluster, seed=seed),
            context=pair.context,
            context_kind=pair.context_kind,
        )
        for n, (pair, cluster) in enumerate(zip(raw, clusters, strict=True))
    ]
    notes.append(_told_split(pairs, given=bool(given)))
    if leaked := _same_text_in_two_splits(pairs):
        notes.append(f"{leaked} pairs say word for word what a pair of another split says")
    return make_pair_set(pairs, notes).select(concepts=concepts, languages=languages)


def _read(path: Path) -> list[RawPair]:
    if path.is_dir():
        return read_p2_folder(path)
    if path.suffix.lower() == ".json" and path.is_file():
        start = path.read_bytes()[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"{"):
            return read_p2_file(path)
    return read_contrast_table(path)


def _with_both_poles(raw: list[RawPair], notes: list[str]) -> list[RawPair]:
    """Leave out what is no contrast; refuse an id that comes twice, with both places."""
    places: dict[tuple[str, str, str], str] = {}
    empty: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    kept: list[RawPair] = []
    for pair in raw:
        key = (pair.concept, pair.language, pair.pair_id)
        if key in places:
            raise InputError(
                f"{pair.place}: pair {pair.pair_id!r} of {pair.concept} in {pair.language} is "
                f"already at {places[key]}; ids are unique within a concept and language"
            )
        places[key] = pair.place
        if not (pair.positive and pair.negative):
            empty[pair.language] += 1
        elif pair.positive == pair.negative:
            equal[pair.language] += 1
        else:
            kept.append(pair)
    for counts, why in ((empty, "without one of their texts"), (equal, "with equal poles")):
        if counts:
            told = ", ".join(f"{tag} {n}" for tag, n in sorted(counts.items()))
            notes.append(f"{counts.total()} pairs {why} left out ({told}): missing, not zero")
    return kept


def _clusters(raw: Sequence[RawPair], notes: list[str]) -> list[str]:
    """A cluster for each pair: the file's, else of all that share a context in any language."""
    if all(pair.cluster_id is not None for pair in raw):
        return [cast(str, pair.cluster_id) for pair in raw]
    missing = next(pair for pair in raw if pair.cluster_id is None)
    if any(pair.cluster_id is not None for pair in raw):
        raise InputError(
            f"{missing.place}: cluster_id is empty, but other rows have one; fill it in all rows "
            "or in none"
        )
    leader = {pair.pair_id: pair.pair_id for pair in raw}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = name = leader[leader[name]]
        return name

    first: dict[tuple[str, str, str], str] = {}
    for pair in raw:
        if pair.context is not None:
            other = first.setdefault((pair.concept, pair.language, pair.context), pair.pair_id)
            low, high = sorted((find(other), find(pair.pair_id)))
            leader[high] = low
    clusters = [find(pair.pair_id) for pair in raw]
    if len(set(clusters)) < len(leader):
        notes.append(
            f"{len(leader)} ids form {len(set(clusters))} clusters: pairs that share a question "
            "or a scenario stay together"
        )
    return clusters


def _given_splits(raw: Sequence[RawPair]) -> list[Split] | None:
    if all(pair.split is None for pair in raw):
        return None
    for pair in raw:
        if pair.split not in SPLITS:
            found = repr(pair.split) if pair.split else "empty"
            raise InputError(
                f"{pair.place}: split is {found}; use {', '.join(SPLITS)} in all "
                "rows, or no split at all"
            )
    return [cast(Split, pair.split) for pair in raw]


def _told_split(pairs: Sequence[ValuePair], *, given: bool) -> str:
    counts = Counter({pair.cluster_id: pair.split for pair in pairs}.values())
    told = ", ".join(f"{split} {counts[split]}" for split in SPLITS)
    return f"split {'as the file has it' if given else 'by cluster name'}, in clusters: {told}"


def _same_text_in_two_splits(pairs: Sequence[ValuePair]) -> int:
    splits: dict[tuple[str, ...], set[Split]] = defaultdict(set)

    def words(pair: ValuePair) -> tuple[str, ...]:
        return (pair.concept, pair.language, pair.positive, pair.negative, pair.context or "")

    for pair in pairs:
        splits[words(pair)].add(pair.split)
    return sum(len(splits[words(pair)]) > 1 for pair in pairs)
