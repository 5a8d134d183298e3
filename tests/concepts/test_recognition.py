"""Recognition: theory, ties, clusters, the layer, and what is not measured."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from concepts.planted_activations import planted, unit
from isogloss.concepts.activations import Activations
from isogloss.concepts.baseline_rows import baseline_rows
from isogloss.concepts.baselines import (
    Splits,
    not_assessable,
    permutation_p,
    random_directions,
    shuffled_labels,
)
from isogloss.concepts.layer_choice import (
    LayerChoice,
    choose_layer,
    fixed_layer,
    paper_layers,
)
from isogloss.concepts.parallel import parallel_pairs
from isogloss.concepts.recognition import Recognition, recognise
from isogloss.concepts.recognition_rows import curve_rows, layer_row, recognition_rows
from isogloss.concepts.training_size import training_curve
from isogloss.concepts.vectors import learn_vectors
from isogloss.errors import InputError
from isogloss.stats.intervals import clustered_rate

COMMON = {"target": "planted"}


def all_splits(activations: list[Activations]) -> Splits:
    return Splits(
        train=parallel_pairs(activations, "train"),
        validation=parallel_pairs(activations, "validation"),
        test=parallel_pairs(activations, "test"),
    )


def measured(activations: list[Activations]) -> tuple[Splits, Recognition, LayerChoice]:
    splits = all_splits(activations)
    vectors = learn_vectors(splits.train)
    choice = choose_layer(recognise(vectors, splits.validation))
    assert isinstance(choice, LayerChoice)
    return splits, recognise(vectors, splits.test), choice


def phi(z: float) -> float:
    return (1 + math.erf(z / math.sqrt(2))) / 2


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
def test_recognition_is_what_theory_predicts(strength: float) -> None:
    """Two texts d' = strength apart along the vector: a pair is right with Phi(d' / sqrt(2)), and
    so is any positive against any negative."""
    rng = np.random.default_rng(int(10 * strength))
    sizes = {"train": 4000, "validation": 6, "test": 4000}
    activations = planted(rng, {"fi": strength * unit(8, 3, 4)}, sizes=sizes)
    _, test, _ = measured(activations)
    expected = phi(strength / math.sqrt(2))
    assert test.accuracy[0, 0, 0] == pytest.approx(expected, abs=0.02)  # 2.5 standard errors
    assert test.auroc[0, 0, 0] == pytest.approx(expected, abs=0.02)


def test_accuracy_is_the_papers_count_with_ties_one_half() -> None:
    """The paper's rule, written out: for a pair (positive first), is the maximum the first?"""
    activations = planted(np.random.default_rng(0), {"fi": unit(6, 1), "sw": unit(6, 1, 1)})
    tied = activations[0].negative.copy()
    rows = [i for i, split in enumerate(activations[0].splits) if split == "test"][:10]
    tied[rows] = activations[0].positive[rows]
    activations[0] = replace(activations[0], negative=tied)
    splits, test, _ = measured(activations)
    vectors = learn_vectors(splits.train).vectors
    for s in range(2):
        for t, language in enumerate(activations):
            right = 0.0
            for i, split in enumerate(language.splits):
                if split == "test":
                    first = float(language.positive[i, 0].astype(float) @ vectors[s, 0])
                    second = float(language.negative[i, 0].astype(float) @ vectors[s, 0])
                    right += 0.5 if first == second else float(max(first, second) == first)
            assert test.accuracy[s, t, 0] == pytest.approx(right / 60)
    assert test.correct[0, 0, 0, :10].tolist() == [0.5] * 10


def test_auroc_is_the_share_of_ordered_positives_and_negatives() -> None:
    activations = planted(np.random.default_rng(1), {"fi": unit(6, 1)})
    splits, test, _ = measured(activations)
    v = learn_vectors(splits.train).vectors[0, 0]
    rows = splits.test.rows[0]
    first = activations[0].positive[rows, 0].astype(float) @ v
    second = activations[0].negative[rows, 0].astype(float) @ v
    assert test.auroc[0, 0, 0] == pytest.approx((first[:, None] > second[None]).mean())


