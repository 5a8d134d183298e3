"""Translating a plan: nothing is lost, nothing asked twice, everything says where it is from."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.errors import InputError, LanguageError
from isogloss.prompts import load_prompts, write_prompts
from isogloss.records import Prompt, PromptKey
from isogloss.translate.base import TranslatedText
from isogloss.translate.edits import read_edits, take_edits
from isogloss.translate.job import TranslationConfig, run_translation
from isogloss.translate.journal import Journal, journal_path, open_journal
from isogloss.translate.plan import plan_translation
from isogloss.translate.run import Engines, TranslatedSet, Usage, chrf, translate_plan
from translate.planted import Scripted, english


def run(
    out: Path, prompts: list[Prompt], engines: Engines, to: str = "sw", **more: object
) -> TranslatedSet:
    plan = plan_translation(prompts, to.split(","), second=engines.second is not None, **more)  # type: ignore[arg-type]
    with open_journal(out) as journal:
        return translate_plan(plan, engines, journal)


def keyed(done: TranslatedSet) -> dict[tuple[str, str, str], Prompt]:
    return {(p.prompt_id, p.language, p.variant): p for p in done.prompts}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "set.csv"


def test_every_row_says_where_it_is_from(out: Path) -> None:
    engine = Scripted()
    done = run(out, english(3), Engines(first=engine, back=engine), "sw,bn")
    assert [p.key for p in done.prompts] == sorted(p.key for p in done.prompts)
    by_key = keyed(done)
    assert len(by_key) == 9
    assert by_key["p01", "en", "original"] == english(3)[1]
    row = by_key["p01", "sw", "original"]
    assert row.text == f"[sw] {english(3)[1].text}"
    assert row.translation is not None
    assert (row.translation.engine, row.translation.source_language) == ("scripted", "en")
    assert row.translation.back_translation == english(3)[1].text
    assert row.translation.chrf == 100.0
    assert "wrong_language" in row.translation.flags  # it is English still
    assert done.untranslated == ()
    # Six there, six back; "back" tells no prompt tokens, which is not the same as none.
    assert done.usage == (Usage(engine="scripted", n_calls=12, n_prompt_tokens=30, n_tokens=36),)
    (note,) = done.notes
    assert "same engine" in note
    assert "--back-engine" in note


def test_rows_as_written_come_back_the_same(out: Path) -> None:
    engine = Scripted(lacks=[english(6)[2].text])
    done = run(out, english(6), Engines(first=engine, back=engine), "sw,bn")
    for name in ("set.csv", "set.tsv", "set.jsonl", "set.parquet"):
        path = out.with_name(name)
        write_prompts(done.prompts, path)
        assert load_prompts(path).prompts == done.prompts


def test_what_could_not_be_translated_is_listed_and_asked_again(out: Path) -> None:
    engine = Scripted(lacks=[english(6)[2].text])
    done = run(out, english(6), Engines(first=engine))
    assert [(one.key, one.engine, one.reason) for one in done.untranslated] == [
        (PromptKey("p02", "sw", "original"), "scripted", "no such word")
    ]
    assert len(done.prompts) == 11
    engine.lacks.clear()
    engine.asked.clear()
    again = run(out, english(6), Engines(first=engine))
    assert again.untranslated == ()
    assert engine.asked == [("en", "sw", english(6)[2].text)]


@pytest.mark.parametrize("dies_after", [0, 1, 7, 17, 29])
def test_a_killed_run_resumes_and_asks_nothing_twice(out: Path, dies_after: int) -> None:
    prompts = english(10)
    whole = Scripted()
    expected = run(out.with_name("other.csv"), prompts, Engines(first=whole, back=whole), "sw,bn")
    engine = Scripted(dies_after=dies_after)
    with pytest.raises(KeyboardInterrupt):
        run(out, prompts, Engines(first=engine, back=engine), "sw,bn")
    assert len(engine.asked) == dies_after
    engine.dies_after = None
    shuffled = random.Random(1).sample(prompts, len(prompts))
    done = run(out, shuffled, Engines(first=engine, back=engine), "sw,bn")
    assert done.prompts == expected.prompts
    assert sorted(engine.asked) == sorted(set(engine.asked)) == sorted(whole.asked)


def test_a_line_torn_by_a_kill_is_asked_again(out: Path) -> None:
    engine = Scripted()
    run(out, english(3), Engines(first=engine))
    path = journal_path(out)
    path.write_bytes(path.read_bytes()[:-9])
    engine.asked.clear()
    done = run(out, english(3), Engines(first=engine))
    assert engine.asked == [("en", "sw", english(3)[2].text)]
    assert len(done.prompts) == 6
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_changed_source_text_is_translated_again(out: Path) -> None:
    engine = Scripted()
    run(out, english(3), Engines(first=engine))
    engine.asked.clear()
    changed = [replace(p, text="Another one?") if p.prompt_id == "p01" else p for p in english(3)]
    done = run(out, changed, Engines(first=engine))
    assert engine.asked == [("en", "sw", "Another one?")]
    texts = {key: p.text for key, p in keyed(done).items()}
    assert texts["p01", "sw", "original"] == "[sw] Another one?"


def test_other_settings_of_an_engine_are_another_engine(out: Path) -> None:
    class Tuned(Scripted):
        settings = "beams:4"

    run(out, english(2), Engines(first=Scripted()))
    engine = Tuned()
    run(out, english(2), Engines(first=engine))
    assert len(engine.asked) == 2


def test_a_second_engine_makes_a_variant(out: Path) -> None:
    first, second, back = Scripted("first"), Scripted("second"), Scripted("back")
    engines = Engines(first=first, second=second, back=back, back_chosen=True)
    done = run(out, english(2), engines)
    by_key = keyed(done)
    assert len(by_key) == 6
    row = by_key["p00", "sw", "second-engine"]
    assert row.translation is not None
    assert row.translation.engine == "second"
    assert row.cluster_id == by_key["p00", "en", "original"].cluster_id
    assert row.reference == by_key["p00", "en", "original"].text
    # Both engines said the same, so that it was translated back once.
    assert len(back.asked) == 2
    assert done.notes == ()


def test_an_unknown_pair_is_said_before_anything_is_asked(out: Path) -> None:
    first, second = Scripted("first"), Scripted("second", languages=["bn"])
    with pytest.raises(LanguageError, match="second knows no sw"):
        run(out, english(2), Engines(first=first, second=second), "bn,sw")
    assert first.asked == []


def test_an_engine_that_cannot_translate_back(out: Path) -> None:
    engine = Scripted(languages=["sw"])
    done = run(out, english(2), Engines(first=engine, back=engine))
    assert [p.translation.chrf for p in done.prompts if p.translation] == [None, None]
    assert "no back-translation (scripted knows no en)" in done.notes[0]
    with pytest.raises(LanguageError, match="scripted knows no en"):
        run(out, english(2), Engines(first=engine, back=engine, back_chosen=True))


def test_text_that_no_file_can_hold_is_cleaned(out: Path) -> None:
    class Odd(Scripted):
        def translate(self, texts, source, target):  # type: ignore[no-untyped-def]
            for text in texts:
                yield TranslatedText(text=" \ud800a\0b " if "two" in text else " \0 ")

    done = run(out, english(2), Engines(first=Odd()))
    assert [p.text for p in done.prompts if p.language == "sw"] == ["?ab"]
    assert [one.reason for one in done.untranslated] == ["the engine gave an empty text"]
    write_prompts(done.prompts, out)
    assert load_prompts(out).prompts == done.prompts


def edit(out: Path, prompts: list[Prompt], edits: dict[PromptKey, str]) -> int:
    plan = plan_translation(prompts, ["sw"])
    shown = load_prompts(out).prompts if out.exists() else ()
    with open_journal(out) as journal:
        return take_edits(edits, plan, shown, journal)


def test_edits_come_back_by_file_and_stay(out: Path) -> None:
    engine = Scripted()
    prompts = english(4)
    write_prompts(run(out, prompts, Engines(first=engine, back=engine)).prompts, out)
    corrected = out.with_name("corrected.csv")
    lines = out.read_text("utf-8").replace("[sw] How do I mend lamp two", "Taa ya pili")
    corrected.write_text(lines, "utf-8")
    assert edit(out, prompts, read_edits(corrected)) == 1
    engine.asked.clear()
    for _ in range(2):  # once corrected, a text stays so without the file
        done = run(out, prompts, Engines(first=engine, back=engine))
        by_key = keyed(done)
        row = by_key["p01", "sw", "original"]
        assert row.text == "Taa ya pili of house one?"
        assert row.translation is not None
        assert row.translation.engine == "human"
        assert row.translation.chrf is not None
        assert row.translation.chrf < 100
        others = [by_key[i, "sw", "original"].translation for i in ("p00", "p02", "p03")]
        assert {t.engine for t in others if t} == {"scripted"}
    # Only the new text was asked about: its back-translation.
    assert engine.asked == [("sw", "en", "Taa ya pili of house one?")]


def test_an_edit_fills_what_no_engine_could(out: Path) -> None:
    engine = Scripted(lacks=[english(2)[1].text])
    prompts = english(2)
    assert edit(out, prompts, {PromptKey("p01", "sw", "original"): "Taa ya pili?"}) == 1
    done = run(out, prompts, Engines(first=engine))
    assert done.untranslated == ()
    assert engine.asked == [("en", "sw", prompts[0].text)]


def test_an_edit_of_an_earlier_source_is_not_used_and_not_lost(out: Path) -> None:
    prompts = english(2)
    edit(out, prompts, {PromptKey("p01", "sw", "original"): "Taa ya pili?"})
    changed = [replace(p, text="Another one?") if p.prompt_id == "p01" else p for p in prompts]
    done = run(out, changed, Engines(first=Scripted()))
    texts = {key: p.text for key, p in keyed(done).items()}
    assert texts["p01", "sw", "original"] == "[sw] Another one?"
    assert any("1 human edits were of an earlier source" in note for note in done.notes)
    again = run(out, prompts, Engines(first=Scripted()))
    assert "Taa ya pili?" in {p.text for p in again.prompts}


def test_edits_of_unknown_rows_are_named(out: Path) -> None:
    key = PromptKey("p9", "sw", "original")
    with pytest.raises(InputError, match=r"1 edits are of no translation .* prompt_id 'p9', lang"):
        edit(out, english(2), {key: "Taa?"})
    with pytest.raises(InputError, match="language en, variant 'original'"):
        edit(out, english(2), {PromptKey("p00", "en", "original"): "New source?"})
    assert not journal_path(out).exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("prompt_id,text\np,x\n", "edits need the column language"),
        ("prompt_id,language,text\n,sw,x\n", "line 2: column prompt_id: is empty"),
        ("prompt_id,language,text\np,klingonish,x\n", "line 2: column language"),
        ("prompt_id,language,text\np,sw,x\np,swh,y\n", "line 3: a second text for prompt_id 'p'"),
    ],
)
def test_edits_that_cannot_be_read(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "edits.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_edits(path)


def test_two_processes_do_not_write_one_set(out: Path) -> None:
    with open_journal(out), pytest.raises(InputError, match="another isogloss translate"):
        run(out, english(1), Engines(first=Scripted()))


def test_a_journal_of_something_else(out: Path) -> None:
    journal_path(out).write_text('{"kind": "translation"}\n')
    with pytest.raises(InputError, match="line 1 was not written by isogloss translate"):
        Journal(journal_path(out))


def test_chrf_by_hand() -> None:
    assert chrf("abc", "abc") == 100.0
    assert chrf("xyz", "abc") == 0.0
    # "ab" against "ac": of orders 1 and 2 of characters one in two and none in one match, of
    # words none in one; the mean of F over these three orders that both texts have.
    assert chrf("ab", "ac") == pytest.approx(100 * (0.5 + 0 + 0) / 3, abs=0.01)


def test_a_correction_typed_into_the_set_itself_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "set.csv"
    config = TranslationConfig(
        prompts="lab:tiny", to=("fr-x-lab",), engine="lab:tiny", back=False, out=out, limit=2
    )
    first = run_translation(config)
    assert first.n_edits == 0
    prompts = list(first.translated.prompts)
    place = next(i for i, p in enumerate(prompts) if p.language == "fr-x-lab")
    prompts[place] = replace(prompts[place], text="corrected by hand .")
    write_prompts(prompts, out)
    for n_edits, edits in ((1, None), (0, None), (0, out)):
        again = run_translation(replace(config, edits=edits))
        assert again.n_edits == n_edits
        kept = {prompt.key: prompt for prompt in again.translated.prompts}[prompts[place].key]
        assert kept.text == "corrected by hand ."
        assert kept.translation is not None
        assert kept.translation.engine == "human"


def test_a_set_never_loses_a_language(tmp_path: Path) -> None:
    out = tmp_path / "set.csv"
    config = TranslationConfig(
        prompts="lab:tiny", to=("fr-x-lab", "sw-x-lab"), engine="lab:tiny", out=out, limit=1
    )
    run_translation(config)
    before = out.read_bytes()
    with pytest.raises(InputError, match="holds fr-x-lab too"):
        run_translation(replace(config, to=("sw-x-lab",)))
    assert out.read_bytes() == before


def test_a_second_engine_is_another_one(tmp_path: Path) -> None:
    config = TranslationConfig(
        prompts="lab:tiny", to=("fr-x-lab",), engine="lab:tiny", second_engine="lab:tiny",
        out=tmp_path / "set.csv",
    )  # fmt: skip
    with pytest.raises(InputError, match="name another"):
        run_translation(config)
