"""What is done to hidden states while a model runs: the nouns of steering, free of torch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from isogloss.errors import InputError

OperatorName = Literal["add", "project_out", "piecewise"]
Side = Literal["below", "above"]

_WORDS = {"all": (None, True), "prompt": (None, False), "generated": (0, True)}
_LAST = re.compile(r"last:([1-9][0-9]*)(\+generated)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Which tokens of a row are edited. Padding never is.

    Attributes:
        prompt_tokens: the last so many of the prompt; None is the whole prompt, 0 none of it.
        generated: also every token the model writes. The first of them is chosen by the prompt's
            last token: with ``prompt_tokens=0`` it is the unedited model's.

    Raises:
        InputError: no token at all, or fewer than none.
    """

    prompt_tokens: int | None = None
    generated: bool = True

    def __post_init__(self) -> None:
        if self.prompt_tokens is not None and self.prompt_tokens < (0 if self.generated else 1):
            raise InputError(
                f"positions name no token to edit (prompt_tokens={self.prompt_tokens}, "
                f"generated={self.generated}); edit 1 or more of the prompt's, or the generated."
            )

    def __str__(self) -> str:
        """The form `parse_positions` reads."""
        for word, fields in _WORDS.items():
            if fields == (self.prompt_tokens, self.generated):
                return word
        return f"last:{self.prompt_tokens}" + "+generated" * self.generated


def parse_positions(text: str) -> Positions:
    """Positions from ``all``, ``prompt``, ``generated``, ``last:K`` or ``last:K+generated``.

    Raises:
        InputError: anything else.

    Example:
        >>> parse_positions("last:2+generated")
        Positions(prompt_tokens=2, generated=True)
    """
    if text in _WORDS:
        prompt_tokens, generated = _WORDS[text]
        return Positions(prompt_tokens=prompt_tokens, generated=generated)
    if match := _LAST.fullmatch(text):
        return Positions(prompt_tokens=int(match[1]), generated=match[2] is not None)
    raise InputError(
        f"{text!r} names no positions; use {', '.join(_WORDS)}, last:K or last:K+generated with "
        "K of 1 or more."
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Condition:
    """Edit a row only if what it reads looks a certain way.

    What is looked at is the projection of the block output of the prompt's last token, not edited
    yet, on the direction. It is decided once, by the forward pass that reads the prompt, and holds
    for the whole reply.

    Attributes:
        layer: 0-based, of the block output; not above the lowest edited layer.
        direction: ``(hidden,)``; its length does not matter.
        threshold: in the units of the hidden states.
        side: edited where the projection is strictly ``below`` or strictly ``above`` the threshold.

    Raises:
        InputError: a value that cannot be used.
    """

    layer: int
    direction: np.ndarray
    threshold: float
    side: Side

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "direction", _checked_vector(self.direction, "the condition's direction")
        )
        if not math.isfinite(self.threshold):
            raise InputError(
                f"the condition's threshold is {self.threshold}; it must be a finite number."
            )
        if self.side not in get_args(Side):
            raise InputError(f"the condition's side is {self.side!r}; use below or above.")

    @property
    def unit(self) -> np.ndarray:
        """The direction at length 1, float32."""
        return _unit(self.direction)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edit:
    """A change of a model's hidden states, to be applied to a row of a batch.

    Two edits are equal only if they are one object: rows that share an edit share its tensors.

    Attributes:
        vectors: layer (0-based, of the block output) → direction ``(hidden,)``, float32.
        strength: 0 changes nothing, to the bit; see `isogloss.targets.operators.OPERATORS`.
        operator: what is done with the direction.
        positions: which tokens are edited.
        condition: which rows are; None is every one.

    Raises:
        InputError: a value that cannot be used with any model.

    Example:
        >>> edit = Edit(vectors={3: np.ones(64, np.float32)}, strength=-2.0, operator="add")
        >>> str(edit.positions)
        'all'
    """

    vectors: Mapping[int, np.ndarray]
    strength: float
    operator: OperatorName
    positions: Positions = Positions()
    condition: Condition | None = None

    def __post_init__(self) -> None:
        if not self.vectors:
            raise InputError("an edit has no vectors; give it one for at least one layer.")
        checked = {
            layer: _checked_vector(vector, f"the vector of layer {layer}")
            for layer, vector in self.vectors.items()
        }
        object.__setattr__(self, "vectors", checked)
        if not math.isfinite(self.strength):
            raise InputError(f"an edit's strength is {self.strength}; it must be a finite number.")
        if self.operator not in get_args(OperatorName):
            names = ", ".join(get_args(OperatorName))
            raise InputError(f"{self.operator!r} is not an operator; use {names}.")
        if self.condition is not None and self.condition.layer > self.lowest_layer:
            raise InputError(
                f"an edit of layer {self.lowest_layer} hangs on a condition at layer "
                f"{self.condition.layer}, which is known too late; use a condition at layer "
                f"{self.lowest_layer} or below, or edit from layer {self.condition.layer} on."
            )

    @property
    def lowest_layer(self) -> int:
        """The first block whose output is edited."""
        return min(self.vectors)

    def direction(self, layer: int) -> np.ndarray:
        """What the operator takes: the layer's vector, at length 1 for ``project_out``."""
        vector = self.vectors[layer]
        return _unit(vector) if self.operator == "project_out" else vector


def _checked_vector(vector: np.ndarray, name: str) -> np.ndarray:
    """A float32 copy."""
    vector = np.array(vector, dtype=np.float32)
    if vector.ndim != 1:
        raise InputError(f"{name} has the shape {vector.shape}; it must be (hidden,).")
    if n_bad := int((~np.isfinite(vector)).sum()):
        raise InputError(
            f"{name} has {n_bad} of {vector.size} values that are not finite numbers; make it "
            "again."
        )
    if not vector.any():
        raise InputError(f"{name} is zero everywhere and points nowhere; use another.")
    return vector


def _unit(vector: np.ndarray) -> np.ndarray:
    wide = vector.astype(np.float64)  # in which no float32 is too small to be squared
    return (wide / np.linalg.norm(wide)).astype(np.float32)
