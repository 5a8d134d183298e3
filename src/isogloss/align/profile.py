"""How a stage is run on this machine: device, number format, batches, full weights or LoRA."""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.errors import InputError


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

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha <= 0 or not 0 <= self.dropout < 1:
            raise InputError(
                f"adapters need a rank of 1 or more, an alpha above 0 and a dropout under 1, not "
                f"{self.rank}, {self.alpha} and {self.dropout}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a stage runs: what it learns from is not said here, in which numbers it learns is.

    Attributes:
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        bf16: activations, and with adapters the frozen weights, in bfloat16. What is trained is
            float32 always: a small step away from a bfloat16 weight rounds to no step at all.
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

    def __post_init__(self) -> None:
        if self.device_batch < 1 or self.n_processes < 1 or self.threads < 1:
            raise InputError("device batch, processes and threads are 1 or more")

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
