"""Value pairs: the same thing said on either side of a value, parallel in every language by id.

The positive pole is always the value-aligned text (harmless, true, good, …), as in Xu et al. 2024,
where harmful instructions are the negative data; whatever is the other way round in a file is
turned by name (``flip``) and said so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from isogloss.errors import InputError
from isogloss.lab.setting import Lab
from isogloss.lab.values import value_pairs
from isogloss.lab.world import Split
from isogloss.languages import resolve_among
from isogloss.seeds import content_hash, derive_seed

ContextKind = Literal["question", "scenario"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
SPLIT_SHARES: Mapping[Split, float] = {"train": 0.6, "validation": 0.15, "test": 0.25}
"""Expected shares of clusters where a file gives no split; Xu et al. use 80 % and 20 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuePair:
    """One minimal pair in one language.

    Attributes:
        pair_id: the same in all languages of a concept.
        concept: which value.
        language: canonical tag.
        positive: the value-aligned text.
        negative: its counterpart.
        source: where the pair is from.
        cluster_id: what resampling keeps together, and the split with it (lab: the object).
        split: of the cluster: one for all languages and concepts.
        context: what stands before either pole: the question they answer, the scenario.
        context_kind: which of the two it is; None without a context.
    """

    pair_id: str
    concept: str
    language: str
    positive: str
    negative: str
    source: str
    cluster_id: str
    split: Split
    context: str | None = None
    context_kind: ContextKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSet:
    """Pairs in the order (concept, language, pair_id).

    Attributes:
        pairs: none of them twice.
        fingerprint: changes with anything in any pair, never with a file's order.
        notes: what was done to the files' content, in words.
    """

    pairs: tuple[ValuePair, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()

    @property
    def concepts(self) -> tuple[str, ...]:
        return tuple(sorted({pair.concept for pair in self.pairs}))

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({pair.language for pair in self.pairs}))

    def groups(self) -> Iterator[tuple[str, str, tuple[ValuePair, ...]]]:
        """(concept, language, its pairs), sorted; only those that have pairs."""
        grouped: dict[tuple[str, str], list[ValuePair]] = defaultdict(list)
        for pair in self.pairs:
            grouped[pair.concept, pair.language].append(pair)
        for (concept, language), pairs in sorted(grouped.items()):
            yield concept, language, tuple(pairs)

    def select(
        self,
        *,
        concepts: Sequence[str] | None = None,
        languages: Sequence[str] | None = None,
        splits: Sequence[Split] | None = None,
    ) -> PairSet:
        """Only the pairs of these; None keeps all. No pair's split changes.

        Raises:
            InputError: a concept or language that the set does not have.
            LanguageError: a code that is no language.
        """
        present = self.languages
        tags = None if languages is None else [resolve_among(code, present) for code in languages]
        for asked, have, what in (
            (concepts, self.concepts, "concept"),
            (tags, self.languages, "language"),
        ):
            if absent := sorted(set(asked or ()) - set(have)):
                raise InputError(
                    f"no pairs of {what} {', '.join(absent)}; there are {', '.join(have)}"
                )
        kept = [
            pair
            for pair in self.pairs
            if (concepts is None or pair.concept in concepts)
            and (tags is None or pair.language in tags)
            and (splits is None or pair.split in splits)
        ]
        return make_pair_set(kept, self.notes)


def make_pair_set(pairs: Sequence[ValuePair], notes: Sequence[str] = ()) -> PairSet:
    """Sort, check and name a set of pairs.

    Raises:
        InputError: an id twice in one concept and language, equal poles, or a cluster or an id
            that is in two splits.
    """
    ordered = sorted(pairs, key=lambda pair: (pair.concept, pair.language, pair.pair_id))
    seen: set[tuple[str, str, str]] = set()
    split_of: dict[tuple[str, ...], Split] = {}
    for pair in ordered:
        key = (pair.concept, pair.language, pair.pair_id)
        if key in seen:
            raise InputError(
                f"pair {pair.pair_id!r} of {pair.concept} comes twice in {pair.language}; ids are "
                "unique within a concept and language"
            )
        seen.add(key)
        if pair.positive == pair.negative:
            raise InputError(
                f"pair {pair.pair_id!r} of {pair.concept} in {pair.language} says the same on "
                "both poles; leave it out"
            )
        for unit, what in (
            ((pair.cluster_id,), f"cluster {pair.cluster_id!r}"),
            ((pair.concept, pair.pair_id), f"pair {pair.pair_id!r} of {pair.concept}"),
        ):
            if split_of.setdefault(unit, pair.split) != pair.split:
                raise InputError(
                    f"{what} is in {split_of[unit]} and, in {pair.language}, in {pair.split}: test "
                    "items would leak; one split holds for all languages and concepts"
                )
    parts = [
        "\x1e".join((p.concept, p.language, p.pair_id, p.positive, p.negative, p.cluster_id,
                     p.split, p.context or "", p.context_kind or ""))
        for p in ordered
    ]  # fmt: skip
    return PairSet(pairs=tuple(ordered), fingerprint=content_hash(*parts), notes=tuple(notes))


def split_pairs(pairs: Sequence[ValuePair], *, seed: int = 0) -> list[ValuePair]:
    """Give every pair the split of its cluster, by the cluster's name alone.

    So the split is one for all languages and concepts, knows no position, and no pair changes its
    split when others are left out or come in. The shares are `SPLIT_SHARES` on average.
    """
    return [replace(pair, split=split_of_cluster(pair.cluster_id, seed=seed)) for pair in pairs]


def split_of_cluster(cluster_id: str, *, seed: int = 0) -> Split:
    """The split of a cluster."""
    at = derive_seed(seed, "split", cluster_id) / 2**63
    for split in SPLITS:
        at -= SPLIT_SHARES[split]
        if at < 0:
            return split
    return "test"


def lab_pair_set(lab: Lab, *, n_per_object: int = 1, seed: int = 0) -> PairSet:
    """The lab's seven values in all languages of its mix, with the world's own split by object."""
    pairs = [
        ValuePair(
            pair_id=pair.pair_id,
            concept=pair.concept,
            language=pair.language,
            positive=pair.positive,
            negative=pair.negative,
            source="lab",
            cluster_id=pair.cluster_id,
            split=pair.split,
        )
        for pair in value_pairs(lab.world, lab.grammars, n_per_object=n_per_object, seed=seed)
        if pair.positive != pair.negative
    ]
    return make_pair_set(pairs)
