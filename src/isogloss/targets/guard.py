"""A guard: edits by language that go with one model, in one safetensors file.

A guard makes a model refuse what it reads as harmful in languages where it does not by itself. It
holds, for every language it covers, which layers are pushed where and how far, and the condition:
the direction and threshold at the prompt's last token that say whether a request is steered at all.
Requests in other languages are left alone. Everything is numbers: no code, no text of prompts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from isogloss.errors import InputError, ModelError, StoreError
from isogloss.seeds import content_hash
from isogloss.targets.checkpoint import first_sentence
from isogloss.targets.editing import check_edits
from isogloss.targets.edits import Condition, Edit, OperatorName, Side, parse_positions
from isogloss.targets.model import LocalModel

FORMAT = "isogloss guard 1"
LAYER_CONVENTION = "0-based block output"


class GuardOrigin(BaseModel):
    """Where a guard comes from; what its readers need to judge it.

    Attributes:
        model: the target's name.
        weights: fingerprint of the weights it was made for; it is refused by others.
        model_type: the architecture's name in its config.
        concept, source_language: of the direction.
        toward: which way requests are pushed.
        examples: labelled examples a class and language behind each threshold.
        template: how prompts were put to the model.
        versions: of the packages that made it.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    model: str
    weights: str
    model_type: str
    concept: str
    source_language: str
    toward: Literal["comply", "refuse"]
    examples: int
    template: str
    versions: dict[str, str]


class _Entry(BaseModel):
    """One language in the header; its numbers are tensors."""

    model_config = ConfigDict(extra="forbid", strict=True)

    layers: list[int]
    strength: float
    operator: OperatorName
    positions: str
    gate_layer: int | None
    threshold: float | None
    side: Side | None


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal["isogloss guard 1"]
    layer_convention: Literal["0-based block output"]
    origin: GuardOrigin
    languages: dict[str, _Entry]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Guard:
    """Edits by language.

    Attributes:
        edits: canonical tag → what is done to requests in it; languages not here are left alone.
    """

    origin: GuardOrigin
    edits: Mapping[str, Edit]

    @property
    def fingerprint(self) -> str:
        """Changes with any number in it; part of a steered reply's key."""
        return content_hash(_encode(self).hex())

    def check(self, model: LocalModel) -> None:
        """That it was made for this model.

        Raises:
            ModelError: other weights, or another width or depth.
        """
        if self.origin.weights != model.weights:
            raise ModelError(
                f"this guard was made for {self.origin.model} (weights {self.origin.weights}), and "
                f"{model.source} has other weights ({model.weights}): directions of one model mean "
                "nothing in another. Make one with isogloss control."
            )
        check_edits(model.network, self.edits.values())


def save_guard(guard: Guard, path: Path) -> None:
    """Write the file, whole or not at all.

    Raises:
        StoreError: it cannot be written there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(_encode(guard))
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"the guard cannot be written to {path}: {error}.") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def load_guard(path: Path) -> Guard:
    """Read a file back, bit for bit.

    Raises:
        InputError: there is none, it is not a guard, or its parts do not fit together.
    """
    if not path.is_file():
        raise InputError(
            f"there is no guard at {path}; isogloss control writes one with --guard-out"
        )
    try:
        opened: Any = safe_open(str(path), framework="np")
        with opened as file:
            metadata: dict[str, str] = file.metadata() or {}
            if "isogloss" not in metadata:
                raise InputError(f"{path} is not a guard of Isogloss: it has no header")
            header = _Header.model_validate_json(metadata["isogloss"])
            edits = {tag: _edit(file, tag, one) for tag, one in header.languages.items()}
    except (SafetensorError, OSError, ValidationError) as error:
        raise InputError(f"{path} cannot be read as a guard: {first_sentence(error)}") from error
    return Guard(origin=header.origin, edits=edits)


def _encode(guard: Guard) -> bytes:
    tensors: dict[str, np.ndarray] = {}
    languages: dict[str, _Entry] = {}
    for tag, edit in sorted(guard.edits.items()):
        for layer, vector in edit.vectors.items():
            tensors[f"{tag}/edit/{layer}"] = np.ascontiguousarray(vector, dtype=np.float32)
        gate = edit.condition
        if gate is not None:
            tensors[f"{tag}/gate"] = np.ascontiguousarray(gate.direction, dtype=np.float32)
        languages[tag] = _Entry(
            layers=sorted(edit.vectors),
            strength=edit.strength,
            operator=edit.operator,
            positions=str(edit.positions),
            gate_layer=None if gate is None else gate.layer,
            threshold=None if gate is None else gate.threshold,
            side=None if gate is None else gate.side,
        )
    header = _Header(
        format=FORMAT,
        layer_convention=LAYER_CONVENTION,
        origin=guard.origin,
        languages=languages,
    )
    text = json.dumps(header.model_dump(), sort_keys=True, ensure_ascii=False)
    return save(tensors, metadata={"isogloss": text})


def _edit(file: Any, tag: str, entry: _Entry) -> Edit:
    condition = None
    if entry.gate_layer is not None and entry.threshold is not None and entry.side is not None:
        condition = Condition(
            layer=entry.gate_layer,
            direction=file.get_tensor(f"{tag}/gate"),
            threshold=entry.threshold,
            side=entry.side,
        )
    return Edit(
        vectors={layer: file.get_tensor(f"{tag}/edit/{layer}") for layer in entry.layers},
        strength=entry.strength,
        operator=entry.operator,
        positions=parse_positions(entry.positions),
        condition=condition,
    )
