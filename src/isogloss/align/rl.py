"""Reinforcement learning from a reward: RLHF, in all languages xRLHF (P1, section 3).

P1 uses PPO. Here a completion is compared with others to the same prompt: with the mean of the
rest (RLOO; Ahmadian et al. 2024, arXiv 2402.14740) or with the mean of the group over its spread
(GRPO; Shao et al. 2024, arXiv 2402.03300). Both hold the policy to its start by a penalty on the
KL divergence. Rewards are put on one scale before the update, so that a reward model and the
lab's oracle push equally hard.

During training the sampled completions are judged as well: reward that rises while judged harm
does not fall is over-optimisation (Gao et al. 2023, arXiv 2210.10760).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from isogloss.align.optimisation import Optimisation
from isogloss.errors import InputError

if TYPE_CHECKING:
    from isogloss.align.training import Setup

Algorithm = Literal["rloo", "grpo"]
ALGORITHMS: tuple[Algorithm, ...] = ("rloo", "grpo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rl:
    """Reinforcement learning on prompts alone.

    Attributes:
        optimisation: ``batch_size`` counts completions. P1 takes 1,000 steps of batch 8.
        algorithm: what a completion is compared with.
        n_generations: completions a prompt; a divisor of the batch.
        beta: weight of the KL divergence from the start.
        max_new_tokens: longest completion.
        temperature: of sampling.
    """

    optimisation: Optimisation
    algorithm: Algorithm = "rloo"
    n_generations: int = 4
    beta: float = 0.05
    max_new_tokens: int = 32
    temperature: float = 1.0
    kind: Literal["rl"] = "rl"

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise InputError(f"rl.algorithm is {' or '.join(ALGORITHMS)}, not {self.algorithm!r}")
        if self.n_generations < 2 or self.max_new_tokens < 1:
            raise InputError(
                "rl compares 2 generations a prompt or more, of 1 new token or more, not "
                f"{self.n_generations} of {self.max_new_tokens}"
            )
        if not (0 < self.temperature < float("inf") and 0 <= self.beta < float("inf")):
            raise InputError(
                f"rl.temperature is above 0 and rl.beta 0 or more, not {self.temperature} and "
                f"{self.beta}"
            )


def rl_trainer(config: Rl, setup: Setup) -> Any:
    """TRL's `RLOOTrainer` or `GRPOTrainer` under the stage's reward."""
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer
    from trl.trainer.rloo_config import RLOOConfig
    from trl.trainer.rloo_trainer import RLOOTrainer

    from isogloss.align.training import conversations, question, trl_arguments

    kind: Any
    trainer: Any
    extra: dict[str, Any]
    if config.algorithm == "rloo":
        kind, trainer, extra = RLOOConfig, RLOOTrainer, {"normalize_advantages": True}
    else:
        kind, trainer = GRPOConfig, GRPOTrainer
        extra = {"scale_rewards": "group", "loss_type": "grpo"}
    arguments = kind(
        **trl_arguments(config.optimisation, setup),
        **extra,
        num_generations=config.n_generations,
        max_completion_length=config.max_new_tokens,
        temperature=config.temperature,
        beta=config.beta,
    )
    rows = [
        {"prompt": question(example.prompt), "example_id": example.example_id,
         "language": example.language, "intent": example.intent}
        for example in setup.examples
    ]  # fmt: skip
    assert setup.reward is not None
    return trainer(
        model=setup.network,
        args=arguments,
        train_dataset=conversations(rows),
        processing_class=setup.tokenizer,
        reward_funcs=[setup.reward],
        peft_config=setup.adapters("CAUSAL_LM"),
    )
