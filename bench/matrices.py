"""How long do all matrices of a run take from stored activations? One thread, one process.

    OMP_NUM_THREADS=1 python bench/matrices.py

Seven values x sixteen languages x twelve layers at the widths 128 and 512, with 200 training, 60
validation and 120 test pairs in memory-mapped float32 files: vectors, the layer's choice, accuracy
and AUROC [source, target, layer], cosines [language, language, layer] and transfer differences.
Beside it what the claims cost: baselines, halvings, intervals, and all rows. Prints Markdown.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402

from isogloss.concepts.activations import Activations  # noqa: E402
from isogloss.concepts.baseline_rows import baseline_rows  # noqa: E402
from isogloss.concepts.baselines import (  # noqa: E402
    Splits,
    not_assessable,
    permutation_p,
    random_directions,
    shuffled_labels,
)
from isogloss.concepts.consistency import cosines, measure_consistency  # noqa: E402
from isogloss.concepts.consistency_rows import consistency_rows  # noqa: E402
from isogloss.concepts.layer_choice import LayerChoice, choose_layer  # noqa: E402
from isogloss.concepts.parallel import parallel_pairs  # noqa: E402
from isogloss.concepts.recognition import Recognition, recognise  # noqa: E402
from isogloss.concepts.recognition_rows import recognition_rows  # noqa: E402
from isogloss.concepts.transfer import measure_transfer, transfer_matrix  # noqa: E402
from isogloss.concepts.transfer_rows import transfer_rows  # noqa: E402
from isogloss.concepts.vectors import SourceVectors, learn_vectors  # noqa: E402

CONCEPTS, LANGUAGES, LAYERS = 7, 16, 12
SIZES = {"train": 200, "validation": 60, "test": 120}
LIMIT = 5.0
Measured = tuple[Splits, SourceVectors, LayerChoice, Recognition]


def store(folder: Path, width: int) -> None:
    """One (pairs, layers, width) float32 file a side, concept and language."""
    rng = np.random.default_rng(0)
    shape = (sum(SIZES.values()), LAYERS, width)
    noise = rng.standard_normal(shape).astype(np.float32)
    for concept in range(CONCEPTS):
        direction = rng.standard_normal(width) / np.sqrt(width)
        for language in range(LANGUAGES):
            for side, sign in (("positive", 0.5), ("negative", -0.5)):
                values = np.roll(noise, rng.integers(noise.size)) + sign * 3 * direction
                np.save(folder / f"{concept}-{language}-{side}.npy", values.astype(np.float32))


def load(folder: Path, concept: int) -> list[Activations]:
    """The languages of one concept, memory-mapped."""
    splits = [split for split, n in SIZES.items() for _ in range(n)]
    ids = [f"{split}-{i}" for i, split in enumerate(splits)]
    return [
        Activations(
            concept=f"value {concept}",
            language=f"language {language}",
            pair_ids=tuple(ids),
            cluster_ids=tuple(ids),
            splits=tuple(splits),  # pyright: ignore[reportArgumentType]
            positive=np.load(folder / f"{concept}-{language}-positive.npy", mmap_mode="r"),
            negative=np.load(folder / f"{concept}-{language}-negative.npy", mmap_mode="r"),
            layers=tuple(range(LAYERS)),
        )
        for language in range(LANGUAGES)
    ]


def matrices(folder: Path, concept: int) -> Measured:
    """Every matrix of one concept."""
    activations = load(folder, concept)
    splits = Splits(
        train=parallel_pairs(activations, "train"),
        validation=parallel_pairs(activations, "validation"),
        test=parallel_pairs(activations, "test"),
    )
    vectors = learn_vectors(splits.train)
    choice = choose_layer(recognise(vectors, splits.validation, auroc=False))
    assert isinstance(choice, LayerChoice)
    test = recognise(vectors, splits.test)
    full = (LANGUAGES, LANGUAGES, LAYERS)
    assert test.accuracy.shape == test.auroc.shape == full
    assert transfer_matrix(test).shape == cosines(vectors.vectors).shape == full
    return splits, vectors, choice, test


def claims(measured: Measured) -> int:
    """Baselines, intervals, tests and rows of one concept; returns how many rows."""
    splits, vectors, choice, test = measured
    shuffled, chance = shuffled_labels(splits, choice), random_directions(splits, choice)
    reasons = not_assessable(test, choice, shuffled)
    common = {"target": "bench"}
    rows = recognition_rows(test, choice, reasons, permutation_p(test, choice, shuffled), common)
    rows += consistency_rows(measure_consistency(splits.train, vectors), choice, common)
    rows += transfer_rows(measure_transfer(test, choice, reasons), common)
    rows += baseline_rows(shuffled, common) + baseline_rows(chance, common)
    return len(rows)


def main() -> None:
    """Both widths; says where the limit is not met."""
    print("| width | all matrices | limit | baselines, intervals, rows | rows |")
    print("|---|---|---|---|---|")
    for width in (128, 512):
        with tempfile.TemporaryDirectory() as name:
            store(Path(name), width)
            start = time.perf_counter()
            measured = [matrices(Path(name), concept) for concept in range(CONCEPTS)]
            middle = time.perf_counter()
            n_rows = sum(claims(one) for one in measured)
            end = time.perf_counter()
        met = "met" if middle - start < LIMIT else "NOT MET"
        print(
            f"| {width} | {middle - start:.2f} s | {LIMIT:.0f} s, {met} | {end - middle:.2f} s "
            f"| {n_rows} |"
        )


if __name__ == "__main__":
    main()
