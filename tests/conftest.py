"""What every test gets: one torch thread, a cache of the run's own, one really trained model."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Before torch is imported anywhere: worker processes must not fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("ISOGLOSS_DEBUG", None)

import pytest

TINY = "lab:tiny"


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder that all worker processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session", autouse=True)
def isogloss_cache(run_folder: Path) -> Iterator[Path]:
    """The lab's cache, away from the user's own, for this process and those it starts."""
    folder = run_folder / "isogloss-cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def tiny_lab(run_folder: Path, isogloss_cache: Path) -> Path:
    """The folder of the `tiny` chat model, really trained; the first worker to ask trains it."""
    from isogloss.lab.build import build_lab
    from isogloss.lab.recipe import parse_spec

    with _locked(run_folder / "tiny.lock"):
        return build_lab(parse_spec(TINY))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
