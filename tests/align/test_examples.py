"""Instructions and preferences from files: every layout, every refusal, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.align.example_files import load_examples
from isogloss.align.examples import (
    Example,
    examples_fingerprint,
    read_examples,
    write_examples,
)
from isogloss.errors import InputError, LanguageError
from isogloss.records import Intent

Row = Mapping[str, Any]
PLAIN = {"prompt": "How do I oil a lamp?", "chosen": "Slowly.", "language": "en"}
PAIR = {**PLAIN, "rejected": "Never."}


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def dialogue(*turns: str) -> str:
    """Turns as HH-RLHF writes them, the human's first."""
    marks = ("Human", "Assistant")
    return "".join(f"\n\n{marks[k % 2]}: {turn}" for k, turn in enumerate(turns))


def table(tmp_path: Path, *rows: Row, name: str = "data.jsonl") -> Path:
    path = tmp_path / name
    if name.endswith(".parquet"):
        pl.DataFrame(rows).write_parquet(path)
    elif name.endswith(".json"):
        path.write_text(json.dumps(rows))
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        separator = "\t" if name.endswith(".tsv") else ","
        pl.DataFrame(rows).write_csv(path, separator=separator)
    return path


def only(path: Path, language: str | None = None) -> Example:
    (example,) = load_examples(path, language=language).examples
    return example


def refused(tmp_path: Path, *rows: Row, language: str | None = None) -> str:
    """The message, which names the file and shows none of the texts."""
    path = table(tmp_path, *rows)
    with pytest.raises(InputError) as caught:
        load_examples(path, language=language)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    for text in ("lamp", "Slowly", "Never", "bench"):
        assert text not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.parquet"])
def test_every_format_and_column(tmp_path: Path, name: str) -> None:
    row = {
        "id": "lamp-1",
        "language": "swh_Latn",
        "prompt": " How?",
        "chosen": "So.\n",
        "rejected": "No.",
        "intent": "Benign",
        "cluster_id": "lamp",
    }
    provenance = {
        "engine": "hf:x/y",
        "source_language": "en",
        "flags": "copied;short",
        "translation_note": " as is ",
        "chrf": "61.5",
    }
    loaded = load_examples(table(tmp_path, row | provenance, name=name))
    assert loaded.examples == (
        Example(
            example_id="lamp-1",
            language="sw",
            prompt=" How?",
            chosen="So.\n",
            rejected="No.",
            intent="benign",
            cluster_id="lamp",
            provenance=provenance,
        ),
    )
    assert loaded.notes == ()
    assert loaded.source == str(tmp_path / name)


@pytest.mark.parametrize("column", ["chosen", "response", "completion"])
def test_the_response_has_three_names(tmp_path: Path, column: str) -> None:
    example = only(table(tmp_path, {"prompt": "How?", column: "So.", "language": "en"}))
    assert (example.prompt, example.chosen, example.rejected) == ("How?", "So.", None)
    assert (example.intent, example.provenance) == (None, {})
    assert example.cluster_id not in ("", example.example_id)  # named by its prompt alone


def test_provenance_that_is_no_text_is_kept_as_json(tmp_path: Path) -> None:
    row = {**PLAIN, "flags": ["copied"], "chrf": 61.5, "translated": True, "engine": None}
    example = only(table(tmp_path, row))
    assert example.provenance == {"flags": '["copied"]', "chrf": "61.5", "translated": "true"}


def test_an_id_may_be_a_number_and_a_prompt_id_is_the_cluster(tmp_path: Path) -> None:
    example = only(table(tmp_path, {**PLAIN, "example_id": 7, "prompt_id": "p1"}))
    assert (example.example_id, example.cluster_id) == ("7", "p1")
    both = {**PLAIN, "cluster_id": "c1", "prompt_id": "p1"}
    assert only(table(tmp_path, both)).cluster_id == "c1"


def test_derived_ids_come_from_the_content_alone(tmp_path: Path) -> None:
    rows = [
        PAIR,
        {**PAIR, "language": "fr"},
        {**PAIR, "chosen": "Fast."},
        {**PAIR, "rejected": "-"},
    ]
    first = load_examples(table(tmp_path, *rows)).examples
    again = load_examples(table(tmp_path, *rows[::-1], name="b.jsonl")).examples
    assert len({example.example_id for example in first}) == 4
    assert first == again[::-1]


