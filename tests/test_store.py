"""The run folder: by key, only growing, and in words when the machine says no."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.errors import DefectError, StoreError
from isogloss.records import (
    Label,
    Measurement,
    Prompt,
    ReplyTranslation,
    Request,
    RequestKey,
    Response,
    Translation,
    Verdict,
)
from isogloss.store import RunStore

WHO = {"target": "t", "arm": "none", "settings": "s"}


def prompt(number: int, language: str = "en", text: str = "?") -> Prompt:
    return Prompt(
        prompt_id=f"p{number}", language=language, text=text, intent="harmful", cluster_id="c"
    )


def reply(number: int, text: str = "no", status: str = "ok") -> Response:
    return Response(request=Request(prompt=prompt(number)), status=status, text=text)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path):
    with RunStore(tmp_path / "run", create=True) as opened:
        opened.add_prompts([prompt(n) for n in range(4)])
        yield opened


def test_what_is_stored_comes_back(store: RunStore) -> None:
    response = Response(
        request=Request(prompt=prompt(1), sample=2),
        status="ok",
        text="nul \x00, escape \x1b[31m, right-to-left \u202e, 𝒜",
        truncated=True,
        reply_language="fr",
        n_prompt_tokens=3,
        n_tokens=5,
        recorded_outcome="refused",
        recorded_correct=False,
    )
    store.add_responses([response], **WHO)
    assert [r for _, r in store.unjudged_by("j")] == [response]
    assert store.answered(**WHO) == {RequestKey("p1", "en", "original", 2)}
    assert store.answered(target="t", arm="none", settings="other") == frozenset()


def test_a_lone_surrogate_becomes_a_replacement_character(store: RunStore) -> None:
    store.add_responses([reply(1, "a\ud800b")], **WHO)
    assert [r.text for _, r in store.unjudged_by("j")] == ["a\ufffdb"]


def test_the_first_answer_stays(store: RunStore) -> None:
    store.add_responses([reply(1, "first")], **WHO)
    store.add_responses([reply(1, "second"), reply(2, "other")], **WHO)
    assert [r.text for _, r in store.unjudged_by("j")] == ["first", "other"]


def test_a_reply_to_nothing_is_a_defect_not_silence(store: RunStore) -> None:
    with pytest.raises(DefectError, match="not in this run"):
        store.add_responses([reply(1), reply(99)], **WHO)
    assert store.answered(**WHO) == frozenset(), "all or nothing"


def test_judges_see_each_reply_once(store: RunStore) -> None:
    store.add_responses([reply(1), reply(2), reply(3, status="blocked")], **WHO)
    (first, _), (second, _) = store.unjudged_by("j")
    store.add_verdicts([(first, Verdict(outcome="refused"))], judge="j")
    assert [i for i, _ in store.unjudged_by("j")] == [second]
    assert store.n_unjudged_by("j") == 1
    assert store.n_unjudged_by("other") == 2
    assert [i for i, _ in store.unjudged_by("other", after=first, limit=1)] == [second]
    store.add_verdicts([(first, Verdict(outcome="complied"))], judge="j")
    results = dict(store.results("j").select("result", "n").iter_rows())
    assert results == {"refused": 1, "unjudged": 1, "blocked": 1}
    assert store.judges() == ["j"]


def test_an_error_stays_until_an_answer_takes_its_place_and_nothing_else_is_replaced(
    store: RunStore,
) -> None:
    store.add_responses([reply(1), reply(2, "", "error"), reply(3, "", "blocked")], **WHO)
    assert {key.prompt_id for key in store.answered(**WHO)} == {"p1", "p3"}
    assert store.transcripts()["status"].to_list() == ["ok", "error", "blocked"]
    store.add_responses([reply(i, "later") for i in (1, 2, 3)], **WHO)
    assert store.transcripts()["status"].to_list() == ["ok", "ok", "blocked"]
    assert store.transcripts()["reply"].to_list() == [reply(1).text, "later", ""]
    assert len(store.answered(**WHO)) == 3


def test_another_prompt_under_the_same_key_is_refused(store: RunStore) -> None:
    with pytest.raises(StoreError, match="other content"):
        store.add_prompts([prompt(8), prompt(1, text="something else")])
    assert store.prompts().height == 4, "nothing of a refused set is kept"


def test_measurements_are_replaced_by_area_and_source(store: RunStore) -> None:
    def row(area: str, target: str, judge: str | None, value: float) -> Measurement:
        return Measurement(area=area, metric="m", target=target, judge=judge, estimate=value)

    store.replace_measurements("audit", [row("audit", "t", "j", 1), row("audit", "u", None, 2)])
    store.replace_measurements("compare", [row("compare", "t", "j", 3)])
    store.replace_measurements("audit", [row("audit", "t", "j", 4)], target="t", judge="j")
    assert sorted(r.estimate or 0 for r in store.measurements()) == [2, 3, 4]
    store.replace_measurements("audit", [], target="u", judge=None)
    assert [r.estimate for r in store.measurements("audit")] == [4]


def test_meta_is_json(store: RunStore) -> None:
    store.set_meta("audit", {"a": [1, None, "ü"]})
    assert store.meta("audit") == {"a": [1, None, "ü"]}
    assert store.meta("nothing", 7) == 7


def test_outcomes_are_by_key(store: RunStore) -> None:
    store.add_responses([reply(2), reply(1), reply(3, "", "error")], **WHO)
    ids = {r.request.prompt.prompt_id: i for i, r in store.unjudged_by("j")}
    store.add_verdicts([(ids["p1"], Verdict(outcome="complied", correct=True))], judge="j")
    rows = store.outcomes(target="t", arm="none", judge="j").select(
        "prompt_id", "result", "correct"
    )
    assert rows.rows() == [("p1", "complied", 1), ("p2", "unjudged", None), ("p3", "error", None)]
    assert store.sources() == [("t", "none", "s")]


def test_not_a_run_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a run folder"):
        RunStore(tmp_path)
    (tmp_path / "run.db").write_text("this is no database, but it is long enough to look" * 100)
    with pytest.raises(StoreError, match="cannot use"):
        RunStore(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot open"):
        RunStore(tmp_path / "file" / "run", create=True)


def test_a_database_of_something_else_stays_as_it_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "run.db")) as other:
        other.execute("CREATE TABLE meta (mine)")
    before = (tmp_path / "run.db").read_bytes()
    with pytest.raises(StoreError, match="another program; choose another folder"):
        RunStore(tmp_path, create=True)
    assert (tmp_path / "run.db").read_bytes() == before


def test_reading_an_empty_file_never_writes_into_it(tmp_path: Path) -> None:
    (tmp_path / "run.db").touch()
    with pytest.raises(StoreError, match=r"its run\.db is empty"):
        RunStore(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.db"]
    assert (tmp_path / "run.db").read_bytes() == b""


def test_another_version_is_named(tmp_path: Path) -> None:
    RunStore(tmp_path / "run", create=True).close()
    with sqlite3.connect(tmp_path / "run" / "run.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="schema 99"):
        RunStore(tmp_path / "run")


def test_a_folder_nobody_can_write_is_an_error_in_words() -> None:
    with pytest.raises(StoreError, match="cannot open the run folder"):
        RunStore("/proc/run", create=True)


def test_a_read_only_run_can_still_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RunStore(tmp_path / "run", create=True) as written:
        written.add_prompts([prompt(1)])
    # As root every folder is writable: pretend it is not, as on a read-only file system.
    monkeypatch.setattr("os.access", lambda *_: False)
    with RunStore(tmp_path / "run") as store:
        assert store.prompts().height == 1
        with pytest.raises(StoreError, match="readonly"):
            store.set_meta("a", 1)


FULL_DISK = """
import resource, signal, sys
from isogloss.store import RunStore
from isogloss.errors import StoreError
from isogloss.records import Prompt
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def prompts(start, n):
    return [Prompt(prompt_id=str(i), language="en", text="x" * 1000, intent="benign",
                   cluster_id="c") for i in range(start, start + n)]
