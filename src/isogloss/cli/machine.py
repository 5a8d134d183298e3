"""What `isogloss doctor` looks at: one function a finding."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "note", "missing"]

GIGABYTE = 1e9

EXTRAS = {
    "align": ("trl", "peft", "accelerate", "datasets"),
    "inspect": ("inspect_ai",),
    "ray": ("ray",),
    "stats": ("statsmodels",),
}
"""The packages of each optional extra, by the names they are imported under."""

REFERENCE_SPEED = 200.0
"""Billions of operations a second of the two-core machine `PRESET_SECONDS` were measured on."""

PRESET_SECONDS = {"tiny": 50.0, "small": 250.0}
"""Seconds to train a lab preset from nothing on that machine (base and chat; see docs/lab.md)."""

PRESET_MEMORY = {"tiny": 1.0, "small": 2.0}
"""Gigabytes of memory that a preset asks for at most while it is trained and audited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about this machine.

    Attributes:
        name: what was looked at.
        value: what was found, in words.
        state: ``missing`` keeps Isogloss from working; ``note`` is worth knowing.
        advice: what to do about it.
    """

    name: str
    value: str
    state: State = "ok"
    advice: str | None = None


def examine() -> list[Finding]:
    """Look at everything; a look that fails is a finding of its own and never an exception.

    Returns:
        The findings, in the order in which they are shown.
    """
    return [_look(look) for look in LOOKS]


def _look(look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:
        # A broken install raises anything at import; naming the broken part is this verb's job.
        name = look.__name__.removeprefix("find_")
        return Finding(name=name, value=f"{type(error).__name__}: {error}", state="missing")


def find_python() -> Finding:
    """The interpreter (the package installs on 3.11 and newer only)."""
    value = f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    return Finding(name="python", value=value)


def find_torch() -> Finding:
    """PyTorch and transformers, as installed."""
    import torch

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
    transformers = importlib.metadata.version("transformers")
    return Finding(
        name="torch", value=f"{torch.__version__} ({build}), transformers {transformers}"
    )


def find_devices() -> Finding:
    """The accelerators PyTorch can use."""
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        sizes = [torch.cuda.mem_get_info(i)[1] / GIGABYTE for i in range(len(names))]
        cards = [f"{name} ({size:.0f} GB)" for name, size in zip(names, sizes, strict=True)]
        return Finding(name="devices", value=", ".join(cards))
    if torch.backends.mps.is_available():
        return Finding(name="devices", value="Apple GPU (mps)")
    return Finding(name="devices", value="CPU only (enough for the lab presets tiny and small)")


def find_cores() -> Finding:
    """The cores this process may use, and how busy they are now."""
    import torch

    cores = usable_cores()
    load = os.getloadavg()[0]
    value = f"{cores} usable, {torch.get_num_threads()} torch threads, load {load:.1f}"
    if load > cores:
        advice = "the machine is busy: everything takes longer than said here"
        return Finding(name="cores", value=value, state="note", advice=advice)
    return Finding(name="cores", value=value)


def usable_cores() -> int:
    """Cores this process is allowed on (affinity), which may be fewer than the machine has."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_memory() -> Finding:
    """Free memory; an audit of the largest built-in preset for CPUs takes at most 2 GB."""
    import psutil

    memory = psutil.virtual_memory()
    value = f"{memory.available / GIGABYTE:.1f} of {memory.total / GIGABYTE:.1f} GB available"
    if memory.available < PRESET_MEMORY["small"] * GIGABYTE:
        return Finding(name="memory", value=value, state="note", advice="`small` may not fit")
    return Finding(name="memory", value=value)


def find_cache(folder: Path | None = None) -> Finding:
    """The folder that built lab models are kept in: writable, with room.

    Args:
        folder: another folder than the one the lab uses.
    """
    if folder is None:
        from isogloss.lab.build import cache_folder

        folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as probe:
            probe.write(b"isogloss")
            probe.flush()
    except OSError as error:
        advice = "set ISOGLOSS_CACHE to a folder you may write to"
        return Finding(
            name="cache", value=f"{folder}: {error.strerror}", state="missing", advice=advice
        )
    free = shutil.disk_usage(folder).free / GIGABYTE
    value = f"{folder}, {free:.1f} GB free"
    if free < 1:
        return Finding(name="cache", value=value, state="note", advice="the disk is nearly full")
    return Finding(name="cache", value=value)


def find_sqlite() -> Finding:
    """SQLite with write-ahead logging, which run folders are kept in."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "probe.db")
        try:
            mode = database.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        finally:
            database.close()
    value = f"{sqlite3.sqlite_version}, journal {mode}"
    if mode != "wal":
        advice = "run folders need write-ahead logging; update Python's SQLite"
        return Finding(name="sqlite", value=value, state="missing", advice=advice)
    return Finding(name="sqlite", value=value)


def find_identifiers() -> Finding:
    """Whether the language identifiers load and agree on two easy sentences."""
    from isogloss.identify import identify_language

    sentences = {
        "en": "This is an ordinary English sentence about the weather and the garden.",
        "ru": "Это обычное русское предложение о погоде и о большом саде.",
    }
    wrong = [tag for tag, text in sentences.items() if identify_language(text) != tag]
    if wrong:
        value = f"do not recognise {', '.join(wrong)}"
        return Finding(
            name="identifiers", value=value, state="missing", advice="reinstall Isogloss"
        )
    return Finding(name="identifiers", value="languages of replies are recognised")


def find_extras() -> Finding:
    """Which optional extras are installed; none is needed for an audit."""
    present = [
        extra
        for extra, packages in EXTRAS.items()
        if all(importlib.util.find_spec(package) for package in packages)
    ]
    absent = [extra for extra in EXTRAS if extra not in present]
    value = f"{', '.join(present) or 'none'} installed"
    advice = f"if wanted: pip install 'isogloss[{','.join(absent)}]'" if absent else None
    return Finding(name="extras", value=value, advice=advice)


def find_presets() -> Finding:
    """Which lab presets fit this machine, and in about how long."""
    import psutil
    import torch

    if torch.cuda.is_available():
        return Finding(name="lab", value="every preset, medium included, in minutes")
    speed = measure_speed()
    available = psutil.virtual_memory().available / GIGABYTE
    words = [
        f"{preset} in about {in_words(seconds * REFERENCE_SPEED / speed)}"
        for preset, seconds in PRESET_SECONDS.items()
        if PRESET_MEMORY[preset] <= available
    ]
    value = f"{'; '.join(words) or 'no preset fits the free memory'}; medium wants a GPU"
    return Finding(name="lab", value=value, state="ok" if words else "note")


def measure_speed(seconds: float = 0.3) -> float:
    """Billions of floating-point operations a second on matrices of the lab's size.

    Args:
        seconds: how long to measure.
    """
    import torch

    left, right = torch.rand(4096, 128), torch.rand(128, 512)
    torch.mm(left, right)
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        torch.mm(left, right)
        count += 1
    return 2 * 4096 * 128 * 512 * count / elapsed / 1e9


def in_words(seconds: float) -> str:
    """A duration as one would say it, rounded: ``20 seconds``, ``3 minutes``, ``2 hours``.

    Example:
        >>> in_words(170)
        '3 minutes'
    """
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} seconds"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{round(seconds / 3600)} hours"


LOOKS: tuple[Callable[[], Finding], ...] = (
    find_python,
    find_torch,
    find_devices,
    find_cores,
    find_memory,
    find_cache,
    find_sqlite,
    find_identifiers,
    find_extras,
    find_presets,
)
"""What is looked at, in the order in which it is shown."""
