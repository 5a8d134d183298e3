"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290); everywhere: xDPO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from isogloss.align.optimisation import Optimisation
from isogloss.errors import InputError

if TYPE_CHECKING:
    from isogloss.align.training import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class Dpo:
    """The sigmoid loss against the model the stage starts from.

    Attributes:
        beta: how strongly the policy is held to its reference.
    """

    optimisation: Optimisation
    beta: float = 0.1
    kind: Literal["dpo"] = "dpo"

    def __post_init__(self) -> None:
        if not 0 < self.beta < float("inf"):
            raise InputError(f"dpo.beta is above 0, not {self.beta}")


def dpo_trainer(config: Dpo, setup: Setup) -> Any:
    """TRL's `DPOTrainer`; the reference is the start, or the weights without their adapters."""
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    from isogloss.align.training import conversations, preferences, trl_arguments

    arguments = DPOConfig(
        **trl_arguments(config.optimisation, setup),
        beta=config.beta,
        max_length=config.optimisation.max_length,
    )
    return DPOTrainer(
        model=setup.network,
        args=arguments,
        train_dataset=conversations(preferences(setup.examples)),
        processing_class=setup.tokenizer,
        peft_config=setup.adapters("CAUSAL_LM"),
    )
