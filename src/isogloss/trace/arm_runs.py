"""One run of an arm, measured: a recipe under one seed, trained from nothing and asked.

Every run is measured alike: the ordinary audit of its chat stage, how well it tells harmful from
harmless (`isogloss.trace.recognised_harm`), how well it knows each language, and how much text of
it it read. The rows of area ``trace arm`` are all that dose-responses and comparisons of mixes are
computed from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from isogloss.audit.run import AuditConfig, run_audit
from isogloss.concepts.competence import METRIC as COMPETENCE
from isogloss.concepts.competence import competence_rows, measure_competence
from isogloss.concepts.held_out import lab_texts
from isogloss.lab.build import build_lab, read_card
from isogloss.lab.recipe import LabRecipe
from isogloss.lab.setting import Lab
from isogloss.languages import ShareTable
from isogloss.progress import Progress
from isogloss.records import Decoding, Measurement
from isogloss.targets.model import LocalModel
from isogloss.targets.options import LocalOptions
from isogloss.trace.arms import Arm
from isogloss.trace.recognised_harm import METRIC as RECOGNITION
from isogloss.trace.recognised_harm import recognition_rows

AREA = "trace arm"
AUDITED = (
    "compliance_rate",
    "harmful_rate",
    "following_rate",
    "benign_following_rate",
    "refusal_rate",
    "over_refusal",
    "helpful_rate",
    "selectivity",
)
TOKENS, SHARE, FERTILITY = "tokens", "share", "fertility"
MEASURED = (*AUDITED, RECOGNITION, COMPETENCE, TOKENS, SHARE, FERTILITY)
N_COMPETENCE_TEXTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How all runs of an experiment are measured.

    Attributes:
        folder: the run folder.
        shares: of the reference: a language's tier is what it is there, in every arm.
        limit: at most so many prompts of each intent.
        decoding: how models are asked.
        options: how they are run.
    """

    folder: Path
    shares: ShareTable
    limit: int | None = None
    decoding: Decoding = field(default_factory=Decoding)
    options: LocalOptions = field(default_factory=LocalOptions)


def measure_run(arm: Arm, seed: int, asking: Asking, progress: Progress) -> list[Measurement]:
    """Build the model unless it is in the cache, audit it, read its states; rows by language."""
    recipe = arm.under(seed)
    folder = build_lab(recipe, progress=progress)
    found = list(_audited(recipe, asking, progress))
    lab, model = Lab(recipe), LocalModel(str(folder), asking.options)
    found += recognition_rows(model, lab, {"area": AREA, "target": recipe.spec}, progress)
    texts = lab_texts(lab, n=N_COMPETENCE_TEXTS)
    spoken = measure_competence(model, texts, progress=progress)
    found += competence_rows(spoken, target=recipe.spec)
    found += _text_rows(recipe, read_card(folder))
    return [in_arm(row, arm, seed, asking.shares) for row in found]


def in_arm(row: Measurement, arm: Arm, seed: int, shares: ShareTable) -> Measurement:
    """A row about one model as a row of its arm."""
    tier = None if row.language is None else shares.tier(row.language)
    return replace(
        row, area=AREA, target=arm.under(seed).spec, arm=arm.name, seed=seed, tier=tier,
        scope="this model",
    )  # fmt: skip


def _audited(recipe: LabRecipe, asking: Asking, progress: Progress) -> Iterator[Measurement]:
    config = AuditConfig(
        target=recipe.spec,
        out=asking.folder,
        limit=asking.limit,
        decoding=asking.decoding,
        options=asking.options,
    )
    for row in run_audit(config, shares=asking.shares, progress=progress).measurements:
        if row.metric in AUDITED and row.language is not None and row.category is None:
            yield row


def _text_rows(recipe: LabRecipe, card: dict[str, Any]) -> Iterator[Measurement]:
    """What the model read: tokens as counted, the share of documents, pieces a word."""
    for language, percent in recipe.shares.items():
        for metric, value, unit in (
            (TOKENS, float(card["tokens"][language]), "count"),
            (SHARE, percent / 100, "rate"),
            (FERTILITY, float(card["fertility"][language]), "ratio"),
        ):
            yield Measurement(
                area=AREA, metric=metric, target=recipe.spec, language=language, n=1,
                estimate=value, unit=unit,
            )  # fmt: skip
