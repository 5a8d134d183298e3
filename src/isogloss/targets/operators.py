"""What steering does to a batch at one layer: the operators, and how its rows are put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isogloss.targets.edits import Edit, OperatorName

Operator = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(states (rows, columns, hidden), directions (rows or 1, 1, hidden), strengths (rows or 1, 1, 1))
→ the edited states."""


def add(states: Tensor, directions: Tensor, strengths: Tensor) -> Tensor:
    """h + s v: the linear combination of Zou et al. 2023 (representation engineering)."""
    return states + strengths * directions


def project_out(states: Tensor, directions: Tensor, strengths: Tensor) -> Tensor:
    """h - s (h·u) u, u the unit direction: their projection where s = 1, which leaves none of u."""
    return states - strengths * (states @ directions.mT) * directions


def piecewise(states: Tensor, directions: Tensor, strengths: Tensor) -> Tensor:
    """h + s sign(h·v) v: their piece-wise operation, away from 0 on the side a state is on."""
    return states + strengths * (states @ directions.mT).sign() * directions


OPERATORS: dict[OperatorName, Operator] = {
    "add": add,
    "project_out": project_out,
    "piecewise": piecewise,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
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
        before = states
        if self.rows is not None:
            before = states[self.rows]
            columns = None if columns is None else columns[self.rows]
        directions = self.directions if self.which is None else self.directions[self.which]
        after = self.operator(before.to(directions.dtype), directions, self.strengths)
        after = after.to(states.dtype)
        if columns is not None:
            after = torch.where(columns, after, before)
        return after if self.rows is None else states.index_copy(0, self.rows, after)


class Planner:
    """Puts the edits of a batch's rows together, so that a layer costs few operations.

    Each edit's direction is brought to the device once, however many rows and passes use it.
    """

    def __init__(self, edits: Sequence[Edit | None]) -> None:
        self._edits = list({edit: None for edit in edits if edit is not None})
        self._tables: dict[tuple[int, OperatorName], tuple[Tensor, dict[Edit, int]]] = {}

    def plan(self, edits: Sequence[Edit | None], states: Tensor) -> dict[int, list[Part]]:
        """Layer → what is done there, for a pass over rows that are to be edited like this."""
        found: dict[tuple[int, OperatorName], dict[int, Edit]] = {}
        for row, edit in enumerate(edits):
            if edit is not None:
                for layer in edit.vectors:
                    found.setdefault((layer, edit.operator), {})[row] = edit
        parts: dict[int, list[Part]] = {}
        for (layer, operator), rows in found.items():
            part = self._part(layer, operator, rows, states, whole=len(rows) == len(edits))
            parts.setdefault(layer, []).append(part)
        return parts

    def _part(
        self,
        layer: int,
        operator: OperatorName,
        rows: dict[int, Edit],
        states: Tensor,
        *,
        whole: bool,
    ) -> Part:
        directions, places = self._table(layer, operator, states)
        each = list(rows.values())
        shared, first = len(set(each)) == 1, places[each[0]]
        strengths = np.array([edit.strength for edit in (each[:1] if shared else each)])
        return Part(
            operator=OPERATORS[operator],
            rows=None if whole else torch.tensor(list(rows), device=states.device),
            directions=directions[first : first + 1] if shared else directions,
            strengths=beside(states, strengths)[:, None, None],
            which=None if shared else torch.tensor([places[e] for e in each], device=states.device),
        )

    def _table(
        self, layer: int, operator: OperatorName, states: Tensor
    ) -> tuple[Tensor, dict[Edit, int]]:
        if (layer, operator) not in self._tables:
            edits = [e for e in self._edits if e.operator == operator and layer in e.vectors]
            directions = np.stack([edit.direction(layer) for edit in edits])
            places = {edit: place for place, edit in enumerate(edits)}
            self._tables[layer, operator] = (beside(states, directions)[:, None], places)
        return self._tables[layer, operator]


def beside(states: Tensor, values: np.ndarray) -> Tensor:
    """Values on the states' device, in their precision but float32 at least.

    A half would round a direction before it is used, and a projection while it is summed.
    """
    dtype = torch.promote_types(states.dtype, torch.float32)
    return torch.from_numpy(values).to(states.device, dtype)
