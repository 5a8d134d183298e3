"""What a step can be: a model to train, or one of the tools over everything else.

A step's settings are the fields of its tool's configuration, as JSON; the run folder is the step's.
The tools resume by themselves, so a killed step repeats at most what was in flight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from isogloss.align.config import AlignConfig
from isogloss.align.run import run_align
from isogloss.concepts.run import ConceptsConfig
from isogloss.concepts.several import run_concepts_across
from isogloss.control.config import ControlConfig
from isogloss.control.several import run_control_across
from isogloss.errors import DefectError
from isogloss.lab.build import build_lab
from isogloss.lab.recipe import parse_spec
from isogloss.progress import Progress
from isogloss.trace.anatomy import run_anatomy
from isogloss.trace.anatomy_config import AnatomyConfig
from isogloss.trace.dose import run_dose
from isogloss.trace.dose_config import DoseConfig
from isogloss.trace.grid import run_grid
from isogloss.trace.grid_config import GridConfig
from isogloss.trace.instruments import InstrumentsConfig, run_instruments
from isogloss.trace.ladder import run_ladder
from isogloss.trace.ladder_config import LadderConfig
from isogloss.trace.mixes import MixesConfig, run_mixes

Settings = Mapping[str, Any]
Kind = Callable[[Settings, Path, Progress], object]
TARGETS = "targets"
"""A setting of the tools that study several models, beside their configuration's fields."""


def read_config(kind: type[Any], settings: Settings, folder: Path) -> Any:
    """A tool's configuration from a step's settings; its folder is the step's.

    Raises:
        DefectError: a setting that the tool does not know.
    """
    if unknown := sorted(set(settings) - {field.name for field in fields(kind)}):
        raise DefectError(f"{kind.__name__} has no field {', '.join(unknown)}")
    return TypeAdapter(kind).validate_python({**settings, "out": folder})


def _model(settings: Settings, folder: Path, progress: Progress) -> object:
    del folder  # it lies in the cache, for everybody
    return build_lab(parse_spec(settings["spec"]), progress=progress)


def _tool(config: type[Any], run: Callable[..., object], **fixed: Any) -> Kind:
    """A tool of one configuration."""

    def kind(settings: Settings, folder: Path, progress: Progress) -> object:
        return run(read_config(config, {**settings, **fixed}, folder), progress=progress)

    return kind


def _several(config: type[Any], run: Callable[..., object]) -> Kind:
    """A tool that studies several models."""

    def kind(settings: Settings, folder: Path, progress: Progress) -> object:
        rest = {name: value for name, value in settings.items() if name != TARGETS}
        one = read_config(config, {"target": "", **rest}, folder)
        return run(one, list(settings[TARGETS]), progress=progress)

    return kind


KINDS: dict[str, Kind] = {
    "model": _model,
    "ladder": _tool(LadderConfig, run_ladder),
    "concepts": _several(ConceptsConfig, run_concepts_across),
    "control": _several(ControlConfig, run_control_across),
    "align": _tool(AlignConfig, run_align, workers=1),
    "dose": _tool(DoseConfig, run_dose),
    "mixes": _tool(MixesConfig, run_mixes),
    "anatomy": _tool(AnatomyConfig, run_anatomy),
    "instruments": _tool(InstrumentsConfig, run_instruments),
    "grid": _tool(GridConfig, run_grid, workers=1),
}
"""From a step's kind to what it runs. Of tools with workers of their own a study takes one: it runs
several steps at once itself."""
