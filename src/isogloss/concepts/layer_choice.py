"""Which layer's vector counts, decided before any test item is looked at.

``validation``: one layer for a model and concept, where the languages' own vectors recognise their
own *validation* pairs best on average. ``fixed``: as given. ``paper``: what P2's code does, for
comparison only: every cell of a matrix takes the maximum over layers on the *test* pairs, which
rises with the number of layers even where nothing is there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isogloss.concepts.recognition import Recognition
from isogloss.errors import InputError
from isogloss.stats.distributions import Array

LayerRule = Literal["validation", "fixed", "paper"]

DESCRIPTIONS: dict[LayerRule, str] = {
    "validation": "layer by mean own-language validation accuracy",
    "fixed": "layer as given",
    "paper": "PAPER MODE: maximum over layers on the test pairs, optimistic",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerChoice:
    """The layers a concept is measured at.

    Attributes:
        rule: how they were chosen.
        layer: the one block index; None in ``paper`` mode, where every cell has its own.
        columns: (S, T) position of each cell's layer among the recorded ones.
        layers: (S, T) 0-based block indices, by cell.
        accuracy: (L,) the mean validation accuracy it was chosen by; None for the other rules.
        n_languages: languages in that mean.
    """

    rule: LayerRule
    layer: int | None
    columns: NDArray[np.int64]
    layers: NDArray[np.int64]
    accuracy: Array | None = None
    n_languages: int = 0

    @property
    def description(self) -> str:
        """For the ``method`` of every row that depends on it."""
        return DESCRIPTIONS[self.rule]

    def at(self, values: Array) -> Array:
        """(S, T, ...) the chosen layer's entries of (S, T, L, ...) values."""
        s, t = np.indices(self.columns.shape)
        return values[s, t, self.columns]

    def at_own(self, values: Array, own: NDArray[np.int64]) -> Array:
        """(T, ...) the chosen layer's entries of (T, L, ...) values of own vectors."""
        t = np.arange(len(own))
        return values[t, self.columns[own, t]]


def choose_layer(validation: Recognition) -> LayerChoice | str:
    """The layer with the best mean own-language accuracy; the earliest where several are equal.

    Returns:
        The choice, or the reason why there is none: no language has enough validation pairs.
    """
    accuracy = validation.own_accuracy
    measured = ~np.isnan(accuracy[:, 0])
    if not measured.any():
        reasons = [r for r in (*validation.target_reasons, *validation.source_reasons) if r]
        return f"no layer could be chosen on validation: {reasons[0] if reasons else 'no language'}"
    mean: Array = accuracy[measured].mean(axis=0)
    best = int(np.argmax(np.round(mean, 12)))
    choice = fixed_layer(validation, validation.layers[best])
    return replace(choice, rule="validation", accuracy=mean, n_languages=int(measured.sum()))


def fixed_layer(test: Recognition, layer: int) -> LayerChoice:
    """The layer given.

    Raises:
        InputError: the model has no such block.
    """
    if layer not in test.layers:
        raise InputError(
            f"layer {layer} was asked for, but the {len(test.layers)} recorded layers are "
            f"{', '.join(map(str, test.layers)) or 'none'}; name one of them (0 is the output of "
            "the first block)."
        )
    shape = test.correct.shape[:2]
    return LayerChoice(
        rule="fixed",
        layer=layer,
        columns=np.full(shape, test.layers.index(layer), dtype=np.int64),
        layers=np.full(shape, layer, dtype=np.int64),
    )


def paper_layers(test: Recognition) -> LayerChoice:
    """Each cell's best test layer (P2's released code), where ties still count one half."""
    accuracy = np.where(test.measured[:, :, None], test.accuracy, 0.0)
    best = np.argmax(np.round(accuracy, 12), axis=2).astype(np.int64)
    return LayerChoice(
        rule="paper", layer=None, columns=best, layers=np.array(test.layers, dtype=np.int64)[best]
    )
