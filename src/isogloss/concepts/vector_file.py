"""`ConceptVectors` and their file: safetensors, with everything needed to read them in its header.

A file holds ``vectors`` (L, H) float32, ``layers`` (L,) and ``norms`` (L,); its metadata one JSON
text under ``isogloss``. A direction without its layer convention, token position and polarity is
worthless: others count layers from the embedding or from 1, and take the sign the other way round.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from isogloss.concepts.vectors import Method, SourceVectors
from isogloss.errors import InputError, StoreError

LAYER_CONVENTION = "0-based block output"
POLARITY = "towards the positive (value-aligned) pole"
PACKAGES = ("isogloss", "numpy", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorOrigin:
    """Where vectors come from: what a run knows once for all of them.

    Attributes:
        model: the target's name.
        revision: commit or fingerprint of its weights; None where neither is known.
        model_type: the architecture's name in its config (``llama``, ``qwen2``); None if unknown.
        template: the prompt template the pairs were put in, by name or in full.
        position: ``last content token``, ``last prompt token`` or ``mean``.
        split: what the vectors were learned from.
    """

    model: str
    revision: str | None = None
    model_type: str | None = None
    template: str
    position: str
    split: str = "train"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConceptVectors:
    """The directions of one concept in one language.

    Attributes:
        layers: L block indices, counted from 0; a vector lives in the *output* of its block.
        vectors: (L, H) float32, towards the positive pole.
        n_pairs, n_clusters: training pairs and clusters they were learned from.
        origin: model, template, position.
        versions: of the packages that made them.
    """

    concept: str
    language: str
    method: Method
    layers: tuple[int, ...]
    vectors: NDArray[np.float32]
    n_pairs: int
    n_clusters: int
    origin: VectorOrigin
    versions: dict[str, str]

    @property
    def norms(self) -> NDArray[np.float64]:
        """(L,) lengths: of mean differences in units of the activations, else 1."""
        return np.linalg.norm(self.vectors.astype(np.float64), axis=1)


class _Header(BaseModel):
    """The metadata of a file, as it must be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    concept: str
    language: str
    method: Method
    n_pairs: int
    n_clusters: int
    layer_convention: Literal["0-based block output"]
    polarity: Literal["towards the positive (value-aligned) pole"]
    origin: dict[str, str | None]
    versions: dict[str, str]


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide what a vector is, without importing them."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def concept_vectors(learned: SourceVectors, origin: VectorOrigin) -> list[ConceptVectors]:
    """One object a language that has a vector; the others' reasons are in ``learned.reasons``."""
    versions = package_versions()
    return [
        ConceptVectors(
            concept=learned.concept,
            language=language,
            method=learned.method,
            layers=learned.layers,
            vectors=learned.vectors[index].astype(np.float32),
            n_pairs=learned.n_pairs[index],
            n_clusters=learned.n_clusters[index],
            origin=origin,
            versions=versions,
        )
        for index, language in enumerate(learned.languages)
        if learned.reasons[index] is None
    ]


def save_vectors(vectors: ConceptVectors, path: Path) -> None:
    """Write one file, whole or not at all.

    Raises:
        StoreError: the folder cannot be written to.
    """
    header = _Header(
        concept=vectors.concept,
        language=vectors.language,
        method=vectors.method,
        n_pairs=vectors.n_pairs,
        n_clusters=vectors.n_clusters,
        layer_convention=LAYER_CONVENTION,
        polarity=POLARITY,
        origin=asdict(vectors.origin),
        versions=vectors.versions,
    )
    tensors = {
        "vectors": np.ascontiguousarray(vectors.vectors, dtype=np.float32),
        "layers": np.array(vectors.layers, dtype=np.int64),
        "norms": vectors.norms,
    }
    metadata = {"isogloss": json.dumps(header.model_dump(), sort_keys=True, ensure_ascii=False)}
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(save(tensors, metadata=metadata))
        os.replace(partial, path)
    except OSError as error:
        raise StoreError(f"the vectors cannot be written to {path}: {error}.") from error


def load_vectors(path: Path) -> ConceptVectors:
    """Read one file back, bit for bit.

    Raises:
        InputError: not safetensors, not ours, or its tensors do not fit together.
    """
    try:
        opened: Any = safe_open(str(path), framework="np")
        with opened as file:
            metadata: dict[str, str] = file.metadata() or {}
            names: set[str] = set(file.keys())
            if "isogloss" not in metadata or not {"vectors", "layers"} <= names:
                raise InputError(
                    f"{path} holds no concept vectors of Isogloss (tensors: "
                    f"{', '.join(sorted(names)) or 'none'}); name a file of RUN/vectors/."
                )
            header = _Header.model_validate_json(metadata["isogloss"])
            origin = VectorOrigin(**header.origin)  # pyright: ignore[reportArgumentType]
            vectors: NDArray[np.float32] = file.get_tensor("vectors")
            layers: NDArray[np.int64] = file.get_tensor("layers")
    except (SafetensorError, OSError, ValidationError, TypeError) as error:
        raise InputError(f"{path} cannot be read as concept vectors: {error}") from error
    if vectors.ndim != 2 or layers.shape != vectors.shape[:1] or vectors.dtype != np.float32:
        raise InputError(
            f"{path}: vectors of shape {vectors.shape} ({vectors.dtype}) do not fit layers of "
            f"shape {layers.shape}; expected float32 (layers, width)."
        )
    return ConceptVectors(
        concept=header.concept,
        language=header.language,
        method=header.method,
        layers=tuple(int(layer) for layer in layers),
        vectors=vectors,
        n_pairs=header.n_pairs,
        n_clusters=header.n_clusters,
        origin=origin,
        versions=header.versions,
    )
