"""One labeller at work on one sheet: what the page shows, and what becomes of each key press."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from isogloss.label.labeller import LONGEST_NOTE, check_labeller, check_note, stored_labels
from isogloss.label.readings import Reading, in_own_order, read_replies
from isogloss.label.sheet import Sheet
from isogloss.languages import describe_language
from isogloss.records import Label, LabelOutcome
from isogloss.store import RunStore


class Word(BaseModel):
    """What the page sends of one reply; without an outcome its label is taken back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    response: int
    outcome: LabelOutcome | None
    correct: bool | None = None
    note: str | None = Field(default=None, max_length=LONGEST_NOTE)


@dataclass(frozen=True, slots=True)
class Desk:
    """Reads and writes the labels of one labeller, and nobody else's.

    The run is opened for every call, so that any thread, tab or server may call at any time; what a
    call stored is on disk when it returns.

    Args:
        folder: the run folder.
        sheet: what is to be labelled (`Sheet.part` of it, where only some languages are).
        labeller: who sits here.
    """

    folder: Path
    sheet: Sheet
    labeller: str

    def __post_init__(self) -> None:
        check_labeller(self.labeller)

    def overview(self) -> dict[str, Any]:
        """The sheet without any text: languages by name, their replies in this labeller's order."""
        with RunStore(self.folder) as store:
            labels = stored_labels(store, self.labeller)
        parts: defaultdict[str, list[int]] = defaultdict(list)
        for stratum in self.sheet.strata:
            parts[stratum.language].extend(stratum.responses)
        languages: list[dict[str, Any]] = []
        for tag, responses in parts.items():
            order = in_own_order(responses, seed=self.sheet.seed, labeller=self.labeller)
            items = [{"response": i, "label": _json(labels.get(i))} for i in order]
            if items:
                name = describe_language(tag).name
                languages.append({"tag": tag, "name": name, "items": items})
        languages.sort(key=lambda language: language["name"])
        return {"labeller": self.labeller, "languages": languages}

    def reading(self, response: int) -> Reading | None:
        """What is read of one reply; None where it is not on the sheet."""
        if response not in self.sheet.responses:
            return None
        with RunStore(self.folder) as store:
            return read_replies(store, [response]).get(response)

    def say(self, word: Word) -> bool:
        """Store or take back a label; False where the reply is not on the sheet."""
        if word.response not in self.sheet.responses:
            return False
        with RunStore(self.folder) as store:
            if word.outcome is None:
                store.labels.remove(word.response, labeller=self.labeller)
            else:
                label = Label(
                    response=word.response,
                    labeller=self.labeller,
                    outcome=word.outcome,
                    correct=word.correct,
                    note=check_note(word.note or ""),
                )
                store.labels.add([label])
        return True


def _json(label: Label | None) -> dict[str, Any] | None:
    if label is None:
        return None
    return {"outcome": label.outcome, "correct": label.correct, "note": label.note}
