"""Concept vectors as a llama.cpp control vector (GGUF), for ``--control-vector``.

The format: architecture ``controlvector``, a ``model_hint``, a ``layer_count``, and one 1-D float32
tensor ``direction.K`` a layer. llama.cpp adds ``direction.K`` to the output of block K, counted
from 0, at every token (``llama-adapter.cpp``; in the graphs ``build_cvec`` stands right before
``l_out``): our layer K. It has no slot for block 0 and refuses a ``direction.0``, so layer 0 is
left out and named in the result.

Adding the vector pushes towards the positive pole. For harmfulness that is "this is harmless", and
the model complies: scale by a negative number to refuse.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.concepts.vector_file import LAYER_CONVENTION, POLARITY, ConceptVectors
from isogloss.errors import InputError, MissingExtraError, StoreError

ARCHITECTURE = "controlvector"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedVectors:
    """What an export wrote.

    Attributes:
        path: the file.
        layers: 0-based blocks it changes.
        left_out: asked for, but not in the file, with the reason of each.
    """

    path: Path
    layers: tuple[int, ...]
    left_out: dict[int, str]


def export_gguf(
    vectors: ConceptVectors, path: Path, *, layers: Collection[int] | None = None
) -> ExportedVectors:
    """Write vectors as a GGUF control vector.

    Args:
        vectors: of one concept and language.
        path: the file to write; replaced if there.
        layers: which of them; default all. The layer chosen on validation is a good first try.

    Raises:
        MissingExtraError: the ``gguf`` package is not installed.
        InputError: a layer that is not there, or nothing left once layer 0 is out.
        StoreError: the file cannot be written.
    """
    asked = sorted(set(vectors.layers if layers is None else layers))
    unknown = [layer for layer in asked if layer not in vectors.layers]
    if unknown:
        raise InputError(
            f"there is no vector at layer {', '.join(map(str, unknown))}; these are: "
            f"{', '.join(map(str, vectors.layers))}."
        )
    left_out: dict[int, str] = {}
    directions: dict[int, np.ndarray[Any, Any]] = {}
    for layer in asked:
        direction = vectors.vectors[vectors.layers.index(layer)]
        if layer == 0:
            left_out[0] = "llama.cpp's control vectors have no slot for the first block"
        elif not direction.any():
            left_out[layer] = "the vector is zero: the poles do not differ at this layer"
        else:
            directions[layer] = np.ascontiguousarray(direction, dtype=np.float32)
    if not directions:
        reasons = "; ".join(f"layer {layer}: {why}" for layer, why in left_out.items())
        raise InputError(f"nothing to export ({reasons or 'no layer asked for'}).")
    _write(vectors, directions, path)
    return ExportedVectors(path=path, layers=tuple(directions), left_out=left_out)


def _write(
    vectors: ConceptVectors, directions: dict[int, np.ndarray[Any, Any]], path: Path
) -> None:
    try:
        from gguf import GGUFWriter
    except ImportError as error:
        raise MissingExtraError("gguf", "gguf") from error
    origin = vectors.origin
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer: Any = GGUFWriter(partial, ARCHITECTURE)
        writer.add_string(f"{ARCHITECTURE}.model_hint", origin.model_type or origin.model)
        writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(directions))
        writer.add_description(
            f"{vectors.concept} in {vectors.language}, {vectors.method}, {POLARITY}"
        )
        for key, value in _provenance(vectors).items():
            writer.add_string(f"isogloss.{key}", value)
        for layer, direction in directions.items():
            writer.add_tensor(f"direction.{layer}", direction)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        os.replace(partial, path)
    except OSError as error:
        raise StoreError(f"the control vector cannot be written to {path}: {error}.") from error


def _provenance(vectors: ConceptVectors) -> dict[str, str]:
    origin = vectors.origin
    return {
        "concept": vectors.concept,
        "language": vectors.language,
        "method": vectors.method,
        "model": origin.model,
        "revision": origin.revision or "unknown",
        "position": origin.position,
        "template": origin.template,
        "polarity": POLARITY,
        "layer_convention": LAYER_CONVENTION,
        "version": vectors.versions.get("isogloss", "unknown"),
    }
