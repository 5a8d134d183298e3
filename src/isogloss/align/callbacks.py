"""What a stage does between steps: tell how far it is, keep its curve, write checkpoints."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from isogloss.store.lines import append_line

STATE = "trainer_state.json"


class Curve(TrainerCallback):
    """Appends every logged point to a file as it comes, and calls ``tell`` at every step.

    A resumed stage writes the points of before the checkpoint anew, from the trainer's own state.
    """

    def __init__(self, path: Path, tell: Callable[[int, int], None]) -> None:
        self._path, self._tell = path, tell

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        del args, control, rest
        if state.is_world_process_zero:
            self._path.write_text("".join(_line(point) + "\n" for point in state.log_history))
            self._tell(state.global_step, state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
        del args, control, rest
        if state.is_world_process_zero and logs:
            append_line(self._path, _line({**logs, "step": state.global_step}))

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        del args, control, rest
        if state.is_world_process_zero:
            self._tell(state.global_step, state.max_steps)


class Checkpoints(TrainerCallback):
    """Asks for a checkpoint when ``seconds`` have passed; the result does not depend on when.

    All processes save at one step: the first one's clock decides, and the others are told.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        del args, rest
        if state.global_step >= state.max_steps:
            return
        control.should_save = _agreed(time.monotonic() - self._last > self._seconds)

    def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        del args, state, control, rest
        self._last = time.monotonic()


def _agreed(due: bool) -> bool:
    """What the first process found."""
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    if PartialState().num_processes == 1:
        return due
    return bool(broadcast_object_list([due], from_process=0)[0])


def last_whole_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that a kill has not cut short: its state is written last."""
    found = [path for path in folder.glob("checkpoint-*") if _is_whole(path)]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _is_whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / STATE).read_text())
    except (OSError, ValueError):
        return False
    return True


def _line(point: dict[str, Any]) -> str:
    """Numbers only; what is not finite is left out."""
    numbers: dict[str, float] = {}
    for name, value in point.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            numbers[name] = number
    return json.dumps(numbers)
