"""Where a run was made: enough to repeat it, nothing about the user."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("isogloss", "torch", "transformers", "tokenizers", "numpy", "scipy", "polars")


def describe_environment(*, seed: int) -> dict[str, Any]:
    """Versions, platform, cores, thread settings and the seed, as JSON values."""
    return {
        "versions": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": {
            name: value
            for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
            if (value := os.environ.get(name)) is not None
        },
        "seed": seed,
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
