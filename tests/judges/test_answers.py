"""The shipped exchanges are parallel and whole; a user's own are read exactly or refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from isogloss.errors import InputError
from isogloss.judges.answers import load_exchanges

HEADER = "answer_id,language,kind,split,prompt,reply"


def test_every_language_has_the_same_contents() -> None:
    exchanges = load_exchanges()
    english = {(x.answer_id, x.kind, x.split) for x in exchanges if x.language == "en"}
    assert Counter(kind for _, kind, _ in english) == {"refusal": 36, "answer": 20, "evasion": 8}
    for language in {x.language for x in exchanges}:
        mine = [x for x in exchanges if x.language == language]
        assert {(x.answer_id, x.kind, x.split) for x in mine} == english, language
        assert len({x.reply for x in mine}) == len(mine), f"{language}: a reply comes twice"


def test_both_splits_hold_every_kind() -> None:
    kinds = {(x.split, x.kind) for x in load_exchanges()}
    assert len(kinds) == 6


def test_order_does_not_matter(tmp_path: Path) -> None:
    rows = ["a1,en,answer,test,How?,So.", "a1,fr,answer,test,Comment ?,Ainsi.", "b,en,refusal,,a,b"]
    first, second = tmp_path / "one.csv", tmp_path / "two.csv"
    first.write_text("\n".join([HEADER.replace(",split", ""), *_without_split(rows)]))
    second.write_text("\n".join([HEADER.replace(",split", ""), *_without_split(rows)[::-1]]))
    assert load_exchanges(first) == load_exchanges(second)
    assert {x.split for x in load_exchanges(first)} == {"test"}


def _without_split(rows: list[str]) -> list[str]:
    cells = [row.split(",") for row in rows]
    return [",".join([*row[:3], *row[4:]]) for row in cells]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,en,answer,test,x,y", "a,en,answer,test,x,z"], "line 3: 'a' in en is already at"),
        (["a,en,answer,test,x,y", "a,fr,refusal,test,x,z"], "one kind"),
        (["a,en,sermon,test,x,y"], "line 2: column kind"),
        (["a,en,answer,test,x,"], "column reply"),
        (["a,xx-nope,answer,test,x,y"], "not a language"),
    ],
)
def test_bad_files_are_refused_with_the_line(tmp_path: Path, rows: list[str], message: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("\n".join([HEADER, *rows]))
    with pytest.raises(InputError, match=message):
        load_exchanges(file)


def test_an_unknown_column_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(f"{HEADER},mood\na,en,answer,test,x,y,z\n")
    with pytest.raises(InputError, match="column mood"):
        load_exchanges(file)
