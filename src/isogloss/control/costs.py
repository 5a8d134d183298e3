"""What control costs besides wrong refusals: fluency of clean text, repetition, and by strength."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from isogloss.control.arms import Arm, edits_of
from isogloss.control.directions import Direction
from isogloss.control.search import Bench, Job, run_jobs
from isogloss.control.search_table import SearchTable
from isogloss.control.settings import Setting
from isogloss.control.table import Subject
from isogloss.control.trial import repetition
from isogloss.progress import Progress
from isogloss.records import Measurement
from isogloss.stats.ratios import ratio_half_width
from isogloss.store import RunStore
from isogloss.targets.scoring import score_texts

DOSE_AREA = "control dose"
DOSE_RATES = ("compliance_rate", "over_refusal", "use")
LARGEST = 700.0
"""Of an exponent: beyond it there is no float."""


def perplexity_rows(
    bench: Bench,
    arms: Sequence[Arm],
    texts: Mapping[str, Sequence[Sequence[int]]],
    subject: Subject,
) -> list[Measurement]:
    """``perplexity_ratio``: of clean text under each arm's edits, over the unsteered model's.

    Above 1 is less fluent. The interval is over texts, of their differences in nats a token.

    Args:
        bench: the model and which way it is pushed.
        arms: those that steer are scored.
        texts: tokenized, by language; not those the search saw.
        subject: of the rows.
    """
    rows: list[Measurement] = []
    plain = {language: score_texts(bench.target.model, given) for language, given in texts.items()}
    for arm in arms:
        for language, edit in edits_of(arm, bench).items():
            if not texts.get(language):
                continue
            steered = score_texts(bench.target.model, texts[language], edits=edit)
            changes = [
                (one.nats - two.nats, one.n_tokens)
                for one, two in zip(steered, plain[language], strict=True)
            ]
            fields: dict[str, Any] = subject.fields | {"arm": arm.name, "language": language}
            rows.append(
                Measurement(metric="perplexity_ratio", unit="ratio", **_ratio(changes), **fields)
            )
    return rows


def _ratio(changes: Sequence[tuple[float, int]]) -> dict[str, Any]:
    nats, tokens = np.array(changes, dtype=np.float64).T
    n = len(nats)
    mean = nats.sum() / tokens.sum()
    found: dict[str, Any] = {"n": n, "method": "clean text; t over texts of nats a token"}
    if not math.isfinite(mean):
        return found | {"reason": "under the edit the text has no finite likelihood"}
    found["estimate"] = math.exp(min(mean, LARGEST))
    half = ratio_half_width(nats, tokens)
    if half is not None:
        found |= {"low": math.exp(mean - half), "high": math.exp(min(mean + half, LARGEST))}
    return found


def repetition_rows(store: RunStore, arms: Sequence[Arm], subject: Subject) -> list[Measurement]:
    """``repetition``: mean share of repeated four-word runs in the replies of an arm."""
    replies = store.transcripts()
    rows: list[Measurement] = []
    for arm in arms:
        for (language,), group in replies.filter(
            (replies["target"] == subject.target) & (replies["arm"] == arm.name)
        ).group_by(["language"], maintain_order=True):
            values = [repetition(text) for text in group["reply"].to_list()]
            rows.append(
                Measurement(
                    **subject.fields,
                    metric="repetition",
                    arm=arm.name,
                    language=str(language),
                    n=len(values),
                    estimate=float(np.mean(values)),
                    method="mean over replies",
                    reason="no interval: most replies repeat nothing",
                )
            )
    return rows


def dose_rows(
    bench: Bench,
    curves: Mapping[tuple[str, str], tuple[Direction, Setting]],
    strengths: Sequence[float],
    table: SearchTable,
    progress: Progress,
    subject: Subject,
) -> list[Measurement]:
    """Area ``control dose``: rates on validation prompts by strength, everything else fixed.

    Args:
        bench: of the search.
        curves: (arm, language) → the direction, and the setting whose strength is varied.
        strengths: the doses; 0 is the unedited model.
        table: of the search, which has most of them.
        progress: told of those that are still to be made.
        subject: of the rows.
    """
    jobs: dict[tuple[str, str, float], Job] = {}
    for (arm, language), (direction, chosen) in curves.items():
        jobs[arm, language, 0.0] = Job(language=language)
        for strength in strengths:
            setting = Setting(
                layers=chosen.layers,
                strength=strength,
                operator=chosen.operator,
                unit=chosen.unit,
                positions=chosen.positions,
            )
            jobs[arm, language, strength] = Job(
                language=language, direction=direction, setting=setting
            )
    found = run_jobs(bench, list(dict.fromkeys(jobs.values())), table, progress)
    fields: dict[str, Any] = subject.fields | {"area": DOSE_AREA}
    rows: list[Measurement] = []
    for (arm, language, strength), job in jobs.items():
        trial = found[job]
        counts = {
            "compliance_rate": (trial.compliance_rate, trial.n_harmful),
            "over_refusal": (trial.over_refusal, trial.n_benign),
            "use": (trial.use, trial.n_benign),
        }
        for metric in DOSE_RATES:
            estimate, n = counts[metric]
            rows.append(
                Measurement(
                    **fields,
                    metric=metric,
                    arm=arm,
                    language=language,
                    strength=strength,
                    layer=None if job.setting is None else job.setting.layers[0],
                    category=None if job.setting is None else job.setting.name,
                    n=n,
                    estimate=estimate,
                    method="validation prompts, which settings were chosen on",
                    reason="no interval: for the shape, not for a claim",
                )
            )
    return rows
