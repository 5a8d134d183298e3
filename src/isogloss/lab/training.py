"""The training loop of every lab stage: Muon on hidden matrices, AdamW on the rest, resumable.

Muon (Jordan et al. 2024) is PyTorch's own. Only labelled positions are projected on the vocabulary,
which is the largest matrix of so small a model.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

IGNORED = -100


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        steps: optimiser steps.
        matrix_rate: Muon's learning rate for hidden matrices.
        rest_rate: AdamW's learning rate for embeddings and norms.
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

    @property
    def n_tokens(self) -> int:
        return self.ids.numel() if self.mask is None else int(self.mask.sum())


Progress = Callable[[str, int, int, float], None]
"""Called with what is being done, steps done, steps in all and tokens a second so far."""


def train(
    model: PreTrainedModel,
    batch_at: Callable[[int], Batch],
    schedule: Schedule,
    *,
    checkpoint: Path,
    name: str,
    progress: Progress | None = None,
    seconds_between_checkpoints: float = 15.0,
) -> list[float]:
    """Train ``model`` in place.

    Args:
        batch_at: the batch of a step; must depend on the step alone, so that a resumed run sees
            what an uninterrupted one would have seen.
        checkpoint: folder for state; an interrupted training found there is continued.
        name: told to ``progress``.

    Returns:
        The loss of every step, in nats a token.
    """
    optimizers = _optimizers(model, schedule)
    start, losses = _restore(model, optimizers, checkpoint)
    if start:
        logger.info("%s: continuing at step %d of %d", name, start, schedule.steps)
    model.train()
    began, n_tokens, saved = time.monotonic(), 0, time.monotonic()
    for step in range(start, schedule.steps):
        batch = batch_at(step)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * schedule.factor(step)
        loss = next_token_loss(model, batch)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
        n_tokens += batch.n_tokens
        if progress:
            progress(name, step + 1, schedule.steps, n_tokens / (time.monotonic() - began))
        if time.monotonic() - saved > seconds_between_checkpoints:
            _save(model, optimizers, losses, checkpoint)
            saved = time.monotonic()
    model.eval()
    return losses


def next_token_loss(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Mean cross-entropy in nats over the labelled positions; labels are already shifted."""
    device = model.device
    mask = None if batch.mask is None else batch.mask.to(device)
    hidden = model.base_model(
        input_ids=batch.ids.to(device), attention_mask=mask, use_cache=False
    ).last_hidden_state
    labels = batch.labels.to(device)
    if mask is None:
        return cross_entropy(model.get_output_embeddings()(hidden).flatten(0, 1), labels.flatten())
    learned = labels != IGNORED
    return cross_entropy(model.get_output_embeddings()(hidden[learned]), labels[learned])


def _optimizers(model: PreTrainedModel, schedule: Schedule) -> list[torch.optim.Optimizer]:
    embedding = model.get_input_embeddings().weight
    head = model.get_output_embeddings().weight
    matrices, rest = [], []
    for parameter in model.parameters():
        is_hidden = parameter.ndim == 2 and parameter is not embedding and parameter is not head
        (matrices if is_hidden else rest).append(parameter)
    muon = torch.optim.Muon(matrices, lr=schedule.matrix_rate, weight_decay=0.0)
    adam = torch.optim.AdamW(rest, lr=schedule.rest_rate, weight_decay=0.0, betas=(0.9, 0.98))
    for optimizer in (muon, adam):
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return [muon, adam]


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
                state.setdefault(int(rest[1]), {})[rest[2]] = tensor
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    losses = _losses(path)
    return len(losses), losses


def _losses(path: Path) -> list[float]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["losses"])


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Run with ``n`` torch threads and put the old number back."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
