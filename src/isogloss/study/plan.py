"""The steps of a quick and of a full study: which models, which experiments, in which order.

Steps that come first are started first; models are steps of their own, so that several are trained
at once and every experiment finds them in the cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.errors import InputError
from isogloss.lab.recipe import LabRecipe, parse_spec
from isogloss.study.kinds import KINDS, read_config
from isogloss.study.step import Step, in_order
from isogloss.trace.dose_config import DoseConfig
from isogloss.trace.dose_design import design_doses

CHAT, HELPFUL = "chat", "helpful"
MINUTES_A_MODEL = {"tiny": 1.7, "small": 8.0}
TIMES_A_SIZE = {"300k": 0.9, "1m": 1.8, "3m": 4.8}
"""Minutes of a model with another number of parameters, in those of one of `tiny`'s own; measured
but for 1m."""
GRID = {"strengths": [0.1, 0.2, 0.35, 0.6], "operators": ["add", "project_out"]}
"""Of the searches for control: those of docs/lab.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of everything.

    Attributes:
        words: for people.
        preset: of the lab.
        seeds: every experiment is repeated from pre-training on under the seeds 0 to ``seeds`` - 1.
        few_seeds: the same of control, of further sizes and of mixes compared, which cost most.
        mixes: pre-training mixes of the ladder, of concepts and of control.
        methods: of alignment.
        dose: further fields of the dose-response.
        placebos: of control, of each kind.
        sizes: further mixes (the size dial) of concepts and of control.
        comparisons: name → mixes set against the first of them.
        grid: whether every language is trained on alone.
    """

    words: str
    preset: str
    seeds: int
    few_seeds: int
    mixes: tuple[str, ...]
    methods: tuple[str, ...]
    dose: Mapping[str, Any]
    placebos: int
    sizes: tuple[str, ...] = ()
    comparisons: Mapping[str, tuple[str, ...]] | None = None
    grid: bool = False


EXTENTS: dict[str, Extent] = {
    "quick": Extent(
        words="two mixes, three seeds, three doses of one language",
        preset="tiny",
        seeds=3,
        few_seeds=3,
        mixes=("english", "balanced"),
        methods=("xsft", "xdpo"),
        dose={"languages": ["sw"], "factors": [1, 4, 16]},
        placebos=3,
    ),
    "full": Extent(
        words="three mixes, five seeds (three of control, of sizes and of mixes compared), all "
        "methods, doses, grid, architectures",
        preset="tiny",
        seeds=5,
        few_seeds=3,
        mixes=("english", "bilingual", "balanced"),
        methods=(
            "sft", "xsft", "sft:sw", "reward", "xreward", "xreward-contrast", "xreward-pivot",
            "rlhf", "xrlhf", "xrlhf-oracle", "dpo", "xdpo", "mpo",
        ),
        dose={
            "languages": ["sw"], "factors": [0.25, 1, 4, 16], "extra": [200_000],
            "parallel": True, "tokenizer": True, "reward": True,
        },
        placebos=10,
        sizes=("english+300k", "english+3m"),
        comparisons={
            "data or network": (
                "english+fixed", "balanced+fixed", "english+fixed+neox", "english+fixed+bloom",
                "english+fixed+gemma", "english+fixed+300k", "english+fixed+3m",
            ),
            "candidate mixes": (
                "english+fixed", "balanced+fixed", "en=40+fixed", "en=25+fixed", "en=12.5+fixed",
                "en=30,zh=20+fixed",
            ),
        },
        grid=True,
    ),
}  # fmt: skip


def plan_study(extent: str, *, only: Sequence[str] = ()) -> list[Step]:
    """Every step in the order of starting, each after what it needs.

    Args:
        extent: a name of `EXTENTS`.
        only: kinds of steps; those they need come along. None is all.

    Raises:
        InputError: an unknown extent or kind, or one that the extent does not have.
    """
    if extent not in EXTENTS:
        raise InputError(f"{extent!r} is no extent of a study; choose {' or '.join(EXTENTS)}")
    steps = _experiments(EXTENTS[extent])
    kinds = list(dict.fromkeys(step.kind for step in steps))
    if unknown := [kind for kind in only if kind not in kinds]:
        wider = unknown[0] in KINDS and unknown[0] != "model"
        told = "is not part of the" if wider else "is no kind of step of the"
        more = "; --full has it" if wider else ""
        raise InputError(
            f"{unknown[0]!r} {told} {extent} study, which has {', '.join(kinds)}{more}"
        )
    return in_order(step for step in steps if not only or step.kind in only)


def _experiments(extent: Extent) -> list[Step]:
    """Long ones of one process first: what is short fills the gaps at the end."""
    first = f"lab:{extent.preset}:{extent.mixes[0]}"
    tuned = [_model(extent, f"{first}@{HELPFUL}#{seed}") for seed in range(extent.seeds)]
    mixes = [f"lab:{extent.preset}:{mix}" for mix in extent.mixes]
    sizes = [f"lab:{extent.preset}:{mix}" for mix in extent.sizes]
    chats = {mix: _chats(extent, [mix], extent.seeds) for mix in mixes}
    every = [step for mix in mixes for step in chats[mix]]
    steered = _chats(extent, mixes, extent.few_seeds)
    others = _chats(extent, sizes, extent.few_seeds)
    steps = [_control(extent, [*steered, *others])]
    steps += [_align(extent, first, tuned), _dose(extent, first)]
    steps += [_ladder(extent, mix, chats[mix]) for mix in mixes]
    steps += [
        Step(
            kind="concepts", name="concepts", needs=(*every, *others),
            settings={"targets": [step.settings["spec"] for step in (*every, *others)]},
            minutes=0.2 * len((*every, *others)),
        ),
        Step(
            kind="anatomy", name="anatomy", needs=tuple(chats[first]),
            settings={"target": first, "seeds": extent.seeds}, minutes=0.7 * extent.seeds,
        ),
    ]  # fmt: skip
    steps.append(
        Step(
            kind="instruments", name="instruments", needs=tuple(chats[first]),
            settings={"target": first, "seeds": extent.seeds}, minutes=0.3 * extent.seeds,
        )
    )  # fmt: skip
    if extent.grid:
        steps.append(
            Step(
                kind="grid", name="grid", needs=tuple(tuned),
                settings={"target": first, "seeds": extent.seeds}, minutes=6.0 * extent.seeds,
            )
        )  # fmt: skip
    for name, group in (extent.comparisons or {}).items():
        arms = [f"lab:{extent.preset}:{mix}" for mix in group]
        steps.append(
            Step(
                kind="mixes", name=name, needs=tuple(_chats(extent, arms, extent.few_seeds)),
                settings={"arms": arms, "seeds": extent.few_seeds},
                minutes=0.1 * len(arms) * extent.few_seeds,
            )
        )  # fmt: skip
    return steps


def _model(extent: Extent, spec: str) -> Step:
    recipe = parse_spec(spec)
    name = f"{recipe.stage} {recipe.mix}#{recipe.seed}"
    minutes = MINUTES_A_MODEL[extent.preset]
    for modifier in recipe.mix.split("+")[1:]:
        minutes *= TIMES_A_SIZE.get(modifier, 1.0)
    return Step(kind="model", name=name, settings={"spec": recipe.spec}, minutes=minutes)


def _chats(extent: Extent, mixes: Iterable[str], seeds: int) -> list[Step]:
    return [_model(extent, f"{mix}@{CHAT}#{n}") for mix in mixes for n in range(seeds)]


def _align(extent: Extent, target: str, needs: Sequence[Step]) -> Step:
    targets = [f"{target}@{HELPFUL}#{seed}" for seed in range(extent.seeds)]
    return Step(
        kind="align", name="align", needs=tuple(needs),
        settings={"targets": targets, "methods": list(extent.methods)},
        minutes=0.7 * len(extent.methods) * extent.seeds,
    )  # fmt: skip


def _dose(extent: Extent, mix: str) -> Step:
    settings = {"mix": mix, "seeds": extent.seeds, **extent.dose}
    design = design_doses(read_config(DoseConfig, settings, Path()), Path())
    runs: list[LabRecipe] = [arm.under(n) for arm in design.arms for n in range(extent.seeds)]
    return Step(
        kind="dose", name="dose", settings=settings,
        needs=tuple(_model(extent, recipe.spec) for recipe in runs),
        minutes=(0.5 if extent.dose.get("reward") else 0.1) * len(runs),
    )  # fmt: skip


def _ladder(extent: Extent, mix: str, needs: Sequence[Step]) -> Step:
    return Step(
        kind="ladder", name=f"ladder {mix.rpartition(':')[2]}", needs=tuple(needs),
        settings={"rungs": [mix], "seeds": extent.seeds}, minutes=0.8 * extent.seeds,
    )  # fmt: skip


def _control(extent: Extent, needs: Sequence[Step]) -> Step:
    """Towards compliance, which is what P2 tries; controllability is what its claims are about."""
    settings = {
        "targets": [step.settings["spec"] for step in needs],
        "toward": "comply", "n_placebos": extent.placebos, "grid": GRID,
    }  # fmt: skip
    return Step(
        kind="control", name="control", needs=tuple(needs), settings=settings,
        minutes=(0.4 + 0.1 * extent.placebos) * len(needs),
    )  # fmt: skip
