"""Activations on disk: one safetensors file a concept and language, read as a memory map.

A file is complete or it is not there: rows are written to ``….part``, which is renamed when the
last one is in. So a killed run starts the group it was in again and repeats no other one, and as
the file holds nothing but what its content key names (no clock, no order of work), the repeat gives
the same bytes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from isogloss.concepts.activations import Activations
from isogloss.errors import DefectError, StoreError
from isogloss.seeds import content_hash

StoredDtype = Literal["float32", "float16"]
_SAFETENSORS_NAME: dict[StoredDtype, str] = {"float32": "F32", "float16": "F16"}
_NUMPY: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}
_HEADER_LIMIT = 100_000_000
_FORMAT = "isogloss activations 1"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationStore:
    """The folder of a run that holds its activations.

    Args:
        folder: ``RUN/activations``; made when something is written.

    Example:
        >>> store = ActivationStore(folder=Path("RUN/activations"))
        >>> for concept, language in store.groups():  # doctest: +SKIP
        ...     activations = store.read(concept, language)
    """

    folder: Path

    def path(self, concept: str, language: str) -> Path:
        """Where a group's file is, there or not."""
        return self.folder / _file_name(concept) / f"{_file_name(language)}.safetensors"

    def groups(self) -> list[tuple[str, str]]:
        """(concept, language) of every complete file, sorted.

        Raises:
            StoreError: one of them is not a file of activations.
        """
        headers = [_read_header(path)[0] for path in self.folder.glob("*/*.safetensors")]
        return sorted((header.concept, header.language) for header in headers)

    def key_of(self, concept: str, language: str) -> str | None:
        """What the stored group was made from; None where there is no complete file."""
        path = self.path(concept, language)
        return _read_header(path)[0].key if path.is_file() else None

    def read(self, concept: str, language: str) -> Activations:
        """A group's activations, memory-mapped and read-only.

        Raises:
            StoreError: no complete file, or it is damaged.
        """
        path = self.path(concept, language)
        if not path.is_file():
            raise StoreError(
                f"{path}: no activations of {concept} in {language} are stored; record them first"
            )
        header, start = _read_header(path)
        shape = (len(header.pair_ids), len(header.layers), header.hidden_size)
        size = int(np.prod(shape)) * header.dtype.itemsize
        if path.stat().st_size != start + 2 * size:
            raise StoreError(f"{path}: has not the size its header says; remove it, record anew")

        def pole(offset: int) -> np.ndarray:
            if size == 0:
                return np.zeros(shape, header.dtype)
            return np.memmap(path, header.dtype, mode="r", offset=start + offset, shape=shape)

        return Activations(
            concept=header.concept,
            language=header.language,
            pair_ids=header.pair_ids,
            cluster_ids=header.cluster_ids,
            splits=cast(Any, header.splits),
            positive=pole(0),
            negative=pole(size),
            layers=header.layers,
            not_measured=header.not_measured,
            meta=header.meta,
        )

    @contextmanager
    def writing(self, header: GroupHeader) -> Generator[GroupWriter]:
        """Write a group's rows in any order; the file appears when all are in.

        Raises:
            StoreError: the folder cannot be written, or the disk is full.
        """
        path = self.path(header.concept, header.language)
        part = path.with_suffix(".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("wb") as file:
                    writer = GroupWriter(header=header, descriptor=file.fileno())
                    yield writer
                    writer.finish()
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHeader:
    """What a file says about its rows.

    Attributes:
        key: changes whenever anything that shapes the rows does.
        dtype: of the numbers in the file.
        not_measured, meta: see `isogloss.concepts.activations.Activations`.
    """

    concept: str
    language: str
    key: str
    pair_ids: tuple[str, ...]
    cluster_ids: tuple[str, ...]
    splits: tuple[str, ...]
    layers: tuple[int, ...]
    hidden_size: int
    dtype: np.dtype[Any]
    not_measured: Mapping[str, str]
    meta: Mapping[str, Any]

    def encode(self) -> bytes:
        """The file's beginning: length of the header, header."""
        shape = [len(self.pair_ids), len(self.layers), self.hidden_size]
        size = int(np.prod(shape)) * self.dtype.itemsize
        name = next(name for name, dtype in _NUMPY.items() if dtype == self.dtype)
        told = {
            "concept": self.concept,
            "language": self.language,
            "key": self.key,
            "pair_ids": self.pair_ids,
            "cluster_ids": self.cluster_ids,
            "splits": self.splits,
            "layers": self.layers,
            "not_measured": dict(self.not_measured),
            "meta": dict(self.meta),
        }
        header = {
            "__metadata__": {"format": _FORMAT, "group": _json(told)},
            "positive": {"dtype": name, "shape": shape, "data_offsets": [0, size]},
            "negative": {"dtype": name, "shape": shape, "data_offsets": [size, 2 * size]},
        }
        text = _json(header).encode()
        text += b" " * (-len(text) % 64)  # so that the numbers start at a multiple of eight
        return len(text).to_bytes(8, "little") + text


class GroupWriter:
    """Puts rows where they belong; see `ActivationStore.writing`."""

    def __init__(self, *, header: GroupHeader, descriptor: int) -> None:
        start = header.encode()
        self._descriptor = descriptor
        self._dtype = header.dtype
        self._n_pairs = len(header.pair_ids)
        self._shape = (len(header.layers), header.hidden_size)
        self._row_size = int(np.prod(self._shape)) * header.dtype.itemsize
        self._start = len(start)
        self._missing = {(row, pole) for row in range(self._n_pairs) for pole in (0, 1)}
        _write_at(descriptor, start, 0)

    def write(self, row: int, *, positive: bool, states: np.ndarray) -> None:
        """Write one text's activations, shape ``(L, H)``, finite in the stored dtype."""
        if states.shape != self._shape:
            raise DefectError(f"activations of shape {states.shape} where {self._shape} belong")
        pole = 0 if positive else 1
        place = self._start + (pole * self._n_pairs + row) * self._row_size
        _write_at(self._descriptor, states.astype(self._dtype).tobytes(), place)
        self._missing.discard((row, pole))

    def finish(self) -> None:
        """Refuse a file with a hole in it; bring it to the disk."""
        if self._missing:
            raise DefectError(f"{len(self._missing)} rows of activations were never written")
        os.fsync(self._descriptor)


def stored_dtype(name: StoredDtype) -> np.dtype[Any]:
    """The numpy dtype of numbers in a file, little-endian whatever the machine."""
    return _NUMPY[_SAFETENSORS_NAME[name]]


def _write_at(descriptor: int, data: bytes, place: int) -> None:
    # Not through a memory map: there a full disk kills the process instead of raising.
    view = memoryview(data)
    while view:
        n = os.pwrite(descriptor, view, place)
        view, place = view[n:], place + n


def _read_header(path: Path) -> tuple[GroupHeader, int]:
    """The header and where the numbers start."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= _HEADER_LIMIT:
                raise ValueError(f"a header of {length} bytes")
            header: dict[str, Any] = json.loads(file.read(length))
        if header["__metadata__"]["format"] != _FORMAT:
            raise ValueError("another format")
        told: dict[str, Any] = json.loads(header["__metadata__"]["group"])
        tensor: dict[str, Any] = header["positive"]
        n_pairs, n_layers, hidden_size = tensor["shape"]
        found = GroupHeader(
            concept=told["concept"],
            language=told["language"],
            key=told["key"],
            pair_ids=tuple(told["pair_ids"]),
            cluster_ids=tuple(told["cluster_ids"]),
            splits=tuple(told["splits"]),
            layers=tuple(told["layers"]),
            hidden_size=hidden_size,
            dtype=_NUMPY[tensor["dtype"]],
            not_measured=told["not_measured"],
            meta=told["meta"],
        )
        if (n_pairs, n_layers) != (len(found.pair_ids), len(found.layers)):
            raise ValueError("shape and names disagree")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path}: not a file of activations ({error}); remove it and record anew"
        ) from error
    return found, 8 + length


def _file_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else f"h-{content_hash(name)}"


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
