"""A study with planted steps: resumed, written up, honest about what is not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import isogloss.study.run as study_run
from isogloss.cli.main import app
from isogloss.errors import InputError, StoreError, WorkerError
from isogloss.lab.build import CARD, folder_of
from isogloss.lab.recipe import parse_spec
from isogloss.processes import Job
from isogloss.report.page import build_report
from isogloss.report.walk import AREA
from isogloss.store import RunStore
from isogloss.study.config import StudyConfig
from isogloss.study.questions import QUESTIONS
from isogloss.study.run import StudyResult, plan_steps, run_study
from isogloss.study.step import DONE
from study.planted import CONFIRMED, OPEN, ROWS, finish

CONFIG = {"only": ("align", "ladder")}


class Runner:
    """Plants what jobs would leave; stops with a failure after ``most`` of them."""

    def __init__(self, most: int | None = None) -> None:
        self.most, self.ran = most, list[str]()

    def __call__(self, jobs: Sequence[Job], **rest: Any) -> None:
        for job in jobs:
            if self.most is not None and len(self.ran) == self.most:
                raise WorkerError(f"{job.name} ended with code -9: it was killed")
            finish(job)
            self.ran.append(job.name)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that lies in the cache is no job."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))


def studied(folder: Path, monkeypatch: pytest.MonkeyPatch, runner: Runner) -> StudyResult:
    monkeypatch.setattr(study_run, "run_jobs", runner)
    return run_study(StudyConfig(out=folder, only=CONFIG["only"]))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(folder / "cache"))
        return studied(folder / "whole", patch, Runner())


def test_every_claim_and_both_curses_are_gathered(whole: StudyResult) -> None:
    told = {(row.category, row.target): row for row in whole.measurements}
    assert told[CONFIRMED, "lab:tiny:english@helpful"].verdict == "confirmed"
    harm = next(row for row in whole.measurements if "harmfulness curse" in (row.category or ""))
    relevance = next(row for row in whole.measurements if "(relevance" in (row.category or ""))
    assert (harm.verdict, relevance.verdict) == ("confirmed", "cannot tell")
    assert {row.area for row in whole.measurements} == {AREA}
    # two mixes' ladders, two curses each
    assert len(whole.measurements) == 2 + 2 * 2


def test_what_cannot_be_told_says_what_it_would_take(whole: StudyResult) -> None:
    (mpo,) = [row for row in whole.measurements if row.category == OPEN]
    # spread = 0.2 sqrt(3) / 4.303 = 0.0805; 0.1 / 0.0805 = 1.24 spreads: 8 runs by noncentral t
    assert mpo.reason == "at this figure and spread about 8 runs would confirm it"


def test_cut_off_anywhere_it_ends_in_the_same_rows(
    whole: StudyResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "study"
    for most in (2, 4, 1):
        with pytest.raises(WorkerError, match="it was killed"):
            studied(folder, monkeypatch, Runner(most))
    runner = Runner()
    again = studied(folder, monkeypatch, runner)
    assert again.measurements == whole.measurements
    assert len(runner.ran) == len(plan_steps(StudyConfig(only=CONFIG["only"]))) - 7
    assert again.findings.read_text() == whole.findings.read_text()
    assert again.questions.read_text() == whole.questions.read_text()


def test_findings_and_questions_are_of_the_stored_rows(whole: StudyResult) -> None:
    findings = whole.findings.read_text()
    assert "of several: 3 confirmed, 0 refuted, 3 cannot tell, 0 not measured" in findings
    assert "## P1, section 2: Are there two curses?" in findings
    assert "## Beyond both papers" in findings
    (line,) = [text for text in findings.splitlines() if CONFIRMED in text]
    assert "(P1, section 3): harmful rate | `lab:tiny:english@helpful` | +20 | [+10" in line
    (line,) = [text for text in findings.splitlines() if OPEN in text]
    assert "| <\N{NO-BREAK SPACE}0 | 3 | cannot tell | at this figure and spread about 8" in line
    questions = whole.questions.read_text()
    assert questions.count("\n## ") == len(QUESTIONS) == 10
    untold = "Not measured by this study; `isogloss study --full` measures it."
    assert questions.count(untold) == 10
    assert all(f"`{question.command}`" in questions for question in QUESTIONS)


def test_the_page_walks_through_the_papers_from_stored_rows(
    whole: StudyResult, tmp_path: Path
) -> None:
    """Rows alone: the folder is elsewhere, and no step is left in it."""
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(whole.folder / "run.db", moved)
    page = build_report(moved).read_text()
    for anchor in ("p1-2", "p1-3", "beyond", "steps"):
        assert f'id="{anchor}"' in page
    assert "about 8 runs would confirm it" in page
    assert "not done" in page, "of what was not asked for"
    assert (moved / "report" / "tables" / "claims.csv").is_file()


def test_an_answer_has_its_figures_and_they_are_no_claims(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_run, "run_jobs", Runner())
    result = run_study(StudyConfig(out=tmp_path / "study", only=("dose",)))
    parity = "is on a level with high-resource languages: reached"
    assert "1 verdicts" in result.findings.read_text()
    assert ": 1 confirmed, 0 refuted" in result.findings.read_text()
    (line,) = [text for text in result.questions.read_text().splitlines() if parity in text]
    told = "| 12\u202f345 tokens | [9\u202f000,\u00a0…] |  | 3 | reached by the mean over runs"
    assert told in line
    assert "beyond the largest dose" in line
    assert "Of 1 verdicts on 1 claims 1 are confirmed" in result.report.read_text()


def test_nothing_done_is_the_failure_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkerError, match="it was killed"):
        studied(tmp_path / "study", monkeypatch, Runner(0))
    assert not (tmp_path / "study" / "run.db").exists()


def test_a_model_in_the_cache_is_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = folder_of(parse_spec("lab:tiny@helpful#1"))
    built.mkdir(parents=True)
    (built / CARD).touch()
    runner = Runner()
    monkeypatch.setattr(study_run, "run_jobs", runner)
    config = StudyConfig(out=tmp_path / "study", only=("align",))
    states = {step.name: step.state for step in plan_steps(config)}
    assert states == {
        "helpful english#0": "to do", "helpful english#1": "in the cache",
        "helpful english#2": "to do", "align": "to do",
    }  # fmt: skip
    run_study(config)
    assert runner.ran == ["helpful english#0", "helpful english#2", "align"]


def test_a_model_gone_from_the_cache_is_made_again_where_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = StudyConfig(out=tmp_path / "study", only=("align",))
    monkeypatch.setattr(study_run, "run_jobs", Runner(3))
    with pytest.raises(WorkerError, match="it was killed"):
        run_study(config)
    built = folder_of(parse_spec("lab:tiny@helpful#1"))
    shutil.rmtree(built)
    states = {step.name: step.state for step in plan_steps(config)}
    assert states["helpful english#0"] == "done"
    assert states["helpful english#1"] == "to do"
    runner = Runner()
    monkeypatch.setattr(study_run, "run_jobs", runner)
    run_study(config)
    assert runner.ran == ["helpful english#1", "align"]
    shutil.rmtree(built)
    assert {step.state for step in plan_steps(config)} == {"done"}, "nothing needs it any more"


def test_workers_are_some(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--workers must be 1 or more, not 0"):
        run_study(StudyConfig(out=tmp_path, workers=0))


def test_part_of_a_study_leaves_what_was_found_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_run, "run_jobs", Runner())
    first = run_study(StudyConfig(out=tmp_path / "study", only=("align",)))
    both = run_study(StudyConfig(out=tmp_path / "study", only=("dose",)))
    assert set(first.measurements) < set(both.measurements)
    with pytest.raises(InputError, match=r"'grid' is not part of the quick study.*--full has it"):
        run_study(StudyConfig(out=tmp_path / "study", only=("grid",)))
    with RunStore(tmp_path / "study") as store:
        assert store.measurements(AREA) == list(both.measurements)


def test_what_is_no_study_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="is a file; choose another --out"):
        run_study(StudyConfig(out=tmp_path / "file"))
    with pytest.raises(StoreError, match="is a file; choose another --out"):
        plan_steps(StudyConfig(out=tmp_path / "file" / "study"))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"seconds": "long"}', "\udcff"])
def test_a_broken_record_of_a_step_says_what_to_do(text: str, tmp_path: Path) -> None:
    config = StudyConfig(out=tmp_path / "study", only=("dose",))
    folder = next(step.folder for step in plan_steps(config) if step.kind == "dose")
    folder.mkdir(parents=True)
    (folder / DONE).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(StoreError, match="delete it, and the step is run again"):
        plan_steps(config)


def test_the_plan_says_what_is_done_and_runs_nothing(
    whole: StudyResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_run, "run_jobs", None)
    only = "align,ladder"
    line = ["study", "--plan", "--only", only, "--out", str(whole.folder)]
    said = CliRunner().invoke(app, line).output
    assert "to do: 0 minutes" in said
    assert said.count("to do") == 1
    told = json.loads(CliRunner().invoke(app, [*line, "--json"]).output)
    assert {step["state"] for step in told} == {"done"}
    fresh = CliRunner().invoke(app, ["study", "--plan", "--only", "dose"]).output
    assert "chat english*sw=16" in fresh
    assert "done" not in fresh


def test_a_failed_step_leaves_the_others_written_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_fails(jobs: Sequence[Job], **rest: Any) -> None:
        for job in jobs:
            if job.name != "align":
                finish(job)
        raise WorkerError("align ended with code 1: no")

    monkeypatch.setattr(study_run, "run_jobs", one_fails)
    folder = tmp_path / "study"
    with pytest.raises(WorkerError, match="align ended"):
        run_study(StudyConfig(out=folder, only=("align", "ladder")))
    with RunStore(folder) as store:
        rows = store.measurements(AREA)
    assert len(rows) == 2 * len(ROWS["ladder"])
    (told,) = [x for x in (folder / "findings.md").read_text().splitlines() if "Not done" in x]
    assert told.startswith("Not done: control, align, ")
    assert "ladder" not in told
    assert "not done" in (folder / "report.html").read_text()
