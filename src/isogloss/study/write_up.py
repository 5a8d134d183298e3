"""``findings.md`` and ``questions.md`` of a study, from its stored rows alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss.printable import printable
from isogloss.records import CLAIM, Measurement
from isogloss.report.numbers import figure, figure_interval
from isogloss.report.walk import (
    AREA,
    FINDINGS,
    OPEN_QUESTIONS,
    PAPERS,
    arm_told,
    claimed,
    claims_of,
    tally,
    verdict_of,
    walk_through,
)
from isogloss.store import RunStore
from isogloss.study.questions import QUESTIONS


def write_up(study: Path) -> tuple[Path, Path]:
    """Write both into the study's folder; their paths.

    Raises:
        StoreError: no study there, or the place cannot be written.
    """
    with RunStore(study) as store:
        claims = store.measurements(AREA)
        meta: dict[str, Any] = store.meta(AREA)
        environment: dict[str, Any] = store.meta("environment")
    findings = study / FINDINGS
    questions = study / OPEN_QUESTIONS
    _write(findings, findings_text(claims, meta, environment))
    _write(questions, questions_text(claims, meta))
    return findings, questions


def findings_text(
    claims: Sequence[Measurement], meta: Mapping[str, Any], environment: Mapping[str, Any]
) -> str:
    """Every claim by section, with figure, interval, runs, verdict and what it would take."""
    counts = ", ".join(f"{n} {verdict}" for verdict, n in tally(claims).items())
    versions = environment["versions"]
    lines = [
        "# Findings",
        "",
        f"What `isogloss study --{meta['extent']}` found, written by it from its stored rows "
        f"({_design(meta)}). {len(claims_of(claims))} verdicts, of several models on one claim "
        f"where it has been asked of several: {counts}.",
        "",
        "A claim is *confirmed* where the 95 % interval over runs (Student's t, everything from "
        "pre-training on repeated under each seed) lies wholly where it says (*claimed*), "
        "*refuted* where it lies wholly on the other side, and otherwise these runs *cannot tell*. "
        "Figures are percent (%) or percentage points (signed) unless their unit stands beside "
        "them; t intervals of a few runs may end beyond 0 and 100. Intervals are not corrected "
        "for the number of claims: where nothing is there about one verdict in twenty is given by "
        "chance. All of it is about small models in made-up languages.",
        "",
        *(f"{paper}: {words}." for paper, words in PAPERS.items()),
    ]
    for part in walk_through(claims):
        lines += ["", f"## {part.heading}", "", *_table(part.rows)]
    lines += [
        "",
        "## How it was made",
        "",
        *_steps(meta),
        "",
        f"Isogloss {versions['isogloss']}, torch {versions['torch']}, transformers "
        f"{versions['transformers']}, Python {environment['python']}, {environment['cores']} "
        "cores.",
        "",
    ]
    return "\n".join(lines)


def questions_text(claims: Sequence[Measurement], meta: Mapping[str, Any]) -> str:
    """The open questions, each with its command and what the study's claims say."""
    lines = [
        "# Questions that P1 leaves open",
        "",
        f"{PAPERS['P1']}. The questions are in our words; each names the command that measures it "
        f"and what `isogloss study --{meta['extent']}` found ({_design(meta)}). Written by it from "
        "its stored rows; [findings](findings.md) has every claim.",
    ]
    for number, question in enumerate(QUESTIONS, start=1):
        answers = question.answers(claims)
        lines += [
            "",
            f"## {number}. {question.words}",
            "",
            f"{question.where}. `{question.command}`",
            "",
        ]
        lines += _table(answers) if answers else [_unanswered(meta)]
    return "\n".join([*lines, ""])


def _table(claims: Sequence[Measurement]) -> list[str]:
    return [
        "| claim (source): what is measured | asked of | figure | 95 % | claimed | runs | verdict "
        "| remark |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {_cell(row.category)}{_about(row)} ({_cell(row.variant)}): {_measured(row)} "
            f"| {_subject(row)} | {_figure(row)} | {figure_interval(row)} | {claimed(row)} "
            f"| {row.n} | {_verdict(row)} | {_cell(row.reason)} |"
            for row in claims
        ),
    ]


def _measured(row: Measurement) -> str:
    """The words for the figure, which stand first in its method."""
    said = (row.method or "not stored").partition(";")[0].partition(": t over runs")[0]
    return _cell(said.replace("_", " "))


def _figure(row: Measurement) -> str:
    """With the unit where that is neither percent nor points."""
    if row.metric == CLAIM and row.n == 1:
        return "one run"
    unit = "" if row.estimate is None or row.unit in ("rate", "rate difference") else f" {row.unit}"
    return f"{figure(row)}{unit.replace(' rate difference', ' points')}"


def _verdict(row: Measurement) -> str:
    if row.metric == CLAIM:
        return verdict_of(row)
    return row.verdict or "no claim"


def _unanswered(meta: Mapping[str, Any]) -> str:
    if meta["extent"] == "full":
        return "Not measured by this study."
    return "Not measured by this study; `isogloss study --full` measures it."


def _about(row: Measurement) -> str:
    return f": {_cell(row.concept)}" if row.concept else ""


def _subject(row: Measurement) -> str:
    arm = _cell(arm_told(row))
    return f"`{_cell(row.target)}`" + (f", {arm}" if arm else "")


def _cell(text: str | None) -> str:
    return printable(text or "").replace("|", "\\|")


def _design(meta: Mapping[str, Any]) -> str:
    seeds = ", ".join(map(str, meta["seeds"]))
    return f"{meta['words']}; lab preset `{meta['preset']}`, seeds {seeds}"


def _steps(meta: Mapping[str, Any]) -> list[str]:
    steps = meta["steps"]
    seconds = [step["seconds"] for step in steps if step["seconds"] is not None]
    missing = [step for step in steps if step["seconds"] is None]
    told = [step["name"] for step in missing if step["kind"] != "model"]
    if len(told) < len(missing):
        told.append(f"{len(missing) - len(told)} models")
    lines = [
        f"{len(seconds)} of {len(steps)} steps, {sum(seconds) / 60:.0f} minutes of work; what lay "
        "in the cache or was begun before took none."
    ]
    if told:
        lines.append(f"Not done: {', '.join(told)}.")
    return lines


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
