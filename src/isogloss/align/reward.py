"""A reward model: one number a prompt and response, learned from preferences (P1, section 5.1).

Bradley-Terry loss on the difference of the two rewards. *Contrast instructions* (Shen et al. 2023,
arXiv 2309.16155; used in P1, section 5.1) turn the pair around: one response under two prompts, of
which the one it was written for is to score higher. They teach that a response is good for
something, where ordinary pairs can be told apart by the look of the response alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from isogloss.align.examples import Example
from isogloss.align.optimisation import Optimisation
from isogloss.errors import InputError
from isogloss.seeds import derive_seed

if TYPE_CHECKING:
    from isogloss.align.training import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """A linear head on the last token's hidden state; all of the model is trained with it.

    Attributes:
        optimisation: P1 takes a learning rate of 2e-5 for a model of 7 B parameters.
        contrast: share of the pairs that are replaced by contrast instructions, in [0, 1].
    """

    optimisation: Optimisation
    contrast: float = 0.0
    kind: Literal["reward"] = "reward"

    def __post_init__(self) -> None:
        if not 0 <= self.contrast <= 1:
            raise InputError(f"reward.contrast is a share from 0 to 1, not {self.contrast}")


def reward_trainer(config: Reward, setup: Setup) -> Any:
    """TRL's `RewardTrainer` over whole conversations."""
    from trl.trainer.reward_config import RewardConfig
    from trl.trainer.reward_trainer import RewardTrainer

    from isogloss.align.training import answer, conversations, question, trl_arguments

    arguments = RewardConfig(
        **trl_arguments(config.optimisation, setup),
        max_length=config.optimisation.max_length,
    )
    rows = [
        {
            "chosen": question(pair.prompt) + answer(pair.chosen),
            "rejected": question(pair.other_prompt) + answer(pair.rejected),
        }
        for pair in contrasted(setup.examples, config.contrast, seed=setup.seed)
    ]
    return RewardTrainer(
        model=setup.network,
        args=arguments,
        train_dataset=conversations(rows),
        processing_class=setup.tokenizer,
        peft_config=setup.adapters("SEQ_CLS"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardPair:
    """``chosen`` under ``prompt`` is better than ``rejected`` under ``other_prompt``."""

    prompt: str
    chosen: str
    other_prompt: str
    rejected: str


def contrasted(examples: Sequence[Example], share: float, *, seed: int) -> list[RewardPair]:
    """Pairs as they are, ``share`` of them turned into contrast instructions.

    The other prompt is the most alike one of the same language among those whose chosen response
    is another: the instruction of a twin, where data have twins.

    Example:
        >>> contrasted([], 0.5, seed=0)
        []
    """
    rng = random.Random(derive_seed(seed, "contrast instructions"))
    candidates: dict[str, list[Example]] = {}
    for example in sorted(examples, key=lambda e: (e.language, e.example_id)):
        candidates.setdefault(example.language, []).append(example)
    pairs: list[RewardPair] = []
    for example in examples:
        other = None
        if rng.random() < share:
            other = _most_alike(example, candidates[example.language], rng)
        pairs.append(
            RewardPair(
                prompt=example.prompt,
                chosen=example.chosen,
                other_prompt=example.prompt if other is None else other.prompt,
                rejected=(example.rejected or "") if other is None else example.chosen,
            )
        )
    return pairs


def _most_alike(example: Example, others: Sequence[Example], rng: random.Random) -> Example | None:
    """Of some drawn at random, so that large sets stay quick."""
    words = set(example.prompt.split())
    drawn = [others[rng.randrange(len(others))] for _ in range(32)]
    fitting = [o for o in drawn if o.prompt != example.prompt and o.chosen != example.chosen]

    def alikeness(other: Example) -> float:
        mine = set(other.prompt.split())
        return len(words & mine) / len(words | mine)

    return max(fitting, key=alikeness, default=None)
