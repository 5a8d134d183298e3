"""Stages as processes: started, listened to, several at once where they do not wait for another."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from isogloss.align.profile import Profile
from isogloss.errors import WorkerError
from isogloss.progress import Progress

LOG = "log.txt"
MODULE = "isogloss.align.stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One stage to run.

    Attributes:
        name: for people.
        folder: with its ``stage.json``; told to `isogloss.align.stage`.
        needs: folders of the stages it starts from.
        prepare: writes the folder's files, once what it needs is there.
    """

    name: str
    folder: Path
    needs: tuple[Path, ...]
    profile: Profile
    prepare: Callable[[], None]


def stage_command(folder: Path, profile: Profile) -> list[str]:
    """The command line of a stage: one process, or ``accelerate launch`` for several devices."""
    if profile.n_processes == 1:
        return [sys.executable, "-m", MODULE, str(folder)]
    return [
        sys.executable, "-m", "accelerate.commands.launch",
        "--num_processes", str(profile.n_processes),
        *(["--mixed_precision", "bf16"] if profile.bf16 else []),
        "-m", MODULE, str(folder),
    ]  # fmt: skip


def _is_one_gpu(profile: Profile) -> bool:
    """Trainers take every GPU they see; a stage of one process must see one."""
    return profile.device != "cpu" and profile.n_processes == 1


def _one_device(device: str) -> str:
    """The name CUDA has for the device, of those that are visible already."""
    index = int(device.partition(":")[2] or 0)
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return visible[index] if index < len(visible) else str(index)


def command_line(folder: Path, profile: Profile) -> str:
    """The same, to be pasted into a shell."""
    line = shlex.join(stage_command(folder, profile))
    one = f"CUDA_VISIBLE_DEVICES={_one_device(profile.device)} " if _is_one_gpu(profile) else ""
    return one + line


def run_jobs(jobs: Sequence[Job], *, workers: int, progress: Progress) -> None:
    """Run every job after those it needs, at most ``workers`` at once.

    Raises:
        WorkerError: a stage failed. What others had finished is kept, and so are checkpoints.
    """
    waiting = {job.folder: job for job in jobs}
    running: dict[Future[None], Path] = {}
    crew = _Crew()
    with ThreadPoolExecutor(workers) as pool:
        try:
            while waiting or running:
                free = [f for f, job in waiting.items() if not _blocked(job, waiting, running)]
                for folder in free[: workers - len(running)]:
                    running[pool.submit(crew.run, waiting.pop(folder), progress)] = folder
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    future.result()
        except BaseException:
            crew.stop()  # before the pool waits for its threads
            raise


def _blocked(job: Job, waiting: Mapping[Path, Job], running: Mapping[Future[None], Path]) -> bool:
    return any(need in waiting or need in running.values() for need in job.needs)


class _Crew:
    """The processes that run now; all of them are stopped when one has failed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[str]] = []
        self._stopped = False

    def run(self, job: Job, progress: Progress) -> None:
        job.prepare()
        environment = os.environ | {
            "OMP_NUM_THREADS": str(job.profile.threads),
            "TOKENIZERS_PARALLELISM": "false",
        }
        if _is_one_gpu(job.profile):
            environment["CUDA_VISIBLE_DEVICES"] = _one_device(job.profile.device)
        with (job.folder / LOG).open("w", encoding="utf-8") as log:
            process = self._start(job, log, environment)
            if process is None:
                return
            with process:
                assert process.stdout is not None
                for line in process.stdout:
                    step = _read_step(line)
                    if step is not None:
                        progress(f"{job.name} (steps)", *step)
        with self._lock:
            self._processes.remove(process)
        if process.returncode and not self._stopped:
            raise WorkerError(_failure(job, process.returncode))

    def _start(
        self, job: Job, log: TextIO, environment: dict[str, str]
    ) -> subprocess.Popen[str] | None:
        """The stage's process; None where another stage has failed meanwhile."""
        with self._lock:
            if self._stopped:
                return None
            process = subprocess.Popen(
                stage_command(job.folder, job.profile),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )
            self._processes.append(process)
        return process

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.terminate()


def _read_step(line: str) -> tuple[int, int] | None:
    try:
        told = json.loads(line)
        return int(told["step"]), int(told["of"])
    except (ValueError, TypeError, KeyError):
        return None


def _failure(job: Job, code: int) -> str:
    log = job.folder / LOG
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    last = lines[-1].strip()[:300] if lines else "it said nothing"
    why = "it was killed (often: out of memory)" if code in (-signal.SIGKILL, 137) else last
    return (
        f"training {job.name} ended with code {code}: {why}. The whole output is in {log}; what "
        "was finished is kept, and the same command continues."
    )