def test_the_fingerprint_knows_content_but_neither_order_nor_provenance(tmp_path: Path) -> None:
    rows = [{**PLAIN, "id": "1"}, {**PLAIN, "id": "2", "engine": "human"}]

    def fingerprint(*rows: Row) -> str:
        return load_examples(table(tmp_path, *rows)).fingerprint

    one = fingerprint(*rows)
    assert fingerprint(*rows[::-1]) == one
    assert fingerprint({**PLAIN, "id": "1"}, {**PLAIN, "id": "2"}) == one
    others = [
        fingerprint({**rows[0], column: "benign"}, rows[1]) for column in ("intent", "chosen")
    ]
    assert len({one, fingerprint(rows[0]), *others}) == 4


def test_languages_in_the_order_of_first_sight(tmp_path: Path) -> None:
    rows = [{**PLAIN, "id": k, "language": tag} for k, tag in enumerate(["sw", "en", "fr", "en"])]
    assert load_examples(table(tmp_path, *rows)).languages == ("sw", "en", "fr")


def test_the_language_may_be_that_of_the_whole_file(tmp_path: Path) -> None:
    bare = {"prompt": "How?", "chosen": "So."}
    assert only(table(tmp_path, bare), "swh").language == "sw"
    assert only(table(tmp_path, {**bare, "language": ""}), "sw").language == "sw"
    assert only(table(tmp_path, {**bare, "language": "swh"}), "sw").language == "sw"
    assert only(table(tmp_path, {**bare, "language": "sw-x-lab"}), "sw").language == "sw-x-lab"
    with pytest.raises(LanguageError, match="not a language"):
        load_examples(table(tmp_path, bare), language="lamp!")


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": [user("How?")], "chosen": [assistant("So.")]},
        {"prompt": [user("How?")], "completion": [assistant("So.")]},
        {"prompt": [user("How?")], "chosen": [user("How?"), assistant("So.")]},
        {"prompt": "How?", "chosen": [user("How?"), assistant("So.")]},
        {"prompt": "How?", "chosen": [assistant("So.")]},
        {"prompt": [user("How?")], "chosen": "So."},
        {"chosen": [user("How?"), assistant("So.")]},
        {"messages": [user("How?"), assistant("So.")]},
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_conversational_cells(tmp_path: Path, row: Row, name: str) -> None:
    example = only(table(tmp_path, row, name=name), "en")
    assert (example.prompt, example.chosen, example.rejected) == ("How?", "So.", None)


def test_conversational_preferences(tmp_path: Path) -> None:
    for row in (
        {"prompt": [user("How?")], "chosen": [assistant("So.")], "rejected": [assistant("No.")]},
        {
            "chosen": [user("How?"), assistant("So.")],
            "rejected": [user("How?"), assistant("No.")],
        },
    ):
        example = only(table(tmp_path, row), "en")
        assert (example.prompt, example.chosen, example.rejected) == ("How?", "So.", "No.")


def test_dialogues_of_one_turn_and_of_several(tmp_path: Path) -> None:
    one = {"chosen": dialogue("How?", "So.\n\nIn steps."), "rejected": dialogue("How?", "No.")}
    example = only(table(tmp_path, one), "en")
    assert (example.prompt, example.chosen, example.rejected) == ("How?", "So.\n\nIn steps.", "No.")
    several = {
        "chosen": dialogue("Hello", "Good day.", "How?", "So."),
        "rejected": dialogue("Hello", "Good day.", "How?", "No."),
    }
    example = only(table(tmp_path, several), "en")
    assert example.prompt == "Human: Hello\n\nAssistant: Good day.\n\nHuman: How?"
    assert (example.chosen, example.rejected) == ("So.", "No.")


