"""What the model holds while it reads value pairs: one vector a text and layer.

A *block output* is what decoder layer k hands on (0-based; before any final norm), taken at one
named position of the text. Xu et al. 2024 (arXiv 2402.18120, section 3) read the last token of the
prompt at every layer; so does ``last_prompt``, while ``last_content`` leaves the closing words of a
chat template out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from isogloss.errors import DefectError, InputError
from isogloss.lab.world import Split

Position = Literal["last_content", "last_prompt", "mean"]
"""Of the text's own last token · of the last token before the reply · the mean over its tokens."""

POSITIONS: tuple[Position, ...] = get_args(Position)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activations:
    """Block outputs for the pairs of one concept in one language.

    Attributes:
        concept, language: whose.
        pair_ids: of the measured pairs, sorted; may be empty.
        cluster_ids, splits: of the same pairs, in the same order.
        positive, negative: shape ``(P, L, H)``: pairs, layers, hidden size; row i of both is
            ``pair_ids[i]``, column k is ``layers[k]``. float32, or float16 where it was stored so:
            raise it to float64 before adding up. Finite. May be memory-mapped and read-only.
        layers: 0-based numbers of the blocks, ascending.
        not_measured: id of each pair that was left out, and why.
        meta: model, weights, template, position and so on, as stored.
    """

    concept: str
    language: str
    pair_ids: tuple[str, ...]
    cluster_ids: tuple[str, ...]
    splits: tuple[Split, ...]
    positive: np.ndarray
    negative: np.ndarray
    layers: tuple[int, ...]
    not_measured: Mapping[str, str] = field(default_factory=dict[str, str])
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        n_pairs = len(self.pair_ids)
        same = len(self.cluster_ids) == len(self.splits) == n_pairs
        shape = self.positive.shape
        if not same or shape != self.negative.shape or shape[:2] != (n_pairs, len(self.layers)):
            raise DefectError(
                f"activations of {self.concept} in {self.language} do not fit together: "
                f"{n_pairs} pairs, {len(self.layers)} layers, arrays of {shape} and "
                f"{self.negative.shape}"
            )

    @property
    def n_pairs(self) -> int:
        return len(self.pair_ids)

    def rows_of(self, split: Split) -> list[int]:
        """Indices of the pairs of one split."""
        return [row for row, own in enumerate(self.splits) if own == split]

    def of_split(self, split: Split) -> Activations:
        """Only the pairs of one split, copied into memory; they may be none."""
        rows = self.rows_of(split)
        return Activations(
            concept=self.concept,
            language=self.language,
            pair_ids=tuple(self.pair_ids[row] for row in rows),
            cluster_ids=tuple(self.cluster_ids[row] for row in rows),
            splits=(split,) * len(rows),
            positive=np.asarray(self.positive[rows]),
            negative=np.asarray(self.negative[rows]),
            layers=self.layers,
            not_measured=self.not_measured,
            meta=self.meta,
        )

    def column_of(self, layer: int) -> int:
        """Where a layer lies on the second axis.

        Raises:
            InputError: the layer was not recorded.
        """
        if layer not in self.layers:
            raise InputError(
                f"layer {layer} was not recorded; there are {self.layers[0]} to {self.layers[-1]}"
                if self.layers
                else f"layer {layer} was not recorded; none was"
            )
        return self.layers.index(layer)
