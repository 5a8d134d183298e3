"""Steering: hidden states changed by hooks of our own on block outputs while a model runs.

The hooks change no weight and go at the end. Every row of a batch has its own edit, or none, so
that a grid of settings over prompts is simply a batch of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isogloss.errors import ModelError
from isogloss.targets.edits import Edit
from isogloss.targets.layers import block_states, checked_layers, decoder_blocks, hidden_size
from isogloss.targets.operators import Part, Planner, beside


def check_edits(network: Any, edits: Iterable[Edit | None]) -> None:
    """Refuse edits that do not fit a model, before it runs.

    Raises:
        ModelError: a layer it does not have, or a vector of another width than its hidden states.
    """
    distinct = {edit: None for edit in edits if edit is not None}
    if not distinct:
        return
    n_layers, width = len(decoder_blocks(network)), hidden_size(network)
    for edit in distinct:
        vectors = {f"the vector of layer {layer}": v for layer, v in edit.vectors.items()}
        layers = tuple(edit.vectors)
        if edit.condition is not None:
            vectors["the condition's direction"] = edit.condition.direction
            layers += (edit.condition.layer,)
        checked_layers(layers, n_layers)
        for name, vector in vectors.items():
            if len(vector) != width:
                raise ModelError(
                    f"{name} has {len(vector)} values, but the hidden states of the "
                    f"{type(network).__name__} have {width}; use vectors taken from this model."
                )


@contextmanager
def edit_blocks(
    network: Any, edits: Edit | Sequence[Edit | None] | None, prompt_mask: Tensor
) -> Generator[Editing]:
    """Edit the block outputs of the forward passes inside the ``with``.

    The first pass reads the prompts, every later one what was generated. Rows without an edit, or
    with one of strength 0, and tokens an edit does not name keep their bits; where nothing is
    edited no hook is there. Recording begun inside sees the edited states.

    Args:
        network: a causal language model of transformers.
        edits: one a row, or one for all.
        prompt_mask: ``(rows, columns)``, 0 on padding, on whichever side.

    Yields:
        What must be told when rows leave the batch.

    Raises:
        ModelError: an edit does not fit the model, or a block gives something else than hidden
            states.
    """
    n_rows = len(prompt_mask)
    rows = [edits] * n_rows if edits is None or isinstance(edits, Edit) else list(edits)
    if len(rows) != n_rows:
        raise ValueError(f"{len(rows)} edits for {n_rows} rows")
    check_edits(network, rows)
    editing = Editing(network, rows, prompt_mask)
    blocks = decoder_blocks(network) if editing.layers else []
    handles = [blocks[layer].register_forward_hook(editing.hook(layer)) for layer in editing.layers]
    try:
        yield editing
    finally:
        for handle in handles:
            handle.remove()


class Editing:
    """The rows of a batch under `edit_blocks`, from their prompts to the end of their replies.

    Attributes:
        layers: whose outputs are looked at or edited, ascending; empty where nothing is edited.
    """

    def __init__(self, network: Any, edits: Sequence[Edit | None], prompt_mask: Tensor) -> None:
        self._network = network
        self._edits = [edit if edit is not None and edit.strength else None for edit in edits]
        distinct = {edit: None for edit in self._edits if edit is not None}
        self._conditions = {e.condition.layer for e in distinct if e.condition is not None}
        self.layers = sorted(self._conditions.union(*(edit.vectors for edit in distinct)))
        self._planner = Planner(self._edits)
        self._mask = prompt_mask.bool()
        self._holds = torch.ones(len(self._edits), dtype=torch.bool, device=prompt_mask.device)
        self._suspended = False
        # Whose prompts the next pass reads, and the latest did; None where it is generated tokens.
        self._to_read: Tensor | None = torch.arange(len(self._edits), device=prompt_mask.device)
        self._read: Tensor | None = None
        # What the latest pass does at each layer, and to which columns.
        self._parts: dict[int, list[Part]] | None = None
        self._columns: Tensor | None = None

    def read_next(self, rows: Tensor) -> None:
        """The next pass reads the prompts of these rows of the batch, where not all at once do."""
        self._to_read = rows

    @contextmanager
    def suspended(self) -> Generator[None]:
        """Passes inside the ``with`` are the unedited model's, and do not count."""
        self._suspended = True
        try:
            yield
        finally:
            self._suspended = False

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows of the batch only; between two passes, all prompts being read."""
        if self.layers:
            self._edits = [self._edits[row] for row in rows.tolist()]
            self._holds = self._holds[rows]
            self._parts = None

    def hook(self, layer: int) -> Callable[[Any, Any, Any], Any]:
        """What is to be registered on the block of this layer."""
        return lambda _module, _inputs, output: self._edit(layer, output)

    def _edit(self, layer: int, output: Any) -> Any:
        if self._suspended:
            return None
        states = block_states(self._network, layer, output)
        if layer == self.layers[0]:
            self._begin_pass(states)
        if layer in self._conditions and self._read is not None:
            self._decide(layer, states, self._read)
        assert self._parts is not None
        if layer not in self._parts:
            return None
        for part in self._parts[layer]:
            states = part.apply(states, self._columns)
        return (states, *output[1:]) if isinstance(output, tuple) else states

    def _begin_pass(self, states: Tensor) -> None:
        if self._to_read is not None:
            self._begin_prompts(self._to_read, states)
        elif self._read is not None:  # the prompts are over
            self._edits = [
                edit if edit is not None and holds and edit.positions.generated else None
                for edit, holds in zip(self._edits, self._holds.tolist(), strict=True)
            ]
            self._read = self._columns = self._parts = None
        if self._parts is None:
            self._parts = self._planner.plan(self._edits, states)

    def _begin_prompts(self, rows: Tensor, states: Tensor) -> None:
        edits = [self._edits[row] for row in rows.tolist()]
        mask = self._mask[rows, -states.shape[1] :]  # the beginning may be in the cache
        if states.shape[:2] != mask.shape:
            raise ValueError(f"states of {tuple(states.shape)} for prompts of {tuple(mask.shape)}")
        counts = [
            mask.shape[1] if e is None or (n := e.positions.prompt_tokens) is None else n
            for e in edits
        ]
        from_end = mask.flip(1).cumsum(1).flip(1)  # 1 at a row's last token
        columns = mask & (from_end <= torch.tensor(counts, device=mask.device)[:, None])
        whole = not self._conditions and bool(columns.all())
        self._columns = None if whole else columns[..., None]
        of_prompt = [e if e is None or e.positions.prompt_tokens != 0 else None for e in edits]
        self._parts = self._planner.plan(of_prompt, states)
        self._to_read, self._read = None, rows

    def _decide(self, layer: int, states: Tensor, read: Tensor) -> None:
        """Which of the rows with a condition at this layer are edited, and which are not."""
        found = [
            (n, edit.condition)
            for n, edit in enumerate(self._edits[row] for row in read.tolist())
            if edit is not None and edit.condition is not None and edit.condition.layer == layer
        ]
        if not found:
            return
        places = torch.tensor([n for n, _ in found], device=states.device)
        units = beside(states, np.stack([c.unit for _, c in found]))
        signs = beside(states, np.array([1.0 if c.side == "above" else -1.0 for _, c in found]))
        thresholds = beside(states, np.array([c.threshold for _, c in found]))
        rows = read[places]
        last = states.shape[1] - 1 - self._mask[rows].flip(1).int().argmax(1)
        projections = (states[places, last].to(units.dtype) * units).sum(-1)
        self._holds[rows] = signs * projections > signs * thresholds
        assert self._columns is not None
        self._columns = self._columns & self._holds[read][:, None, None]
