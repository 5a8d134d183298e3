"""Reading the prompts of a batch: what its rows have in common is read once.

Rows with one prompt and different edits have the same states below and before all that an edit
changes. A grid of settings over a few prompts would else spend most of its time on reading them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicSlidingWindowLayer

from isogloss.targets.batching import Row
from isogloss.targets.cache import PreallocatedLayer, new_cache
from isogloss.targets.editing import Editing
from isogloss.targets.edits import Edit
from isogloss.targets.layers import block_states, decoder_blocks
from isogloss.targets.model import LocalModel
from isogloss.targets.recording import default_reading_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """A batch's prompts as `LocalModel.next_logits` takes them, padded on the left.

    Attributes:
        ids, mask, positions: ``(rows, columns)``.
    """

    ids: Tensor
    mask: Tensor
    positions: Tensor

    @property
    def n_columns(self) -> int:
        return self.ids.shape[1]

    def read(self, model: LocalModel, cache: DynamicCache) -> Tensor:
        """Logits of the token after each prompt, of which the cache may hold a beginning."""
        start = cache.get_seq_length()
        return model.next_logits(self.ids[:, start:], self.mask, self.positions[:, start:], cache)

    def of(self, rows: Tensor) -> Prompts:
        return Prompts(ids=self.ids[rows], mask=self.mask[rows], positions=self.positions[rows])


@dataclass(frozen=True, slots=True)
class _Change:
    """What an edit leaves to be computed: the blocks from ``block`` on, for the last columns."""

    block: int
    n_columns: int


def read_prompts(
    model: LocalModel, rows: Sequence[Row], prompts: Prompts, cache: DynamicCache, editing: Editing
) -> Tensor:
    """Fill an empty cache with prompts under their edits.

    Where it saves work, each distinct prompt is read once by the unedited model, and for each row
    only what its edit changes is computed after that.

    Returns:
        Logits of the token after each prompt, ``(rows, vocabulary)``.
    """
    if not editing.layers:
        return prompts.read(model, cache)
    blocks = decoder_blocks(model.network)
    may_cut = {type(layer) for layer in cache.layers} == {PreallocatedLayer}
    changes = [_change(row.edit, len(blocks), prompts.n_columns, may_cut=may_cut) for row in rows]
    places: dict[tuple[int, ...], int] = {}
    sources = [places.setdefault(row.tokens, len(places)) for row in rows]
    work = sum((len(blocks) - change.block) * change.n_columns for change in changes)
    saved = (len(rows) - len(places)) * len(blocks) * prompts.n_columns - work
    if saved <= 0 or not _is_per_block(cache, len(blocks)):
        return prompts.read(model, cache)

    device = model.device
    firsts = torch.tensor([sources.index(place) for place in places.values()], device=device)
    with editing.suspended(), _noted(model.network, blocks) as outputs:
        plain = prompts.of(firsts).read(model, cache)
    source = torch.tensor(sources, device=device)
    cache.reorder_cache(source)  # pyright: ignore[reportArgumentType]
    logits = plain[source]
    for change in dict.fromkeys(changes):
        alike = [n for n, other in enumerate(changes) if other == change]
        size = max(1, default_reading_tokens(device.type) // change.n_columns)
        for part in torch.tensor(alike, device=device).split(size):
            editing.read_next(part)
            own = _beginning(model, cache, part, prompts.n_columns - change.n_columns)
            with _replayed(blocks[: change.block], outputs, source[part], change.n_columns):
                logits[part] = prompts.of(part).read(model, own)
            _put_back(own, cache, part, change)
    return logits


def _change(edit: Edit | None, n_blocks: int, n_columns: int, *, may_cut: bool) -> _Change:
    """Layers with a sliding window have forgotten the beginning, and are read again from there."""
    first, last = n_blocks, 1
    if edit is not None and edit.strength and edit.positions.prompt_tokens != 0:
        first, last = edit.lowest_layer + 1, edit.positions.prompt_tokens
    return _Change(first, min(last, n_columns) if last is not None and may_cut else n_columns)


def _is_per_block(cache: DynamicCache, n_blocks: int) -> bool:
    """Whether a block's past is keys and values of its own, and nothing else."""
    kinds = {type(layer) for layer in cache.layers}
    return len(cache.layers) == n_blocks and kinds <= {PreallocatedLayer, DynamicSlidingWindowLayer}


def _beginning(
    model: LocalModel, cache: DynamicCache, rows: Tensor, n_columns: int
) -> DynamicCache:
    """A cache of these rows that holds their first columns, and has room for the others."""
    own = new_cache(model.network, cache.get_seq_length())
    layer: Any
    old: Any
    for layer, old in zip(own.layers if n_columns else (), cache.layers, strict=False):
        layer.update(old.keys[rows, :, :n_columns], old.values[rows, :, :n_columns])
    return own


def _put_back(own: DynamicCache, cache: DynamicCache, rows: Tensor, change: _Change) -> None:
    into, new = (held.layers[change.block :] for held in (cache, own))
    layer: Any
    changed: Any
    for layer, changed in zip(into, new, strict=True):
        layer.keys[rows, :, -change.n_columns :] = changed.keys[:, :, -change.n_columns :]
        layer.values[rows, :, -change.n_columns :] = changed.values[:, :, -change.n_columns :]


@contextmanager
def _noted(network: Any, blocks: Sequence[nn.Module]) -> Generator[list[Any]]:
    """What each block gives in the next pass; a copy, which later blocks cannot change."""
    outputs: list[Any] = []

    def hook(layer: int) -> Callable[..., None]:
        def note(_module: Any, _inputs: Any, output: Any) -> None:
            states = block_states(network, layer, output).clone()
            # Of anything else (attention weights) no later block takes notice.
            others = len(output) - 1 if isinstance(output, tuple) else None
            outputs.append(states if others is None else (states, *[None] * others))

        return note

    handles = [block.register_forward_hook(hook(layer)) for layer, block in enumerate(blocks)]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _replayed(
    blocks: Sequence[nn.Module], outputs: Sequence[Any], rows: Tensor, n_columns: int
) -> Generator[None]:
    """Blocks give these rows of what they gave before and compute nothing; hooks still run."""

    def again(output: Any) -> Callable[..., Any]:
        if isinstance(output, tuple):
            return lambda *_, **__: (output[0][rows, -n_columns:], *output[1:])
        return lambda *_, **__: output[rows, -n_columns:]

    before = [vars(block).get("forward") for block in blocks]
    try:
        for block, output in zip(blocks, outputs, strict=False):
            block.forward = again(output)
        yield
    finally:
        for block, forward in zip(blocks, before, strict=True):
            del block.forward
            if forward is not None:  # a wrapper that was there
                block.forward = forward
