"""What is wrong with a folder, a limit or how models are run: said before anything is built."""

from __future__ import annotations

import os
from pathlib import Path

from isogloss.errors import InputError, ModelError, StoreError
from isogloss.store import RunStore
from isogloss.targets.options import LocalOptions

AUTO = "auto"


def preflight(folder: Path, *, limit: int | None = None, options: LocalOptions) -> None:
    """Refuse what would only be found once models are trained.

    Raises:
        StoreError: the folder cannot hold a run.
        InputError: a limit under 1.
        ModelError: an unknown device or dtype, a device that is not there, a batch of nothing.
    """
    check_folder(folder)
    if limit is not None and limit < 1:
        raise InputError(f"--limit must be 1 or more, not {limit}")
    if (options.device, options.dtype) != (AUTO, AUTO):
        from isogloss.targets.model import torch_device, torch_dtype  # a plan must not wait for it

        torch_dtype(options.dtype, torch_device(options.device))
    if options.batch_tokens is not None and options.batch_tokens < 1:
        raise ModelError(f"batch_tokens must be 1 or more, not {options.batch_tokens}.")


def check_folder(folder: Path) -> None:
    """That a run can be kept there.

    Raises:
        StoreError: a file stands in its place, nothing may be written, or what is there is no run.
    """
    place = folder
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise StoreError(
            f"{folder} cannot be a run folder: {place} is a file; choose another --out folder"
        )
    if not os.access(place, os.W_OK | os.X_OK):
        raise StoreError(
            f"{folder} cannot be written: no permission in {place}; choose another --out folder"
        )
    if (folder / "run.db").is_file():
        RunStore(folder).close()
