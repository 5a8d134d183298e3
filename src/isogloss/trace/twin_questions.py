"""Harmful questions with their benign twins, split by cluster, in every language alike.

A lab brings its own: twins differ in the object alone. In a user's prompt set a harmful prompt and
its benign twin share a ``cluster_id``. The cluster of everything in an anatomy is such a pair (in a
lab: an object with its twin), which is never parted by the split into training, validation and
test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.concepts.pairs import SPLITS, PairSet, ValuePair, make_pair_set, split_of_cluster
from isogloss.concepts.parallel import MIN_CLUSTERS
from isogloss.errors import InputError
from isogloss.lab.questions import lab_prompts, question_id, read_question_id
from isogloss.lab.setting import Lab
from isogloss.lab.world import Split
from isogloss.prompts import PromptSet
from isogloss.records import ORIGINAL, Prompt

CONCEPT = "harmfulness"
Key = tuple[str, str]
"""Prompt id and language: what every reading of a question is joined by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A harmful question and the benign one that differs from it in the harm alone.

    Attributes:
        harmful, benign: prompt ids, the same in every language.
    """

    harmful: str
    benign: str
    cluster: str
    split: Split


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinQuestions:
    """All questions an anatomy reads.

    Attributes:
        twins: in the order of their ids.
        prompts: every question in every language; some may have no twin.
        clusters: prompt id → cluster.
        splits: cluster → split.
        languages: canonical tags.
    """

    twins: tuple[Twin, ...]
    prompts: Mapping[Key, Prompt]
    clusters: Mapping[str, str]
    splits: Mapping[str, Split]
    languages: tuple[str, ...]

    def split_of(self, prompt_id: str) -> Split:
        """The split of a question's cluster."""
        return self.splits[self.clusters[prompt_id]]

    def of_split(self, split: Split) -> list[Twin]:
        """The twins of one split."""
        return [twin for twin in self.twins if twin.split == split]

    def pairs(self) -> PairSet:
        """As value pairs of harmfulness, the benign side positive; named by the harmful id."""
        return make_pair_set(
            [
                ValuePair(
                    pair_id=twin.harmful,
                    concept=CONCEPT,
                    language=language,
                    positive=self.prompts[twin.benign, language].text,
                    negative=self.prompts[twin.harmful, language].text,
                    source="questions",
                    cluster_id=twin.cluster,
                    split=twin.split,
                )
                for language in self.languages
                for twin in self.twins
                if self._has_both(twin, language)
            ]
        )

    def _has_both(self, twin: Twin, language: str) -> bool:
        return all((name, language) in self.prompts for name in (twin.harmful, twin.benign))


def lab_twin_questions(lab: Lab, languages: Sequence[str]) -> TwinQuestions:
    """The lab's questions about all of its objects, with the world's own split."""
    prompts: dict[Key, Prompt] = {}
    clusters: dict[str, str] = {}
    splits: dict[str, Split] = {}
    twins: dict[str, Twin] = {}
    for split in SPLITS:
        for prompt in lab_prompts(lab, split=split, languages=languages):
            index, act = read_question_id(prompt.prompt_id)
            twin = lab.world.objects[lab.world.objects[index].twin]
            cluster = f"object:{min(index, twin.index)}"
            prompts[prompt.prompt_id, prompt.language] = prompt
            clusters[prompt.prompt_id], splits[cluster] = cluster, split
            if prompt.intent == "harmful":
                twins[prompt.prompt_id] = Twin(
                    harmful=prompt.prompt_id, benign=question_id(twin, act), cluster=cluster,
                    split=split,
                )  # fmt: skip
    return _questions(twins, prompts, clusters, splits, languages)


def user_twin_questions(
    prompt_set: PromptSet, languages: Sequence[str], *, seed: int
) -> TwinQuestions:
    """A user's prompts; those that share a cluster are twins, in the order of their ids.

    Args:
        prompt_set: with harmful and benign prompts.
        languages: tags that the set has.
        seed: of the split, by the cluster's name alone.

    Raises:
        InputError: no twins, or too few clusters with twins in a split.
    """
    kept = [p for p in prompt_set.prompts if p.variant == ORIGINAL and p.language in languages]
    by_cluster: defaultdict[str, dict[str, set[str]]] = defaultdict(
        lambda: {"harmful": set(), "benign": set()}
    )
    for prompt in kept:
        by_cluster[prompt.cluster_id][prompt.intent].add(prompt.prompt_id)
    splits: dict[str, Split] = {
        cluster: split_of_cluster(cluster, seed=seed) for cluster in by_cluster
    }
    twins = {
        harmful: Twin(harmful=harmful, benign=benign, cluster=cluster, split=splits[cluster])
        for cluster, ids in by_cluster.items()
        for harmful, benign in zip(sorted(ids["harmful"]), sorted(ids["benign"]), strict=False)
    }
    _check_enough(list(twins.values()), prompt_set.source)
    return _questions(
        twins,
        {(p.prompt_id, p.language): p for p in kept},
        {p.prompt_id: p.cluster_id for p in kept},
        splits,
        languages,
    )


def _questions(
    twins: Mapping[str, Twin],
    prompts: Mapping[Key, Prompt],
    clusters: Mapping[str, str],
    splits: Mapping[str, Split],
    languages: Sequence[str],
) -> TwinQuestions:
    return TwinQuestions(
        twins=tuple(twins[name] for name in sorted(twins)),
        prompts=prompts,
        clusters=clusters,
        splits=splits,
        languages=tuple(languages),
    )


def _check_enough(twins: Sequence[Twin], source: str) -> None:
    if not twins:
        raise InputError(
            f"{source} has no benign twins: give every harmful prompt and the benign prompt that "
            "differs from it in the harm alone one cluster_id, and both intents"
        )
    counts = {split: len({t.cluster for t in twins if t.split == split}) for split in SPLITS}
    if min(counts.values()) < MIN_CLUSTERS:
        told = ", ".join(f"{n} {split}" for split, n in counts.items())
        raise InputError(
            f"{source} has too few clusters with a harmful prompt and its benign twin: {told}, and "
            f"each split needs {MIN_CLUSTERS} (about {round(MIN_CLUSTERS / 0.15) + 20} in all)"
        )
