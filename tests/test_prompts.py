"""Tables become prompt sets, or an error that names file, line and column."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import InputError, LanguageError
from isogloss.prompts import load_prompts, prompts_fingerprint, write_prompts
from isogloss.records import Prompt

LONG = """prompt_id,language,text,intent,category
a,en,How do I bake bread?,benign,food
a,swh_Latn,Ninaokaje mkate?,benign,food
b,en,How do I pick a lock?,harmful,locks
"""


def write(folder: Path, text: str | bytes, name: str = "set.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def texts(prompts) -> dict[tuple[str, str], str]:
    return {(p.prompt_id, p.language): p.text for p in prompts}


# --- long tables -----------------------------------------------------------------------------


def test_a_long_table(tmp_path) -> None:
    found = load_prompts(write(tmp_path, LONG))
    assert found.prompts == (
        Prompt(
            prompt_id="a",
            language="en",
            text="How do I bake bread?",
            intent="benign",
            category="food",
            cluster_id="a",
        ),
        Prompt(
            prompt_id="a",
            language="sw",
            text="Ninaokaje mkate?",
            intent="benign",
            category="food",
            reference="How do I bake bread?",
            cluster_id="a",
        ),
        Prompt(
            prompt_id="b",
            language="en",
            text="How do I pick a lock?",
            intent="harmful",
            category="locks",
            cluster_id="b",
        ),
    )
    assert found.languages == ("en", "sw")
    assert found.notes == ()


def test_the_same_table_in_every_format_is_the_same_set(tmp_path) -> None:
    rows = list(csv.DictReader(LONG.splitlines()))
    files = [
        write(tmp_path, LONG),
        write(tmp_path, "\ufeff" + LONG.replace("\n", "\r\n"), "bom.csv"),
        write(tmp_path, LONG.replace(",", "\t"), "set.tsv"),
        write(tmp_path, "\n".join(map(json.dumps, rows)), "set.jsonl"),
        tmp_path / "set.parquet",
    ]
    pl.DataFrame(rows).write_parquet(files[-1])
    assert len({load_prompts(file).fingerprint for file in files}) == 1


def test_quoted_line_breaks_and_line_separators_stay_in_the_text(tmp_path) -> None:
    text = 'one\r\ntwo\u2028three, "four"'
    quoted = text.replace('"', '""')
    found = load_prompts(
        write(tmp_path, f'prompt_id,language,text\n1,en,"{quoted}"\n2,en,x\n'), intent="benign"
    )
    assert texts(found.prompts)["1", "en"] == text


def test_a_number_is_an_id_and_an_argument_gives_the_missing_intent(tmp_path) -> None:
    rows = [
        {"id": 7, "language": "fr", "text": "Bonjour"},
        {"id": 8, "language": "fr", "text": "Salut", "intent": "Harmful"},
    ]
    file = write(tmp_path, "\n".join(map(json.dumps, rows)), "set.jsonl")
    found = load_prompts(file, intent="benign")
    assert [(p.prompt_id, p.intent) for p in found.prompts] == [("7", "benign"), ("8", "harmful")]
    assert found.notes == ("column id was read as prompt_id",)


def test_empty_texts_are_counted_and_exact_repeats_dropped(tmp_path) -> None:
    extra = (
        "a,en,How do I bake bread?,benign,food\nc,fr,  ,benign,\nd,fr,,benign,\nc,sw,,harmful,\n"
    )
    found = load_prompts(write(tmp_path, LONG + extra))
    assert len(found.prompts) == 3
    assert found.notes == (
        "3 empty texts skipped (fr 2, sw 1): missing, not zero",
        "1 rows that repeat another one exactly were dropped",
    )


def test_only_the_asked_languages_with_references_kept(tmp_path) -> None:
    file = write(tmp_path, LONG)
    found = load_prompts(file, languages=["swa"])
    assert [(p.language, p.reference) for p in found.prompts] == [("sw", "How do I bake bread?")]
    with pytest.raises(InputError, match="no prompts in fr; it has en, sw"):
        load_prompts(file, languages=["fr"])
    with pytest.raises(LanguageError):
        load_prompts(file, languages=["swahilish"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LONG + "a,en,Another,benign,food\n", r"line 5: .*'a' in 'en'.* line 2 with another text"),
        (LONG + "a,en,How do I bake bread?,harmful,food\n", "line 5: .*another intent"),
        (LONG + "c,xq,Hm,benign,\n", "line 5: column language: 'xq' is not a language code"),
        (LONG + "c,,Hm,benign,\n", "line 5: column language: is empty"),
        (LONG + " ,en,Hm,benign,\n", "line 5: column prompt_id: is empty"),
        (LONG + "c,en,Hm,harmless,\n", "line 5: column intent: 'harmless' is not an intent"),
        (LONG + "c,en,Hm,,\n", "line 5: column intent: no intent"),
        (LONG + "c,en,Hm, yes,benign,\n", "line 5: 6 cells, but the header has 5"),
        (LONG + "c,en\n", "line 5: 2 cells"),
        (LONG + 'c,en,"Hm,benign,\n', "line 5: broken quoting"),
        (LONG + 'c,en,"H\nm",benign,\nd,en\n', "line 7: 2 cells"),
        (LONG.replace("category", "catgory"), "column catgory: .*did you mean category"),
        (LONG.replace("category", "text"), "line 1: column text comes twice"),
        (LONG.replace("category", ""), "line 1: column number 5 has no name"),
        (LONG.replace("text", "prompt"), "header: a long table needs the column text"),
        (LONG.replace(",", ";"), "line 1: the cells are not separated by ','"),
        ("prompt_id,language,text,intent\n", "no rows"),
        ("prompt_id,language,text,intent\na,en,,benign\n", "no prompt is left"),
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
    ],
)
def test_a_wrong_long_table_names_the_place(tmp_path, text: str, message: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(InputError, match=message) as error:
        load_prompts(file)
    assert str(file) in str(error.value)
    assert "bake bread" not in str(error.value)  # messages never show a prompt


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (LONG.encode("utf-16"), "line 1, byte 0: this is UTF-16"),
        (LONG.encode("utf-16-le"), "line 1, byte 1: a NUL byte"),
        (b"a,b\nc,\xe9t\xe9\n", "line 2, byte 6: 0xe9 is not UTF-8"),
        (b"\xef\xbb\xbf" + b"a\n\xff\n", "line 2, byte 5: 0xff is not UTF-8"),
        (b"a,b\nc,d\ne,\0\n", "line 3, byte 10: a NUL byte"),
    ],
)
def test_wrong_bytes_are_named(tmp_path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_prompts(write(tmp_path, data))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"prompt_id": "c", "language": "fr", "text": 3}',
            "column text: text expected, found int",
        ),
        ('{"prompt_id": true, "language": "fr", "text": "x"}', "column prompt_id: .*found bool"),
        ('{"prompt_id": "c", "language": "fr", "text": ["x"]}', "column text: .*found list"),
        ('{"prompt_id": "c", "language": "fr"}', "column text: is missing"),
        (
            '{"prompt_id": "c", "language": "fr", "text": "x\\u0000"}',
            "column text: .*NUL character",
        ),
        ('{"prompt_id": "c", "language": "fr", "text": "x\\ud800"}', "column text: .*surrogate"),
        ('{"prompt_id": "c", "prompt_id": "d"}', "key prompt_id comes twice"),
        ('["c", "fr", "x"]', "list, not a JSON object"),
        ('{"prompt_id": "c",', "column 19: not JSON"),
    ],
)
def test_wrong_json_lines_are_named(tmp_path, line: str, message: str) -> None:
    good = '{"prompt_id": "a", "language": "en", "text": "Hello"}\n\n'
    with pytest.raises(InputError, match=f"line 3.*{message}"):
        load_prompts(write(tmp_path, good + line + "\n", "set.jsonl"), intent="benign")


def test_an_array_of_objects_is_a_table_too(tmp_path) -> None:
    rows = '[{"prompt_id": "a", "language": "en", "text": "Hello"},\n {"prompt_id": 7}]'
    with pytest.raises(InputError, match="item 2: column language: is missing"):
        load_prompts(write(tmp_path, rows, "set.json"), intent="benign")
    good = write(tmp_path, rows.replace(',\n {"prompt_id": 7}', ""), "set.json")
    assert texts(load_prompts(good, intent="benign").prompts) == {("a", "en"): "Hello"}
    for text, message in (
        ('{"a": 1}', "dict, not a JSON array"),
        ("[3]", "item 1: int, not a JSON object"),
        ('{"a": 1}\n{"a": 2}', r"line 2, column 1: not JSON .* name the file \.jsonl"),
        ("[]", "no rows"),
    ):
        with pytest.raises(InputError, match=message):
            load_prompts(write(tmp_path, text, "set.json"), intent="benign")


def test_what_is_not_a_table_at_all(tmp_path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_prompts(tmp_path / "none.csv")
    with pytest.raises(InputError, match="not a file"):
        load_prompts(tmp_path)
    with pytest.raises(InputError, match=r"'\.xlsx'; use \.csv"):
        load_prompts(write(tmp_path, "x", "set.xlsx"))
    with pytest.raises(InputError, match="not a Parquet file"):
        load_prompts(write(tmp_path, "x", "set.parquet"))
    with pytest.raises(InputError, match="intent 'evil'"):
        load_prompts(write(tmp_path, LONG), intent="evil")  # pyright: ignore[reportArgumentType]


def test_a_file_of_recorded_responses_may_hold_the_prompts_too(tmp_path) -> None:
    table = """prompt_id,language,text,intent,sample,response,outcome
