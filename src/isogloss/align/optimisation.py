"""What every method is told about its steps: how many, how large, how fast."""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimisation:
    """Steps of AdamW with a linear warm-up and decay, and no weight decay.

    Attributes:
        learning_rate: its peak. Explicit always: the defaults of trainers suit models of billions
            of parameters and leave a small one as it was.
        steps: updates of the weights; 0 is one pass over the data.
        batch_size: examples an update, over all devices (pairs for preferences; completions for
            reinforcement learning).
        warmup_steps: of the learning rate.
        max_length: tokens of a prompt and its response; what is longer is left out, and counted.
    """

    learning_rate: float
    steps: int
    batch_size: int
    warmup_steps: int = 20
    max_length: int = 1024

    def __post_init__(self) -> None:
        if not (0 < self.learning_rate < 1 and self.batch_size >= 1 and self.max_length >= 8):
            raise InputError(
                "training needs a learning_rate between 0 and 1, a batch_size of 1 or more and a "
                f"max_length of 8 or more, not {self.learning_rate}, {self.batch_size} and "
                f"{self.max_length}"
            )
        if self.steps < 0 or self.warmup_steps < 0:
            raise InputError(
                f"steps and warmup_steps are 0 or more, not {self.steps} and {self.warmup_steps}"
            )

    @property
    def n_examples(self) -> int:
        """Examples that all the steps take together."""
        return self.steps * self.batch_size
