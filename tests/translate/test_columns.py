"""The columns of a prompt set that tell how a text came to be in its language."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.errors import InputError
from isogloss.prompts import load_prompts, prompts_fingerprint, write_prompts
from isogloss.records import Prompt, Translation
from translate.planted import english

MADE = Translation(engine="hf:m", back_translation="Habari, “x”;y", chrf=61.25,
                   flags=("copy", "numbers"))  # fmt: skip


def some() -> list[Prompt]:
    first, second, third = english(3)
    return [
        first,
        replace(second, language="sw", reference=second.text, translation=MADE),
        replace(third, language="sw", reference=third.text,
                translation=Translation(engine="human", source_language="fr")),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_written_and_read_back(tmp_path: Path, name: str) -> None:
    write_prompts(some(), tmp_path / name)
    assert list(load_prompts(tmp_path / name).prompts) == some()


def test_sets_without_translations_have_the_columns_they_had(tmp_path: Path) -> None:
    write_prompts(english(2), tmp_path / "a.csv")
    header = (tmp_path / "a.csv").read_text().splitlines()[0]
    assert header == "prompt_id,language,text,intent,category,reference,variant,cluster_id"


def test_provenance_is_not_what_is_asked() -> None:
    bare = [replace(p, translation=None) for p in some()]
    assert prompts_fingerprint(some()) == prompts_fingerprint(bare)


def test_flags_as_a_list(tmp_path: Path) -> None:
    row = {"prompt_id": "a", "language": "sw", "text": "x", "intent": "benign", "engine": "e",
           "flags": ["numbers", "copy"], "source_language": "eng_Latn", "chrf": 7}  # fmt: skip
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    (prompt,) = load_prompts(tmp_path / "a.jsonl").prompts
    assert prompt.translation == Translation(engine="e", chrf=7.0, flags=("copy", "numbers"))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"chrf": "101", "engine": "e"}, "column chrf: chrF\\+\\+ lies between 0 and 100"),
        ({"chrf": "much", "engine": "e"}, "column chrf"),
        ({"flags": "copy"}, "column engine: is empty, but other columns tell of a translation"),
        ({"chrf": "50"}, "column engine: is empty"),
        ({"engine": "e", "source_language": "nowhere-x"}, "column source_language"),
    ],
)
def test_cells_that_cannot_be_used(tmp_path: Path, cells: dict[str, str], message: str) -> None:
    row = {"prompt_id": "a", "language": "sw", "text": "x", "intent": "benign"} | cells
    (tmp_path / "a.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    with pytest.raises(InputError, match=f"line 2: {message}"):
        load_prompts(tmp_path / "a.csv")
