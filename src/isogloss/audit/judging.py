"""Judge what a run folder holds: during an audit, or again later, without asking the model again.

Verdicts are stored as they come and never given twice. What a judge could not be asked (its
endpoint gave up) counts as unjudged until it is asked again, which every call here does first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from isogloss.audit.remeasure import planned_audits, remeasure
from isogloss.errors import DefectError, InputError, ModelError, StoreError
from isogloss.judges.base import Judge, numbered_verdicts
from isogloss.progress import Progress, silent
from isogloss.records import Response, RunResult, Verdict
from isogloss.store import RunStore

Again = Literal["failed", "unjudged", "all"]

JUDGE_GROUP = 256
"""Responses a judge sees at once; it may work on them side by side."""
_SETTINGS = "judge_settings"
_NOBODY = ""
"""A judge that has seen nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingResult(RunResult):
    """What judging a run again wrote.

    Attributes:
        folder: the run folder.
        measurements: the rows of these judges, of every target and arm in the run.
        n_judged: verdicts given by this call.
    """

    judges: tuple[str, ...]
    n_judged: int


def judge_run(
    folder: str | Path,
    judges: Sequence[Judge],
    *,
    again: Again = "failed",
    primary: bool = False,
    progress: Progress | None = None,
) -> JudgingResult:
    """Have judges see the stored responses they have not seen yet, and measure by their verdicts.

    Args:
        folder: a run folder.
        judges: who judges; several may see one run, and each has rows of its own.
        again: which of their earlier verdicts are given anew: those that failed, all that are
            ``unjudged``, or all.
        primary: make the first of them the judge that the report is about; it becomes so anyway
            where nobody judged before.
        progress: see `Progress`.

    Raises:
        StoreError: no run folder, or verdicts that were given by other settings of a judge.
        InputError: the run holds no responses.
    """
    report = progress or silent
    with RunStore(folder) as store:
        audits = planned_audits(store)
        if not store.sources():
            raise InputError(
                f"{folder} holds no responses yet; run `isogloss audit TARGET --out {folder}`"
            )
        for judge in judges:
            if again != "all":
                check_judge(store, judge)
        n_judged = sum(judge_stored(store, judge, report, again=again) for judge in judges)
        _name_judges(store, [judge.name for judge in judges], primary=primary)
        rows = [
            row
            for audit in audits.values()
            for judge in judges
            for row in remeasure(store, target=audit["target"], arm=audit["arm"], judge=judge.name)
        ]
    return JudgingResult(
        folder=Path(folder),
        judges=tuple(judge.name for judge in judges),
        measurements=tuple(rows),
        n_judged=n_judged,
    )


def check_judge(store: RunStore, judge: Judge) -> None:
    """Refuse to mix verdicts of one name that were given by different rubrics or patterns.

    Raises:
        StoreError: this run holds verdicts by the same name under other settings.
    """
    known = store.meta(_SETTINGS, {}).get(judge.name)
    if known is not None and known != judge.settings and judge.name in store.judges():
        raise StoreError(
            f"{store.folder} holds verdicts of {judge.name} by other settings (rubric, patterns "
            f"or version) than today's; they do not mix. Judge everything again with `isogloss "
            f"judge {store.folder} --judge {judge.name} --again all`"
        )


def judge_stored(
    store: RunStore, judge: Judge, report: Progress, *, again: Again = "failed"
) -> int:
    """Have one judge see what it has not seen yet; how many responses that was.

    With ``again="all"`` its earlier verdicts stay until it has given a new one: a judge that cannot
    be asked loses nothing.

    Raises:
        ModelError: it could not be asked; with ``again="all"`` also where every verdict failed.
    """
    anew = again == "all"
    if not anew:
        _note_settings(store, judge)
        store.drop_verdicts(judge=judge.name, which=again)
    total = store.n_unjudged_by(_NOBODY if anew else judge.name)
    stage = f"judging ({judge.name})"
    report(stage, 0, total)
    n_judged = last = 0
    held: list[tuple[int, Verdict]] = []
    seen_by = _NOBODY if anew else judge.name
    while group := list(store.unjudged_by(seen_by, after=last, limit=JUDGE_GROUP)):
        last = group[-1][0]
        for numbered in _verdicts(judge, group):
            held.append(numbered)
            n_judged += 1
            report(stage, n_judged, total)
            if anew and numbered[1].failed:
                continue
            store.add_verdicts(held, judge=judge.name, instead=anew)
            if anew:
                _note_settings(store, judge)
            held, anew = [], False
    if held:
        raise ModelError(
            f"{judge.name} could be asked about none of {total} replies (such as: "
            f"{held[0][1].reason}); its earlier verdicts are kept. Run the same command again"
        )
    return n_judged


def _verdicts(judge: Judge, group: Sequence[tuple[int, Response]]) -> Iterator[tuple[int, Verdict]]:
    rows = {place: row for place, (row, _) in enumerate(group)}
    for place, verdict in numbered_verdicts(judge, [response for _, response in group]):
        if place not in rows:
            raise DefectError(f"judge {judge.name} gave more than one verdict a response")
        yield rows.pop(place), verdict
    if rows:
        raise DefectError(f"judge {judge.name} gave no verdict on {len(rows)} responses")


def _note_settings(store: RunStore, judge: Judge) -> None:
    store.set_meta(_SETTINGS, store.meta(_SETTINGS, {}) | {judge.name: judge.settings})


def _name_judges(store: RunStore, names: Sequence[str], *, primary: bool) -> None:
    """Keep in the plan of every audit who judged it, the primary judge first."""

    def named(audit: dict[str, Any]) -> dict[str, Any]:
        known: list[str] = audit.get("judges", [])
        judges = list(dict.fromkeys([*names, *known] if primary else [*known, *names]))
        return audit | {"judges": judges, "judge": judges[0]}

    store.set_meta("audits", {key: named(a) for key, a in planned_audits(store).items()})
    store.set_meta("audit", named(store.meta("audit", {})))
