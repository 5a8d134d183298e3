"""How a local model is loaded and run; free of torch, so that the command line can name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """Options of every target that runs in this process.

    Attributes:
        device: ``auto`` (the first CUDA device if there is one, else the CPU) or a torch device.
        dtype: ``auto`` (float32 on the CPU, the checkpoint's own elsewhere) or a name torch knows.
        batch_tokens: most tokens, prompt and reply with padding, held by one batch; None chooses
            by model size and device (see `isogloss.targets.batching.default_batch_tokens`). It
            shapes the batches, hence the last bits of the logits: keep it fixed to repeat a run.
        threads: torch threads on the CPU; None is 1 for models under 20 M parameters, else the
            physical cores. A tiny model spends its time in many short operations, and threads
            that must meet after each of them are slower than one: on cores that others use too,
            two threads have been seen ten times slower than one.
        workers: processes the planned batches are spread over, one thread each; CPU only. One takes
            seconds to start: for a tiny model they pay from about ten thousand replies on.
        trust_remote_code: run Python that comes with the model. Off: someone else's code.
        revision: commit, tag or branch of a model that comes from the hub.
        guard: a file of `isogloss.targets.guard` under which the model answers; targets only.
    """

    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int | None = None
    threads: int | None = None
    workers: int = 1
    trust_remote_code: bool = False
    revision: str | None = None
    guard: Path | None = None