def test_order_of_pairs_and_languages_changes_nothing() -> None:
    activations = planted(np.random.default_rng(2), {"fi": unit(6, 1), "sw": unit(6, 1, 1)})
    order = np.random.default_rng(0).permutation(len(activations[0].pair_ids))
    shuffled = [
        replace(
            a,
            pair_ids=tuple(a.pair_ids[i] for i in order),
            cluster_ids=tuple(a.cluster_ids[i] for i in order),
            splits=tuple(a.splits[i] for i in order),
            positive=a.positive[order],
            negative=a.negative[order],
        )
        for a in activations[::-1]
    ]
    _, one, _ = measured(activations)
    _, other, _ = measured(shuffled)
    assert one.clusters == other.clusters
    np.testing.assert_array_equal(one.correct, other.correct[::-1, ::-1])


def test_intervals_go_by_cluster() -> None:
    """Ten copies of every pair are no more evidence than one."""
    (once,) = planted(np.random.default_rng(3), {"fi": unit(6, 1)})
    copies = np.repeat(np.arange(len(once.pair_ids)), 10)
    many = replace(
        once,
        pair_ids=tuple(f"{once.pair_ids[i]}/{k}" for k, i in enumerate(copies)),
        cluster_ids=tuple(once.cluster_ids[i] for i in copies),
        splits=tuple(once.splits[i] for i in copies),
        positive=once.positive[copies],
        negative=once.negative[copies],
    )
    widths = []
    for activations in ([once], [many]):
        _, test, choice = measured(activations)
        rows = recognition_rows(test, choice, [None], [0.05], COMMON)
        for metric in ("recognition_accuracy", "recognition_auroc"):
            row = next(r for r in rows if r.metric == metric and r.language == "fi")
            assert row.n_clusters == 60
            assert row.low is not None
            assert row.high is not None
            widths.append(row.high - row.low)
    assert widths[2] == pytest.approx(widths[0], rel=0.1)
    assert widths[3] == pytest.approx(widths[1], rel=0.1)


def test_rows_agree_with_the_clustered_rate() -> None:
    activations = planted(
        np.random.default_rng(4), {"fi": 2 * unit(6, 1), "sw": unit(6, 1)}, per_cluster=3
    )
    _, test, choice = measured(activations)
    rows = recognition_rows(test, choice, [None, "sw's own ..."], [0.04, 0.5], COMMON)
    cells = [r for r in rows if r.metric == "recognition_accuracy" and r.language]
    assert len(cells) == 4
    for row in cells:
        s, t = (("fi", "sw").index(x or "") for x in (row.source_language, row.language))
        rate = clustered_rate(test.correct[s, t, 0], test.trials[t])
        assert (row.estimate, row.n, row.n_clusters) == (rate.estimate, 180, 60)
        assert row.low == pytest.approx(rate.low)
        assert row.high == pytest.approx(rate.high)
    verdicts = {(r.source_language, r.language): r.verdict for r in cells}
    assert verdicts["fi", "fi"] == "recognised"
    assert verdicts["sw", "sw"] == "no evidence"
    assert verdicts["fi", "sw"] is None


def test_the_layer_is_chosen_on_validation_and_test_items_have_no_say() -> None:
    rng = np.random.default_rng(5)
    activations = planted(rng, {"fi": 3 * unit(8, 1)}, strength_by_layer=(0, 0.4, 1, 0.6))
    _, _, choice = measured(activations)
    assert (choice.layer, choice.rule, choice.n_languages) == (2, "validation", 1)
    for a in activations:  # make another layer perfect on the test items alone
        rows = [i for i, split in enumerate(a.splits) if split == "test"]
        a.positive[rows, 0], a.negative[rows, 0] = 100, -100
    _, test, again = measured(activations)
    assert again.layer == 2
    paper = paper_layers(test)
    assert paper.layer is None
    assert paper.at(test.accuracy)[0, 0] == test.accuracy[0, 0].max()
    row = layer_row("harmfulness", paper, COMMON)
    assert (row.estimate, row.method) == (
        None,
        "PAPER MODE: maximum over layers on the test pairs, optimistic",
    )


