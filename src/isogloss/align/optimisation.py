"""What every method is told about its steps: how many, how large, how fast."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimisation:
    """Steps of AdamW with a linear warm-up and decay, and no weight decay.

    Attributes:
        learning_rate: its peak. Explicit always: the defaults of trainers suit models of billions
            of parameters and leave a small one as it was.
        steps: updates of the weights.
        batch_size: examples an update, over all devices (pairs for preferences; completions for
            reinforcement learning).
        warmup_steps: of the learning rate.
        max_length: tokens of a prompt and its response; what is longer is cut or left out.
    """

    learning_rate: float
    steps: int
    batch_size: int
    warmup_steps: int = 20
    max_length: int = 1024

    @property
    def n_examples(self) -> int:
        """Examples that all the steps take together."""
        return self.steps * self.batch_size
