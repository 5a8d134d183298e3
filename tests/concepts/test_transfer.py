"""Transfer: a planted one-way transfer is named, nothing is claimed where nothing is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from concepts.planted_activations import planted, unit
from isogloss.concepts.activations import Activations
from isogloss.concepts.baselines import Splits, not_assessable, shuffled_labels
from isogloss.concepts.layer_choice import LayerChoice, choose_layer, fixed_layer, paper_layers
from isogloss.concepts.parallel import parallel_pairs
from isogloss.concepts.recognition import Recognition, recognise
from isogloss.concepts.transfer import Transfer, measure_transfer, transfer_matrix
from isogloss.concepts.transfer_rate import transfer_rates
from isogloss.concepts.transfer_rows import transfer_rows
from isogloss.concepts.vectors import learn_vectors
from isogloss.errors import InputError
from isogloss.stats.paired import rate_difference

COMMON = {"target": "planted"}
LARGE = {"train": 200, "validation": 60, "test": 200}
SMALL = {"train": 40, "validation": 20, "test": 40}


def search(activations: list[Activations], seed: int = 0) -> Transfer:
    """The whole of it: vectors, layer, baseline, tests."""
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


def one_way(rng: np.random.Generator) -> list[Activations]:
    """b's concept leans towards a coordinate that is loud with noise in a, so that b's vector
    misreads a; a's vector, which avoids it, serves b. c shares a's direction."""
    loud = np.ones(64)
    loud[1] = 6
    return planted(
        rng,
        {"a": 4 * unit(64, 1), "b": 4 * unit(64, 1, 0.5), "c": 4 * unit(64, 1)},
        scales={"a": loud},
        sizes=LARGE,
        strength_by_layer=(0.3, 1),
    )


def test_a_planted_one_way_transfer_is_found_and_named() -> None:
    rng = np.random.default_rng(0)
    patterns: Counter[tuple[str, str | None, str | None]] = Counter()
    for seed in range(10):
        rows = transfer_rows(search(one_way(rng), seed), COMMON)
        for row in rows:
            if row.metric == "transfer_asymmetry" and {row.language, row.source_language} <= {
                "a",
                "b",
            }:
                patterns[row.verdict or "", row.source_language, row.language] += 1
                assert row.estimate is not None
                assert row.estimate > 0
    assert patterns["unidirectional", "a", "b"] >= 8
    assert patterns["unidirectional", "b", "a"] == 0


def test_the_giver_comes_first_whatever_the_order_of_languages() -> None:
    activations = one_way(np.random.default_rng(1))
    for order in (activations, activations[::-1]):
        rows = transfer_rows(search(order), COMMON)
        named = [r for r in rows if r.verdict == "unidirectional"]
        assert ("a", "b") in {(r.source_language, r.language) for r in named}
        for row in named:
            assert row.low is not None
            assert row.low > 0
            assert row.p_value is not None
            assert row.p_value <= 0.05


def test_one_concept_in_all_languages_is_mutual_and_two_are_none() -> None:
    rng = np.random.default_rng(2)
    same = search(planted(rng, {x: 5 * unit(32, 1) for x in "abc"}, sizes=LARGE))
    assert set(same.patterns.values()) == {"mutual"}
    apart = search(planted(rng, {x: 3 * np.eye(32)[i] for i, x in enumerate("abc")}, sizes=LARGE))
    assert set(apart.patterns.values()) == {"none"}


def absent(rng: np.random.Generator) -> list[Activations]:
    return planted(rng, {x: np.zeros(32) for x in "abcd"}, sizes=SMALL, strength_by_layer=(0.5, 1))


def alike(rng: np.random.Generator) -> list[Activations]:
    return planted(
        rng, {x: 2.5 * unit(32, 1) for x in "abcd"}, sizes=SMALL, strength_by_layer=(0.5, 1)
    )


@pytest.mark.parametrize(
    ("make", "false_claims"),
    [(absent, {"mutual", "unidirectional", "none"}), (alike, {"unidirectional", "none"})],
)
def test_no_effect_is_claimed_in_five_percent_of_simulations_at_most(
    make: Callable[[np.random.Generator], list[Activations]], false_claims: set[str]
) -> None:
    """400 simulations of four languages (six pairs), through the whole search: a simulation counts
    as soon as one pair of languages is claimed wrongly."""
    rng = np.random.default_rng(3)
    claims = [
        bool(false_claims & set(search(make(rng), seed).patterns.values())) for seed in range(400)
    ]
    assert np.mean(claims) <= 0.05


def recognised(activations: list[Activations]) -> tuple[Recognition, LayerChoice]:
    vectors = learn_vectors(parallel_pairs(activations, "train"))
    test = recognise(vectors, parallel_pairs(activations, "test"))
    return test, fixed_layer(test, 0)


def test_t_is_the_papers_difference_and_asymmetry_is_t_minus_its_transpose() -> None:
    activations = planted(np.random.default_rng(4), {"a": unit(8, 1), "b": unit(8, 1, 2)})
    test, choice = recognised(activations)
    accuracy = test.accuracy[..., 0]
    matrix = transfer_matrix(test)[..., 0]
    found = measure_transfer(test, choice, (None, None))
    assert matrix[0, 1] == accuracy[0, 1] - accuracy[1, 1]
    assert found.matrix.estimate[0, 1] == pytest.approx(matrix[0, 1])
    assert np.isnan(found.matrix.estimate[0, 0])
    expected = (accuracy[0, 1] - accuracy[1, 1]) - (accuracy[1, 0] - accuracy[0, 0])
    assert found.asymmetry.estimate[0, 1] == pytest.approx(expected)
    assert found.asymmetry.estimate[1, 0] == pytest.approx(-expected)
    assert found.asymmetry.low[1, 0] == pytest.approx(-found.asymmetry.high[0, 1])


def test_the_interval_of_t_is_the_paired_one() -> None:
    activations = planted(
        np.random.default_rng(5), {"a": unit(8, 1), "b": unit(8, 1, 2)}, per_cluster=2
    )
    test, choice = recognised(activations)
    found = measure_transfer(test, choice, (None, None))
    other = rate_difference(
        test.correct[0, 1, 0], test.trials[1], test.correct[1, 1, 0], test.trials[1]
    )
    assert found.matrix.low[0, 1] == pytest.approx(other.low)
    assert found.matrix.high[0, 1] == pytest.approx(other.high)
    assert found.matrix.detectable[0, 1] == pytest.approx(other.detectable)


def test_languages_that_cannot_be_assessed_get_no_verdict_and_count_for_nobody() -> None:
    rng = np.random.default_rng(6)
    activations = planted(rng, {**{x: 5 * unit(32, 1) for x in "ab"}, "c": np.zeros(32)})
    found = search(activations)
    assert found.not_assessable[:2] == (None, None)
    assert found.not_assessable[2] is not None
    assert found.patterns[0, 2] == found.patterns[1, 2] == "not assessable"
    assert found.verdicts[0, 1] == "as good as own"
    rows = transfer_rows(found, COMMON)
    for row in rows:
        if "c" in (row.language, row.source_language):
            if row.metric != "transfer_rate":
                assert row.verdict == "not assessable"
                assert row.p_value is None
                assert row.reason is not None
            elif row.language == "c":
                assert (row.estimate, row.verdict) == (None, "not measured")


def test_a_language_with_two_pairs_is_not_measured() -> None:
    rng = np.random.default_rng(7)
    a, b = planted(rng, {x: 3 * unit(16, 1) for x in "ab"})
    few = b.of_split("train")
    found = search([a, few])
    rows = transfer_rows(found, COMMON)
    assert {r.metric for r in rows} == {"transfer", "transfer_rate", "transfer_asymmetry"}
    for row in rows:
        if (row.source_language, row.language) == ("b", "a") and row.metric != "transfer_asymmetry":
            continue  # b's vector can be asked about a's pairs
        assert (row.estimate, row.low, row.p_value) == (None, None, None)
        assert row.verdict == "not measured"
        assert row.reason == "no test pairs of harmfulness in b"


def test_transfer_rate_covers_what_theory_says() -> None:
    """b's direction has cosine 0.6 with a's; accuracies are Phi(d' cos / sqrt(2)) in theory."""
    rng = np.random.default_rng(8)
    directions = {"a": 2 * unit(6, 1), "b": 2 * unit(6, 3, 4)}
    sizes = {"train": 2000, "validation": 6, "test": 80}
    true = (0.8019 - 0.5) / (0.9214 - 0.5)  # Phi(0.6 * 2 / sqrt 2), Phi(2 / sqrt 2)
    covered = []
    for _ in range(120):
        test, choice = recognised(planted(rng, directions, sizes=sizes))
        found = transfer_rates(choice.at(test.correct), test.trials, test.measured)
        covered.append(found.low[0, 1] <= true <= found.high[0, 1])
        assert found.low[0, 1] <= found.estimate[0, 1] <= found.high[0, 1]
    assert np.mean(covered) >= 0.9


def test_transfer_rate_keeps_its_width_where_all_pairs_are_right() -> None:
    test, choice = recognised(planted(np.random.default_rng(9), {x: 20 * unit(6, 1) for x in "ab"}))
    found = transfer_rates(choice.at(test.correct), test.trials, test.measured)
    assert found.estimate[0, 1] == 1
    assert found.low[0, 1] < 0.95
    assert np.isnan(found.estimate[0, 0])


def test_paper_mode_takes_each_cells_maximum_and_says_so() -> None:
    activations = planted(
        np.random.default_rng(10), {x: unit(8, 1) for x in "ab"}, strength_by_layer=(1, 0.9, 1)
    )
    vectors = learn_vectors(parallel_pairs(activations, "train"))
    test = recognise(vectors, parallel_pairs(activations, "test"))
    rows = transfer_rows(measure_transfer(test, paper_layers(test), (None, None)), COMMON)
    best = test.accuracy.max(axis=2)
    row = next(r for r in rows if r.metric == "transfer" and r.language == "b")
    assert row.estimate == pytest.approx(best[0, 1] - best[1, 1])
    assert row.method is not None
    assert "PAPER MODE" in row.method


def test_transfer_needs_the_same_languages_on_both_sides() -> None:
    activations = planted(np.random.default_rng(11), {x: unit(8, 1) for x in "ab"})
    test, choice = recognised(activations)
    with pytest.raises(InputError, match="same languages"):
        measure_transfer(test, choice, (None,))
