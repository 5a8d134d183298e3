"""A stage as a process: its command line, and the devices it may see."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from isogloss.align.profile import Profile

MODULE = "isogloss.align.stage"


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


def environment_of(profile: Profile) -> dict[str, str]:
    """What a stage's process finds in its environment, beside what is there already."""
    threads = {"OMP_NUM_THREADS": str(profile.threads), "TOKENIZERS_PARALLELISM": "false"}
    if not _is_one_gpu(profile):
        return threads
    return threads | {"CUDA_VISIBLE_DEVICES": _one_device(profile.device)}
