"""The training loop of every lab stage: Muon on hidden matrices, AdamW on the rest, resumable.

Muon (Jordan et al. 2024) is PyTorch's own. Every batch is cut into two shards whose gradients are
added, each on a Python thread with one torch thread: on two idle cores as fast as torch's own
threads (they meet once a step, not once an operation), on busy cores without their stalls
(docs/log.md), and the same bits however many threads there are.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from isogloss.errors import DefectError
from isogloss.progress import Progress

logger = logging.getLogger(__name__)

IGNORED = -100
N_SHARDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        steps: optimiser steps.
        matrix_rate: Muon's learning rate for hidden matrices.
        rest_rate: AdamW's learning rate for embeddings and norms; 0 freezes them.
        warmup: steps of linear warm-up.
        decay: the last share of the steps, over which both rates fall linearly to zero.
    """

    steps: int
    matrix_rate: float = 0.02
    rest_rate: float = 3e-3
    warmup: int = 20
    decay: float = 0.4

    def factor(self, step: int) -> float:
        """The multiplier of both rates at ``step`` (0-based)."""
        remaining = (self.steps - step) / max(1.0, self.decay * self.steps)
        return min(1.0, (step + 1) / max(1, self.warmup), remaining)


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids and labels (B, T); a label of -100 is not learned. ``mask`` is 0 on padding."""

    ids: Tensor
    labels: Tensor
    mask: Tensor | None = None

    def shards(self) -> list[Batch]:
        """The rows in `N_SHARDS` parts."""
        parts = [tensor.chunk(N_SHARDS) for tensor in (self.ids, self.labels)]
        masks = [None] * len(parts[0]) if self.mask is None else self.mask.chunk(N_SHARDS)
        return [Batch(*part) for part in zip(*parts, masks, strict=True)]


def train(
    model: PreTrainedModel,
    batch_at: Callable[[int], Batch],
    schedule: Schedule,
    *,
    checkpoint: Path,
    name: str,
    n_tokens: int,
    progress: Progress | None = None,
    seconds_between_checkpoints: float = 15.0,
) -> list[float]:
    """Train ``model`` in place.

    Args:
        batch_at: the batch of a step; must depend on the step alone, so that a resumed run sees
            what an uninterrupted one would have seen.
        checkpoint: folder for state; an interrupted training found there is continued.
        name, n_tokens: what is trained and on how many tokens, for ``progress``.

    Returns:
        The loss of every step, in nats a token.
    """
    optimizers = _optimizers(model, schedule)
    start, losses = _restore(model, optimizers, checkpoint)
    if start:
        logger.info("%s: continuing at step %d of %d", name, start, schedule.steps)
    model.train()
    saved = time.monotonic()
    with _pool() as pool:
        for step in range(start, schedule.steps):
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * schedule.factor(step)
            losses.append(_accumulate(model, batch_at(step), pool))
            list(pool.map(lambda optimizer: optimizer.step(), optimizers))
            if progress:
                progress(name, n_tokens * (step + 1) // schedule.steps, n_tokens)
            if time.monotonic() - saved > seconds_between_checkpoints:
                _save(model, optimizers, losses, checkpoint)
                saved = time.monotonic()
    model.zero_grad()
    model.eval()
    return losses


@contextmanager
def _pool() -> Generator[ThreadPoolExecutor]:
    """Threads for the shards, each with one torch thread; torch's setting here is put back."""
    n_threads = min(N_SHARDS, os.cpu_count() or 1)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(
            n_threads, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)


def _accumulate(model: PreTrainedModel, batch: Batch, pool: ThreadPoolExecutor) -> float:
    """Put the batch's gradient on the parameters; its loss in nats a token."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    n_learned = int((batch.labels != IGNORED).sum())

    def shard_gradient(shard: Batch) -> tuple[float, tuple[Tensor, ...]]:
        loss = summed_loss(model, shard) / n_learned
        return loss.item(), torch.autograd.grad(loss, parameters)

    parts = list(pool.map(shard_gradient, batch.shards()))
    for parameter, *gradients in zip(parameters, *(part[1] for part in parts), strict=True):
        total = gradients[0]
        for gradient in gradients[1:]:
            total = total + gradient
        parameter.grad = total
    return sum(part[0] for part in parts)


def summed_loss(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Cross-entropy in nats, summed over the labelled positions; labels are already shifted.

    Only labelled positions are projected on the vocabulary, the largest matrix of so small a model.
    """
    device = model.device
    mask = None if batch.mask is None else batch.mask.to(device)
    hidden = model.base_model(
        input_ids=batch.ids.to(device), attention_mask=mask, use_cache=False
    ).last_hidden_state
    labels = batch.labels.to(device)
    head = _head(model)
    if mask is None:
        return cross_entropy(head(hidden).flatten(0, 1), labels.flatten(), reduction="sum")
    learned = labels != IGNORED
    return cross_entropy(head(hidden[learned]), labels[learned], reduction="sum")


def _head(model: PreTrainedModel) -> nn.Linear:
    head = model.get_output_embeddings()
    if not isinstance(head, nn.Linear):
        raise DefectError(f"a lab model ends in a linear layer, not in {type(head).__name__}")
    return head


def _optimizers(model: PreTrainedModel, schedule: Schedule) -> list[torch.optim.Optimizer]:
    embedding = model.get_input_embeddings().weight
    head = _head(model).weight
    matrices, rest = [], []
    for parameter in model.parameters():
        is_hidden = parameter.ndim == 2 and parameter is not embedding and parameter is not head
        (matrices if is_hidden else rest).append(parameter)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices[i::N_SHARDS], lr=schedule.matrix_rate, weight_decay=0.0)
        for i in range(N_SHARDS)
    ]
    if schedule.rest_rate > 0:
        optimizers.append(
            torch.optim.AdamW(
                rest, lr=schedule.rest_rate, weight_decay=0.0, betas=(0.9, 0.98), fused=True
            )
        )
    else:
        for parameter in rest:
            parameter.requires_grad_(False)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


def _state(model: PreTrainedModel, optimizers: list[torch.optim.Optimizer]) -> dict[str, Tensor]:
    tensors = {f"model.{name}": p.detach() for name, p in model.named_parameters()}
    for i, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{index}.{key}": value for key, value in state.items()}
    return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}


def _save(
    model: PreTrainedModel,
    optimizers: list[torch.optim.Optimizer],
    losses: list[float],
    checkpoint: Path,
) -> None:
    """Write the state beside the old one, then replace it: a kill leaves one or the other whole."""
    checkpoint.mkdir(parents=True, exist_ok=True)
    partial = checkpoint / f"partial-{os.getpid()}.safetensors"
    save_file(_state(model, optimizers), partial, metadata={"losses": json.dumps(losses)})
    os.replace(partial, checkpoint / "state.safetensors")


def _restore(
    model: PreTrainedModel, optimizers: list[torch.optim.Optimizer], checkpoint: Path
) -> tuple[int, list[float]]:
    path = checkpoint / "state.safetensors"
    if not path.is_file():
        return 0, []
    tensors = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[f"model.{name}"])
    for i, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Any]] = {}
        for name, tensor in tensors.items():
            kind, *rest = name.split(".", 3)
            if kind == "optimizer" and int(rest[0]) == i:
                # A copy lies where torch puts it, like the state of an uninterrupted training.
                state.setdefault(int(rest[1]), {})[rest[2]] = tensor.clone()
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    losses = _losses(path)
    return len(losses), losses


def _losses(path: Path) -> list[float]:
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["losses"])
