"""The training loop: gradients, schedule, shards, padding, resuming in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

from isogloss.lab.batches import InstructionBatches, PretrainingBatches
from isogloss.lab.training import IGNORED, Batch, Schedule, _accumulate, summed_loss, train

VOCABULARY = 24
PAD = 0


def _model(seed: int = 0) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        bos_token_id=None,
        eos_token_id=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def _counting(step: int, *, rows: int = 16, width: int = 8) -> Batch:
    """Rows that count upwards from a random start: a rule that is quickly learned."""
    start = torch.randint(0, VOCABULARY, (rows, 1), generator=torch.Generator().manual_seed(step))
    tokens = (start + torch.arange(width + 1)) % VOCABULARY
    return Batch(tokens[:, :-1], tokens[:, 1:])


def _pad(examples: list[tuple[list[int], list[int]]]) -> Batch:
    return InstructionBatches(examples=examples, batch_size=len(examples), pad=PAD).at(0)


def _padded() -> Batch:
    examples = [([5, 6, 7], [8, 9]), ([5], [8]), ([3, 4], [5, 6, 7]), ([2], [3, 4, 5, 6, 7])]
    return _pad(examples)


def _weights(model: LlamaForCausalLM) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def _train(
    model: LlamaForCausalLM,
    folder: Path,
    *,
    steps: int = 12,
    rest_rate: float = 3e-3,
    batch_at: Callable[[int], Batch] = _counting,
    **options: Any,
) -> list[float]:
    schedule = Schedule(steps=steps, rest_rate=rest_rate, warmup=2)
    return train(
        model, batch_at, schedule, checkpoint=folder, name="toy", n_tokens=steps * 128, **options
    )


def test_schedule_by_hand() -> None:
    schedule = Schedule(steps=100, warmup=20, decay=0.4)
    factors = {0: 1 / 20, 9: 1 / 2, 19: 1, 40: 1, 60: 1, 80: 20 / 40, 99: 1 / 40}
    for step, factor in factors.items():
        assert schedule.factor(step) == pytest.approx(factor)
    assert all(0 < schedule.factor(step) <= 1 for step in range(100))
    assert Schedule(steps=1, warmup=0).factor(0) == 1


def test_the_loss_falls(tmp_path: Path) -> None:
    losses = _train(_model(), tmp_path, steps=80)
    assert len(losses) == 80
    assert losses[0] == pytest.approx(math.log(VOCABULARY), abs=0.3), "it knows nothing yet"
    assert losses[-1] < 1.2
    assert not tmp_path.joinpath("state.safetensors").exists(), "too short for a checkpoint"


@pytest.mark.parametrize(
    "batch", [_counting(0), _counting(0, rows=5), _counting(0, rows=1), _padded()]
)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_gradient_is_the_full_batchs(batch: Batch, n_threads: int) -> None:
    model = _model()
    logits = model(input_ids=batch.ids, attention_mask=batch.mask).logits
    loss = cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)
    expected = torch.autograd.grad(loss, list(model.parameters()))
    with ThreadPoolExecutor(n_threads) as pool:
        assert _accumulate(model, batch, pool) == pytest.approx(loss.item(), abs=1e-6)
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert gradient.abs().max() > 1e-5, "a gradient that could tell"
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-6, rtol=0)


def test_the_number_of_threads_never_changes_a_bit() -> None:
    gradients = []
    for n_threads in (1, 2, 3):
        model = _model()
        with ThreadPoolExecutor(n_threads) as pool:
            _accumulate(model, _padded(), pool)
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    assert _same(gradients[0], gradients[1])
    assert _same(gradients[0], gradients[2])


def test_same_seed_same_weights_and_other_seed_others(tmp_path: Path) -> None:
    runs = []
    for n, seed in enumerate((0, 0, 1)):
        model = _model(seed)
        losses = _train(model, tmp_path / str(n))
        runs.append((losses, _weights(model)))
    assert runs[0][0] == runs[1][0]
    assert _same(runs[0][1], runs[1][1])
    assert not _same(runs[0][1], runs[2][1])


def test_torchs_threads_are_put_back(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        _train(_model(), tmp_path, steps=2)
        assert torch.get_num_threads() == 3
        with pytest.raises(ZeroDivisionError):
            _train(_model(), tmp_path, steps=2, batch_at=lambda step: _counting(1 // step))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_rate_of_zero_freezes_embeddings_and_norms(tmp_path: Path) -> None:
    model = _model()
    before = _weights(model)
    _train(model, tmp_path, rest_rate=0.0)
    for name, weight in _weights(model).items():
        is_matrix = "proj" in name
        assert torch.equal(weight, before[name]) != is_matrix, name


def test_both_optimisers_move_every_parameter(tmp_path: Path) -> None:
    model = _model()
    before = _weights(model)
    _train(model, tmp_path)
    assert not any(torch.equal(weight, before[name]) for name, weight in _weights(model).items())


@pytest.mark.parametrize("rest_rate", [3e-3, 0.0])
@pytest.mark.parametrize("stopped_at", [1, 6, 11])
def test_a_stopped_training_ends_in_the_same_weights(
    tmp_path: Path, rest_rate: float, stopped_at: int
) -> None:
    whole = _model()
    losses = _train(whole, tmp_path / "whole", rest_rate=rest_rate)

    def stopping(step: int) -> Batch:
        if step == stopped_at:
            raise KeyboardInterrupt
        return _counting(step)

    options: dict[str, Any] = {"rest_rate": rest_rate, "seconds_between_checkpoints": 0.0}
    with pytest.raises(KeyboardInterrupt):
        _train(_model(), tmp_path / "cut", batch_at=stopping, **options)

    seen: list[int] = []

    def watching(step: int) -> Batch:
        seen.append(step)
        return _counting(step)

    resumed = _model(seed=9)  # what it starts from must not matter
    told: list[tuple[str, int, int]] = []
    again = _train(
        resumed,
        tmp_path / "cut",
        batch_at=watching,
        progress=lambda *news: told.append(news),
        **options,
    )
    assert seen == list(range(stopped_at, 12))
    assert again == losses
    assert _same(_weights(resumed), _weights(whole))
    assert told[-1] == ("toy", 12 * 128, 12 * 128)
    assert [path.name for path in (tmp_path / "cut").iterdir()] == ["state.safetensors"]


def test_resuming_a_finished_training_trains_no_more(tmp_path: Path) -> None:
    model = _model()
    losses = _train(model, tmp_path, seconds_between_checkpoints=0.0)

    def never(step: int) -> Batch:
        raise AssertionError(step)

    resumed = _model(seed=9)
    assert _train(resumed, tmp_path, batch_at=never) == losses
    assert _same(_weights(resumed), _weights(model))


def test_progress_goes_up_to_all_tokens(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    _train(_model(), tmp_path, steps=4, progress=lambda *news: told.append(news))
    assert told == [("toy", n * 128, 512) for n in (1, 2, 3, 4)]


def test_only_answers_are_learned_by_hand() -> None:
    batch = _pad([([5, 6, 7], [8, 9]), ([5], [8])])
    assert batch.ids.tolist() == [[5, 6, 7, 8], [5, PAD, PAD, PAD]]
    no = IGNORED
    assert batch.labels.tolist() == [[no, no, 8, 9], [8, no, no, no]]
    assert batch.mask is not None
    assert batch.mask.tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]


def test_padding_changes_no_loss() -> None:
    model = _model()
    batch = _padded()
    alone = [([5, 6, 7], [8, 9]), ([5], [8]), ([3, 4], [5, 6, 7]), ([2], [3, 4, 5, 6, 7])]
    one_by_one = sum(summed_loss(model, _pad([example])).item() for example in alone)
    assert summed_loss(model, batch).item() == pytest.approx(one_by_one, abs=1e-5)
    assert batch.mask is not None
    other = batch.ids.clone()
    other[batch.mask == 0] = 17
    assert summed_loss(model, Batch(other, batch.labels, batch.mask)).item() == pytest.approx(
        one_by_one, abs=1e-5
    )


def test_the_loss_is_that_of_the_answers_tokens() -> None:
    model = _model()
    prompt, answer = [5, 6, 7], [8, 9]
    logits = model(input_ids=torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
    # Position 2 (the prompt's last token) predicts 8, position 3 predicts 9.
    by_hand = -(logits[2, 8] + logits[3, 9]).item()
    assert summed_loss(model, _pad([(prompt, answer)])).item() == pytest.approx(by_hand, abs=1e-5)


def test_shards_are_all_rows_once() -> None:
    batch = _counting(0, rows=5)
    shards = batch.shards()
    assert len(shards) == 2
    assert torch.equal(torch.cat([shard.ids for shard in shards]), batch.ids)
    assert torch.equal(torch.cat([shard.labels for shard in shards]), batch.labels)
    assert all(shard.mask is None for shard in shards)
    masks = [shard.mask for shard in _padded().shards()]
    assert [mask.shape for mask in masks if mask is not None] == [(2, 5), (2, 5)]


def test_every_row_is_seen_once_and_shifted_by_one() -> None:
    rows = np.arange(60 * 5, dtype=np.uint16).reshape(60, 5)
    order = np.random.default_rng(1).permutation(60)
    batches = PretrainingBatches(rows=rows, order=order, batch_size=20, tokens={})
    assert batches.n_tokens == 60 * 4
    seen = [batches.at(step) for step in range(3)]
    assert all(batch.ids.shape == batch.labels.shape == (20, 4) for batch in seen)
    firsts = torch.cat([batch.ids[:, 0] for batch in seen]).tolist()
    assert firsts == [5 * row for row in order]
    assert all(torch.equal(batch.labels, batch.ids + 1) for batch in seen)


def test_the_steps_share_out_the_examples() -> None:
    examples = [([n], [n + 1]) for n in range(2, 8)]
    batches = InstructionBatches(examples=examples, batch_size=2, pad=PAD)
    assert [batches.at(step).ids.flatten().tolist() for step in range(3)] == [
        [2, 3],
        [4, 5],
        [6, 7],
    ]
    assert batches.n_tokens == 12
