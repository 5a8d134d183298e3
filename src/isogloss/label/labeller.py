"""Who labels, and what one labeller has said so far."""

from __future__ import annotations

import getpass

from isogloss.errors import InputError
from isogloss.label.classes import OUTCOMES
from isogloss.records import Label
from isogloss.store import RunStore

ADJUDICATED = "adjudicated"
"""The labeller whose word ends a disagreement of others, and who agrees with nobody."""
LONGEST_NAME = 40
LONGEST_NOTE = 2000


def default_labeller() -> str:
    """The name of the person at this machine, ``labeller`` where the system does not know it."""
    try:
        name = getpass.getuser()
        check_labeller(name)
    except (OSError, KeyError, ImportError, InputError):
        return "labeller"
    return name


def check_labeller(name: str) -> None:
    """Refuse what cannot be told apart on a screen.

    Raises:
        InputError: empty, too long, blanks around it, or characters that cannot be printed.
    """
    if not name or name != name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        shown = repr(name[:LONGEST_NAME]) if name.isprintable() else "what was given"
        raise InputError(
            f"the name of a labeller has 1 to {LONGEST_NAME} printable characters and no blanks "
            f"around them, not {shown}"
        )


def check_note(note: str) -> str | None:
    """A note as it is stored; None where there is none.

    Raises:
        InputError: longer than `LONGEST_NOTE` characters.
    """
    if len(note) > LONGEST_NOTE:
        raise InputError(f"a note has at most {LONGEST_NOTE} characters, not {len(note)}")
    return note.strip() or None


def stored_labels(store: RunStore, labeller: str) -> dict[int, Label]:
    """Response id → what this labeller said of it, over the whole run; never another's."""
    found: dict[int, Label] = {}
    for row in store.labels.frame().iter_rows(named=True):
        if row["labeller"] != labeller:
            continue
        found[row["response"]] = Label(
            response=row["response"],
            labeller=labeller,
            outcome=OUTCOMES[OUTCOMES.index(row["outcome"])],
            correct=None if row["correct"] is None else bool(row["correct"]),
            note=row["note"],
        )
    return found
