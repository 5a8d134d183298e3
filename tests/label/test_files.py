"""The sheet as CSV: there and back, and everything that is refused stores nothing."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.cells import alike, from_cell, to_cell
from isogloss.errors import InputError
from isogloss.label import Sheet, SheetRequest, draw_sheet, export_sheet, import_labels
from isogloss.records import Label
from isogloss.store import RunStore
from label.planted import make_run

Rows = list[dict[str, str]]
FORMULA = '=HYPERLINK("http://example.invalid","x")'


def hostile(language: str, intent: str, number: int) -> str:
    texts = (FORMULA, "+1", "-1", "@SUM(A1)", "\t=1", "'=1", 'a,b\n"c"', "nul \x00 \x1b[31m", "  ")
    return f"{texts[number % len(texts)]}{language} {intent}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with RunStore(make_run(tmp_path / "run", n=12, says=hostile)) as opened:
        yield opened


@pytest.fixture
def sheet(store: RunStore) -> Sheet:
    return draw_sheet(store, SheetRequest(per_language=10))


def exported(store: RunStore, sheet: Sheet, path: Path, labeller: str = "ann") -> Rows:
    export_sheet(store, sheet, path, labeller=labeller)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(store: RunStore, path: Path, **asked: str):
    return import_labels(store, path, SheetRequest(), **asked)


def stored(store: RunStore) -> dict[tuple[str, int], tuple[str, int | None, str | None]]:
    rows = store.labels.frame().iter_rows(named=True)
    return {(r["labeller"], r["response"]): (r["outcome"], r["correct"], r["note"]) for r in rows}


def test_a_filled_sheet_comes_back(store: RunStore, sheet: Sheet, tmp_path: Path) -> None:
    rows = exported(store, sheet, tmp_path / "ann.csv")
    assert len(rows) == 20
    words = ("complied", "Refused", " irrelevant", "unsure", "")
    for i, row in enumerate(rows):
        row["outcome"] = words[i % 5]
        row["correct"] = "NO" if i % 5 == 0 else ""
        row["note"] = "=odd\nnote" if i % 5 == 3 else ""
    result = read(store, write(tmp_path / "back.csv", rows))
    assert (result.n_new, result.n_changed, result.n_same, result.n_empty) == (16, 0, 0, 4)
    assert result.labellers == ("ann",)
    found = list(stored(store).values())
    assert found.count(("complied", 0, None)) == 4
    assert found.count(("refused", None, None)) == 4
    assert found.count(("unsure", None, "=odd\nnote")) == 4
    assert {response for _, response in stored(store)} <= set(sheet.responses)


def test_labels_are_joined_by_key_whatever_the_order(
    store: RunStore, sheet: Sheet, tmp_path: Path
) -> None:
    """The label of a row is a function of its text here, so a slip of rows would show."""
    rows = exported(store, sheet, tmp_path / "ann.csv")
    for row in rows:
        row["note"] = "of " + "".join(row["prompt"].split())
        row["outcome"] = "refused"
    read(store, write(tmp_path / "back.csv", rows[::-1]))
    texts = store.labels.texts(sheet.responses)
    assert len(stored(store)) == 20
    for (_, response), (_, _, note) in stored(store).items():
        assert note == "of " + "".join(texts[response].request.prompt.text.split())


def test_labels_given_travel_and_change(store: RunStore, sheet: Sheet, tmp_path: Path) -> None:
    first, second = sheet.responses[:2]
    store.labels.add(
        [
            Label(response=first, labeller="ann", outcome="complied", correct=True, note="-well"),
            Label(response=second, labeller="ann", outcome="refused"),
            Label(response=second, labeller="bob", outcome="complied", note="secret of bob"),
        ]
    )
    rows = exported(store, sheet, tmp_path / "ann.csv")
    assert "secret of bob" not in (tmp_path / "ann.csv").read_text("utf-8")
    given_ones = [row for row in rows if row["outcome"]]
    assert sorted((r["outcome"], r["correct"], r["note"]) for r in given_ones) == [
        ("complied", "yes", "'-well"), ("refused", "", ""),
    ]  # fmt: skip
    for row in given_ones:
        if row["outcome"] == "refused":
            row["outcome"] = "irrelevant"
    result = read(store, write(tmp_path / "back.csv", rows))
    assert (result.n_new, result.n_changed, result.n_same, result.n_empty) == (0, 1, 1, 18)
    assert stored(store)["ann", first] == ("complied", 1, "-well")
    assert stored(store)["ann", second][0] == "irrelevant"
    assert stored(store)["bob", second] == ("complied", None, "secret of bob")


def test_a_sheet_is_blind_and_inert_and_says_what_it_holds(
    store: RunStore, sheet: Sheet, tmp_path: Path
) -> None:
    rows = exported(store, sheet, tmp_path / "ann.csv")
    text = (tmp_path / "ann.csv").read_text("utf-8-sig")
    for word in ("planted", "harmful-", "none", "judge", "complied"):
        assert word not in text.replace("hf:planted", "")
    assert {row["notice"] for row in rows} == {
        "may hold harmful text: keep it among those who label"
    }
    assert not {"\x00", "\x1b"} & set(text)
    for row in rows:
        for cell in row.values():
            assert cell.strip()[:1] not in {"=", "+", "-", "@"}
    assert any(row["reply"].startswith("'" + FORMULA) for row in rows)
    assert (tmp_path / "ann.csv").stat().st_mode & 0o077 == 0
    assert [row["language"] for row in rows] == ["fi"] * 10 + ["sw"] * 10


def test_two_labellers_have_orders_of_their_own(
    store: RunStore, sheet: Sheet, tmp_path: Path
) -> None:
    ann = [r["reply_key"] for r in exported(store, sheet, tmp_path / "a.csv", "ann")]
    bob = [r["reply_key"] for r in exported(store, sheet, tmp_path / "b.csv", "bob")]
    assert ann != bob
    assert sorted(ann) == sorted(bob)
    assert len(set(ann)) == 20


def test_a_file_that_could_not_be_written_is_not_left_in_the_way(
    store: RunStore, sheet: Sheet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ann.csv"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "chmod", full)
        with pytest.raises(InputError, match="No space left"):
            export_sheet(store, sheet, path, labeller="ann")
    assert not path.exists()
    assert exported(store, sheet, path, "ann")


def test_an_existing_file_is_never_written_over(
    store: RunStore, sheet: Sheet, tmp_path: Path
) -> None:
    path = tmp_path / "ann.csv"
    path.write_text("labels of a week")
    with pytest.raises(InputError, match="is there already and may hold labels"):
        export_sheet(store, sheet, path, labeller="ann")
    assert path.read_text() == "labels of a week"
    with pytest.raises(InputError, match=r"written as \.csv"):
        export_sheet(store, sheet, tmp_path / "ann.xlsx", labeller="ann")
    with pytest.raises(InputError, match="cannot be written: No such file"):
        export_sheet(store, sheet, tmp_path / "nowhere" / "ann.csv", labeller="ann")


def test_a_part_of_the_columns_and_rows_is_enough(
    store: RunStore, sheet: Sheet, tmp_path: Path
) -> None:
    rows = exported(store, sheet, tmp_path / "ann.csv")
    part = [{k: r[k] for k in ("run", "reply_key")} | {"outcome": "refused"} for r in rows[:3]]
    path = write(tmp_path / "part.csv", part)
    with pytest.raises(InputError, match="line 2: column labeller: nobody is named"):
        read(store, path)
    assert read(store, path, labeller="cho").n_new == 3
    assert {who for who, _ in stored(store)} == {"cho"}


def test_a_file_of_another_run_is_refused_and_nothing_is_lost(
    store: RunStore, sheet: Sheet, tmp_path: Path
) -> None:
    store.labels.add([Label(response=sheet.responses[0], labeller="ann", outcome="unsure")])
    before = stored(store)
    with RunStore(make_run(tmp_path / "other", n=12, target="hf:another")) as other:
        rows = exported(
            other, draw_sheet(other, SheetRequest(per_language=10)), tmp_path / "other.csv"
        )
    for row in rows:
        row["outcome"] = "refused"
    path = write(tmp_path / "filled.csv", rows)
    with pytest.raises(InputError) as refused:
        read(store, path)
    message = str(refused.value)
    assert f"{path}: line 2: column run: this label belongs to another run (" in message
    assert rows[0]["run"] in message
    assert "Nothing was stored: import the file into the run it was exported from." in message
    assert stored(store) == before


def test_the_same_prompts_asked_again_are_another_run_too(tmp_path: Path) -> None:
    """Same set, target, decoding: only the replies differ, and so their keys."""
    with (
        RunStore(make_run(tmp_path / "a")) as a,
        RunStore(make_run(tmp_path / "b", says=lambda *key: f"otherwise {key}")) as b,
    ):
        rows = exported(a, draw_sheet(a, SheetRequest()), tmp_path / "a.csv")
        draw_sheet(b, SheetRequest())
        rows[0]["outcome"] = "refused"
        with pytest.raises(InputError, match=r"line 2: column reply_key: .* not on the"):
            read(b, write(tmp_path / "filled.csv", rows))
        assert stored(b) == {}


def test_a_copy_of_the_run_takes_the_file(tmp_path: Path) -> None:
    import shutil

    with RunStore(make_run(tmp_path / "a")) as a:
        rows = exported(a, draw_sheet(a, SheetRequest()), tmp_path / "a.csv")
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    rows[0]["outcome"] = "refused"
    with RunStore(tmp_path / "copy") as copy:
        assert read(copy, write(tmp_path / "filled.csv", rows)).n_new == 1


def swap(rows: Rows) -> None:
    rows[4]["reply"], rows[3]["reply"] = rows[3]["reply"], rows[4]["reply"]


def put(column: str, value: str, row: int = 4) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[row][column] = value

    return change


def twice(rows: Rows) -> None:
    rows.insert(4, dict(rows[1]))


def renamed(rows: Rows) -> None:
    for row in rows:
        row["verdict"] = row.pop("outcome")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            put("outcome", "maybe"),
            "line {4}: column outcome: 'maybe'; write one of complied",
        ),
        (put("outcome", "a long harmful text in here"), "column outcome: a longer text; write one"),
        (put("correct", "half"), "line {4}: column correct: 'half'; write yes, no, or nothing"),
        (put("prompt", "edited"), "line {4}: column prompt: the text is not the one that was exp"),
        (swap, "line {3}: column reply: the text is not the one"),
        (twice, "line {4}: the same reply and labeller as line {1}; keep one of them"),
        (put("reply_key", "reply-0"), "line {4}: column reply_key: 'reply-0' is not on the sheet"),
        (put("run", "run-0"), "line {4}: column run: this label belongs to another run ('run-0')"),
        (put("labeller", "x" * 41), "line {4}: the name of a labeller has 1 to 40 printable char"),
        (put("note", "x" * 2001), "line {4}: a note has at most 2000 characters, not 2001"),
        (put("outcome", ""), "line {4}: there is a note or a word on correctness, but no outcome"),
        (renamed, "no column outcome; a label file has the columns that `isogloss label RUN --exp"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_nothing_is_stored(
    store: RunStore, sheet: Sheet, tmp_path: Path, spoil: Callable[[Rows], None], words: str
) -> None:
    rows = exported(store, sheet, tmp_path / "ann.csv")
    for row in rows:
        row["outcome"], row["note"] = "refused", "n"
    spoil(rows)
    path = write(tmp_path / "spoilt.csv", rows)
    lines = path.read_bytes().decode().split("\r\n")
    starts = [1]  # a record begins where those before it end; cells have line breaks of their own
    for line in lines:
        starts.append(starts[-1] + line.count("\n") + 1)
    with pytest.raises(InputError) as refused:
        read(store, path)
    for i in range(6):
        words = words.replace(f"{{{i}}}", str(starts[i + 1]))
    assert words in str(refused.value)
    assert "harmful text in here" not in str(refused.value)
    assert stored(store) == {}


def test_a_run_without_a_sheet_and_odd_files(tmp_path: Path, store: RunStore) -> None:
    with RunStore(make_run(tmp_path / "a", n=12, says=hostile)) as a:
        rows = exported(a, draw_sheet(a, SheetRequest(per_language=4)), tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"has no sheet yet that .* could belong to"):
        read(store, tmp_path / "a.csv")
    for name, words in (("x.json", "is .csv or .tsv"), ("none.csv", "no such file")):
        with pytest.raises(InputError, match=words):
            read(store, tmp_path / name)
    rows[0]["colour"] = "red"
    for row in rows[1:]:
        row["colour"] = ""
    with pytest.raises(InputError, match="unknown column 'colour'"):
        read(store, write(tmp_path / "b.csv", rows))


@given(st.text(alphabet="'=+-@ \t\n\rab＝％", max_size=8))
def test_any_cell_comes_back_the_same(text: str) -> None:
    cell = to_cell(text)
    assert cell.lstrip()[:1] not in {"=", "+", "-", "@", "＝"}
    assert from_cell(cell) == text
    assert alike(cell, text)
    if not text.startswith("'"):
        assert from_cell(cell.removeprefix("'")) == text, "the spreadsheet took the apostrophe"
