"""Reward-gap optimisation: the loss on values worked by hand, and what its trainer brings about."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from align.small import FEW, small_examples, small_model
from isogloss.align.mpo import Mpo, parallel_pairs
from isogloss.align.mpo_trainer import mean_over_tokens, mpo_loss, reward_gap, token_log_probs
from isogloss.errors import InputError


def test_a_reward_gap_is_the_difference_of_means_over_the_response() -> None:
    log_probs = torch.tensor([[-9.0, -1.0, -3.0], [-9.0, -4.0, -9.0]])
    mask = torch.tensor([[0, 1, 1], [0, 1, 0]])
    # (-1 - 3) / 2 - (-4) / 1
    assert reward_gap(log_probs, mask).tolist() == [2.0]


def test_the_gap_does_not_depend_on_padding() -> None:
    short = reward_gap(torch.tensor([[-1.0, -3.0], [-2.0, -2.0]]), torch.ones(2, 2))
    padded = torch.tensor([[-1.0, -3.0, -50.0], [-2.0, -2.0, -7.0]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 0]])
    assert reward_gap(padded, mask).equal(short)


def test_the_loss_is_the_papers_on_values_worked_by_hand() -> None:
    gap, kept = mpo_loss(
        torch.tensor([1.0, 2.0]),
        torch.tensor([3.0, 2.0]),
        torch.tensor([[1.0, 0.0], [0.0, 0.0]]),
        torch.tensor([[0.0, 0.0], [0.0, 2.0]]),
        beta=0.5,
        retention=2.0,
    )
    # ((0.5 - 3)^2 + (1 - 2)^2) / 2 and 2 * (1 + 4) / 4
    assert gap.item() == pytest.approx(3.625)
    assert kept.item() == pytest.approx(2.5)


def test_only_the_policys_side_of_the_loss_has_a_gradient() -> None:
    target = torch.tensor([1.0], requires_grad=True)
    gap, _ = mpo_loss(
        target, torch.tensor([3.0]), torch.zeros(2, 1), torch.zeros(2, 1), beta=1.0, retention=1.0
    )
    gap.backward()
    assert target.grad is not None
    assert target.grad.item() == pytest.approx(-4.0)


def test_log_probabilities_are_of_the_next_token() -> None:
    logits = torch.tensor([[[0.0, math.log(3.0)], [0.0, 0.0]]])
    assert token_log_probs(logits, torch.tensor([[0, 1]])).item() == pytest.approx(math.log(0.75))


def test_hidden_states_are_averaged_over_real_tokens() -> None:
    hidden = torch.tensor([[[2.0], [4.0], [90.0]]])
    assert mean_over_tokens(hidden, torch.tensor([[1, 1, 0]])).tolist() == [[3.0]]


def test_pairs_are_joined_by_id_whatever_their_order() -> None:
    examples = small_examples()
    joined = parallel_pairs(examples, "en", list(reversed(examples)))
    assert len(joined) == len(examples) // 2
    assert all(t.example_id == d.example_id and d.language == "en" for t, d in joined)


def test_a_pair_without_a_version_in_the_dominant_language_is_refused() -> None:
    examples = small_examples()
    others = [e for e in examples if e.example_id != "train-glora"]
    with pytest.raises(InputError, match=r"1 of 20 have none \(such as train-glora\)"):
        parallel_pairs(examples, "en", others)
    with pytest.raises(InputError, match="0 of 0"):
        parallel_pairs([e for e in examples if e.language == "en"], "en", examples)


@pytest.mark.filterwarnings("ignore")
def test_training_pulls_the_gap_to_the_dominant_ones_and_keeps_the_dominant(
    tmp_path: Path,
) -> None:
    from isogloss.align.mpo_trainer import build_trainer
    from isogloss.align.profile import Profile
    from isogloss.align.training import Setup, load_start

    folder = small_model(tmp_path / "model")
    network, tokenizer = load_start(folder, Profile(), reward=False)
    examples = small_examples()
    pairs = parallel_pairs(examples, "en", examples)
    setup = Setup(
        network=network, tokenizer=tokenizer, examples=examples, parallel=examples,
        profile=Profile(), reward=None, folder=tmp_path / "out", seed=0,
    )  # fmt: skip
    config = Mpo(optimisation=replace(FEW, steps=40), dominant="en")
    trainer = build_trainer(config, setup, pairs)
    trainer.train()
    logged = [point for point in trainer.state.log_history if "gap_loss" in point]
    assert logged[-1]["gap_loss"] < 0.3 * logged[0]["gap_loss"]
    # It moves, but by little beside hidden states whose elements vary by about one.
    assert 0 < logged[-1]["retention_loss"] < 0.1
