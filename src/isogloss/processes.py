"""Work in processes of its own: started when what it needs is done, several at once, listened to.

A process tells how far it is in lines of JSON on its standard output (`tell`); whatever else it
says goes to its log. What one has finished is kept by whoever wrote it, on disk: nothing is passed
back but success.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from isogloss.errors import WorkerError
from isogloss.progress import Progress

LOG = "log.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One process to run.

    Attributes:
        name: for people.
        folder: what tells it from others; its log lies there.
        command: the command line.
        needs: folders of the jobs that must be done before; others than those given are taken as
            done.
        environment: beside this process's.
        prepare: puts what the process reads into its folder, once what it needs is done.
    """

    name: str
    folder: Path
    command: tuple[str, ...]
    needs: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    prepare: Callable[[], None] = lambda: None


def run_jobs(
    jobs: Sequence[Job], *, workers: int, progress: Progress, keep_going: bool = False
) -> None:
    """Run every job after those it needs, at most ``workers`` at once, the first ones first.

    Args:
        keep_going: after a failure still run what does not need the job that failed, then raise;
            else the others are stopped.

    Raises:
        WorkerError: a process failed.
    """
    waiting = {job.folder: job for job in jobs}
    running: dict[Future[None], Path] = {}
    failures: list[WorkerError] = []
    crew = _Crew()
    with ThreadPoolExecutor(workers) as pool:
        try:
            while waiting or running:
                free = [f for f, job in waiting.items() if not _blocked(job, waiting, running)]
                for folder in free[: workers - len(running)]:
                    running[pool.submit(crew.run, waiting.pop(folder), progress)] = folder
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    folder = running.pop(future)
                    try:
                        future.result()
                    except WorkerError as error:
                        if not keep_going:
                            raise
                        failures.append(error)
                        _drop_dependants(waiting, folder)
        except BaseException:
            crew.stop()  # before the pool waits for its threads
            raise
    if failures:
        raise WorkerError("; ".join(map(str, failures)))


def tell(stage: str, done: int, total: int) -> None:
    """In a job's process: say how far it is; a `isogloss.progress.Progress`."""
    sys.stdout.write(json.dumps({"stage": stage, "done": done, "total": total}) + "\n")
    sys.stdout.flush()


def _blocked(job: Job, waiting: Mapping[Path, Job], running: Mapping[Future[None], Path]) -> bool:
    return any(need in waiting or need in running.values() for need in job.needs)


def _drop_dependants(waiting: dict[Path, Job], failed: Path) -> None:
    lost = {failed}
    while more := {f for f, job in waiting.items() if lost & set(job.needs)}:
        for folder in more:
            del waiting[folder]
        lost |= more


class _Crew:
    """The processes that run now; all of them are stopped together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[str]] = []
        self._stopped = False

    def run(self, job: Job, progress: Progress) -> None:
        job.folder.mkdir(parents=True, exist_ok=True)
        job.prepare()
        with (job.folder / LOG).open("w", encoding="utf-8") as log:
            process = self._start(job, log)
            if process is None:
                return
            with process:
                assert process.stdout is not None
                for line in process.stdout:
                    told = _read(line)
                    if told is not None:
                        progress(f"{job.name} ({told[0]})", *told[1:])
        with self._lock:
            self._processes.remove(process)
        if process.returncode and not self._stopped:
            raise WorkerError(_failure(job, process.returncode))

    def _start(self, job: Job, log: TextIO) -> subprocess.Popen[str] | None:
        """The job's process; None where all have been stopped meanwhile."""
        with self._lock:
            if self._stopped:
                return None
            process = subprocess.Popen(
                job.command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | job.environment,
            )
            self._processes.append(process)
        return process

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.terminate()


def _read(line: str) -> tuple[str, int, int] | None:
    try:
        told = json.loads(line)
        return str(told["stage"]), int(told["done"]), int(told["total"])
    except (ValueError, TypeError, KeyError):
        return None


def _failure(job: Job, code: int) -> str:
    log = job.folder / LOG
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    last = lines[-1].strip()[:300] if lines else "it said nothing"
    why = "it was killed (often: out of memory)" if code in (-signal.SIGKILL, 137) else last
    return (
        f"{job.name} ended with code {code}: {why}. The whole output is in {log}; what was "
        "finished is kept, and the same command continues."
    )