with RunStore(sys.argv[1], create=True) as store:
    store.add_prompts(prompts(0, 10))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        store.add_prompts(prompts(10, 5000))
    except StoreError as error:
        print(error)
"""


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    """A file size limit stands in for the disk: the write fails in the same place."""
    folder = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(folder)], capture_output=True, text=True, check=True
    )
    assert "cannot write to" in done.stdout
    assert "run the same command again" in done.stdout
    with RunStore(folder) as store:
        assert store.prompts().height == 10
        store.add_prompts([prompt(n) for n in range(100)])
        assert store.prompts().height == 110


PROMPT = replace(prompt(0), prompt_id="q1")


def _answer(store: RunStore, asked: Prompt) -> None:
    response = Response(request=Request(prompt=asked), status="ok", text="a reply")
    store.add_responses([response], **WHO)


def test_provenance_of_translations_comes_back(tmp_path: Path) -> None:
    made = Translation(
        engine="hf:mini", back_translation="two\u2028lines", chrf=41.5, flags=("copy", "length")
    )
    with RunStore(tmp_path, create=True) as store:
        store.add_prompts([replace(PROMPT, translation=made)])
        store.add_prompts([replace(PROMPT, language="fr", translation=Translation(engine="human"))])
        store.add_prompts([replace(PROMPT, language="de")])
        stored = {prompt.language: prompt.translation for prompt in store.prompt_records()}
        assert stored == {PROMPT.language: made, "fr": Translation(engine="human"), "de": None}
        kept = store.planned(without_flagged=True)["language"].to_list()
        assert sorted(kept) == ["de", "fr"]


def test_flagged_translations_leave_the_results(tmp_path: Path) -> None:
    flagged = replace(PROMPT, prompt_id="q2", translation=Translation(engine="x", flags=("empty",)))
    with RunStore(tmp_path, create=True) as store:
        store.add_prompts([PROMPT, flagged])
        _answer(store, PROMPT)
        _answer(store, flagged)
        assert store.results(None)["n"].sum() == 2
        assert store.results(None, without_flagged=True)["n"].sum() == 1


def test_verdicts_are_dropped_to_be_given_again(tmp_path: Path) -> None:
    prompts = [replace(PROMPT, prompt_id=f"q{n}") for n in range(3)]
    with RunStore(tmp_path, create=True) as store:
        store.add_prompts(prompts)
        for prompt in prompts:
            _answer(store, prompt)
        ids = [row for row, _ in store.unjudged_by("j")]
        given = [
            Verdict(outcome="refused", n_prompt_tokens=10, n_tokens=2),
            Verdict(outcome="unjudged", reason="unknown language"),
            Verdict(outcome="unjudged", reason="timed out", failed=True),
        ]
        store.add_verdicts(list(zip(ids, given, strict=True)), judge="j")
        usage = store.usage().filter(role="judge").row(0, named=True)
        assert usage == {
            "role": "judge", "name": "j", "n": 1, "n_prompt_tokens": 10, "n_tokens": 2
        }  # fmt: skip
        assert store.drop_verdicts(judge="other", which="all") == 0
        assert store.drop_verdicts(judge="j", which="failed") == 1
        assert [row for row, _ in store.unjudged_by("j")] == [ids[2]]
        assert store.drop_verdicts(judge="j", which="unjudged") == 1
        assert store.drop_verdicts(judge="j", which="all") == 1


def test_the_last_label_of_a_labeller_counts(tmp_path: Path) -> None:
    with RunStore(tmp_path, create=True) as store:
        store.add_prompts([PROMPT])
        _answer(store, PROMPT)
        row = store.labels.responses(target="t", arm="none")["response"][0]
        store.labels.add([Label(response=row, labeller="ana", outcome="refused")])
        store.labels.add([Label(response=row, labeller="ben", outcome="unsure", note="?")])
        store.labels.add([Label(response=row, labeller="ana", outcome="complied", correct=True)])
        labels = store.labels.frame().select("labeller", "outcome", "correct", "prompt_id").rows()
        assert labels == [("ana", "complied", 1, "q1"), ("ben", "unsure", None, "q1")]
        assert store.labels.remove(row, labeller="ben")
        assert not store.labels.remove(row, labeller="ben")
        with pytest.raises(DefectError, match="1 labels are about responses not in this run"):
            store.labels.add([Label(response=row + 7, labeller="ana", outcome="refused")])


def test_replies_are_translated_once_and_failures_again(tmp_path: Path) -> None:
    other = replace(PROMPT, prompt_id="q2")
    with RunStore(tmp_path, create=True) as store:
        store.add_prompts([PROMPT, other])
        _answer(store, PROMPT)
        _answer(store, other)
        table = store.reply_translations
        first, second = (row for row, _ in table.missing("hf:mini"))
        table.add([(first, ReplyTranslation(text="hello"))], engine="hf:mini")
        table.add([(second, ReplyTranslation(text=None, reason="down"))], engine="hf:mini")
        assert [row for row, _ in table.missing("hf:mini")] == [second]
        assert [row for row, _ in table.missing("other")] == [first, second]
        assert table.texts("hf:mini", [first, second]) == {first: "hello"}
        assert table.engines() == ["hf:mini"]
