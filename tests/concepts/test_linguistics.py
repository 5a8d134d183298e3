"""Similarities by hand, planted associations recovered, and the paper's formula apart."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from isogloss.concepts.linguistic_rows import linguistic_rows, similarity_rows
from isogloss.concepts.linguistics import linguistic_correlations
from isogloss.concepts.similarity import (
    Similarities,
    great_circle,
    lab_similarities,
    lineage,
    shipped_similarities,
)
from isogloss.concepts.similarity_file import load_similarities
from isogloss.errors import InputError
from isogloss.lab.lexicon import make_lexicon
from isogloss.lab.tongues import TONGUES, genetic_distance, word_order_distance
from isogloss.lab.world import make_world

SIXTEEN = (
    "en", "fr", "zh", "es", "pt", "vi", "ca", "id", "ja", "ko", "fi", "hu", "ta", "te", "sw", "ny"
)  # fmt: skip


def symmetric(rng: np.random.Generator, n: int) -> np.ndarray:
    half = np.triu(rng.normal(size=(n, n)), 1)
    return half + half.T


def planted(matrix: np.ndarray, n: int | None = None) -> Similarities:
    tags = SIXTEEN[: n or len(matrix)]
    return Similarities(languages=tags, matrices={"genetic": matrix}, source="planted")


def by_design(values: np.ndarray, similarities: Similarities, **options):
    found = linguistic_correlations(values, similarities, **options)
    return {one.design: one.estimate for one in found if one.kind == "genetic"}


def paper_direct(sim: np.ndarray, similarity: np.ndarray) -> float:
    """P2's definition as written: all ordered pairs of two languages, Pearson."""
    pairs = list(permutations(range(len(sim)), 2))
    return float(np.corrcoef([sim[p] for p in pairs], [similarity[p] for p in pairs])[0, 1])


def paper_split(sim: np.ndarray, similarity: np.ndarray, high: set[int]) -> float:
    groups: list[list[tuple[int, int]]] = [[], []]
    for a, b in permutations(range(len(sim)), 2):
        groups[a not in high and b not in high].append((a, b))
    rs = [
        np.corrcoef([sim[p] for p in pairs], [similarity[p] for p in pairs])[0, 1]
        for pairs in groups
    ]
    return float(np.mean(rs))


def test_direct_and_split_are_the_papers_formulas() -> None:
    rng = np.random.default_rng(0)
    sim, similarity = symmetric(rng, 12), symmetric(rng, 12)
    found = by_design(sim, planted(similarity), high_resource=("en", "fr"))
    assert found["direct"].estimate == pytest.approx(paper_direct(sim, similarity))
    assert found["split"].estimate == pytest.approx(paper_split(sim, similarity, {0, 1}))
    assert (found["direct"].n, found["direct"].n_clusters) == (66, 12)
    assert found["direct"].low is None


def test_a_true_correlation_of_one_is_one_and_not_one_cell_late() -> None:
    similarity = symmetric(np.random.default_rng(1), 12)
    found = by_design(2 * similarity + 3, planted(similarity), high_resource=("en",))
    assert found["direct"].estimate == pytest.approx(1)
    assert found["split"].estimate == pytest.approx(1)
    assert found["direct"].p_value == pytest.approx(1e-4)
    assert (found["split"].p_value or 1) < 0.001


def test_split_takes_out_a_difference_between_groups() -> None:
    """High-resource pairs are more alike in both; within a group nothing goes with anything."""
    rng = np.random.default_rng(2)
    sim, similarity = symmetric(rng, 16), symmetric(rng, 16)
    high = np.zeros(16, bool)
    high[:6] = True
    group = 8.0 * (high[:, None] | high[None])
    found = by_design(sim + group, planted(similarity + group), high_resource=SIXTEEN[:6])
    assert (found["direct"].estimate or 0) > 0.8
    assert abs(found["split"].estimate or 1) < 0.25
    assert (found["split"].p_value or 0) > 0.05


def test_partial_takes_out_competence() -> None:
    """Cosines and similarities that both follow nothing but how well a language is known."""
    rng = np.random.default_rng(3)
    bits = rng.normal(size=16)
    both = -(bits[:, None] + bits[None])
    sim, similarity = both + 0.1 * symmetric(rng, 16), both + 0.1 * symmetric(rng, 16)
    competence = dict(zip(SIXTEEN, bits.tolist(), strict=True))
    found = by_design(sim, planted(similarity), competence=competence)
    assert (found["direct"].estimate or 0) > 0.9
    assert abs(found["partial"].estimate or 1) < 0.3
    assert found["partial"].n_clusters == 16


