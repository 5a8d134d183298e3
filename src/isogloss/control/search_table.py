"""The whole search, kept: ``RUN/control/search.jsonl``, a line a direction, setting and language.

A line is appended when its trial is over. A killed search resumes with what is there and repeats
what was in flight; the fingerprint in every line (weights, prompts, judge, direction, decoding)
says whether it may be used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.control.settings import Setting, Unit
from isogloss.control.trial import Trial
from isogloss.errors import InputError
from isogloss.store.lines import append_line, whole_lines
from isogloss.targets.edits import OperatorName


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialKey:
    """What was tried where.

    Attributes:
        direction: the name of a `isogloss.control.directions.Direction`; ``none`` is unedited.
        language: of the prompts.
        setting: None for the unedited model.
        made_from: fingerprint of all that shapes the outcome besides.
    """

    direction: str
    language: str
    setting: Setting | None
    made_from: str


class _SettingLine(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    layers: list[int]
    strength: float
    operator: OperatorName
    unit: Unit
    positions: str


class _TrialLine(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    n_harmful: int
    n_benign: int
    complied: int
    refused: int
    irrelevant: int
    correct: int | None
    benign_complied: int
    benign_refused: int
    benign_correct: int | None
    unjudged: int
    repetition: float
    fidelity: float | None
    nats_per_token: float | str | None


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    direction: str
    language: str
    setting: _SettingLine | None
    made_from: str
    trial: _TrialLine


class SearchTable:
    """All trials of a run folder.

    Args:
        path: the file; made with its folder when the first line is added.

    Raises:
        InputError: a line that no search wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._trials: dict[TrialKey, Trial] = {}
        if path.exists():
            self._read()

    def __iter__(self) -> Iterator[tuple[TrialKey, Trial]]:
        return iter(self._trials.items())

    def find(self, key: TrialKey) -> Trial | None:
        """The trial, if it was made."""
        return self._trials.get(key)

    def add(self, key: TrialKey, trial: Trial) -> None:
        """Keep a trial."""
        self._trials[key] = trial
        fields = asdict(trial)
        nats = trial.nats_per_token
        if nats is not None and not math.isfinite(nats):
            fields["nats_per_token"] = str(nats)  # JSON knows no infinity
        made = None
        if key.setting is not None:
            made = _SettingLine.model_validate(
                asdict(key.setting) | {"layers": list(key.setting.layers)}
            )
        line = _Line(
            direction=key.direction,
            language=key.language,
            setting=made,
            made_from=key.made_from,
            trial=_TrialLine.model_validate(fields),
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        append_line(self.path, line.model_dump_json())

    def _read(self) -> None:
        for number, text in enumerate(whole_lines(self.path), start=1):
            try:
                line = _Line.model_validate_json(text)
            except ValidationError:
                raise InputError(
                    f"{self.path}: line {number} was not written by isogloss control; move the "
                    "file away to search anew"
                ) from None
            self._take(line)

    def _take(self, line: _Line) -> None:
        made = line.setting
        setting = None
        if made is not None:
            setting = Setting(
                layers=tuple(made.layers),
                strength=made.strength,
                operator=made.operator,
                unit=made.unit,
                positions=made.positions,
            )
        fields = line.trial.model_dump()
        if isinstance(fields["nats_per_token"], str):
            fields["nats_per_token"] = float(fields["nats_per_token"])
        key = TrialKey(
            direction=line.direction,
            language=line.language,
            setting=setting,
            made_from=line.made_from,
        )
        self._trials[key] = Trial(**fields)