def test_layers_are_named_by_their_block_even_where_some_were_not_recorded() -> None:
    activations = [
        replace(a, layers=(3, 7))
        for a in planted(np.random.default_rng(0), {"fi": unit(6, 1)}, strength_by_layer=(0.1, 3))
    ]
    _, test, choice = measured(activations)
    assert choice.layer == 7
    assert fixed_layer(test, 3).columns.tolist() == [[0]]
    with pytest.raises(InputError, match="layer 5 was asked for, but the 2 recorded layers are 3,"):
        fixed_layer(test, 5)
    rows = recognition_rows(test, choice, [None], [0.05], COMMON)
    assert {r.layer for r in rows if r.metric == "recognition_accuracy_by_layer"} == {3, 7}
    assert {r.layer for r in rows if r.metric == "recognition_accuracy"} == {7}


def test_what_cannot_be_measured_has_a_reason_and_no_number() -> None:
    rng = np.random.default_rng(6)
    fi, sw, te = planted(rng, {name: 2 * unit(6, 1) for name in ("fi", "sw", "te")})
    two = [i for split in ("train", "test") for i in sw.rows_of(split)[:2]]  # type: ignore[arg-type]
    sw = replace(
        sw,
        pair_ids=tuple(sw.pair_ids[i] for i in two),
        cluster_ids=tuple(sw.cluster_ids[i] for i in two),
        splits=tuple(sw.splits[i] for i in two),
        positive=sw.positive[two],
        negative=sw.negative[two],
    )
    te = te.of_split("train")  # vectors, but nothing to ask
    splits, test, choice = measured([fi, sw, te])
    shuffled = shuffled_labels(splits, choice)
    reasons = not_assessable(test, choice, shuffled)
    rows = recognition_rows(test, choice, reasons, permutation_p(test, choice, shuffled), COMMON)
    rows += baseline_rows(shuffled, COMMON)
    for row in rows:
        if row.source_language == "sw" or row.language in ("sw", "te"):
            assert row.estimate is None
            assert row.low is None
            assert row.reason
            assert row.verdict == "not measured"
    cell = next(r for r in rows if (r.source_language, r.language) == ("te", "fi"))
    assert cell.estimate == pytest.approx(0.9, abs=0.1)
    assert (
        reasons[1] == "only 2 test pairs of harmfulness in sw, in 2 clusters; at least 6 "
        "clusters are needed"
    )
    macro = next(r for r in rows if r.metric == "recognition_accuracy" and not r.language)
    assert macro.reason == "2 of 3 languages left out"


def test_an_empty_concept_is_not_measured() -> None:
    activations = [
        a.of_split("test")
        for a in planted(np.random.default_rng(0), {"fi": unit(6, 1), "sw": unit(6, 1)})
    ]
    empty = [a.of_split("train") for a in activations]
    splits = all_splits(empty)
    choice = choose_layer(recognise(learn_vectors(splits.train), splits.validation))
    assert choice == (
        "no layer could be chosen on validation: no validation pairs of harmfulness in fi"
    )
    row = layer_row("harmfulness", choice, COMMON)
    assert (row.estimate, row.layer, row.verdict) == (None, None, "not measured")


def test_shuffled_labels_give_half_within_the_interval_and_the_true_ones_beat_them() -> None:
    rng = np.random.default_rng(8)
    directions = {name: 2 * unit(64, 1) for name in ("fi", "sw", "te", "ta")}
    activations = planted(rng, directions, strength_by_layer=(0.3, 1, 0.6))
    splits, test, choice = measured(activations)
    shuffled = shuffled_labels(splits, choice, n_draws=40)
    rows = baseline_rows(shuffled, COMMON)
    assert [r.language for r in rows] == ["fi", "sw", "te", "ta", None]
    for row in rows:
        assert row.n == 40
        assert row.low is not None
        assert row.high is not None
        assert row.low < 0.5 < row.high
    assert not_assessable(test, choice, shuffled) == (None,) * 4
    assert permutation_p(test, choice, shuffled) == (1 / 41,) * 4


def test_a_concept_so_strong_that_shuffled_vectors_keep_it_still_beats_them() -> None:
    activations = planted(np.random.default_rng(9), {"fi": 20 * unit(8, 1), "sw": 20 * unit(8, 1)})
    splits, test, choice = measured(activations)
    shuffled = shuffled_labels(splits, choice)
    assert shuffled.accuracy.max() < 0.8
    assert not_assessable(test, choice, shuffled) == (None, None)


