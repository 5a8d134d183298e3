"""Steering: hidden states changed by hooks of our own on block outputs while a model runs.

The hooks change no weight and go at the end. Every row of a batch has its own edit, or none, so
that a grid of settings over prompts is simply a batch of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isogloss.errors import ModelError
from isogloss.targets.edits import Edit, OperatorName
from isogloss.targets.layers import block_states, checked_layers, decoder_blocks, hidden_size

Operator = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(states (rows, columns, hidden), directions (rows or 1, 1, hidden), strengths (rows or 1, 1, 1))
→ the edited states."""


def add(states: Tensor, directions: Tensor, strengths: Tensor) -> Tensor:
    """h + s v. (Activation addition: Turner et al. 2023; Xu et al. 2024, section 5.)"""
    return states + strengths * directions


def project_out(states: Tensor, directions: Tensor, strengths: Tensor) -> Tensor:
    """h - s (h·u) u, u the unit direction; s = 1 removes it wholly. (Zou et al. 2023, RepE.)"""
    return states - strengths * (states @ directions.mT) * directions


def piecewise(states: Tensor, directions: Tensor, strengths: Tensor) -> Tensor:
    """h + s sign(h·v) v: away from 0 on the side a state is on. (Zou et al. 2023, RepE.)"""
    return states + (strengths * (states @ directions.mT).sign()) * directions


