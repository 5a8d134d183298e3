"""How a stage is run on this machine: device, number format, batches, full weights or LoRA."""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.errors import InputError

SMALL_MODEL = 20_000_000
"""Parameters up to which a stage on a CPU takes one thread, and several stages share the cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """Low-rank adapters on every linear layer, merged into the weights at the end (Hu et al. 2021).

    Attributes:
        rank: of each adapter.
        alpha: its scale; the update counts alpha / rank.
        dropout: of its input.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a stage needs to know of the machine; none of it changes what is learned from.

    Attributes:
        device: ``cpu`` or ``cuda``.
        bf16: bfloat16 weights; float32 otherwise.
        gradient_checkpointing: compute activations twice instead of keeping them.
        device_batch: examples a device holds at once; the rest of a batch is accumulated.
        n_processes: devices, one process each (``accelerate launch``).
        threads: torch threads of each process.
        lora: adapters; None trains all weights.
        checkpoint_seconds: time between two checkpoints of a stage that can resume.
        trust_remote_code: run code that comes with the model.
    """

    device: str = "cpu"
    bf16: bool = False
    gradient_checkpointing: bool = False
    device_batch: int = 64
    n_processes: int = 1
    threads: int = 1
    lora: Lora | None = None
    checkpoint_seconds: float = 30.0
    trust_remote_code: bool = False

    def accumulation(self, batch_size: int) -> int:
        """Device batches that make up one batch: as few as fit, all of one size.

        Raises:
            InputError: the batch is no multiple of the number of devices.

        Example:
            >>> Profile(device_batch=8).accumulation(64)
            8
            >>> Profile(device_batch=8).accumulation(12)
            2
        """
        each, rest = divmod(batch_size, self.n_processes)
        if rest:
            raise InputError(
                f"a batch of {batch_size} cannot be shared evenly by {self.n_processes} devices; "
                "choose a batch_size that is a multiple of them"
            )
        return next(
            n for n in range(1, each + 1) if each % n == 0 and each // n <= self.device_batch
        )

    def at_once(self, batch_size: int) -> int:
        """Examples a device holds at once."""
        return batch_size // self.n_processes // self.accumulation(batch_size)