def test_with_a_prompt_column_a_dialogue_is_a_text_like_any_other(tmp_path: Path) -> None:
    text = dialogue("How?", "So.")
    assert only(table(tmp_path, {**PLAIN, "chosen": text})).chosen == text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompt": " "}, "line 2: column prompt: is empty"),
        ({"prompt": None}, "line 2: column prompt: is empty"),
        ({"prompt": []}, "line 2: column prompt: is empty"),
        ({"prompt": 7}, "line 2: column prompt: text or messages expected, found int"),
        ({"prompt": "lamp\0"}, "line 2: column prompt: contains a NUL"),
        ({"prompt": "lamp\ud800"}, "line 2: column prompt: contains a NUL character or a lone"),
        ({"chosen": "\n"}, "line 2: column chosen: is empty"),
        ({"chosen": None}, "line 2: column chosen: is empty"),
        ({"chosen": assistant("lamp")}, "line 2: column chosen: text or messages expected, found"),
        ({"chosen": "Never.\n"}, "line 2: column rejected: is the same as chosen"),
        ({"chosen": '[{"role": "user", '}, "line 2: column chosen: messages written as text"),
        ({"prompt": "[{'content': 'lamp'"}, "line 2: column prompt: messages written as text"),
        ({"rejected": " "}, "line 2: column rejected: is empty here and in 1 of 2 rows"),
        ({"language": ""}, "line 2: column language: is empty; fill it in, or name the whole"),
        ({"language": "english-lish"}, "line 2: column language: 'english-lish' is not a language"),
        (
            {"language": "How do I oil a lamp? " * 3},
            "line 2: column language: 62 characters are no",
        ),
        ({"language": 7.5}, "line 2: column language: text expected, found float"),
        ({"intent": "good"}, "line 2: column intent: 'good' is not an intent; use harmful or ben"),
        ({"intent": "How do I oil a lamp?"}, "line 2: column intent: this is not an intent"),
        ({"id": "first"}, "line 2: column id: example 'first' in en is already at line 1; ids are"),
        ({"id": True}, "line 2: column id: text expected, found bool"),
        ({"engine": "lamp\0"}, "line 2: column engine: contains a NUL"),
    ],
)
def test_bad_cells_are_refused(tmp_path: Path, changed: Row, message: str) -> None:
    rows = {**PAIR, "id": "first"}, {**PAIR, "id": "second", **changed}
    assert refused(tmp_path, *rows).startswith(message)


MANY = [user("lamp"), assistant("Slowly."), user("bench"), assistant("Never.")]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            {"chosen": MANY},
            "line 1: column chosen: messages of user, assistant, user, assistant: single-turn only",
        ),
        ({"prompt": MANY[:3]}, "line 1: column prompt: messages of user, assistant, user: single-"),
        (
            {"prompt": [{"role": "system", "content": "lamp"}, user("bench")]},
            "line 1: column prompt: messages of system, user: single-turn only, here user",
        ),
        ({"chosen": [user("lamp")]}, "line 1: column chosen: messages of user: single-turn only"),
        (
            {"prompt": [{"role": "lamp", "content": "x"}]},
            "line 1: column prompt: messages of anoth",
        ),
        (
            {"chosen": [user("bench"), assistant("So.")]},
            "line 1: the prompts in prompt and chosen d",
        ),
        ({"chosen": [assistant(" ")]}, "line 1: column chosen: a message is empty"),
        ({"chosen": ["lamp"]}, "line 1: column chosen: a message needs role and content"),
        ({"chosen": [{"role": "assistant"}]}, "line 1: column chosen: a message needs role and"),
        ({"chosen": [{"role": "user", "content": ["lamp"]}]}, "line 1: column chosen: a message n"),
        ({"chosen": [assistant("lamp\0")]}, "line 1: column chosen: contains a NUL"),
    ],
)
def test_bad_messages_are_refused(tmp_path: Path, cells: Row, message: str) -> None:
    assert refused(tmp_path, {**PLAIN, **cells}).startswith(message)


@pytest.mark.parametrize(
    ("chosen", "rejected", "message"),
    [
        (dialogue("lamp", "Slowly."), dialogue("bench", "Never."), "the prompts in chosen and rej"),
        (
            dialogue("lamp", "So.", "bench", "Slowly."),
            dialogue("lamp", "No.", "bench", "Never."),
            "the prompts in chosen and rejected differ",
        ),
        (
            dialogue("lamp", "So.", "bench"),
            dialogue("lamp", "Never."),
            "column chosen: the dialogu",
        ),
        (dialogue("lamp", "So."), dialogue("lamp", " "), "column rejected: the reply in it is emp"),
        (dialogue(" ", "So."), dialogue(" ", "Never."), "column chosen: the prompt in it is empty"),
        ("lamp", "Never.", "column chosen: there is no column prompt, and this is no dialogue"),
        (dialogue("lamp"), dialogue("lamp", "Never."), "column chosen: there is no column prompt"),
        ([assistant("Slowly.")], [assistant("Never.")], "column prompt: is empty"),
    ],
)
def test_bad_dialogues_are_refused(
    tmp_path: Path, chosen: object, rejected: object, message: str
) -> None:
    row = {"chosen": chosen, "rejected": rejected}
    assert refused(tmp_path, row, language="en").startswith(f"line 1: {message}")


