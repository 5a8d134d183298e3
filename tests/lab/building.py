"""Builds a micro lab in a process of its own: ``building.py RECIPE_CHANGES``; see test_build.

Prints a line a training step, so that the one who started it knows when to kill it, and the
model's folder at the end. Every step is checkpointed.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from isogloss.lab import build
from isogloss.lab.training import train
from lab.planted import micro_recipe


def main() -> None:
    build.train = partial(train, seconds_between_checkpoints=0.0)
    sys.stdout.write("ready\n")
    sys.stdout.flush()

    def progress(name: str, done: int, total: int) -> None:
        sys.stdout.write(f"step {name.split()[1]} {done} {total}\n")
        sys.stdout.flush()

    folder = build.build_lab(micro_recipe(**json.loads(sys.argv[1])), progress=progress)
    sys.stdout.write(f"folder {folder}\n")


if __name__ == "__main__":
    main()
