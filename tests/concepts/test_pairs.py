"""Value pairs: parallel by id, one split for all, and files read with every irregularity told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.concepts.load import load_pairs
from isogloss.concepts.pairs import (
    SPLIT_SHARES,
    PairSet,
    ValuePair,
    lab_pair_set,
    make_pair_set,
    split_of_cluster,
    split_pairs,
)
from isogloss.errors import InputError, LanguageError
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab


def pair(pair_id: str = "1", **changes: Any) -> ValuePair:
    values: dict[str, Any] = {
        "pair_id": pair_id,
        "concept": "morality",
        "language": "en",
        "positive": f"I return {pair_id}",
        "negative": f"I break {pair_id}",
        "source": "here",
        "cluster_id": pair_id,
        "split": "train",
        **changes,
    }
    return ValuePair(**values)


def write_p2(folder: Path, concept: str, language: str, groups: dict[str, Any]) -> None:
    path = folder / concept / f"{concept}_{language}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(groups, ensure_ascii=False), encoding="utf-8")


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


ROW = {"id": 1, "concept": "fairness", "language": "fr", "positive": "oui", "negative": "non"}


# --- sets and splits


@given(st.permutations([("1", "en"), ("2", "en"), ("1", "sw"), ("3", "sw")]))
def test_the_order_of_the_input_changes_nothing(order: list[tuple[str, str]]) -> None:
    made = make_pair_set([pair(name, language=tag) for name, tag in order])
    keys = [(p.language, p.pair_id) for p in made.pairs]
    assert keys == [("en", "1"), ("en", "2"), ("sw", "1"), ("sw", "3")]
    assert made.fingerprint == make_pair_set(made.pairs[::-1]).fingerprint


def test_the_fingerprint_notices_every_field_that_matters() -> None:
    changes: list[dict[str, Any]] = [
        {"positive": "x"}, {"negative": "x"}, {"cluster_id": "x"}, {"split": "test"},
        {"context": "x", "context_kind": "question"}, {"concept": "fairness"}, {"language": "sw"},
    ]  # fmt: skip
    prints = [make_pair_set([pair(**change)]).fingerprint for change in [{}, *changes]]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (pair("1"), "'1' of morality comes twice in en"),
        (pair("2", negative="I return 2"), "says the same on both poles"),
        (pair("2", cluster_id="1", split="test"), "cluster '1' is in train and, in en, in test"),
        (
            pair("1", language="sw", cluster_id="other", split="test"),
            "'1' of morality is in train and, in sw, in test",
        ),
    ],
)
def test_what_would_leak_or_is_no_pair_is_refused(second: ValuePair, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_pair_set([pair("1"), second])


def test_selecting_keeps_splits_and_refuses_what_is_not_there() -> None:
    pairs = [pair(str(n), language=tag) for n in range(40) for tag in ("en", "sw")]
    whole = make_pair_set(split_pairs(pairs))
    chosen = whole.select(concepts=["morality"], languages=["swh_Latn"], splits=["test"])
    assert chosen.languages == ("sw",)
    expected = {p.pair_id for p in whole.pairs if p.split == "test"}
    assert {p.pair_id for p in chosen.pairs} == expected
    assert [(c, t) for c, t, _ in whole.groups()] == [("morality", "en"), ("morality", "sw")]
    with pytest.raises(InputError, match="no pairs of concept honour; there are morality"):
        whole.select(concepts=["honour"])
    with pytest.raises(InputError, match="no pairs of language fr; there are en, sw"):
        whole.select(languages=["fr"])
    with pytest.raises(LanguageError):
        whole.select(languages=["klingonish"])


def test_the_split_is_one_for_all_languages_and_concepts_and_never_moves() -> None:
    pairs = [
        pair(str(n), language=tag, concept=concept)
        for n in range(300)
        for tag in ("en", "sw", "te")
        for concept in ("morality", "fairness")
    ]
    split = split_pairs(pairs)
    by_id: dict[str, set[str]] = {}
    for one in split:
        by_id.setdefault(one.pair_id, set()).add(one.split)
    assert all(len(splits) == 1 for splits in by_id.values())
    # What else is there, and where it stands, does not matter.
    part = split_pairs(pairs[::-7])
    assert {p.pair_id: p.split for p in part}.items() <= {p.pair_id: p.split for p in split}.items()
    other = split_pairs(pairs, seed=1)
    assert [p.split for p in other] != [p.split for p in split]


def test_the_shares_of_the_split_are_as_stated() -> None:
    n = 20_000
    counts = Counter(split_of_cluster(f"c{k}") for k in range(n))
    assert sum(SPLIT_SHARES.values()) == pytest.approx(1)
    for name, share in SPLIT_SHARES.items():
        deviation = (share * (1 - share) / n) ** 0.5
        assert abs(counts[name] / n - share) < 4 * deviation


def test_the_lab_has_seven_values_split_by_object() -> None:
    lab = Lab(parse_spec("lab:tiny"))
    found = lab_pair_set(lab)
    assert len(found.concepts) == 7
    assert found.languages == tuple(sorted(lab.recipe.languages))
    split_of = {f"object:{thing.index}": thing.split for thing in lab.world.objects}
    assert {p.cluster_id: p.split for p in found.pairs}.items() <= split_of.items()
    ids: dict[tuple[str, str], set[str]] = {}
    for one in found.pairs:
        ids.setdefault((one.concept, one.language), set()).add(one.pair_id)
    for concept in found.concepts:
        assert len({frozenset(v) for (c, _), v in ids.items() if c == concept}) == 1
    assert all(one.context is None and one.source == "lab" for one in found.pairs)


# --- the layout of Xu et al.'s data


def p2_data(folder: Path) -> Path:
    harmless = {str(n): {"pos": f"bake {n}", "neg": f"poison {n}"} for n in range(6)}
    write_p2(folder, "harmfulness", "en", {"a": harmless})
    write_p2(folder, "harmfulness", "zho_Hans", {"a": harmless})
    duty = {
        "0": {"pos": "No, he left.", "neg": "No, I am tall.", "scenario": "Feed the dog."},
        "1": {"pos": "No, it ate.", "neg": "No, it rains.", "scenario": "Feed the dog."},
        "2": {"pos": "No, it is shut.", "neg": "No, I sing.", "scenario": "Post it."},
    }
    write_p2(folder, "deontology", "en", {"b": duty})
    truth = {"0": {"pos": "Rome.", "neg": "Oslo.", "question": "Capital?", "key": "c|0"}}
    write_p2(folder, "truthfulness", "en", {"c": truth})
    return folder


def test_a_folder_in_the_papers_layout(tmp_path: Path) -> None:
    found = load_pairs(p2_data(tmp_path))
    assert found.concepts == ("deontology", "harmfulness", "truthfulness")
    assert found.languages == ("en", "zh")
    by_key = {(p.concept, p.language, p.pair_id): p for p in found.pairs}
    assert len(by_key) == 16
    harmless = by_key["harmfulness", "zh", "a|3"]
    # Positive is the value-aligned pole: harmful instructions are the negative data.
    assert (harmless.positive, harmless.negative) == ("bake 3", "poison 3")
    assert harmless.context is None
    assert harmless.split == by_key["harmfulness", "en", "a|3"].split
    truth = by_key["truthfulness", "en", "c|0"]
    assert (truth.context, truth.context_kind) == ("Capital?", "question")
    assert by_key["deontology", "en", "b|2"].context_kind == "scenario"
    assert truth.source == "truthfulness_en.json"


def test_pairs_that_share_a_scenario_are_one_cluster(tmp_path: Path) -> None:
    found = load_pairs(p2_data(tmp_path), concepts=["deontology"])
    clusters = {p.pair_id: p.cluster_id for p in found.pairs}
    assert clusters["b|0"] == clusters["b|1"] != clusters["b|2"]
    assert any("10 ids form 9 clusters" in note for note in found.notes)


def test_clusters_join_across_languages(tmp_path: Path) -> None:
    """English tells 0 from 1, Swahili 1 from 2: all three belong together."""
    for tag, scenarios in (("en", "xxy"), ("sw", "xyy")):
        write_p2(
            tmp_path,
            "deontology",
            tag,
            {"g": {str(n): {"pos": "p", "neg": "n", "scenario": s}
                   for n, s in enumerate(scenarios)}},
        )  # fmt: skip
    assert len({p.cluster_id for p in load_pairs(tmp_path).pairs}) == 1


def test_polarity_is_turned_only_by_name_and_told(tmp_path: Path) -> None:
    found = load_pairs(p2_data(tmp_path), flip=["harmfulness"])
    by_concept = {p.concept: p for p in found.pairs}
    assert by_concept["harmfulness"].positive.startswith("poison")
    assert by_concept["truthfulness"].positive == "Rome."
    assert any(note.startswith("poles of harmfulness turned round") for note in found.notes)
    with pytest.raises(InputError, match="no concept 'honour' to flip; there are deontology"):
        load_pairs(tmp_path, flip=["honour"])


def test_what_is_missing_is_left_out_and_told(tmp_path: Path) -> None:
    write_p2(
        tmp_path,
        "truthfulness",
        "sw",
        {
            "g": {
                "0": {"pos": "a", "neg": "b"},
                "1": {"pos": "same ", "neg": "same"},
                "2": {"pos": "a", "neg": " "},
                "3": {"pos": "a", "neg": "b", "question": ""},
            }
        },
    )
    found = load_pairs(tmp_path)
    assert [p.pair_id for p in found.pairs] == ["g|0"]
    told = " ".join(found.notes)
    assert "2 pairs without one of their texts left out (sw 2): missing, not zero" in told
    assert "1 pairs with equal poles left out (sw 1)" in told


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("morality_en.json", '{"g": {"1": {"pos": "a"}}}', "group 'g', id '1': neg: is missing"),
        (
            "morality_en.json",
            '{"g": {"1": {"pos": "a", "neg": "SECRET", "Scenario": "c"}}}',
            "Scenario: is not known",
        ),
        ("morality_en.json", '{"g": {"1": {"pos": 3, "neg": "b"}}}', "pos: no text"),
        ("morality_en.json", '{"g": [1]}', "group 'g' is a list, where {group: {id:"),
        ("morality_en.json", '{"g": {"1": {}, "1": {}}}', "key '1' comes twice"),
        ("morality_en.json", '{"g": ', "line 1: not JSON"),
        ("morality.json", "{}", "name does not say concept and language"),
        ("morality_xyzzyq.json", "{}", "name does not say concept and language"),
        ("morality_en.json", "{}", "no pair is left: the files are empty"),
        (
            "morality_en.json",
            '{"g": {"1": {"pos": "a", "neg": "b", "question": "c", "scenario": "d"}}}',
            "has a question and a scenario",
        ),
    ],
)
def test_files_that_are_wrong_are_refused_with_the_place(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(InputError) as refused:
            load_pairs(path)
        assert words in str(refused.value)
        assert "SECRET" not in str(refused.value)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no CONCEPT_LANGUAGE\.json in it"):
        load_pairs(tmp_path)


# --- contrast tables


def test_a_table(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(
        "id,concept,language,positive,negative,question,cluster_id,split\n"
        "1,fairness,fra,oui,non,,c1,train\n"
        "1,fairness,swh_Latn,ndiyo,hapana,,c1,train\n"
        "2,truthfulness,fr,Rome,Oslo,Où ?,c2,test\n"
    )
    found = load_pairs(path)
    first, _, third = found.pairs
    assert (first.pair_id, first.language, first.positive, first.cluster_id) == (
        "1", "fr", "oui", "c1",
    )  # fmt: skip
    assert [p.language for p in found.pairs] == ["fr", "sw", "fr"]
    assert (third.context, third.context_kind, third.split) == ("Où ?", "question", "test")
    assert third.source == "pairs.csv"
    assert "split as the file has it, in clusters: train 1, validation 0, test 1" in found.notes


def test_a_json_array_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "pairs.json"
    path.write_text(" \n" + json.dumps([ROW]), encoding="utf-8-sig")
    assert [p.positive for p in load_pairs(path).pairs] == ["oui"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{**ROW, "pos": "x"}], "column pos: not a column; known are pair_id, concept"),
        ([{"id": 1, "concept": "c"}], "needs the column language and positive and negative"),
        ([{**ROW, "language": "klingonish"}], "line 1: column language: 'klingonish' is not"),
        ([{**ROW, "positive": 7}], "line 1: column positive: no text"),
        ([{**ROW, "concept": " "}], "line 1: column concept: no text"),
        ([ROW, ROW], "line 2: pair '1' of fairness in fr is already at"),
        (
            [{**ROW, "split": "train"}, {**ROW, "id": 2, "split": "dev"}],
            "line 2: split is 'dev'; use train, validation, test in all rows",
        ),
        ([{**ROW, "split": "train"}, {**ROW, "id": 2}], "line 2: split is empty; use train"),
        (
            [{**ROW, "cluster_id": "a"}, {**ROW, "id": 2}],
            "line 2: cluster_id is empty, but other rows have one",
        ),
        (
            [{**ROW, "split": "train"}, {**ROW, "language": "sw", "split": "test"}],
            "test items would leak",
        ),
    ],
)
def test_tables_that_are_wrong_are_refused_with_the_place(
    tmp_path: Path, rows: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(InputError) as refused:
        load_pairs(write_table(tmp_path / "pairs.jsonl", rows))
    assert words in str(refused.value)


def test_the_same_words_in_two_splits_are_told(tmp_path: Path) -> None:
    rows = [{**ROW, "id": n, "split": split} for n, split in enumerate(("train", "test"))]
    found = load_pairs(write_table(tmp_path / "pairs.jsonl", rows))
    assert "2 pairs say word for word what a pair of another split says" in found.notes


def test_shuffled_rows_give_the_same_set(tmp_path: Path) -> None:
    rows = [
        {**ROW, "id": n, "language": tag, "positive": f"{tag}{n}", "scenario": f"s{n % 5}"}
        for n in range(30)
        for tag in ("fr", "sw")
    ]

    def load(order: list[dict[str, Any]]) -> PairSet:
        return load_pairs(write_table(tmp_path / "pairs.jsonl", order))

    straight, reversed_ = load(rows), load(rows[::-1])
    assert straight.pairs == reversed_.pairs
    assert straight.fingerprint == reversed_.fingerprint