a,en,How do I bake bread?,benign,0,Mix flour,complied
a,en,How do I bake bread?,benign,1,No,refused
"""
    found = load_prompts(write(tmp_path, table))
    assert texts(found.prompts) == {("a", "en"): "How do I bake bread?"}
    assert found.notes == (
        "columns of recorded responses are no prompts: outcome, response, sample",
        "1 rows that repeat another one exactly were dropped",
    )


# --- wide tables -----------------------------------------------------------------------------

WIDE = """id,source,tags,en,swh_Latn,jv
1,us,"['Locks, doors', 'Keys']",Open the door,Fungua mlango,Bukak lawang
2,us,['Food'],Bake bread,,Nggawe roti
"""


def test_a_wide_table_with_a_byte_order_mark_and_an_id_column(tmp_path) -> None:
    found = load_prompts(write(tmp_path, "\ufeff" + WIDE), intent="harmful")
    assert texts(found.prompts) == {
        ("1", "en"): "Open the door",
        ("1", "sw"): "Fungua mlango",
        ("1", "jv"): "Bukak lawang",
        ("2", "en"): "Bake bread",
        ("2", "jv"): "Nggawe roti",
    }
    by_key = {(p.prompt_id, p.language): p for p in found.prompts}
    assert by_key["1", "sw"].category == "Locks, doors"
    assert by_key["1", "sw"].reference == "Open the door"
    assert by_key["1", "en"].reference is None
    assert {p.intent for p in found.prompts} == {"harmful"}
    assert found.notes == (
        "1 rows have several tags: the first one is their category",
        "1 empty texts skipped (sw 1): missing, not zero",
    )


def test_a_column_id_may_also_be_indonesian(tmp_path) -> None:
    wide = "prompt_id,en,id\na,Open the door,Buka pintunya\nb,Bake bread,Panggang roti\n"
    found = load_prompts(write(tmp_path, wide), intent="benign")
    assert texts(found.prompts)["b", "id"] == "Panggang roti"
    assert found.languages == ("en", "id")


def test_without_ids_a_prompt_is_named_by_its_english_text(tmp_path) -> None:
    header, *rows = ["en,id", "Open the door,Buka pintunya", "Bake bread,Panggang roti"]
    one = load_prompts(write(tmp_path, "\n".join([header, *rows])), intent="benign")
    other = load_prompts(write(tmp_path, "\n".join([header, *rows[::-1]])), intent="benign")
    assert one.prompts == other.prompts
    assert len({p.prompt_id for p in one.prompts}) == 2
    assert one.notes == ("no column prompt_id or id: prompts are named by a hash of their text",)


def test_numbers_under_a_language_code_and_words_that_are_codes_are_no_languages(tmp_path) -> None:
    wide = "prompt_id,no,key,en,nb\na,1,k1,Open the door,Lukk opp døra\n"
    found = load_prompts(write(tmp_path, wide), intent="benign")
    assert found.languages == ("en", "no")
    assert texts(found.prompts)["a", "no"] == "Lukk opp døra"
    assert [note.split()[1] for note in found.notes] == ["no", "key"]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,en,swahili", "column swahili: .*did you mean 'sw'"),
        ("id,en,intnt", "column intnt: .*did you mean the column intent"),
        ("id,pt-BR,pt-PT", "column pt-PT: 'pt-BR' and 'pt-PT' are both 'pt'"),
        ("id,source,tags", "neither a long table .* nor a wide one"),
    ],
)
def test_a_wrong_wide_header_names_the_column(tmp_path, header: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_prompts(write(tmp_path, header + "\n1,some words,more words\n"), intent="benign")


def test_a_wrong_wide_cell_names_line_and_language(tmp_path) -> None:
    rows = [{"id": 1, "en": "Hello", "fr": "Bonjour"}, {"id": 2, "en": "Bye", "fr": 3}]
    file = write(tmp_path, "\n".join(map(json.dumps, rows)), "wide.jsonl")
    with pytest.raises(InputError, match=r"line 2 \(fr\): column text: text expected, found int"):
        load_prompts(file, intent="benign")
    file = write(tmp_path, "id,en\n1,Hello\n1,Bye\n")
    with pytest.raises(
        InputError, match=r"line 3 \(en\): prompt '1' .* line 2 \(en\) with another"
    ):
        load_prompts(file, intent="benign")


# --- licence, round trips, order --------------------------------------------------------------


def test_the_licence_is_the_arguments_or_a_file_beside(tmp_path) -> None:
    file = write(tmp_path, LONG)
    assert load_prompts(file).licence is None
    write(tmp_path, "\nMIT License\n\nCopyright …", "LICENSE")
    assert load_prompts(file).licence == "MIT License"
    write(tmp_path, "SPDX-License-Identifier: CC-BY-4.0\n", "set.csv.license")
    assert load_prompts(file).licence == "CC-BY-4.0"
    assert load_prompts(file, licence="CC0").licence == "CC0"


def test_writing_elsewhere_fails_clearly_and_leaves_nothing(tmp_path) -> None:
    prompts = load_prompts(write(tmp_path, LONG)).prompts
    with pytest.raises(InputError, match=r"cannot write '\.txt'"):
        write_prompts(prompts, tmp_path / "set.txt")
    with pytest.raises(InputError, match="cannot be written"):
        write_prompts(prompts, tmp_path / "none" / "set.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["set.csv"]


# Everything but what a table cannot hold: lone surrogates, NUL, and texts that are all white space.
words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
).filter(lambda text: bool(text.strip()))
names = words.map(str.strip)


@st.composite
def prompt_sets(draw) -> list[Prompt]:
    keys = draw(
        st.lists(
            st.tuples(names, st.sampled_from(["en", "fr", "sw", "id", "ny-x-lab"]), names),
            min_size=1,
            max_size=8,
            unique=True,
        )
    )
    return [
        Prompt(
            prompt_id=prompt_id,
            language=language,
            variant=variant,
            text=draw(words),
            intent=draw(st.sampled_from(["harmful", "benign"])),
            category=draw(st.none() | names),
            reference=None if language == "en" else draw(words),
            cluster_id=draw(names),
        )
        for prompt_id, language, variant in keys
    ]


@settings(max_examples=60, deadline=None)
@given(prompts=prompt_sets(), suffix=st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]))
def test_what_is_written_is_read_back(tmp_path_factory, prompts: list[Prompt], suffix: str) -> None:
    file = tmp_path_factory.mktemp("set") / f"set{suffix}"
    write_prompts(prompts, file)
    found = load_prompts(file)
    assert list(found.prompts) == sorted(prompts, key=lambda prompt: prompt.key)
    assert found.fingerprint == prompts_fingerprint(prompts)


@settings(max_examples=40, deadline=None)
@given(prompts=prompt_sets(), seed=st.integers(0, 999))
def test_shuffled_rows_are_the_same_set(tmp_path_factory, prompts, seed: int) -> None:
    folder = tmp_path_factory.mktemp("set")
    write_prompts(prompts, folder / "set.jsonl")
    lines = (folder / "set.jsonl").read_text("utf-8").removesuffix("\n").split("\n")
    random.Random(seed).shuffle(lines)
    (folder / "shuffled.jsonl").write_text("\n".join(lines), "utf-8", newline="")
    one, other = load_prompts(folder / "set.jsonl"), load_prompts(folder / "shuffled.jsonl")
    assert one.prompts == other.prompts
    assert one.fingerprint == other.fingerprint


def test_another_text_is_another_fingerprint(tmp_path) -> None:
    one = load_prompts(write(tmp_path, LONG))
    other = load_prompts(write(tmp_path, LONG.replace("mkate?", "mkate")))
    assert one.fingerprint != other.fingerprint
