"""Lines and tables for a terminal: every character as it is, no word cut."""

from __future__ import annotations

import json

import pytest

from isogloss.cli.console import print_as_json, print_line, print_table

AS_THEY_ARE = [
    "[red]no[/red]",
    "left out [en, sw]",
    "a:fire:b",
    "ends\\",
    "日本語のテキスト",
    "x [i]",
]


def test_characters_of_tables_stand_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [[text, text] for text in AS_THEY_ARE]
    print_table("title [b]:fire:[/b]", ["head [x]", "b"], lines)
    shown = capsys.readouterr().out
    assert "title [b]:fire:[/b]" in shown
    assert "head [x]" in " ".join(shown.split())
    for text in AS_THEY_ARE:
        assert shown.count(text) == 2, text


def test_characters_of_lines_stand_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    for text in AS_THEY_ARE:
        print_line(text, style="bold")
    assert capsys.readouterr().out.splitlines() == AS_THEY_ARE


def test_a_line_for_another_program_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("word " * 99 + "\x1b[31mlast\n")
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert shown.endswith("word [31mlast\n")


@pytest.mark.parametrize("has_rules", [True, False])
def test_words_stand_left_and_figures_right(
    has_rules: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        ["a", "short", "7", "+3 [1, 5]", "-"],
        ["arm two", "much longer", "1,234", "−12 [−20, −4]", "-"],
    ]
    print_table("", ["arm", "words", "n", "change", "gone"], lines, has_rules=has_rules)
    first = capsys.readouterr().out.splitlines()[-3 if has_rules else -2]
    arm, _, figures = first.replace("│", "").partition("short")
    assert arm.strip() == "a"
    assert figures.split() == ["7", "+3", "[1,", "5]", "-"]
    # "much longer" and "1,234" stand below: words begin, figures end where they do
    assert figures.index("7") >= len("much longer") - len("short") + len("1,234")


def test_no_word_is_cut_where_folding_helps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("isogloss.cli.console.PIPED_WIDTH", 40)
    print_table("t", ["a", "b"], [["one two three four five six", "日本語のテキスト"]])
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert "日本語のテキスト" in shown
    assert max(map(len, shown.splitlines())) <= 40


def test_groups_are_parted_and_a_table_may_be_empty(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ["a", "n"], [["x", "1"]], [["y", "2"]])
    shown = capsys.readouterr().out.splitlines()
    at = {line.split()[0]: i for i, line in enumerate(shown) if line.split()[:1] in (["x"], ["y"])}
    assert at["y"] - at["x"] == 2
    print_table("nothing there", ["a", "n"], [])
    assert capsys.readouterr().out.startswith("nothing there\n")


def test_json_is_ascii_and_has_no_numbers_that_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_as_json({"tag": "日本"})
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert json.loads(shown) == {"tag": "日本"}
    with pytest.raises(ValueError, match="Out of range"):
        print_as_json(float("nan"))
