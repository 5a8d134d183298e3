"""Tables from files, row by row, each row with the place a message can name.

CSV, TSV, JSONL, JSON and Parquet; UTF-8 only. Nothing is guessed: what is not exactly a table is
refused with the line, and never with the text in it, which may be harmful.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from isogloss.errors import InputError

FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands (``line 3``) and its cells by column (CSV: always strings)."""

    place: str
    cells: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file as read.

    Attributes:
        columns: in the file's order (JSONL: in the order of first sight).
        rows: at least one.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits naming the content of the rows, whatever their order."""
        total = 0
        for row in self.rows:
            line = json.dumps(row.cells, sort_keys=True, default=str)
            digest = hashlib.blake2b(line.encode(), digest_size=16).digest()
            # A sum of hashes does not depend on the order, and counts a row that comes twice twice.
            total += int.from_bytes(digest)
        return f"{total % 2**64:016x}"

    def refuse(self, place: str, message: str, column: str | None = None) -> NoReturn:
        """Raise an `InputError` that names the file, the place and the column."""
        where = f"{self.path}: {place}" + (f": column {column}" if column else "")
        raise InputError(f"{where}: {message}")


def read_table(path: str | Path) -> Table:
    """Read a table of any of the `FORMATS`.

    Raises:
        InputError: no such file, an unknown format, not UTF-8 (byte and line are named), NUL
            bytes, an empty file, no rows, columns that are empty or come twice, ragged rows,
            broken quotes or JSON.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        raise InputError(f"{path}: not a file")
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise InputError(
            f"{path}: cannot tell the format from {kind or 'no suffix'!r}; use {', '.join(FORMATS)}"
        )
    try:
        if kind == ".parquet":
            table = _read_parquet(path)
        elif kind == ".json":
            table = _read_json(path)
        elif kind in (".csv", ".tsv"):
            table = _read_csv(path, "\t" if kind == ".tsv" else ",")
        else:
            table = _read_jsonl(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not table.rows:
        raise InputError(f"{path}: the table has no rows")
    return table


def _read_text(path: Path) -> str:
    data = path.read_bytes()
    if not data.strip():
        raise InputError(f"{path}: the file is empty")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: line 1, byte 0: this is UTF-16; save the file as UTF-8")
    if (nul := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, nul) + 1
        raise InputError(
            f"{path}: line {line}, byte {nul}: a NUL byte; the file is binary, damaged, or UTF-16 "
            "without a mark: save it as UTF-8"
        )
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    try:
        return data[mark:].decode()
    except UnicodeDecodeError as error:
        byte = mark + error.start
        line = data.count(b"\n", 0, byte) + 1
        raise InputError(
            f"{path}: line {line}, byte {byte}: 0x{data[byte]:02x} is not UTF-8 here; the file may "
            "be Latin-1 or Windows-1252: save it as UTF-8"
        ) from None


@contextmanager
def _long_cells() -> Iterator[None]:
    # The limit of 131,072 characters a cell is the csv module's, for the whole process.
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_csv(path: Path, delimiter: str) -> Table:
    # Lines as the csv module wants them: str.splitlines would also cut at U+2028 inside a cell.
    lines = io.StringIO(_read_text(path), newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows: list[Row] = []
    header: tuple[str, ...] = ()
    line = 1
    try:
        with _long_cells():
            for cells in reader:
                place, line = f"line {line}", reader.line_num + 1
                if not cells:  # a blank line
                    continue
                if not header:
                    header = _header(path, place, cells, delimiter)
                elif len(cells) != len(header):
                    raise InputError(
                        f"{path}: {place}: {len(cells)} cells, but the header has {len(header)}; "
                        "a cell that contains the separator needs double quotes"
                    )
                else:
                    rows.append(Row(place, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise InputError(f"{path}: line {line}: broken quoting: {error}") from None
    return Table(path=path, columns=header, rows=tuple(rows))


def _header(path: Path, place: str, cells: list[str], delimiter: str) -> tuple[str, ...]:
    header = tuple(cell.strip() for cell in cells)
    if len(header) == 1 and any(other in header[0] for other in ";\t,|"):
        raise InputError(
            f"{path}: {place}: the cells are not separated by {delimiter!r}; save the file so "
            "(spreadsheets write ';' in some countries)"
        )
    if not all(header):
        number = header.index("") + 1
        raise InputError(f"{path}: {place}: column number {number} has no name")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise InputError(f"{path}: {place}: column {twice[0]} comes twice")
    return header


def _read_jsonl(path: Path) -> Table:
    rows: list[Row] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            cells: Any = json.loads(line, object_pairs_hook=_no_key_twice)
        except json.JSONDecodeError as error:
            raise InputError(
                f"{path}: {place}, column {error.colno}: not JSON ({error.msg}); JSONL has one "
                "object a line"
            ) from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: {place}: {error}") from None
        rows.append(_object_row(path, place, cells))
        columns.update(dict.fromkeys(rows[-1].cells))
    return Table(path=path, columns=tuple(columns), rows=tuple(rows))


def _read_json(path: Path) -> Table:
    """One array of objects, as ``isogloss show --transcripts --json`` prints it."""
    try:
        items: Any = json.loads(_read_text(path), object_pairs_hook=_no_key_twice)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: line {error.lineno}, column {error.colno}: not JSON ({error.msg}); one "
            "object a line is JSONL: name the file .jsonl"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: {error}") from None
    if not isinstance(items, list):
        raise InputError(f"{path}: {type(items).__name__}, not a JSON array of objects")
    items = cast(list[Any], items)
    rows = tuple(_object_row(path, f"item {n}", cells) for n, cells in enumerate(items, 1))
    columns = dict.fromkeys(name for row in rows for name in row.cells)
    return Table(path=path, columns=tuple(columns), rows=rows)


def _object_row(path: Path, place: str, cells: Any) -> Row:
    if not isinstance(cells, dict):
        raise InputError(f"{path}: {place}: {type(cells).__name__}, not a JSON object")
    return Row(place, cast(dict[str, Any], cells))


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    cells = dict(pairs)
    if len(cells) != len(pairs):
        twice = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
        raise ValueError(f"key {twice} comes twice in one object")
    return cells


def _read_parquet(path: Path) -> Table:
    import polars as pl

    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: not a Parquet file: {str(error).splitlines()[0]}") from None
    rows = tuple(Row(f"row {n}", cells) for n, cells in enumerate(frame.iter_rows(named=True), 1))
    return Table(path=path, columns=tuple(frame.columns), rows=rows)
