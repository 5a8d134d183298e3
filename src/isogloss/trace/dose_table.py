"""Doses as a table: one whole mix a dose, checked before anything is trained."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from isogloss.errors import InputError
from isogloss.lab.mix import ALL_CODES, listed
from isogloss.lab.tongues import TONGUES

COLUMNS = ("dose", "language", "percent")
TOLERANCE = 1.0
"""Points by which shares may miss 100, as in the table of a lab mix."""


def read_dose_table(path: Path) -> dict[str, dict[str, float]]:
    """Dose → lab tag → percent of documents, in the order of the file.

    Raises:
        InputError: not such a table; fewer than two doses; an unknown language, or one twice; a
            dose whose shares do not add up to 100, or whose languages are not those of the first.
    """
    doses: dict[str, dict[str, float]] = {}
    for place, row in _rows(path):
        dose = (row["dose"] or "").strip()
        if not dose:
            raise InputError(f"{place}: the dose has no name")
        tag = _tag(row["language"] or "", place)
        shares = doses.setdefault(dose, {})
        if tag in shares:
            raise InputError(f"{place}: {tag} comes twice in dose {dose!r}")
        shares[tag] = _percent(row["percent"] or "", place)
    if len(doses) < 2:
        raise InputError(f"{path} has {len(doses)} dose(s); a dose-response needs two or more")
    first, expected = next(iter(doses.items()))
    for dose, shares in doses.items():
        if odd := sorted(set(shares) ^ set(expected)):
            raise InputError(
                f"{path}: doses {dose!r} and {first!r} differ in their languages "
                f"({', '.join(odd)}); every dose names the same ones"
            )
        total = sum(shares.values())
        if len(shares) < 2 or abs(total - 100) > TOLERANCE:
            raise InputError(
                f"{path}: dose {dose!r} adds up to {total:g} % over {len(shares)} languages; the "
                "shares of two languages or more must add up to 100"
            )
    return doses


def write_mixes(doses: Mapping[str, Mapping[str, float]], folder: Path) -> dict[str, Path]:
    """Dose → file of its mix, as a lab's target string can name it."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for at, (dose, shares) in enumerate(doses.items()):
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", dose).strip("-.")[:40] or "dose"
        files[dose] = folder / f"{at}-{slug}.csv"
        lines = [f"{tag},{percent:g}" for tag, percent in shares.items()]
        files[dose].write_text("\n".join(["language,percent", *lines]) + "\n", encoding="utf-8")
    return files


def _rows(path: Path) -> list[tuple[str, dict[str, str | None]]]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"the dose table {path} cannot be read: {error.strerror}") from error
    reader = csv.DictReader(lines)
    if not set(COLUMNS) <= set(reader.fieldnames or ()):
        raise InputError(
            f"{path}: expected the columns {','.join(COLUMNS)}; found "
            + (", ".join(reader.fieldnames or ()) or "none: the file is empty")
        )
    return [(f"{path}, line {reader.line_num}", row) for row in reader]


def _tag(code: str, place: str) -> str:
    code = code.strip()
    tag = code if code in TONGUES else f"{code}-x-lab"
    if tag not in TONGUES:
        raise InputError(
            f"{place}: {code!r} is not a lab language; choose from {listed(ALL_CODES)}"
        )
    return tag


def _percent(text: str, place: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        raise InputError(f"{place}: {text!r} is not a number") from None
    if not 0 < percent < 100:
        raise InputError(f"{place}: a share lies above 0 and below 100 percent, not {text}")
    return percent
