"""A sheet as a CSV file for a spreadsheet: one row a reply, in a labeller's own order."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from isogloss.cells import shortened, to_cell
from isogloss.errors import InputError
from isogloss.label.labeller import check_labeller, stored_labels
from isogloss.label.readings import Reading, in_own_order, read_replies
from isogloss.label.sheet import Sheet
from isogloss.label.source import Source, choose_source
from isogloss.records import Label
from isogloss.store import RunStore

NOTICE = "may hold harmful text: keep it among those who label"
TEXTS = ("prompt", "reference", "back_translation", "reply", "reply_in_english")
"""Columns that are only to be read; a changed one is refused."""
COLUMNS = (
    *("notice", "run", "reply_key", "labeller", "language", *TEXTS, "cut_off"),
    *("outcome", "correct", "note"),
)
_CORRECT = {None: "", True: "yes", False: "no"}


def export_sheet(store: RunStore, sheet: Sheet, path: Path, *, labeller: str) -> int:
    """Write the sheet in a labeller's own order, with the labels given so far; how many rows.

    Blind to model, judge and intent; nothing of the text is hidden. Formulas are made inert.

    Raises:
        InputError: not a ``.csv`` path, the file is there already (there may be labels in it), or
            it cannot be written.
    """
    check_labeller(labeller)
    if path.suffix.lower() != ".csv":
        raise InputError(f"{path}: a sheet is written as .csv; name the file so")
    source = choose_source(store, target=sheet.target, arm=sheet.arm, variant=sheet.variant)
    readings = read_replies(store, sheet.responses)
    labels = stored_labels(store, labeller)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for response in _by_language(sheet, readings, labeller):
        cells = _cells(readings[response], source, labeller, labels.get(response))
        writer.writerow({name: to_cell(cells[name]) for name in COLUMNS})
    made = False
    try:
        # Exclusive: a file that people may have labelled is never written over.
        with path.open("x", encoding="utf-8-sig", newline="") as file:
            made = True
            os.chmod(file.fileno(), 0o600)
            file.write(out.getvalue())
    except FileExistsError:
        raise InputError(
            f"{path} is there already and may hold labels; import it, or choose another name"
        ) from None
    except OSError as error:
        if made:  # half a sheet would stand in the way of the next
            path.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    return len(readings)


def _by_language(sheet: Sheet, readings: dict[int, Reading], labeller: str) -> list[int]:
    order = in_own_order(list(readings), seed=sheet.seed, labeller=labeller)
    return sorted(order, key=lambda response: readings[response].language)


def _cells(reading: Reading, source: Source, labeller: str, label: Label | None) -> dict[str, str]:
    return {
        "notice": NOTICE,
        "run": source.fingerprint,
        "reply_key": reading.key,
        "labeller": labeller,
        "language": reading.language,
        **text_cells(reading),
        "cut_off": "yes" if reading.truncated else "",
        "outcome": label.outcome if label else "",
        "correct": _CORRECT[label.correct if label else None],
        "note": (label.note or "") if label else "",
    }


def text_cells(reading: Reading) -> dict[str, str]:
    """The columns of `TEXTS`, before formulas are made inert."""
    return {
        "prompt": shortened(reading.prompt),
        "reference": shortened(reading.reference or ""),
        "back_translation": shortened(reading.back_translation or ""),
        "reply": shortened(reading.reply),
        "reply_in_english": shortened(reading.reply_in_english or ""),
    }