OPERATORS: dict[OperatorName, Operator] = {
    "add": add,
    "project_out": project_out,
    "piecewise": piecewise,
}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The rows of a batch that one operator edits at one layer.

    Attributes:
        rows: their indices; None is the whole batch.
        directions: ``(edits, 1, hidden)``.
        strengths: ``(rows or 1, 1, 1)``.
        which: each row's direction; None where all have the one there is.
    """

    operator: Operator
    rows: Tensor | None
    directions: Tensor
    strengths: Tensor
    which: Tensor | None

    def apply(self, states: Tensor, columns: Tensor | None) -> Tensor:
        """``states`` edited where ``columns`` ``(batch, columns, 1)`` says so; None is all."""
        if self.rows is None:
            before = states
        else:
            before = states[self.rows]
            columns = None if columns is None else columns[self.rows]
        directions = self.directions if self.which is None else self.directions[self.which]
        after = self.operator(before.to(directions.dtype), directions, self.strengths)
        after = after.to(states.dtype)
        if columns is not None:
            after = torch.where(columns, after, before)
        return after if self.rows is None else states.index_copy(0, self.rows, after)


class Editing:
    """The rows of a batch under `edit_blocks`, from their prompts to the end of their replies.

    Attributes:
        layers: whose outputs are looked at or edited, ascending; empty where nothing is edited.
    """

    def __init__(self, network: Any, edits: Sequence[Edit | None], prompt_mask: Tensor) -> None:
        self._network = network
        self._edits = [edit if edit is not None and edit.strength else None for edit in edits]
        distinct = {edit: None for edit in self._edits if edit is not None}
        self._conditions = sorted({e.condition.layer for e in distinct if e.condition is not None})
        self.layers = sorted(
            {layer for e in distinct for layer in e.vectors} | set(self._conditions)
        )
        self._mask = prompt_mask.bool()
        self._holds = torch.ones(len(self._edits), dtype=torch.bool, device=prompt_mask.device)
        self._columns: Tensor | None = None
        self._parts: dict[int, list[_Part]] | None = None
        self._directions: dict[tuple[int, OperatorName], tuple[Tensor, dict[Edit, int]]] = {}
        self._n_passes = 0

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows of the batch only; between two passes, the first being over."""
        if not self.layers:
            return
        self._edits = [self._edits[row] for row in rows.tolist()]
        self._holds = self._holds[rows]
        self._parts = None

    def hook(self, layer: int) -> Callable[[Any, Any, Any], Any]:
        """What is to be registered on the block of this layer."""
        return lambda _module, _inputs, output: self._edit(layer, output)

    def _edit(self, layer: int, output: Any) -> Any:
        states = block_states(self._network, layer, output)
        if layer == self.layers[0]:
            self._begin_pass(states)
        if layer in self._conditions and self._n_passes == 1:
            self._decide(layer, states)
        assert self._parts is not None
        if layer not in self._parts:
            return None
        for part in self._parts[layer]:
            states = part.apply(states, self._columns)
        return (states, *output[1:]) if isinstance(output, tuple) else states

    def _begin_pass(self, states: Tensor) -> None:
        expected = self._mask.shape if self._n_passes == 0 else (len(self._edits), states.shape[1])
        if states.shape[:2] != expected:
            raise ValueError(f"states of {tuple(states.shape[:2])} in a batch of {expected}")
        if self._n_passes == 0:
            self._columns = self._prompt_columns()
            self._parts = self._plan(
                [e if e and e.positions.prompt_tokens != 0 else None for e in self._edits], states
            )
        elif self._n_passes == 1:
            self._columns, self._parts = None, None
            self._edits = [
                edit if edit is not None and holds and edit.positions.generated else None
                for edit, holds in zip(self._edits, self._holds.tolist(), strict=True)
            ]
        if self._parts is None:
            self._parts = self._plan(self._edits, states)
        self._n_passes += 1

    def _prompt_columns(self) -> Tensor | None:
        """The columns of the prompts each row's edit names, ``(rows, columns, 1)``; None is all."""
        from_end = self._mask.flip(1).cumsum(1).flip(1)  # 1 is a row's last token
        width = self._mask.shape[1]
        counts = [
            width if e is None or e.positions.prompt_tokens is None else e.positions.prompt_tokens
            for e in self._edits
        ]
        last = torch.tensor(counts, device=self._mask.device)[:, None]
        columns = self._mask & (from_end <= last)
        return None if not self._conditions and bool(columns.all()) else columns[..., None]

    def _decide(self, layer: int, states: Tensor) -> None:
        """Which of the rows with a condition at this layer are edited."""
        found = [
            (row, edit.condition)
            for row, edit in enumerate(self._edits)
            if edit is not None and edit.condition is not None and edit.condition.layer == layer
        ]
        rows = torch.tensor([row for row, _ in found], device=states.device)
        units = _tensor(np.stack([c.unit for _, c in found]), states)
        signs = _tensor(np.array([1.0 if c.side == "above" else -1.0 for _, c in found]), states)
        thresholds = _tensor(np.array([c.threshold for _, c in found]), states)
        n_columns = self._mask.shape[1]
        last = n_columns - 1 - self._mask[rows].flip(1).int().argmax(1)
        projections = (states[rows, last].to(units.dtype) * units).sum(-1)
        self._holds[rows] = signs * projections > signs * thresholds
        assert self._columns is not None
        self._columns = self._columns & self._holds[:, None, None]

    def _plan(self, edits: Sequence[Edit | None], states: Tensor) -> dict[int, list[_Part]]:
        """Layer → its parts, for a pass in which these edits are to be applied."""
        found: dict[tuple[int, OperatorName], list[int]] = {}
        for row, edit in enumerate(edits):
            if edit is not None:
                for layer in edit.vectors:
                    found.setdefault((layer, edit.operator), []).append(row)
        parts: dict[int, list[_Part]] = {}
        for (layer, operator), rows in found.items():
            chosen = [edit for row in rows if (edit := edits[row]) is not None]
            parts.setdefault(layer, []).append(self._part(layer, operator, rows, chosen, states))
        return parts

    def _part(
        self, layer: int, operator: OperatorName, rows: list[int], edits: list[Edit], states: Tensor
    ) -> _Part:
        directions, places = self._table(layer, operator, states)
        shared = len(set(edits)) == 1
        first = places[edits[0]]
        strengths = [edits[0].strength] if shared else [edit.strength for edit in edits]
        device = states.device
        return _Part(
            operator=OPERATORS[operator],
            rows=None if len(rows) == len(states) else torch.tensor(rows, device=device),
            directions=directions[first : first + 1] if shared else directions,
            strengths=_tensor(np.array(strengths), states)[:, None, None],
            which=None if shared else torch.tensor([places[e] for e in edits], device=device),
        )

    def _table(
        self, layer: int, operator: OperatorName, states: Tensor
    ) -> tuple[Tensor, dict[Edit, int]]:
        """The directions of a layer, once each on the device, and where each edit's is."""
        key = (layer, operator)
        if key not in self._directions:
            edits = {e: None for e in self._edits if e and e.operator == operator}
            having = [edit for edit in edits if layer in edit.vectors]
            table = _tensor(np.stack([edit.direction(layer) for edit in having]), states)
            places = {edit: place for place, edit in enumerate(having)}
            self._directions[key] = (table[:, None], places)
        return self._directions[key]


def _tensor(values: np.ndarray, states: Tensor) -> Tensor:
    """Beside ``states``, in their precision but float32 at least: half a vector is too little."""
    dtype = torch.promote_types(states.dtype, torch.float32)
    return torch.from_numpy(values).to(states.device, dtype)
