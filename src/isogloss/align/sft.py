"""Supervised fine-tuning on the chosen responses (P1, section 3: SFT; in all languages: xSFT)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from isogloss.align.optimisation import Optimisation

if TYPE_CHECKING:
    from isogloss.align.training import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class Sft:
    """Cross-entropy on the response, its end included; the prompt is read and not learned.

    Attributes:
        optimisation: P1 takes a learning rate of 1.5e-5 for a model of 7 B parameters.
    """

    optimisation: Optimisation
    kind: Literal["sft"] = "sft"


def sft_trainer(config: Sft, setup: Setup) -> Any:
    """TRL's `SFTTrainer` over conversations of one prompt and one response."""
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from isogloss.align.training import answer, conversations, question, trl_arguments

    arguments = SFTConfig(
        **trl_arguments(config.optimisation, setup),
        completion_only_loss=True,
        max_length=config.optimisation.max_length,
        packing=False,
    )
    rows = [
        {"prompt": question(example.prompt), "completion": answer(example.chosen)}
        for example in setup.examples
    ]
    return SFTTrainer(
        model=setup.network,
        args=arguments,
        train_dataset=conversations(rows),
        processing_class=setup.tokenizer,
        peft_config=setup.adapters("CAUSAL_LM"),
    )
