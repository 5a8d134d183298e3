"""The same study of several models: each in a folder of its own, then all of them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from isogloss.concepts.across import AREA, across_rows, group_studies
from isogloss.concepts.run import AREA as STUDY
from isogloss.concepts.run import ConceptsConfig, check_target, run_concepts
from isogloss.concepts.studies import canonical_target, study_fingerprint, study_folder
from isogloss.concepts.summary import StudySummary, summarise_study
from isogloss.errors import InputError
from isogloss.lab.recipe import parse_spec
from isogloss.languages import ShareTable
from isogloss.progress import Progress, silent
from isogloss.records import RunResult
from isogloss.store import RunStore

ASKED = "concepts asked"
"""Meta of a finished study: what it was made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralResult(RunResult):
    """What a comparison wrote.

    Attributes:
        folder: with the comparison's ``run.db``.
        studies: target → folder of its own study, below ``folder``.
        measurements: the rows of area ``concepts across models``.
    """

    studies: dict[str, Path]


def run_concepts_across(
    config: ConceptsConfig, targets: Sequence[str], *, progress: Progress | None = None
) -> SeveralResult:
    """Study every target with the settings of ``config``, then compare them.

    A study that is finished is read; the same call again continues where it was.

    Args:
        config: its ``target`` is not used, its ``out`` is the folder of the whole.
        targets: two or more. Lab models that differ in their seed alone are runs of one group, and
            groups are compared with the first by differences paired by seed.
        progress: told of every study, by name.

    Raises:
        UserError: as `run_concepts`; fewer than two targets, or one of them twice.

    Example:
        >>> seeds = [f"lab:tiny:{mix}#{n}" for mix in ("english", "balanced") for n in range(5)]
        >>> run_concepts_across(ConceptsConfig(target=""), seeds)  # doctest: +SKIP
    """
    report = progress or silent
    names = [canonical_target(target) for target in targets]
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError(
            f"a comparison takes two targets or more, each once; got {', '.join(names) or 'none'}"
        )
    for name in names:
        check_target(name)
    folder = config.out or _default_folder(names)
    studies: dict[str, Path] = {}
    summaries: list[StudySummary] = []
    for done, name in enumerate(names):
        report("studies (models)", done, len(names))
        studies[name] = folder / study_folder(name)
        one = replace(config, target=name, out=studies[name])
        summaries.append(_study(one, report))
    report("studies (models)", len(names), len(names))
    rows = across_rows(group_studies(summaries))
    with RunStore(folder, create=True) as store:
        store.set_meta(
            AREA,
            {
                "studies": {name: str(path.relative_to(folder)) for name, path in studies.items()},
                "held": {study.target: list(study.held) for study in summaries},
                "seed": config.seed,
            },
        )
        store.replace_measurements(AREA, rows)
    return SeveralResult(folder=folder, studies=studies, measurements=tuple(rows))


def with_seeds(targets: Sequence[str], n_seeds: int) -> list[str]:
    """Every lab target that names no seed, under the seeds 0 to ``n_seeds`` − 1.

    Example:
        >>> with_seeds(["lab:tiny"], 2)
        ['lab:tiny:english@chat#0', 'lab:tiny:english@chat#1']
    """
    found: list[str] = []
    for target in targets:
        if target.startswith("lab:") and "#" not in target:
            recipe = parse_spec(target)
            found += [replace(recipe, seed=seed).spec for seed in range(n_seeds)]
        else:
            found.append(target)
    return found


def _study(config: ConceptsConfig, progress: Progress) -> StudySummary:
    folder = config.out
    assert folder is not None
    settings = asdict(replace(config, out=None))
    asked = study_fingerprint(config.target, settings, config.options, progress)
    if (folder / "run.db").is_file():
        with RunStore(folder) as store:
            if store.meta(ASKED) == asked:
                return _summary(store, config.target)
    run_concepts(config, progress=progress)
    with RunStore(folder) as store:
        store.set_meta(ASKED, asked)
        return _summary(store, config.target)


def _summary(store: RunStore, target: str) -> StudySummary:
    shares = ShareTable.from_json(store.meta("share_table"))
    return summarise_study(store.measurements(STUDY), shares, target=target)


def _default_folder(names: Sequence[str]) -> Path:
    groups = dict.fromkeys(name.rpartition("#")[0] or name for name in names)
    return Path("runs") / study_folder(" ".join(("concepts across", *groups)))
