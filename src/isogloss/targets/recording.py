"""Hidden states of a local model: block outputs, taken by hooks of our own while it reads.

Never ``output_hidden_states``: its last entry is behind the final norm, and what it holds depends
on which hooks were there when it was first asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from isogloss.errors import ModelError
from isogloss.targets.batching import MAX_ROWS
from isogloss.targets.layers import block_states, checked_layers, decoder_blocks, find_decoder

Select = Callable[[Tensor], Tensor]
"""From a block's output ``(rows, columns, hidden)`` to what of it is kept."""

Padding = Literal["right", "left"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSpan:
    """A text as token ids, and which of its tokens to look at.

    Attributes:
        tokens: of the whole text, without padding.
        start, stop: the tokens whose states are averaged; one token: ``stop == start + 1``.
    """

    tokens: tuple[int, ...]
    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop <= len(self.tokens):
            raise ValueError(f"no tokens {self.start} to {self.stop} among {len(self.tokens)}")


@contextmanager
def record_blocks(
    network: Any, layers: Sequence[int] | None = None, select: Select | None = None
) -> Generator[dict[int, Tensor]]:
    """Keep the block outputs of every forward pass inside the ``with``.

    The hooks return nothing and go at the end, so the model computes what it always does and is
    left bit for bit as it was. They are the last to be registered: edits by other hooks show.

    Args:
        network: a causal language model of transformers.
        layers: 0-based; None is all.
        select: takes from each output what is to be kept; None keeps all of it.

    Yields:
        Layer → float32 copy of the latest forward pass's output (or of what ``select`` took).

    Raises:
        ModelError: the blocks cannot be found, there is no such layer, or a block gives something
            else than hidden states.
    """
    blocks = decoder_blocks(network)
    chosen = checked_layers(None if layers is None else tuple(layers), len(blocks))
    states: dict[int, Tensor] = {}

    def keep(layer: int, output: Any) -> None:
        hidden = block_states(network, layer, output)
        taken = select(hidden) if select else hidden
        states[layer] = taken.detach().to(torch.float32, copy=True)

    def hook(layer: int) -> Callable[..., None]:
        return lambda _module, _inputs, output: keep(layer, output)

    handles = [blocks[layer].register_forward_hook(hook(layer)) for layer in chosen]
    try:
        yield states
    finally:
        for handle in handles:
            handle.remove()


def default_reading_tokens(device: str) -> int:
    """Token budget of a batch that is only read.

    On a CPU little is gained by more: a model of lab size reads 40 % faster in batches of 2,048
    tokens, which stay in the processor's caches, than in batches of 16,384.
    """
    return 2_048 if device == "cpu" else 32_768


def plan_reading(lengths: Sequence[int], *, batch_tokens: int) -> list[list[int]]:
    """Cut texts of like length into batches, longest first.

    Args:
        lengths: in tokens; texts of equal length keep their order.
        batch_tokens: most tokens, padding included, of a batch; a longer text is one of its own.

    Returns:
        Batches of indices that together hold every text once; at most 512 in one.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        full = not batches or (
            len(batches[-1]) == MAX_ROWS
            or (len(batches[-1]) + 1) * lengths[batches[-1][0]] > batch_tokens
        )
        if full:
            batches.append([])
        batches[-1].append(index)
    return batches


def stream_states(
    network: Any,
    texts: Sequence[TokenSpan],
    *,
    layers: Sequence[int] | None,
    batch_tokens: int,
    padding: Padding = "right",
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Read every text once, without the language model's head.

    Args:
        network: a causal language model of transformers, on its device.
        texts: what to read; each fits into the context.
        layers: 0-based; None is all.
        batch_tokens: see `plan_reading`.
        padding: on which side; a causal model gives the same either way.

    Yields:
        Indices into ``texts``, and their block outputs, shape ``(rows, layers, hidden)``, float32,
        averaged over each text's span in float64.

    Raises:
        ModelError: as `record_blocks`, or a block that a forward pass leaves out.
    """
    decoder = find_decoder(network)
    for batch in plan_reading([len(text.tokens) for text in texts], batch_tokens=batch_tokens):
        rows = [texts[index] for index in batch]
        inputs, starts = pad_texts([row.tokens for row in rows], network.device, padding)
        select = _span_mean([(s + r.start, s + r.stop) for r, s in zip(rows, starts, strict=True)])
        try:
            with record_blocks(network, layers, select) as states, torch.no_grad():
                decoder(**accepted_inputs(decoder, inputs))
        except torch.OutOfMemoryError as error:
            shape = tuple(inputs["input_ids"].shape)
            raise ModelError(
                f"out of memory on {network.device} while reading {shape[0]} texts of up to "
                f"{shape[1]} tokens at once; set batch_tokens below {batch_tokens}."
            ) from error
        yield batch, _stack(network, states, layers)


def _stack(network: Any, states: dict[int, Tensor], layers: Sequence[int] | None) -> np.ndarray:
    wanted = checked_layers(None if layers is None else tuple(layers), len(decoder_blocks(network)))
    if missing := [layer for layer in wanted if layer not in states]:
        raise ModelError(
            f"a {type(network).__name__} read a text without running block {missing[0]}; its "
            "hidden states cannot be recorded."
        )
    return torch.stack([states[layer] for layer in wanted], dim=1).cpu().numpy()  # (B, L, H)


def pad_texts(
    texts: Sequence[Sequence[int]], device: Any, padding: Padding = "right"
) -> tuple[dict[str, Tensor], list[int]]:
    """Inputs of one batch, and the column each row starts in."""
    width = max(len(text) for text in texts)
    starts = [width - len(text) if padding == "left" else 0 for text in texts]
    ids = torch.zeros(len(texts), width, dtype=torch.long)  # what padding says is never looked at
    mask = torch.zeros_like(ids)
    for n, (text, start) in enumerate(zip(texts, starts, strict=True)):
        ids[n, start : start + len(text)] = torch.tensor(text)
        mask[n, start : start + len(text)] = 1
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
    return {name: tensor.to(device) for name, tensor in inputs.items()}, starts


def accepted_inputs(module: Any, inputs: dict[str, Tensor]) -> dict[str, Any]:
    """ALiBi models take positions from the mask and have no argument for them."""
    parameters = inspect.signature(module.forward).parameters
    return {
        name: value for name, value in {**inputs, "use_cache": False}.items() if name in parameters
    }


def _span_mean(spans: Sequence[tuple[int, int]]) -> Select:
    """Keep each row's mean over its columns ``start`` to ``stop``, shape ``(rows, hidden)``."""
    starts = torch.tensor([start for start, _ in spans])

    def select(hidden: Tensor) -> Tensor:
        if all(stop - start == 1 for start, stop in spans):
            columns = starts.to(hidden.device)
            return hidden[torch.arange(len(spans), device=hidden.device), columns]
        # Row by row: the whole batch in float64 would be twice the size of anything else here.
        means = [hidden[n, a:b].double().mean(0) for n, (a, b) in enumerate(spans)]
        return torch.stack(means)

    return select