def test_no_association_is_claimed_in_one_of_twenty() -> None:
    rng = np.random.default_rng(4)
    similarity = planted(shipped_similarities(SIXTEEN).matrices["genetic"])
    n, claimed = 60, {"direct": 0, "split": 0}
    for seed in range(n):
        found = by_design(symmetric(rng, 16), similarity, high_resource=("en", "zh"), seed=seed)
        for design in claimed:
            claimed[design] += (found[design].p_value or 1) <= 0.05
    assert max(claimed.values()) <= 8  # binomial(60, 0.05): 99.4 % are at most 8


def test_missing_facts_are_left_out_and_counted() -> None:
    rng = np.random.default_rng(5)
    similarity = symmetric(rng, 10)
    values = similarity.copy()
    values[:, 4] = values[4, :] = np.nan  # one language not measured
    holed = similarity.copy()
    holed[0, 1] = holed[1, 0] = np.nan  # one fact missing
    found = by_design(values, planted(holed), high_resource=("en", "fr"))
    assert found["direct"].estimate == pytest.approx(1)
    assert (found["direct"].n, found["direct"].n_clusters) == (9 * 8 // 2 - 1, 9)


def test_an_asymmetric_matrix_counts_both_ways() -> None:
    rng = np.random.default_rng(6)
    transfer, similarity = rng.normal(size=(10, 10)), symmetric(rng, 10)
    found = by_design(transfer, planted(similarity))
    expected = paper_direct((transfer + transfer.T) / 2, similarity)
    assert found["direct"].estimate == pytest.approx(expected)


def test_what_cannot_be_measured_says_why() -> None:
    rng = np.random.default_rng(7)
    found = by_design(symmetric(rng, 8), planted(symmetric(rng, 8)))
    assert found["split"].estimate is None
    assert "0 pairs with a high-resource language" in (found["split"].reason or "")
    assert found["partial"].reason == "competence was not measured"
    flat = by_design(symmetric(rng, 8), planted(np.ones((8, 8))))
    assert flat["direct"].estimate is None
    nothing = by_design(np.full((8, 8), np.nan), planted(symmetric(rng, 8)))
    assert nothing["direct"].estimate is None
    with pytest.raises(InputError, match=r"shape \(3, 3\).* 8 languages"):
        linguistic_correlations(np.ones((3, 3)), planted(np.ones((8, 8))))


def test_the_order_of_languages_does_not_matter() -> None:
    rng = np.random.default_rng(8)
    sim, similarity = symmetric(rng, 9), symmetric(rng, 9)
    order = rng.permutation(9)
    one = by_design(sim, planted(similarity), high_resource=("en", "fr"))
    turned = Similarities(
        languages=tuple(SIXTEEN[i] for i in order),
        matrices={"genetic": similarity[np.ix_(order, order)]},
        source="planted",
    )
    other = by_design(sim[np.ix_(order, order)], turned, high_resource=("en", "fr"))
    for design in ("direct", "split"):
        assert one[design].estimate == pytest.approx(other[design].estimate)


def test_rows_carry_kind_design_and_languages() -> None:
    rng = np.random.default_rng(9)
    similarities = shipped_similarities(SIXTEEN)
    found = linguistic_correlations(symmetric(rng, 16), similarities, high_resource=("en",))
    rows = linguistic_rows(found, target="t", concept="harmfulness", layer=3)
    assert {row.category for row in rows} == {
        "genetic", "syntactic", "geographic", "phonological"
    }  # fmt: skip
    assert {(row.method or "").split(":")[0] for row in rows} == {"direct", "split", "partial"}
    assert all(row.n_clusters == 16 for row in rows if row.estimate is not None)
    pairs = similarity_rows(similarities, target="t")
    assert len(pairs) == 4 * 120
    missing = [row for row in pairs if row.estimate is None]
    assert missing
    assert all(row.reason and row.n == 0 for row in missing)


def test_the_shipped_table_by_hand() -> None:
    s = shipped_similarities(SIXTEEN)
    at = {tag: i for i, tag in enumerate(SIXTEEN)}
    genetic, syntactic = s.matrices["genetic"], s.matrices["syntactic"]
    # es: 4 branches and itself, fr: 3 and itself; they share 3.
    assert genetic[at["es"], at["fr"]] == pytest.approx(2 * 3 / (5 + 4))
    assert genetic[at["en"], at["ja"]] == 0
    # ja and ko agree on every feature known of both; neither is like French in any.
    assert syntactic[at["ja"], at["ko"]] == 1
    assert syntactic[at["ja"], at["fr"]] == 0
    for matrix in s.matrices.values():
        known = matrix[np.isfinite(matrix)]
        assert ((known >= 0) & (known <= 1)).all()
        np.testing.assert_array_equal(matrix, matrix.T)
        assert (np.diag(matrix) == 1).all()
    assert np.isnan(s.matrices["phonological"]).any()


def test_great_circles() -> None:
    assert great_circle((0, 0), (0, 180)) == pytest.approx(np.pi * 6371)
    assert great_circle((48.85, 2.35), (51.51, -0.13)) == pytest.approx(344, abs=3)  # Paris, London


def test_scripts_and_strangers() -> None:
    s = shipped_similarities(("zh", "zh-Hant", "en", "eo"))
    assert s.matrices["syntactic"][0, 1] == s.matrices["genetic"][0, 1] == 1
    assert np.isnan(s.matrices["genetic"][2, 3])
    assert s.notes == ("not in the shipped table: eo",)
    assert lineage("eo") == ()


def test_the_lab_has_its_own_truth_and_no_geography() -> None:
    tags = list(TONGUES)
    lexicon = make_lexicon(make_world(n_objects=20), tags)
    s = lab_similarities(lexicon, tags)
    assert set(s.matrices) == {"genetic", "lexical", "word_order"}
    for i, one in enumerate(tags):
        for j, other in enumerate(tags):
            assert s.matrices["genetic"][i, j] == pytest.approx(1 - genetic_distance(one, other))
            assert s.matrices["word_order"][i, j] == 1 - word_order_distance(one, other)
            assert s.matrices["lexical"][i, j] == pytest.approx(1 - lexicon.distance(one, other))


HEADER = "language_1,language_2,kind,distance\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "distances.csv"
    path.write_text(HEADER + text, "utf-8")
    return path


def test_a_users_table(tmp_path: Path) -> None:
    path = table(tmp_path, "eng,fra,genetic,0.9\ncmn,eng,genetic,1\nfra,cmn,syntactic,\n")
    s = load_similarities(path, ("en", "fr", "zh", "fi"))
    assert s.matrices["genetic"][0, 1] == s.matrices["genetic"][1, 0] == pytest.approx(0.1)
    assert s.matrices["genetic"][0, 2] == 0
    assert np.isnan(s.matrices["genetic"][0, 3])
    assert "syntactic" not in s.matrices


def test_an_empty_vector_is_missing_and_not_alike(tmp_path: Path) -> None:
    """As lang2vec writes the phonology of por, tam and nya; ja and ko are alike and stay."""
    far = {"eng": 0.6162, "fra": 0.5687, "vie": 0.5456, "jpn": 0.5}
    rows = [
        f"{code},{other},phonological,{distance}"
        for code in ("por", "tam", "nya")
        for other, distance in far.items()
    ]
    rows += [f"{a},{b},phonological,0.0002" for a, b in (("por", "tam"), ("por", "nya"))]
    rows += ["tam,nya,phonological,0.0002", "eng,fra,phonological,0.3", "por,spa,genetic,0.2"]
    rows += ["eng,vie,phonological,0.4", "fra,vie,phonological,0.2"]
    path = table(tmp_path, "\n".join(rows) + "\n")
    s = load_similarities(path, ("pt", "en", "fr", "es"))  # found though only one is asked for
    assert np.isnan(s.matrices["phonological"][0, 1:]).all()
    assert s.matrices["phonological"][1, 2] == pytest.approx(0.7)
    assert s.matrices["genetic"][0, 3] == pytest.approx(0.8)
    assert s.notes == ("phonological: ny, pt, ta share one empty vector: masked",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zho,eng,genetic,1\n", "line 2: column language_1: 'zho'.* as 'cmn'"),
        ("eng,fra,lexical,0.5\n", "'lexical' is none of genetic"),
        ("eng,fra,genetic,1.5\n", r"1.5 is not in \[0, 1\]"),
        ("eng,fra,genetic,far\n", "'far' is not a number"),
        ("eng,xx-bad,genetic,0.5\n", "'xx-bad' is not a language"),
        ("eng,fra,genetic,0.5\nfra,eng,genetic,0.4\n", "another distance above"),
    ],
)
def test_a_broken_table_is_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_similarities(table(tmp_path, text), ("en", "fr"))


def test_columns_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="language_1, language_2, kind, distance missing"):
        load_similarities(tmp_path / "x.csv", ("en",))
