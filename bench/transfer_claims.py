"""How often does the test of transfer claim what is not so, and find what is? By simulation.

    OMP_NUM_THREADS=1 python bench/transfer_claims.py            5 minutes on one core
    OMP_NUM_THREADS=1 python bench/transfer_claims.py --quick    half a minute

Concepts are planted in activations; then the whole search runs: vectors, the layer, shuffled
labels, tests of all pairs of languages. A simulation counts as a false claim as soon as one pair is
claimed wrongly. Prints Markdown: the tables of docs/concepts.md.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from isogloss.concepts.activations import Activations
from isogloss.concepts.baselines import Splits, not_assessable, shuffled_labels
from isogloss.concepts.layer_choice import LayerChoice, choose_layer
from isogloss.concepts.parallel import parallel_pairs
from isogloss.concepts.recognition import recognise
from isogloss.concepts.transfer import Transfer, measure_transfer
from isogloss.concepts.vectors import learn_vectors

WIDTH = 64
LANGUAGES = "abcdef"
USUAL = {"train": 60, "validation": 30, "test": 60}
LARGE = {"train": 200, "validation": 60, "test": 200}
CLAIMS = frozenset({"mutual", "unidirectional", "none"})
Directions = Mapping[str, np.ndarray]


def planted(
    rng: np.random.Generator,
    directions: Directions,
    *,
    sizes: Mapping[str, int] = USUAL,
    per_cluster: int = 1,
    item_noise: float = 0.0,
    loud: float = 1.0,
) -> list[Activations]:
    """One layer; two texts are a direction apart, with unit noise a coordinate.

    ``item_noise`` is added alike in all languages; in language a coordinate 1 is ``loud``.
    """
    splits = [split for split, n in sizes.items() for _ in range(n * per_cluster)]
    clusters = [
        f"{split}-{i}" for split, n in sizes.items() for i in range(n) for _ in range(per_cluster)
    ]
    shape = (len(splits), 1, WIDTH)
    item = item_noise * rng.standard_normal(shape)
    found: list[Activations] = []
    for language, direction in directions.items():
        scale = np.ones(WIDTH)
        scale[1] = loud if language == "a" else 1.0
        sides = [
            sign * (direction / 2 + item) + scale * rng.standard_normal(shape) for sign in (1, -1)
        ]
        found.append(
            Activations(
                concept="planted",
                language=language,
                pair_ids=tuple(f"{cluster}/{i}" for i, cluster in enumerate(clusters)),
                cluster_ids=tuple(clusters),
                splits=tuple(splits),  # pyright: ignore[reportArgumentType]
                positive=sides[0].astype(np.float32),
                negative=sides[1].astype(np.float32),
                layers=(0,),
            )
        )
    return found


def search(activations: list[Activations], seed: int) -> Transfer:
    """From activations to verdicts."""
    splits = Splits(
        train=parallel_pairs(activations, "train"),
        validation=parallel_pairs(activations, "validation"),
        test=parallel_pairs(activations, "test"),
    )
    vectors = learn_vectors(splits.train)
    choice = choose_layer(recognise(vectors, splits.validation, auroc=False))
    assert isinstance(choice, LayerChoice)
    test = recognise(vectors, splits.test, auroc=False)
    shuffled = shuffled_labels(splits, choice, seed=seed)
    return measure_transfer(test, choice, not_assessable(test, choice, shuffled))


def toward(*entries: float, length: float) -> np.ndarray:
    """A direction with these first coordinates and this length."""
    vector = np.zeros(WIDTH)
    vector[: len(entries)] = entries
    return length * vector / np.linalg.norm(vector)


def alike(length: float) -> Directions:
    """One direction in all languages."""
    return {language: toward(1, length=length or 1) * (length > 0) for language in LANGUAGES}


def apart(length: float, cosine: float) -> Directions:
    """Directions with one cosine between any two."""
    own = np.eye(WIDTH)[1 : len(LANGUAGES) + 1] * np.sqrt(1 - cosine)
    common = np.eye(WIDTH)[0] * np.sqrt(cosine)
    return {name: length * (common + own[i]) for i, name in enumerate(LANGUAGES)}


Make = Callable[[np.random.Generator], list[Activations]]
EDGE = {"train": 400, "validation": 10, "test": 200}
NULLS: dict[str, tuple[frozenset[str], Make]] = {
    "no concept": (CLAIMS, lambda rng: planted(rng, alike(0))),
    "no concept, 3 pairs a cluster": (CLAIMS, lambda rng: planted(rng, alike(0), per_cluster=3)),
    "no concept, items noisy alike": (CLAIMS, lambda rng: planted(rng, alike(0), item_noise=1)),
    "one direction, d' = 2": (CLAIMS - {"mutual"}, lambda rng: planted(rng, alike(2))),
    "one direction, d' = 1.3": (CLAIMS - {"mutual"}, lambda rng: planted(rng, alike(1.3))),
    "one direction, d' = 2.5, items noisy alike": (
        CLAIMS - {"mutual"},
        lambda rng: planted(rng, alike(2.5), item_noise=1),
    ),
    "one direction, d' = 2, 200 items": (
        CLAIMS - {"mutual"},
        lambda rng: planted(rng, alike(2), sizes=LARGE),
    ),
    "a direction each, d' = 3": (CLAIMS - {"none"}, lambda rng: planted(rng, apart(3, 0))),
    "T = -5 points everywhere, 200 items": (
        CLAIMS,
        lambda rng: planted(rng, apart(3, 0.705), sizes=EDGE),
    ),
}


def false_claims(n: int) -> None:
    """A row a null: how many simulations claim something, of a pair and of a direction."""
    print("| true | false claim on a pair | any 'as good' | any 'worse' | recognised |")
    print("|---|---|---|---|---|")
    for name, (wrong, make) in NULLS.items():
        rng = np.random.default_rng(7)
        counts: Counter[str] = Counter()
        for seed in range(n):
            found = search(make(rng), seed)
            directions = set(found.verdicts.values())
            counts["pair"] += bool(wrong & set(found.patterns.values()))
            counts["good"] += "as good as own" in directions
            counts["worse"] += "worse than own" in directions
            counts["own"] += sum(reason is None for reason in found.not_assessable)
        shares = [counts[key] / n for key in ("pair", "good", "worse")]
        cells = " | ".join(f"{share:.1%}" for share in shares)
        print(f"| {name} | {cells} | {counts['own'] / n / len(LANGUAGES):.1%} |", flush=True)


def power(n: int) -> None:
    """Two languages: a one-way transfer, and one direction in both, by number of test items."""
    one_way = {"a": toward(1, length=4), "b": toward(1, 0.5, length=4)}
    both = {name: toward(1, length=3) for name in "ab"}
    print("\n| test items | unidirectional found | mutual found |\n|---|---|---|")
    for items in (60, 120, 200, 400):
        rng = np.random.default_rng(5)
        sizes = LARGE | {"test": items}
        hits = np.zeros(2)
        for seed in range(n):
            first = search(planted(rng, one_way, sizes=sizes, loud=6), seed)
            second = search(planted(rng, both, sizes=sizes), seed)
            hits[0] += first.patterns[0, 1] == "unidirectional"
            hits[0] -= first.patterns[0, 1] == "unidirectional" and first.asymmetry.low[0, 1] < 0
            hits[1] += second.patterns[0, 1] == "mutual"
        print(f"| {items} | {hits[0] / n:.0%} | {hits[1] / n:.0%} |", flush=True)


if __name__ == "__main__":
    quick = "--quick" in sys.argv
    false_claims(40 if quick else 500)
    power(20 if quick else 200)
