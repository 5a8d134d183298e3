"""One step of a study in a process of its own: ``python -m isogloss.study.worker FOLDER``.

The folder holds ``step.json``. It is left with whatever the step's kind writes there and with
``done.json``, put there last. A process whose study was killed may still be at work when the study
is taken up again: the next one waits for it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from filelock import FileLock

from isogloss.errors import IsoglossError
from isogloss.processes import tell
from isogloss.study.kinds import KINDS
from isogloss.study.step import DONE, SPEC, mark_done


def run_step(folder: Path) -> None:
    """Run the step of a folder, or finish what was begun; nothing if it is done.

    Raises:
        UserError, WorkerError: whatever the step's kind raises.
    """
    with FileLock(folder / "lock"):
        if (folder / DONE).is_file():
            return
        told = json.loads((folder / SPEC).read_text("utf-8"))
        begun = time.monotonic()
        KINDS[told["kind"]](told["settings"], folder, tell)
        mark_done(folder, time.monotonic() - begun)


if __name__ == "__main__":
    try:
        run_step(Path(sys.argv[1]))
    except IsoglossError as error:
        raise SystemExit(str(error)) from error
