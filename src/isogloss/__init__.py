"""Isogloss: in which languages is a language model unsafe or unhelpful, and how sure are we?

The verbs of the command line under the same names, and the nouns they take and give::

    import isogloss

    run = isogloss.run_audit(isogloss.AuditConfig(target="lab:tiny"))

Importing this package is cheap and has no effect: every name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.align.config import AlignConfig as AlignConfig
    from isogloss.align.run import plan_align as plan_align
    from isogloss.align.run import run_align as run_align
    from isogloss.audit.compare import compare_runs as compare_runs
    from isogloss.audit.judging import judge_run as judge_run
    from isogloss.audit.pairing import CompareConfig as CompareConfig
    from isogloss.audit.probe import probe_judge as probe_judge
    from isogloss.audit.run import AuditConfig as AuditConfig
    from isogloss.audit.run import run_audit as run_audit
    from isogloss.concepts.run import ConceptsConfig as ConceptsConfig
    from isogloss.concepts.run import run_concepts as run_concepts
    from isogloss.concepts.several import run_concepts_across as run_concepts_across
    from isogloss.control.config import ControlConfig as ControlConfig
    from isogloss.control.run import run_control as run_control
    from isogloss.control.several import run_control_across as run_control_across
    from isogloss.endpoint import EndpointOptions as EndpointOptions
    from isogloss.errors import IsoglossError as IsoglossError
    from isogloss.errors import UserError as UserError
    from isogloss.identify import identify_language as identify_language
    from isogloss.judges.answers import load_exchanges as load_exchanges
    from isogloss.judges.base import Judge as Judge
    from isogloss.judges.load import load_judge as load_judge
    from isogloss.lab.build import build_lab as build_lab
    from isogloss.lab.recipe import LabRecipe as LabRecipe
    from isogloss.lab.recipe import parse_spec as parse_spec
    from isogloss.label import SheetRequest as SheetRequest
    from isogloss.label import draw_sheet as draw_sheet
    from isogloss.label import import_labels as import_labels
    from isogloss.languages import ShareTable as ShareTable
    from isogloss.languages import describe_language as describe_language
    from isogloss.languages import load_share_table as load_share_table
    from isogloss.languages import resolve_language as resolve_language
    from isogloss.prompts import PromptSet as PromptSet
    from isogloss.prompts import load_prompts as load_prompts
    from isogloss.records import Decoding as Decoding
    from isogloss.records import Label as Label
    from isogloss.records import Measurement as Measurement
    from isogloss.records import Prompt as Prompt
    from isogloss.records import Request as Request
    from isogloss.records import Response as Response
    from isogloss.records import Translation as Translation
    from isogloss.records import Verdict as Verdict
    from isogloss.report.page import build_report as build_report
    from isogloss.store import RunStore as RunStore
    from isogloss.study.config import StudyConfig as StudyConfig
    from isogloss.study.run import run_study as run_study
    from isogloss.targets.base import Target as Target
    from isogloss.targets.load import load_target as load_target
    from isogloss.targets.options import LocalOptions as LocalOptions
    from isogloss.trace.anatomy import run_anatomy as run_anatomy
    from isogloss.trace.anatomy_config import AnatomyConfig as AnatomyConfig
    from isogloss.trace.dose import run_dose as run_dose
    from isogloss.trace.dose_config import DoseConfig as DoseConfig
    from isogloss.trace.grid import run_grid as run_grid
    from isogloss.trace.grid_config import GridConfig as GridConfig
    from isogloss.trace.instruments import InstrumentsConfig as InstrumentsConfig
    from isogloss.trace.instruments import run_instruments as run_instruments
    from isogloss.trace.ladder import run_ladder as run_ladder
    from isogloss.trace.ladder_config import LadderConfig as LadderConfig
    from isogloss.trace.mixes import MixesConfig as MixesConfig
    from isogloss.trace.mixes import run_mixes as run_mixes
    from isogloss.translate.base import Translator as Translator
    from isogloss.translate.job import TranslationConfig as TranslationConfig
    from isogloss.translate.job import run_translation as run_translation
    from isogloss.translate.load import load_translator as load_translator
    from isogloss.variants import make_variants as make_variants

_HOMES = {
    "AlignConfig": "isogloss.align.config",
    "AnatomyConfig": "isogloss.trace.anatomy_config",
    "AuditConfig": "isogloss.audit.run",
    "CompareConfig": "isogloss.audit.pairing",
    "ConceptsConfig": "isogloss.concepts.run",
    "ControlConfig": "isogloss.control.config",
    "Decoding": "isogloss.records",
    "DoseConfig": "isogloss.trace.dose_config",
    "EndpointOptions": "isogloss.endpoint",
    "GridConfig": "isogloss.trace.grid_config",
    "IsoglossError": "isogloss.errors",
    "Judge": "isogloss.judges.base",
    "LabRecipe": "isogloss.lab.recipe",
    "Label": "isogloss.records",
    "LadderConfig": "isogloss.trace.ladder_config",
    "LocalOptions": "isogloss.targets.options",
    "Measurement": "isogloss.records",
    "InstrumentsConfig": "isogloss.trace.instruments",
    "MixesConfig": "isogloss.trace.mixes",
    "Prompt": "isogloss.records",
    "PromptSet": "isogloss.prompts",
    "Request": "isogloss.records",
    "Response": "isogloss.records",
    "RunStore": "isogloss.store",
    "ShareTable": "isogloss.languages",
    "SheetRequest": "isogloss.label",
    "StudyConfig": "isogloss.study.config",
    "Target": "isogloss.targets.base",
    "Translation": "isogloss.records",
    "TranslationConfig": "isogloss.translate.job",
    "Translator": "isogloss.translate.base",
    "UserError": "isogloss.errors",
    "Verdict": "isogloss.records",
    "build_lab": "isogloss.lab.build",
    "build_report": "isogloss.report.page",
    "compare_runs": "isogloss.audit.compare",
    "describe_language": "isogloss.languages",
    "draw_sheet": "isogloss.label",
    "identify_language": "isogloss.identify",
    "import_labels": "isogloss.label",
    "judge_run": "isogloss.audit.judging",
    "load_exchanges": "isogloss.judges.answers",
    "load_judge": "isogloss.judges.load",
    "load_prompts": "isogloss.prompts",
    "load_share_table": "isogloss.languages",
    "load_target": "isogloss.targets.load",
    "load_translator": "isogloss.translate.load",
    "make_variants": "isogloss.variants",
    "parse_spec": "isogloss.lab.recipe",
    "probe_judge": "isogloss.audit.probe",
    "resolve_language": "isogloss.languages",
    "plan_align": "isogloss.align.run",
    "run_align": "isogloss.align.run",
    "run_anatomy": "isogloss.trace.anatomy",
    "run_audit": "isogloss.audit.run",
    "run_concepts": "isogloss.concepts.run",
    "run_concepts_across": "isogloss.concepts.several",
    "run_control": "isogloss.control.run",
    "run_control_across": "isogloss.control.several",
    "run_dose": "isogloss.trace.dose",
    "run_grid": "isogloss.trace.grid",
    "run_ladder": "isogloss.trace.ladder",
    "run_instruments": "isogloss.trace.instruments",
    "run_mixes": "isogloss.trace.mixes",
    "run_study": "isogloss.study.run",
    "run_translation": "isogloss.translate.job",
}
"""Where each public name lives; `__getattr__` loads it from there."""


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("isogloss")
    if name not in _HOMES:
        raise AttributeError(f"module 'isogloss' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "__version__"})