def test_an_item_in_training_and_test_shows_in_the_shuffled_baseline() -> None:
    """Noise alone, in many dimensions, but the test pairs are training pairs under other names."""
    (fi,) = planted(np.random.default_rng(10), {"fi": np.zeros(400)})
    seen, asked = fi.rows_of("train"), fi.rows_of("test")
    for side in (fi.positive, fi.negative):
        side[asked] = side[seen]
    ids = list(fi.cluster_ids)
    for s, t in zip(seen, asked, strict=True):
        ids[t] = ids[s]
    splits, _, choice = measured([replace(fi, cluster_ids=tuple(ids))])
    assert shuffled_labels(splits, choice).accuracy.mean() > 0.9


@pytest.mark.parametrize("method", ["mean_difference", "pca", "logistic"])
def test_noise_is_not_recognised_and_a_concept_is(method: str) -> None:
    rng = np.random.default_rng(11)
    activations = planted(rng, {"fi": 3 * unit(24, 1), "sw": np.zeros(24)})
    splits = all_splits(activations)
    vectors = learn_vectors(splits.train, method)  # pyright: ignore[reportArgumentType]
    test = recognise(vectors, splits.test)
    choice = fixed_layer(test, 0)
    shuffled = shuffled_labels(splits, choice, method=method)  # pyright: ignore[reportArgumentType]
    reasons = not_assessable(test, choice, shuffled)
    assert reasons[0] is None
    assert reasons[1] is not None
    assert reasons[1].startswith("sw's own accuracy 0.")


def test_the_search_alone_finds_something_in_random_directions() -> None:
    """Eight layers, a strong concept: the best of eight random directions is better than chance,
    which is why the baseline has to go through the same search."""
    rng = np.random.default_rng(12)
    layers = (1.0,) * 8
    splits, _, choice = measured(planted(rng, {"fi": 4 * unit(4, 1)}, strength_by_layer=layers))
    searched = random_directions(splits, choice, n_draws=60)
    unsearched = random_directions(splits, replace(choice, rule="fixed"), n_draws=60)
    assert searched.accuracy.mean() > 0.8
    assert abs(unsearched.accuracy.mean() - 0.5) < 0.15
    with pytest.raises(InputError, match="at least 10 draws, got 3"):
        random_directions(splits, choice, n_draws=3)


def test_more_training_pairs_recognise_better() -> None:
    rng = np.random.default_rng(13)
    activations = planted(rng, {"fi": 1.5 * unit(64, 1), "sw": 1.5 * unit(64, 1)})
    splits, test, choice = measured(activations)
    assert choice.layer is not None
    curve = training_curve(splits, choice.layer, n_orders=10)
    assert curve.sizes == (4, 8, 16, 32, 60)
    rows = [r for r in curve_rows(curve, COMMON) if r.language == "fi"]
    estimates = [r.estimate or 0 for r in rows]
    assert [r.category for r in rows] == ["4", "8", "16", "32", "60"]
    assert estimates[0] + 0.05 < estimates[-1]
    assert estimates[-1] == pytest.approx(test.accuracy[0, 0, 0])


def test_vectors_of_another_model_are_refused() -> None:
    a = parallel_pairs(planted(np.random.default_rng(0), {"fi": unit(6, 1)}), "train")
    b = parallel_pairs(planted(np.random.default_rng(0), {"fi": unit(8, 1)}), "test")
    with pytest.raises(InputError, match="another model's"):
        recognise(learn_vectors(a), b)


def test_languages_that_do_not_belong_together_are_refused() -> None:
    rng = np.random.default_rng(0)
    (fi,) = planted(rng, {"fi": unit(6, 1)})
    (wide,) = planted(rng, {"sw": unit(8, 1)})
    with pytest.raises(InputError, match="different layers or widths"):
        parallel_pairs([fi, wide], "test")
    with pytest.raises(InputError, match="given twice"):
        parallel_pairs([fi, fi], "test")
    with pytest.raises(InputError, match="one concept at a time"):
        parallel_pairs([fi, replace(wide, concept="fairness")], "test")
    with pytest.raises(InputError, match="no activations"):
        parallel_pairs([], "test")
