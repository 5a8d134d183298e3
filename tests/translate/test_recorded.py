"""Translations from a file: by source text, whatever their order."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from isogloss.errors import InputError, LanguageError
from isogloss.translate.base import HasSettings
from isogloss.translate.load import load_translator

ROWS = ["One lamp?,sw,Taa moja?", "Two lamps?,sw,Taa mbili?", "One lamp?,fr,Une lampe ?"]


def table(path: Path, rows: list[str], header: str = "source,language,text") -> str:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return f"file:{path}"


def texts(spec: str, sources: list[str], source: str, target: str) -> list[str | None]:
    return [a.text for a in load_translator(spec).translate(sources, source, target)]


def test_by_text_and_never_by_position(tmp_path: Path) -> None:
    random.Random(2).shuffle(rows := [*ROWS])
    for order in (ROWS, rows):
        spec = table(tmp_path / "known.csv", order)
        assert texts(spec, ["Two lamps?", " One  lamp?"], "en", "sw") == [
            "Taa mbili?", "Taa moja?"
        ]  # fmt: skip


def test_a_text_it_does_not_have(tmp_path: Path) -> None:
    (answer,) = load_translator(table(tmp_path / "known.csv", ROWS)).translate(["?"], "en", "sw")
    assert (answer.text, answer.reason) == (None, "known.csv has no translation of this text")


def test_a_language_it_does_not_have(tmp_path: Path) -> None:
    engine = load_translator(table(tmp_path / "known.csv", ROWS))
    with pytest.raises(LanguageError, match="from en into bn; it has en → fr, en → sw"):
        list(engine.translate([], "en", "bn"))


def test_another_source_language(tmp_path: Path) -> None:
    spec = table(tmp_path / "k.csv", ["Taa?,bn,x,swh"], "source,language,text,source_language")
    assert texts(spec, ["Taa?"], "sw", "bn") == ["x"]


def test_a_wide_prompt_set_serves_every_pair(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("prompt_id,en,sw,bn\na,One?,Moja?,এক?\nb,Two?,,দুই?\n", "utf-8")
    spec = f"file:{path}"
    assert texts(spec, ["Two?", "One?"], "en", "bn") == ["দুই?", "এক?"]
    assert texts(spec, ["Moja?"], "sw", "en") == ["One?"]
    assert texts(spec, ["Two?"], "en", "sw") == [None]


def test_a_set_with_one_text_twice(tmp_path: Path) -> None:
    """Real sets have such; both are right, and the first by id is the same in any order."""
    rows = ["a,Same?,Moja?", "b,Same?,Ile ile?"]
    for order in (rows, rows[::-1]):
        path = tmp_path / "wide.csv"
        path.write_text("\n".join(["prompt_id,en,sw", *order]) + "\n", "utf-8")
        assert texts(f"file:{path}", ["Same?"], "en", "sw") == ["Moja?"]
        assert texts(f"file:{path}", ["Ile ile?"], "sw", "en") == ["Same?"]


def test_two_translations_of_one_text(tmp_path: Path) -> None:
    spec = table(tmp_path / "known.csv", [*ROWS, "One lamp?,sw,Taa?"])
    with pytest.raises(InputError, match="line 5: a second translation into sw of the same en"):
        load_translator(spec)


@pytest.mark.parametrize(
    ("row", "message"),
    [(",sw,x", "column source: is empty"), ("a,sw,", "column text: is empty"),
     ("a,nowhere-x,x", "column language")],
)  # fmt: skip
def test_rows_that_cannot_be_used(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(InputError, match=f"line 2: {message}"):
        load_translator(table(tmp_path / "known.csv", [row]))


def test_a_corrected_file_is_another_engine(tmp_path: Path) -> None:
    seen: set[str] = set()
    for text in ("Taa?", "Taa moja?"):
        engine = load_translator(table(tmp_path / "known.csv", [f"One lamp?,sw,{text}"]))
        assert isinstance(engine, HasSettings)
        seen.add(engine.settings)
        assert engine.name == "file:known.csv"
    assert len(seen) == 2


@pytest.mark.parametrize("spec", ["", "deepl", "file:", "hf", "nllb:600M"])
def test_what_is_no_engine(spec: str) -> None:
    from isogloss.errors import ModelError

    with pytest.raises(ModelError, match=r"openai:MODEL, hf:PATH_OR_ID.*, file:FILE, lab:PRESET"):
        load_translator(spec)
