"""Multilingual reward-gap optimisation (MPO; Zhao et al. 2025, arXiv 2505.16869).

The *reward gap* of a pair is how much likelier, a token, the chosen response is than the rejected
one: RG = log p(chosen) / |chosen| - log p(rejected) / |rejected|. A language in which a model was
aligned well has wide gaps; MPO pulls the gap of the same pair in another language to it:

    L = mean (beta RG_target - RG_dominant)^2 + w mean (h - h_start)^2

with RG_target under the policy, RG_dominant under the model that training starts from, and h the
hidden states of the dominant language's pair, mean over tokens, after the last block and its norm.
The second term keeps the dominant language where it was. Ours differs from the authors' code in
one thing: padding is left out of the mean over tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from isogloss.align.examples import Example
from isogloss.align.optimisation import Optimisation
from isogloss.errors import InputError

if TYPE_CHECKING:
    from isogloss.align.training import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class Mpo:
    """Reward-gap optimisation towards a language the start is already aligned in.

    Attributes:
        dominant: that language.
        beta: scale of the target language's gap (1 in the paper's configurations).
        retention: weight of the second term (1 in the paper).
    """

    optimisation: Optimisation
    dominant: str
    beta: float = 1.0
    retention: float = 1.0
    kind: Literal["mpo"] = "mpo"

    def __post_init__(self) -> None:
        if not (0 < self.beta < float("inf") and 0 <= self.retention < float("inf")):
            raise InputError(
                f"mpo.beta is above 0 and mpo.retention 0 or more, not {self.beta} and "
                f"{self.retention}"
            )


def parallel_pairs(
    examples: Sequence[Example], dominant: str, parallel: Sequence[Example]
) -> list[tuple[Example, Example]]:
    """(target, dominant) for every example of another language, joined by id.

    Args:
        examples: what is trained on.
        dominant: whose gap is the aim.
        parallel: where its version of each example is looked up.

    Raises:
        InputError: an example has no version in the dominant language.
    """
    versions = {example.example_id: example for example in parallel if example.language == dominant}
    targets = [example for example in examples if example.language != dominant]
    missing = sorted({e.example_id for e in targets if e.example_id not in versions})
    if missing or not targets:
        raise InputError(
            f"mpo joins each pair with its version in {dominant} by id, and {len(missing)} of "
            f"{len(targets)} have none (such as {', '.join(missing[:3]) or 'all'}); give "
            "translations of one pair the same id, or choose another method"
        )
    return [(target, versions[target.example_id]) for target in targets]


def mpo_trainer(config: Mpo, setup: Setup) -> Any:
    """A `transformers.Trainer` with the loss above."""
    from isogloss.align.mpo_trainer import build_trainer

    pairs = parallel_pairs(setup.examples, config.dominant, setup.parallel)
    return build_trainer(config, setup, pairs)