@pytest.mark.parametrize(
    ("row", "language", "message"),
    [
        ({"prompt": "lamp", "chosen": "Slowly."}, None, "header: no column language; .*--language"),
        ({"prompt": "lamp", "language": "en"}, None, "header: no response to learn"),
        ({**PLAIN, "response": "x"}, None, "header: chosen and response are the same thing"),
        ({**PLAIN, "id": "1", "example_id": "2"}, None, "header: example_id and id are the same"),
        ({**PLAIN, "rejeted": "x"}, None, "header: column rejeted: did you mean rejected?"),
        (PLAIN, "sw", "line 1: column language: is en, but --language says sw; leave out one"),
    ],
)
def test_bad_columns_are_refused(
    tmp_path: Path, row: Row, language: str | None, message: str
) -> None:
    text = refused(tmp_path, row, language=language)
    start, _, end = message.partition(".*")
    assert text.startswith(start)
    assert end in text


def test_preferences_in_some_rows_only_are_counted(tmp_path: Path) -> None:
    rows: Sequence[Row] = [PAIR, PLAIN, {**PAIR, "prompt": "bench"}, {**PLAIN, "prompt": "So?"}]
    message = refused(tmp_path, *rows)
    assert "line 2: column rejected: is empty here and in 2 of 4 rows altogether" in message


def test_an_empty_column_rejected_is_none(tmp_path: Path) -> None:
    assert only(table(tmp_path, {**PLAIN, "rejected": None})).rejected is None


def test_the_same_id_serves_every_language_and_repeats_without_one_are_told(
    tmp_path: Path,
) -> None:
    rows = [{**PLAIN, "id": "1"}, {**PLAIN, "id": "1", "language": "fr"}]
    assert len(load_examples(table(tmp_path, *rows)).examples) == 2
    loaded = load_examples(table(tmp_path, PLAIN, PLAIN, {**PLAIN, "prompt": "So?"}, PLAIN))
    assert len(loaded.examples) == 2
    assert loaded.notes == ("2 rows that repeat another one exactly were dropped",)
    assert "line 2" in refused(tmp_path, PLAIN, {**PLAIN, "intent": "benign"})


def test_unused_columns_are_told(tmp_path: Path) -> None:
    row = {**PAIR, "score": 3, "score_rejected": 1}
    assert load_examples(table(tmp_path, row)).notes == ("columns not used: score, score_rejected",)


TEXT = st.text(min_size=1)
EXAMPLES = st.lists(
    st.builds(
        Example,
        example_id=TEXT,
        language=st.sampled_from(["en", "sw", "zh-Hant"]),
        prompt=TEXT,
        chosen=TEXT,
        rejected=st.none() | TEXT,
        intent=st.none() | st.sampled_from(get_args(Intent)),
        cluster_id=st.just("") | TEXT,
        provenance=st.dictionaries(TEXT, st.text(), max_size=2),
    ),
    max_size=5,
)


@settings(deadline=None)
@given(EXAMPLES, st.randoms(use_true_random=False))
def test_written_and_read_they_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, examples: list[Example], rng: Any
) -> None:
    path = tmp_path_factory.mktemp("examples") / "x.jsonl"
    write_examples(path, examples)
    assert read_examples(path) == tuple(examples)
    assert [file.name for file in path.parent.iterdir()] == ["x.jsonl"]
    shuffled = list(examples)
    rng.shuffle(shuffled)
    assert examples_fingerprint(shuffled) == examples_fingerprint(examples)


def test_what_is_written_can_be_loaded_too(tmp_path: Path) -> None:
    first = load_examples(table(tmp_path, {**PAIR, "id": "1", "intent": "benign"}))
    write_examples(tmp_path / "again.jsonl", first.examples)
    again = load_examples(tmp_path / "again.jsonl")
    assert again.examples == first.examples
    assert again.fingerprint == first.fingerprint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": "lamp"}\n', "line 2: not an example"),
        ("\n", "line 2: not an example"),
        ('{"prompt": "la', "line 2: is cut off"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "x.jsonl"
    write_examples(path, [Example(example_id="1", language="en", prompt="lamp", chosen="So.")])
    with path.open("a") as file:
        file.write(line)
    with pytest.raises(InputError, match=message) as caught:
        read_examples(path)
    assert "lamp" not in str(caught.value)


def test_files_that_cannot_be_had_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_examples(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="no such file"):
        load_examples(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="cannot be written"):
        write_examples(tmp_path / "no folder" / "x.jsonl", [])


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = Example(example_id="1", language="en", prompt="lamp", chosen="So.")
    path = tmp_path / "x.jsonl"
    write_examples(path, [example])

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("isogloss.align.examples.os.replace", fail)
    with pytest.raises(InputError, match="No space left"):
        write_examples(path, [])
    monkeypatch.undo()
    assert read_examples(path) == (example,)
    assert [file.name for file in tmp_path.iterdir()] == ["x.jsonl"]
