"""What a search goes through: layers × strength × operator, and what "towards" means for each.

A strength is a positive number. Its unit is ``residual``, a fraction of the typical length of the
hidden states at the layer (so that directions of any length, random ones too, are pushed equally
far), or ``vector``, multiples of the direction's own length (1 moves one pole's mean onto the
other's). Which way it pushes follows from ``toward``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np

from isogloss.errors import InputError
from isogloss.targets.edits import OperatorName, parse_positions

Toward = Literal["comply", "refuse"]
Unit = Literal["residual", "vector"]

ADDING: dict[str, Toward] = {"harmfulness": "comply"}
"""What adding a concept's vector, which points to its positive pole, makes a model do. A request
moved towards *harmless* looks harmless, and is complied with."""

STRENGTHS = (0.1, 0.2, 0.35, 0.6, 1.0)
MAX_SINGLE_LAYERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One point of a search.

    Attributes:
        layers: 0-based, ascending.
        strength: above 0; of ``project_out``, the part that is removed (1 is all).
        operator: what is done with the direction.
        unit: of the strength; ``project_out`` has none.
        positions: which tokens, as `isogloss.targets.edits.parse_positions` reads them.

    Raises:
        InputError: no layers, one twice or below 0, or a strength that is not a positive number.
    """

    layers: tuple[int, ...]
    strength: float
    operator: OperatorName = "add"
    unit: Unit = "residual"
    positions: str = "all"

    def __post_init__(self) -> None:
        if not self.layers or sorted(set(self.layers)) != list(self.layers) or self.layers[0] < 0:
            raise InputError(
                f"a setting edits one layer or more, each once, in order and from 0 on; got "
                f"{self.layers}"
            )
        if not (np.isfinite(self.strength) and self.strength > 0):
            raise InputError(
                f"a strength is a number above 0, not {self.strength}; --toward says which way"
            )
        if self.operator not in get_args(OperatorName):
            names = ", ".join(get_args(OperatorName))
            raise InputError(f"unknown operator {self.operator!r}; choose from {names}")
        if self.unit not in get_args(Unit):
            raise InputError(f"unknown unit {self.unit!r}; choose from {', '.join(get_args(Unit))}")
        parse_positions(self.positions)

    @property
    def name(self) -> str:
        """``add 0.3 residual at 2,3 (all)``: unique, and what tables show."""
        unit = "" if self.operator == "project_out" else f" {self.unit}"
        layers = ",".join(map(str, self.layers))
        return f"{self.operator} {self.strength:g}{unit} at {layers} ({self.positions})"


def signed_strength(setting: Setting, toward: Toward, adding: Toward) -> float:
    """The strength with the sign that pushes ``toward``.

    ``add``: with the vector where adding it does just that, else against it. ``piecewise`` drives
    every state further to the side of the direction it is on: what looks harmful looks more so,
    and is refused; towards compliance it pulls every state back over the middle. ``project_out``
    has no direction.

    Args:
        adding: what adding the vector makes a model do (`ADDING`).
    """
    if setting.operator == "project_out":
        return setting.strength
    if setting.operator == "piecewise":
        return setting.strength if toward == "refuse" else -setting.strength
    return setting.strength if toward == adding else -setting.strength


def polarity(concept: str, adding: Toward | None) -> Toward:
    """What adding the concept's vector does; given, or known for the concept.

    Raises:
        InputError: unknown and not given.
    """
    if adding is not None:
        return adding
    if concept not in ADDING:
        raise InputError(
            f"whether adding the vector of {concept!r} makes a model comply or refuse is not known "
            f"(it is for {', '.join(ADDING)}); say it with --adding comply or --adding refuse"
        )
    return ADDING[concept]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchGrid:
    """What is searched; None lets `settings_of` choose by the model's depth.

    Attributes:
        layers: sets of layers.
        strengths: above 0, for ``add`` and ``piecewise``.
        operators: names.
        unit: of the strengths.
        positions: which tokens.
    """

    layers: tuple[tuple[int, ...], ...] | None = None
    strengths: tuple[float, ...] = STRENGTHS
    operators: tuple[OperatorName, ...] = ("add", "project_out", "piecewise")
    unit: Unit = "residual"
    positions: str = "all"


def read_grid(
    *,
    layers: str | None,
    strengths: str | None,
    operators: str | None,
    unit: Unit,
    positions: str,
) -> SearchGrid:
    """A grid from what is typed: ``3;4;3,4``, ``0.1,0.3``, ``add,piecewise``; None is the default.

    Raises:
        InputError: not numbers, or names that are none.

    Example:
        >>> grid = read_grid(layers="1;1,2", strengths="0.5", operators="add", unit="residual",
        ...                  positions="all")
        >>> grid.layers
        ((1,), (1, 2))
    """
    default = SearchGrid()
    names = default.operators if operators is None else tuple(operators.split(","))
    for name in names:
        if name not in get_args(OperatorName):
            raise InputError(
                f"unknown operator {name!r}; choose from {', '.join(get_args(OperatorName))}"
            )
    sets, doses = default.layers, default.strengths
    try:
        if layers is not None:
            parts = [part.split(",") for part in layers.split(";")]
            sets = tuple(tuple(sorted({int(n) for n in part})) for part in parts)
        if strengths is not None:
            doses = tuple(sorted({float(n) for n in strengths.split(",")}))
    except ValueError as error:
        raise InputError(
            f"{error}: layers are written 3;4;3,4 (sets parted by semicolons), strengths 0.1,0.3"
        ) from None
    return SearchGrid(
        layers=sets,
        strengths=doses,
        operators=names,  # type: ignore[arg-type]
        unit=unit,
        positions=positions,
    )


def settings_of(grid: SearchGrid, n_layers: int) -> list[Setting]:
    """Every setting of a grid, in a fixed order: by operator, layers, rising strength.

    Raises:
        InputError: nothing to search, a layer that the model does not have, or a setting that is
            none.
    """
    sets = grid.layers if grid.layers is not None else default_layers(n_layers)
    if beyond := sorted({layer for layers in sets for layer in layers if layer >= n_layers}):
        raise InputError(
            f"there is no layer {beyond[0]}: the model has the layers 0 to {n_layers - 1}"
        )
    found = [
        Setting(
            layers=layers,
            strength=strength,
            operator=operator,
            unit=grid.unit,
            positions=grid.positions,
        )
        for operator in grid.operators
        for layers, strength in product(
            sets, (1.0,) if operator == "project_out" else grid.strengths
        )
    ]
    if not found:
        raise InputError("the grid is empty: it needs layers, strengths and operators")
    return found


def default_layers(n_layers: int) -> tuple[tuple[int, ...], ...]:
    """Single layers (at most eight, evenly spaced), the upper half, and all of them.

    Example:
        >>> default_layers(3)
        ((0,), (1,), (2,), (1, 2), (0, 1, 2))
    """
    chosen = np.unique(np.linspace(0, n_layers - 1, min(n_layers, MAX_SINGLE_LAYERS)).round())
    singles: list[tuple[int, ...]] = [(int(layer),) for layer in chosen]
    bands: Sequence[tuple[int, ...]] = (
        tuple(range(n_layers // 2, n_layers)),
        tuple(range(n_layers)),
    )
    return tuple(dict.fromkeys([*singles, *bands]))
