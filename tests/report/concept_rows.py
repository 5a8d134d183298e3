"""Concept rows made by hand, as a run writes them: seven values, sixteen languages, six layers."""

from __future__ import annotations

from itertools import combinations, permutations
from math import log10
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.concepts.linguistic_rows import linguistic_rows, similarity_rows
from isogloss.concepts.linguistics import linguistic_correlations
from isogloss.concepts.similarity import Similarities, lab_similarities, shipped_similarities
from isogloss.lab.lexicon import make_lexicon
from isogloss.lab.world import make_world
from isogloss.languages import ShareTable, is_lab
from isogloss.records import Measurement
from isogloss.store import RunStore
from report.synthetic import LAB_SHARES, lab_table

TARGET = "lab:small@chat#0"
VALUES = (
    "deontology", "fairness", "harmfulness", "morality", "toxicity", "truthfulness",
    "utilitarianism",
)  # fmt: skip
N_LAYERS = 6
CHOSEN = "layer by mean own-language validation accuracy"


def similarities(tags: tuple[str, ...]) -> Similarities:
    if all(is_lab(tag) for tag in tags):
        return lab_similarities(make_lexicon(make_world(n_objects=20), tags), tags)
    return shipped_similarities(tags)


def make_rows(
    tags: tuple[str, ...],
    table: ShareTable,
    *,
    concepts: tuple[str, ...] = VALUES,
    target: str = TARGET,
    seed: int = 0,
) -> list[Measurement]:
    """Recognition that falls with the share, cosines that follow kinship, a one-way transfer.

    The last language has no pairs of the last concept: not measured, everywhere it should be.
    """
    rng = np.random.default_rng(seed)
    likeness = similarities(tags)
    known = {t: min(1.0, max(0.05, (log10(table.share(t) or 0.05) + 1.3) / 3)) for t in tags}
    rows = [_competence(target, tag, known[tag]) for tag in tags]
    cosines: list[np.ndarray] = []
    for i, concept in enumerate(concepts):
        gone = {tags[-1]} if i == len(concepts) - 1 and len(concepts) > 1 else set()
        strength = 0.45 - 0.05 * i
        rows += _recognition(target, concept, tags, known, strength, gone, rng)
        found, matrix = _consistency(target, concept, tags, known, likeness, gone, rng)
        rows += found
        cosines.append(matrix)
        rows += _transfer(target, concept, tags, known, strength, gone, rng)
    counts = np.maximum(np.isfinite(cosines).sum(axis=0), 1)
    mean = np.where(np.eye(len(tags)) == 1, 1.0, np.nansum(cosines, axis=0) / counts)
    bits = {tag: 2 - 1.4 * known[tag] for tag in tags}
    high = tags[:4]
    every: list[tuple[str | None, Any]] = [(None, mean)]
    for concept, matrix in (*every, *zip(concepts[:2], cosines[:2], strict=True)):
        found = linguistic_correlations(matrix, likeness, high_resource=high, competence=bits)
        rows += linguistic_rows(found, target=target, concept=concept)
    worse = np.asarray(-abs(mean - 1), np.float64)
    found = linguistic_correlations(worse, likeness, high_resource=high, competence=bits)
    rows += linguistic_rows(found, target=target, of="transfer")
    rows += similarity_rows(likeness, target=target)
    return rows


def _row(metric: str, target: str, **fields: object) -> Measurement:
    return Measurement(area="concepts", metric=metric, target=target, seed=0, **fields)  # type: ignore[arg-type]


def _competence(target: str, tag: str, known: float) -> Measurement:
    bits = 2 - 1.4 * known
    return _row(
        "competence_bits_per_character", target, language=tag, n=200, n_clusters=200,
        estimate=bits, low=bits - 0.05, high=bits + 0.05, unit="bits per character",
        method="exact log-likelihood, windows of 128 tokens overlapping by half",
    )  # fmt: skip


def _recognition(target, concept, tags, known, strength, gone, rng) -> list[Measurement]:
    chosen = 3
    rows = [
        _row("chosen_layer", target, concept=concept, layer=chosen, estimate=3.0, unit="layer",
             method=CHOSEN, n=len(tags)),
    ]  # fmt: skip
    by_layer: dict[int, list[float]] = {}
    for tag in tags:
        if tag in gone:
            rows.append(
                _row("recognition_accuracy", target, concept=concept, language=tag,
                     source_language=tag, n=2, verdict="not measured",
                     reason="2 training pairs; a vector needs 8"),
            )  # fmt: skip
            continue
        for layer in range(N_LAYERS):
            rise = np.exp(-((layer - chosen) ** 2) / 6)
            value = float(np.clip(0.5 + strength * known[tag] * rise + rng.normal(0, 0.02), 0, 1))
            by_layer.setdefault(layer, []).append(value)
            fields = {
                "concept": concept, "language": tag, "source_language": tag, "layer": layer,
                "n": 96, "n_clusters": 48, "estimate": value, "low": max(0.0, value - 0.07),
                "high": min(1.0, value + 0.07),
            }  # fmt: skip
            rows.append(_row("recognition_accuracy_by_layer", target, **fields))
            if layer == chosen:
                sure = value > 0.58
                rows.append(
                    _row("recognition_accuracy", target, **fields, p_value=0.01 if sure else 0.4,
                         verdict="recognised" if sure else "no evidence", method=CHOSEN)
                )  # fmt: skip
    for layer, values in by_layer.items():
        mean = float(np.mean(values))
        fields = {"concept": concept, "layer": layer, "n": 1500, "n_clusters": 48,
                  "estimate": mean, "low": mean - 0.03, "high": min(1.0, mean + 0.03)}  # fmt: skip
        rows.append(_row("recognition_accuracy_by_layer", target, **fields))
        if layer == chosen:
            rows.append(_row("recognition_accuracy", target, **fields, method=f"macro; {CHOSEN}"))
    for metric in ("shuffled_labels_accuracy", "random_direction_accuracy"):
        rows.append(
            _row(metric, target, concept=concept, layer=chosen, n=20, estimate=0.502, low=0.49,
                 high=0.515, method="t over draws; draws from 0.412 to 0.588"),
        )  # fmt: skip
    return rows


