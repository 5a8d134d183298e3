"""Builds a micro lab in a process of its own: ``building.py [stepwise]``; see test_build.

Prints a line a training step and the model's folder at the end; ``stepwise``, it reads a line
before it goes on. Every step is checkpointed.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pytest

from isogloss.lab import build
from isogloss.lab.training import train
from lab.planted import micro_recipe, quick_tokenizers


def main() -> None:
    quick_tokenizers(pytest.MonkeyPatch())
    build.train = partial(train, seconds_between_checkpoints=0.0)

    def progress(name: str, done: int, total: int) -> None:
        sys.stdout.write(f"step {name.split()[1]} {done} {total}\n")
        sys.stdout.flush()
        if "stepwise" in sys.argv:
            sys.stdin.readline()

    folder = build.build_lab(micro_recipe(), progress=progress)
    sys.stdout.write(f"folder {folder}\n")


if __name__ == "__main__":
    main()
