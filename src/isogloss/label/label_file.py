"""A filled sheet read back: every row is checked against the run, and all of it stored or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.cells import alike, from_cell
from isogloss.errors import InputError
from isogloss.label.classes import OUTCOMES
from isogloss.label.draw import SheetRequest
from isogloss.label.labeller import check_labeller, check_note, stored_labels
from isogloss.label.readings import Reading, read_replies
from isogloss.label.sheet import Sheet, read_sheet
from isogloss.label.sheet_file import COLUMNS, text_cells
from isogloss.label.source import Source, choose_source
from isogloss.prompts.rows import Row, Table, read_table
from isogloss.records import Label, LabelOutcome
from isogloss.store import RunStore

NEEDED = ("run", "reply_key", "outcome")
_CORRECT = {"": None, "yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What reading a label file did.

    Attributes:
        sheet: the one its rows are on.
        n_new, n_changed, n_same: labels that were not there, that replaced another one by the same
            labeller, and that were there already.
        n_empty: rows without an outcome, left for later.
    """

    sheet: Sheet
    labellers: tuple[str, ...]
    n_new: int
    n_changed: int
    n_same: int
    n_empty: int


def import_labels(
    store: RunStore, path: Path, request: SheetRequest, *, labeller: str | None = None
) -> Imported:
    """Store the labels of a file; rows without an outcome are left for later.

    Args:
        store: the run that the sheet was drawn from.
        path: a ``.csv`` or ``.tsv``, whole or in part, rows in any order; texts may be left out.
        request: whose replies, where the run has several targets and the file should not decide.
        labeller: of rows that do not say.

    Raises:
        InputError: another run's file; a row that is not on the sheet, comes twice or whose text
            was changed; an unknown word. Nothing is stored then.
    """
    if path.suffix.lower() not in (".csv", ".tsv"):
        raise InputError(f"{path}: a label file is .csv or .tsv, as --export writes it")
    table = read_table(path)
    _check_columns(table)
    source = _source_of(store, table, request)
    sheet = read_sheet(store, source)
    if sheet is None:
        raise InputError(
            f"{store.folder} has no sheet yet that {path} could belong to; import it into the run "
            "folder it was exported from"
        )
    readings = {r.key: r for r in read_replies(store, sheet.responses).values()}
    labels: list[Label] = []
    places: dict[tuple[str, str], str] = {}
    for row in table.rows:
        label, who = _label(table, row, readings, labeller)
        if first := places.get((row.cells["reply_key"], who)):
            table.refuse(row.place, f"the same reply and labeller as {first}; keep one of them")
        places[row.cells["reply_key"], who] = row.place
        if label is not None:
            labels.append(label)
    return _store(store, sheet, labels, n_empty=len(table.rows) - len(labels))


def _check_columns(table: Table) -> None:
    if missing := [name for name in NEEDED if name not in table.columns]:
        raise InputError(
            f"{table.path}: no column {', '.join(missing)}; a label file has the columns that "
            "`isogloss label RUN --export FILE` writes"
        )
    if unknown := [name for name in table.columns if name not in COLUMNS]:
        raise InputError(
            f"{table.path}: unknown column {unknown[0][:40]!r}; a label file has "
            f"{', '.join(COLUMNS)}"
        )


def _source_of(store: RunStore, table: Table, request: SheetRequest) -> Source:
    """The one target, arm and variant of the run whose fingerprint every row bears."""
    if request.target or request.arm or request.variant:
        known = [request.source(store)]
    else:
        variants = sorted(set(store.planned()["variant"]))
        known = [
            choose_source(store, target=target, arm=arm, variant=variant)
            for target, arm in sorted({source[:2] for source in store.sources()})
            for variant in variants
        ]
    by_fingerprint = {source.fingerprint: source for source in known}
    found = {row.cells["run"].strip(): row.place for row in reversed(table.rows)}
    for fingerprint, place in found.items():
        if fingerprint not in by_fingerprint:
            here = ", ".join(sorted(by_fingerprint)) or "none"
            table.refuse(
                place,
                f"this label belongs to another run ({_word(fingerprint)}); {store.folder} is "
                f"{here}. Nothing was stored: import the file into the run it was exported from.",
                "run",
            )
    if len(found) > 1:
        first, second = list(found.values())[:2]
        table.refuse(
            first, f"rows of several sheets (see {second}); import one sheet at a time", "run"
        )
    return by_fingerprint[next(iter(found))]


def _label(
    table: Table, row: Row, readings: dict[str, Reading], labeller: str | None
) -> tuple[Label | None, str]:
    """The label of a row (None: no outcome yet) and whose row it is."""
    reading = _reading_of(table, row, readings)
    who, note = _who_and_note(table, row, labeller)
    correct = row.cells.get("correct", "").strip().lower()
    if correct not in _CORRECT:
        table.refuse(row.place, f"{_word(correct)}; write yes, no, or nothing", "correct")
    outcome = _outcome(table, row)
    if outcome is None:
        if correct or note:
            table.refuse(row.place, "there is a note or a word on correctness, but no outcome")
        return None, who
    label = Label(
        response=reading.response,
        labeller=who,
        outcome=outcome,
        correct=_CORRECT[correct],
        note=note,
    )
    return label, who


def _reading_of(table: Table, row: Row, readings: dict[str, Reading]) -> Reading:
    key = row.cells["reply_key"]
    if key not in readings:
        table.refuse(
            row.place,
            f"{_word(key)} is not on the sheet of this run; the cell was changed, or the reply is "
            "another run's",
            "reply_key",
        )
    for name, text in text_cells(readings[key]).items():
        if name in row.cells and not alike(row.cells[name], text):
            table.refuse(
                row.place,
                "the text is not the one that was exported, so the label may belong to another "
                "row; put the exported text back (or leave that column out of the whole file)",
                name,
            )
    return readings[key]


def _who_and_note(table: Table, row: Row, labeller: str | None) -> tuple[str, str | None]:
    who = from_cell(row.cells.get("labeller", "")).strip() or labeller
    if not who:
        table.refuse(row.place, "nobody is named; fill it in or give --labeller NAME", "labeller")
    try:
        check_labeller(who)
        return who, check_note(from_cell(row.cells.get("note", "")))
    except InputError as error:
        table.refuse(row.place, str(error))


def _outcome(table: Table, row: Row) -> LabelOutcome | None:
    word = row.cells["outcome"].strip().lower()
    for known in OUTCOMES:
        if word == known:
            return known
    if word:
        table.refuse(row.place, f"{_word(word)}; write one of {', '.join(OUTCOMES)}", "outcome")
    return None


def _word(text: str) -> str:
    """What stands in a cell if it is a word; a text may be harmful and is not repeated."""
    return repr(text) if len(text) <= 24 and " " not in text.strip() else "a longer text"


def _store(store: RunStore, sheet: Sheet, labels: Sequence[Label], *, n_empty: int) -> Imported:
    who = tuple(sorted({label.labeller for label in labels}))
    before = {(name, i): label for name in who for i, label in stored_labels(store, name).items()}
    pairs = [(before.get((label.labeller, label.response)), label) for label in labels]
    store.labels.add(labels)
    return Imported(
        sheet=sheet,
        labellers=who,
        n_new=sum(old is None for old, _ in pairs),
        n_changed=sum(old is not None and old != new for old, new in pairs),
        n_same=sum(old == new for old, new in pairs),
        n_empty=n_empty,
    )