def _consistency(
    target, concept, tags, known, likeness, gone, rng
) -> tuple[list[Measurement], np.ndarray]:
    kin = likeness.matrices["genetic"]
    matrix = np.full((len(tags), len(tags)), np.nan)
    rows: list[Measurement] = []
    for i, j in combinations(range(len(tags)), 2):
        fields = {"concept": concept, "source_language": tags[i], "language": tags[j], "layer": 3,
                  "unit": "cosine", "n": 320, "n_clusters": 160}  # fmt: skip
        if {tags[i], tags[j]} & gone:
            rows.append(_row("consistency_cosine", target, **fields, verdict="not measured",
                             reason="2 training pairs; a vector needs 8"))  # fmt: skip
            continue
        ceiling = float(np.sqrt(known[tags[i]] * known[tags[j]]) * 0.4 + 0.55)
        value = float((0.45 + 0.5 * kin[i, j]) * ceiling + rng.normal(0, 0.05))
        matrix[i, j] = matrix[j, i] = value
        rows += [
            _row("consistency_cosine", target, **fields, estimate=value, low=value - 0.1,
                 high=value + 0.1),
            _row("noise_ceiling_cosine", target, **fields, estimate=ceiling),
            _row("disattenuated_cosine", target, **fields, estimate=value / ceiling),
        ]  # fmt: skip
    for layer in range(N_LAYERS):
        for metric, scale in (("consistency", 0.9), ("noise_ceiling", 1.1)):
            value = float(np.nanmean(matrix) * scale * (0.6 + 0.4 * np.sin(layer / 2)))
            rows.append(_row(f"{metric}_cosine_by_layer", target, concept=concept, layer=layer,
                             unit="cosine", n=120, estimate=value))  # fmt: skip
    return rows, matrix


def _transfer(target, concept, tags, known, strength, gone, rng) -> list[Measurement]:
    rows: list[Measurement] = []
    t: dict[tuple[str, str], float] = {}
    for one, other in permutations(tags, 2):
        fields = {"concept": concept, "source_language": one, "language": other, "layer": 3,
                  "unit": "rate difference", "n": 96, "n_clusters": 48}  # fmt: skip
        if {one, other} & gone:
            rows.append(_row("transfer", target, **fields, verdict="not measured",
                             reason="2 training pairs; a vector needs 8"))  # fmt: skip
            continue
        value = strength * (known[one] - known[other]) * 0.8 + float(rng.normal(-0.03, 0.02))
        t[one, other] = value
        rows.append(_row("transfer", target, **fields, estimate=value, low=value - 0.08,
                         high=value + 0.08))  # fmt: skip
        rows.append(_row("transfer_rate", target, **fields | {"unit": "ratio"},
                         estimate=float(np.clip(1 + value, 0, 1.2))))  # fmt: skip
    for one, other in combinations(tags, 2):
        fields = {"concept": concept, "source_language": one, "language": other, "layer": 3,
                  "unit": "rate difference", "n": 192, "n_clusters": 48}  # fmt: skip
        if {one, other} & gone:
            rows.append(_row("transfer_asymmetry", target, **fields, verdict="not measured",
                             reason="2 training pairs; a vector needs 8"))  # fmt: skip
            continue
        value = t[one, other] - t[other, one]
        p, pattern = 0.4, "cannot tell"
        if min(known[one], known[other]) < 0.15:
            pattern = "not assessable"
        elif value > 0.2:
            p, pattern = 0.003, "unidirectional"
        elif min(t[one, other], t[other, one]) > -0.06:
            pattern = "mutual"
        rows.append(_row("transfer_asymmetry", target, **fields, estimate=value, low=value - 0.1,
                         high=value + 0.1, p_value=p, verdict=pattern))  # fmt: skip
    return rows


def lab_tags() -> tuple[str, ...]:
    return tuple(f"{code}-x-lab" for code in LAB_SHARES)


def make_concept_run(folder: Path, rows: list[Measurement] | None = None) -> Path:
    """A run folder that holds concepts and no audit."""
    table = lab_table()
    with RunStore(folder, create=True) as store:
        store.replace_measurements("concepts", rows or make_rows(lab_tags(), table))
        store.set_meta("concepts", {"target": TARGET, "seed": 0, "position": "last content token"})
        store.set_meta("share_table", table.to_json())
        store.set_meta("environment", {"python": "3.11", "machine": {"cores": 2}})
    return folder
