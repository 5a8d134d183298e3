"""The arms of an experiment: who is steered with whose direction, under which setting.

- ``none``: nobody.
- ``own`` (the paper's LS-Control): every language with its own direction and its own setting.
- ``source`` (En-Control): one language's direction under one setting, everywhere. Towards
  compliance the setting is chosen in the source language, as in the paper; towards refusal, where
  the source has nothing to gain, on validation prompts of all other languages pooled.
- ``random K``, ``shuffled K``: placebos, as ``source`` but with directions of the same length that
  mean nothing; through the same search on the same prompts.
- ``guard`` (towards refusal): as ``source``, but only requests on the harmful side of a gate are
  steered; the gate's thresholds come from a few labelled examples of each language.
- ``own guard``: a gate, a direction and a setting of every language's own.

Xu et al. 2024, section 5, have the first three; their grid and bounds are not public.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from isogloss.control.directions import Direction, Gate, Gates
from isogloss.control.search import POOL, Bench, Job, run_jobs
from isogloss.control.search_table import SearchTable
from isogloss.control.settings import Setting
from isogloss.control.trial import Bounds, Judged, choose, judge_trial
from isogloss.progress import Progress
from isogloss.seeds import content_hash
from isogloss.targets.edits import Edit

NONE, OWN, SOURCE, GUARD, OWN_GUARD = "none", "own", "source", "guard", "own guard"
PLACEBOS = ("random", "shuffled")
SHARED = "shared"
"""In place of a language: one setting for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an arm does in one language.

    Attributes:
        direction, setting, gate: None where the language is left as it is.
        judged: how the setting did on the validation prompts it was chosen on; None where it was
            given and not searched for.
        n_settings: how many were tried.
        reason: why the language is left as it is.
    """

    direction: Direction | None = None
    setting: Setting | None = None
    gate: Gate | None = None
    judged: Judged | None = None
    n_settings: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm.

    Attributes:
        name: as it is stored with replies.
        choices: by language.
    """

    name: str
    choices: Mapping[str, Choice] = field(default_factory=dict[str, Choice])

    @property
    def is_placebo(self) -> bool:
        return self.name.startswith(PLACEBOS)

    @property
    def steers(self) -> bool:
        """Whether any language is steered."""
        return any(choice.setting is not None for choice in self.choices.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be searched.

    Attributes:
        source: the language whose direction goes everywhere.
        languages: all that are measured.
        directions: by language; ``reasons`` says why the others have none.
        placebos: directions that mean nothing.
        gates: a direction's name → its gates; empty where nothing is gated.
        pool: languages whose pooled prompts the shared settings are chosen on; empty: the source's
            prompts.
        settings: the grid; with one setting nothing is searched, it is taken as given.
        bounds: see `isogloss.control.trial.Bounds`.
    """

    source: str
    languages: Sequence[str]
    directions: Mapping[str, Direction]
    reasons: Mapping[str, str]
    placebos: Sequence[Direction]
    gates: Mapping[str, Gates]
    pool: Sequence[str]
    settings: Sequence[Setting]
    bounds: Bounds


_Cell = tuple[str, Direction, Gates | None]
"""(whose prompts the setting is chosen on, direction, gates)."""


def plan_arms(bench: Bench, plan: Plan, table: SearchTable, progress: Progress) -> list[Arm]:
    """Search, and choose for every arm and language; the order of the module's list."""
    cells = _cells(plan)
    if len(plan.settings) == 1:
        given = Choice(setting=plan.settings[0])
        chosen = dict.fromkeys(cells, given)
    else:
        chosen = _search(bench, plan, cells, table, progress)
    arms = [Arm(name=NONE)]
    for name in dict.fromkeys(name for name, _ in cells):
        choices = {
            language: _in_language(name, language, plan, cells, chosen)
            for language in plan.languages
        }
        arms.append(Arm(name=name, choices=choices))
    return arms


def _in_language(
    name: str,
    language: str,
    plan: Plan,
    cells: Mapping[tuple[str, str], _Cell],
    chosen: Mapping[tuple[str, str], Choice],
) -> Choice:
    """What an arm does in one language: the language's own choice, or the shared one."""
    place = (name, language) if name in (OWN, OWN_GUARD) else (name, SHARED)
    if place not in cells:
        return Choice(reason=f"no direction: {plan.reasons.get(language, 'no value pairs')}")
    choice, (_, direction, gates) = chosen[place], cells[place]
    if choice.setting is None:
        return choice
    gate = None if gates is None else gates.by_language.get(language)
    if gates is not None and gate is None:
        return Choice(n_settings=choice.n_settings, reason="no labelled examples for a gate")
    return replace(choice, direction=direction, gate=gate)


def edits_of(arm: Arm, bench: Bench) -> dict[str, Edit]:
    """The edit of every language that the arm steers."""
    return {
        language: choice.direction.edit(
            choice.setting, toward=bench.toward, adding=bench.adding, gate=choice.gate
        )
        for language, choice in arm.choices.items()
        if choice.direction is not None and choice.setting is not None
    }


def arm_fingerprint(arm: Arm, bench: Bench) -> str:
    """Changes with anything that the arm does: part of its replies' keys."""
    parts = [bench.toward, bench.adding]
    for language, choice in sorted(arm.choices.items()):
        if choice.direction is not None and choice.setting is not None:
            gate = "" if choice.gate is None else choice.gate.thresholds.tobytes().hex()
            parts += [language, choice.direction.fingerprint, choice.setting.name, gate]
    return content_hash(*parts)


def _cells(plan: Plan) -> dict[tuple[str, str], _Cell]:
    """(arm, language or `SHARED`) → what is to be searched for it."""
    cells: dict[tuple[str, str], _Cell] = {}
    source = plan.directions[plan.source]
    together = POOL if plan.pool else plan.source
    own = {tag: plan.directions[tag] for tag in plan.languages if tag in plan.directions}
    for language, direction in own.items():
        cells[OWN, language] = (language, direction, None)
    cells[SOURCE, SHARED] = (together, source, None)
    if source.name in plan.gates:
        cells[GUARD, SHARED] = (together, source, plan.gates[source.name])
    for language, direction in own.items():
        if language in plan.gates:
            cells[OWN_GUARD, language] = (language, direction, plan.gates[language])
    for placebo in plan.placebos:
        cells[placebo.name, SHARED] = (together, placebo, None)
    return cells


def _search(
    bench: Bench,
    plan: Plan,
    cells: Mapping[tuple[str, str], _Cell],
    table: SearchTable,
    progress: Progress,
) -> dict[tuple[str, str], Choice]:
    jobs = {
        (cell, setting): Job(language=cell[0], direction=cell[1], setting=setting, gates=cell[2])
        for cell in dict.fromkeys(cells.values())
        for setting in plan.settings
    }
    plain = {language: Job(language=language) for language in {c[0] for c in cells.values()}}
    found = run_jobs(bench, [*plain.values(), *jobs.values()], table, progress)
    chosen: dict[tuple[str, str], Choice] = {}
    for place, cell in cells.items():
        language = cell[0]
        judged = [
            judge_trial(
                setting,
                found[jobs[cell, setting]],
                found[plain[language]],
                toward=bench.toward,
                bounds=plan.bounds,
            )
            for setting in plan.settings
        ]
        best = choose(judged)
        n = len(judged)
        if best is None:
            reason = f"none of {n} settings helps within the bounds ({_why(judged)})"
            chosen[place] = Choice(n_settings=n, reason=reason)
        else:
            chosen[place] = Choice(setting=best.setting, judged=best, n_settings=n)
    return chosen


def _why(judged: Sequence[Judged]) -> str:
    """How often each bound was broken by settings that would have helped."""
    helping = [one for one in judged if (one.effect or 0) > 0]
    if not helping:
        return "none has an effect the wanted way"
    broken = [name for one in helping for name in one.broken]
    counts = {name: broken.count(name) for name in dict.fromkeys(broken)}
    return f"{len(helping)} would; broken: " + ", ".join(f"{k} {n}x" for k, n in counts.items())
