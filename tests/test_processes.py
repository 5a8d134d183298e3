"""Work in processes of its own: order, failures, progress, logs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from isogloss.errors import WorkerError
from isogloss.processes import LOG, Job, run_jobs
from isogloss.progress import silent


def job(folder: Path, code: str, *needs: Path) -> Job:
    return Job(
        name=folder.name, folder=folder, needs=needs,
        command=(sys.executable, "-S", "-c", code, str(folder)),
    )  # fmt: skip


DONE = "import sys, pathlib; pathlib.Path(sys.argv[1], 'done').touch()"
WRONG = "import sys; print('looked at it', file=sys.stderr); raise SystemExit('that is no number')"


def test_what_is_needed_is_done_before(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    after = DONE + "; assert pathlib.Path(sys.argv[1]).with_name('one').joinpath('done').exists()"
    jobs = [job(three, after, one, two), job(two, after, one), job(one, DONE, tmp_path / "before")]
    run_jobs(jobs, workers=3, progress=silent)
    assert all((folder / "done").exists() for folder in (one, two, three))


def test_a_failure_names_its_log_and_stops_what_runs(tmp_path: Path) -> None:
    slow = job(tmp_path / "slow", "import time; time.sleep(60)")
    broken = job(tmp_path / "broken", WRONG)
    later = job(tmp_path / "later", DONE, broken.folder)
    said = r"^broken ended with code 1: that is no number\. .*broken/log\.txt"
    with pytest.raises(WorkerError, match=said):
        run_jobs([slow, broken, later], workers=2, progress=silent)
    assert "looked at it" in (broken.folder / LOG).read_text()
    assert not later.folder.exists()


def test_what_does_not_need_a_failed_job_can_go_on(tmp_path: Path) -> None:
    broken = job(tmp_path / "broken", WRONG)
    child = job(tmp_path / "child", DONE, broken.folder)
    grandchild = job(tmp_path / "grandchild", DONE, child.folder)
    other = job(tmp_path / "other", DONE)
    with pytest.raises(WorkerError, match="broken ended"):
        run_jobs([broken, child, grandchild, other], workers=1, progress=silent, keep_going=True)
    assert (other.folder / "done").exists()
    assert not child.folder.exists()
    assert not grandchild.folder.exists()


def test_progress_is_heard_and_other_lines_are_not(tmp_path: Path) -> None:
    code = 'print(\'hello\'); print(\'[1]\'); print(\'{"stage": "steps", "done": 1, "total": 2}\')'
    heard: list[tuple[str, int, int]] = []
    run_jobs([job(tmp_path / "a", code)], workers=1, progress=lambda *told: heard.append(told))
    assert heard == [("a (steps)", 1, 2)]


def test_a_killed_process_is_called_killed(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(WorkerError, match="it was killed"):
        run_jobs([job(tmp_path / "a", code)], workers=1, progress=silent)
