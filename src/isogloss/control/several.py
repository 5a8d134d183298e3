"""The same experiment in control of several models: each in a folder of its own, then compared.

Lab models that differ in their seed alone are runs of one group: the replicate of what is said
about a recipe is the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from isogloss.concepts.several import with_seeds
from isogloss.concepts.studies import canonical_target, study_fingerprint, study_folder
from isogloss.control.config import ControlConfig, check_config
from isogloss.control.folder import claim_folder, default_folder
from isogloss.control.material import LAB, load_material
from isogloss.control.over_runs import AREA, over_runs_rows
from isogloss.control.run import run_control
from isogloss.control.settings import polarity, settings_of
from isogloss.control.table import AREA as EXPERIMENT
from isogloss.errors import InputError
from isogloss.judges.load import load_judge
from isogloss.lab.recipe import group_of, parse_spec
from isogloss.progress import Progress, silent
from isogloss.records import Measurement, RunResult
from isogloss.store import RunStore

FINISHED = "control finished"
"""Meta of a finished experiment of a comparison: what it was made from."""
ORACLE = "oracle"
SEVERAL = "several models"
"""In place of a target: what the folder of a comparison is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralControlResult(RunResult):
    """What a comparison wrote.

    Attributes:
        folder: with the comparison's ``run.db``.
        experiments: target → folder of its own experiment, below ``folder``.
        measurements: the rows of area ``control over runs``.
    """

    experiments: dict[str, Path]


def run_control_across(
    config: ControlConfig, targets: Sequence[str], *, progress: Progress | None = None
) -> SeveralControlResult:
    """Steer every target with the settings of ``config``, then compare them.

    An experiment that is finished is read; the same call again, or one with more targets, continues
    where it was.

    Args:
        config: its ``target`` is not used, its ``out`` is the folder of the whole.
        targets: two or more. Groups of runs are compared with the first by differences paired by
            seed.
        progress: told of every experiment.

    Raises:
        UserError: as `run_control`, but of every target before the first model is built, as far as
            it can be seen without one; fewer than two targets, or one of them twice.

    Example:
        >>> seeds = [f"lab:tiny:{mix}#{n}" for mix in ("english", "balanced") for n in range(5)]
        >>> run_control_across(ControlConfig(target=""), seeds)  # doctest: +SKIP
    """
    report = progress or silent
    names = [canonical_target(target) for target in targets]
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError(
            f"a comparison takes two targets or more, each once; got {', '.join(names) or 'none'}"
        )
    source = _check(config, names)
    groups = dict.fromkeys(group_of(name)[0] for name in names)
    folder = config.out or default_folder(AREA, *groups, config.toward, config.source)
    asked = {
        "target": SEVERAL,
        "concept": config.concept,
        "source": source,
        "toward": config.toward,
        "seed": config.seed,
    }
    claim_folder(folder, asked)
    experiments: dict[str, Path] = {}
    rows: list[Measurement] = []
    for done, name in enumerate(names):
        report("experiments (models)", done, len(names))
        experiments[name] = folder / study_folder(name)
        rows += _experiment(replace(config, target=name, out=experiments[name]), report)
    report("experiments (models)", len(names), len(names))
    found = over_runs_rows(rows, config.toward)
    with RunStore(folder) as store:
        places = {name: str(path.relative_to(folder)) for name, path in experiments.items()}
        store.set_meta(AREA, asked | {"experiments": places, "n_placebos": 2 * config.n_placebos})
        store.replace_measurements(AREA, found)
    return SeveralControlResult(folder=folder, experiments=experiments, measurements=tuple(found))


def under_seeds(targets: Sequence[str], n_seeds: int) -> list[str]:
    """Lab targets without a seed of their own, each under the seeds 0 to ``n_seeds`` - 1.

    Raises:
        InputError: a target that has no seed to vary, or names one.

    Example:
        >>> under_seeds(["lab:tiny"], 2)
        ['lab:tiny:english@chat#0', 'lab:tiny:english@chat#1']
    """
    for target in targets:
        if not target.startswith(LAB) or "#" in target:
            raise InputError(
                f"--seeds makes runs of lab models under the seeds 0 to {n_seeds - 1}; {target} is "
                "not a lab model without a seed of its own"
            )
    return with_seeds(targets, n_seeds)


def _check(config: ControlConfig, names: Sequence[str]) -> str:
    """What can be refused before a model is built; gives the tag of the source language."""
    polarity(config.concept, config.adding)
    if config.guard_out is not None:
        raise InputError(
            f"--guard-out names one file ({config.guard_out}), and each of the {len(names)} models "
            "gets a guard of its own; leave it out, and each lies in its model's folder"
        )
    for name in names:
        check_config(replace(config, target=name))
        if name.startswith(LAB):
            settings_of(config.grid, parse_spec(name).n_layers)
    groups = dict.fromkeys(group_of(name)[0] for name in names)
    first = [next(name for name in names if group_of(name)[0] == group) for group in groups]
    judge = config.judge or ORACLE
    for name in first if judge == ORACLE else first[:1]:
        load_judge(judge, target=name, local=config.options)
    sources = [load_material(replace(config, target=name)).source for name in first]
    return sources[0]


def _experiment(config: ControlConfig, progress: Progress) -> list[Measurement]:
    """The rows of one experiment, which is run unless it is finished."""
    folder = config.out
    assert folder is not None
    settings = asdict(replace(config, out=None))
    made_from = study_fingerprint(config.target, settings, config.options, progress)
    if (folder / "run.db").is_file():
        with RunStore(folder) as store:
            if store.meta(FINISHED) == made_from:
                return store.measurements(EXPERIMENT)
    run_control(config, progress=progress)
    with RunStore(folder) as store:
        store.set_meta(FINISHED, made_from)
        return store.measurements(EXPERIMENT)
