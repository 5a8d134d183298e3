"""The methods by name, what each stage of them starts from, and their settings.

``NAME[:MIXTURE]``: ``sft`` learns from the source language, ``xsft`` from all, ``sft:sw`` from
Swahili alone (see `isogloss.align.mixture`). Reinforcement learning and DPO start from a *warm-up*:
a few steps of SFT on the same mixture, so that the policy can refuse at all; a model that already
does skips it. MPO starts from SFT in the source language, whose reward gap it then spreads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from isogloss.align.dpo import Dpo
from isogloss.align.mpo import Mpo
from isogloss.align.optimisation import Optimisation
from isogloss.align.reward import Reward
from isogloss.align.rl import Rl
from isogloss.align.sft import Sft
from isogloss.errors import InputError

Method = Sft | Reward | Dpo | Mpo | Rl
Kind = Literal["sft", "warm_up", "reward", "dpo", "mpo", "rl"]
ALL, ORACLE = "all", "oracle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One method by name.

    Attributes:
        words: what it is, for people.
        kind: whose settings it takes.
        everywhere: trained in all languages unless a mixture is named; else in the source.
        reward: reinforcement learning only: the recipe of its reward model, or ``oracle``.
        contrast: reward models only: see `isogloss.align.reward.Reward`.
        pivot: reward models only: texts are translated into the source language first.
    """

    words: str
    kind: Kind
    everywhere: bool
    reward: str | None = None
    contrast: float = 0.0
    pivot: bool = False


RECIPES: dict[str, Recipe] = {
    "sft": Recipe(words="fine-tuning, source language only", kind="sft", everywhere=False),
    "xsft": Recipe(words="fine-tuning in all languages", kind="sft", everywhere=True),
    "reward": Recipe(words="reward model, source language only", kind="reward", everywhere=False),
    "xreward": Recipe(words="reward model in all languages", kind="reward", everywhere=True),
    "xreward-contrast": Recipe(
        words="the same, half of the pairs contrast instructions", kind="reward", everywhere=True,
        contrast=0.5,
    ),
    "xreward-pivot": Recipe(
        words="reward model on translations into the source language", kind="reward",
        everywhere=True, pivot=True,
    ),
    "rlhf": Recipe(
        words="reinforcement learning, all of it in the source language", kind="rl",
        everywhere=False, reward="reward",
    ),
    "xrlhf": Recipe(
        words="reinforcement learning in all languages", kind="rl", everywhere=True,
        reward="xreward",
    ),
    "xrlhf-oracle": Recipe(
        words="the same under a perfect reward (lab)", kind="rl", everywhere=True, reward=ORACLE
    ),
    "dpo": Recipe(words="preferences, source language only", kind="dpo", everywhere=False),
    "xdpo": Recipe(words="preferences in all languages", kind="dpo", everywhere=True),
    "mpo": Recipe(
        words="the source language's reward gap for all languages", kind="mpo", everywhere=True
    ),
}  # fmt: skip

LAB: dict[Kind, Method] = {
    "sft": Sft(
        optimisation=Optimisation(learning_rate=1e-3, steps=200, batch_size=64, max_length=128)
    ),
    "warm_up": Sft(
        optimisation=Optimisation(learning_rate=1e-3, steps=60, batch_size=64, max_length=128)
    ),
    "reward": Reward(
        optimisation=Optimisation(learning_rate=5e-4, steps=200, batch_size=32, max_length=128)
    ),
    "dpo": Dpo(
        optimisation=Optimisation(learning_rate=1e-4, steps=200, batch_size=32, max_length=128),
        beta=0.5,
    ),
    "mpo": Mpo(
        optimisation=Optimisation(learning_rate=1e-4, steps=150, batch_size=32, max_length=128),
        dominant="",
    ),
    "rl": Rl(
        optimisation=Optimisation(learning_rate=3e-4, steps=200, batch_size=64, max_length=128),
        beta=0.1,
    ),
}
"""For models of half a million parameters; chosen on validation objects of one seed of `tiny`."""

LAB_CHANGES: dict[str, tuple[str, ...]] = {
    "small": (
        "reward.learning_rate=1e-3",
        "mpo.learning_rate=2e-5",
        "warm_up.steps=120",
    ),
}
"""What a preset takes instead; chosen on validation objects of its seed 0."""

PUBLISHED: dict[Kind, Method] = {
    "sft": Sft(optimisation=Optimisation(learning_rate=1.5e-5, steps=0, batch_size=64)),
    "warm_up": Sft(optimisation=Optimisation(learning_rate=1.5e-5, steps=30, batch_size=64)),
    "reward": Reward(optimisation=Optimisation(learning_rate=2e-5, steps=0, batch_size=64)),
    "dpo": Dpo(optimisation=Optimisation(learning_rate=5e-6, steps=0, batch_size=64)),
    "mpo": Mpo(optimisation=Optimisation(learning_rate=6e-7, steps=0, batch_size=16), dominant=""),
    "rl": Rl(
        optimisation=Optimisation(learning_rate=1e-6, steps=1000, batch_size=64),
        max_new_tokens=256,
    ),
}
"""For a user's model: P1's learning rates (SFT, reward model), the MPO authors' rate. Steps of 0
mean one pass over the data."""


WARM_UPS = ("warm-up", "xwarm-up")
"""Stages before others: in one language, in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One stage to train.

    Attributes:
        name: of the stage; the arm of its rows.
        method: with all of its settings.
        mixture: languages it learns from.
        start: the arm whose model it starts from; None is the model itself.
        reward: the arm of its reward model, or ``oracle``.
        pivot: see `Recipe`.
        asked_for: named by the user, not only needed by another.
    """

    name: str
    method: Method
    mixture: str
    start: str | None = None
    reward: str | None = None
    pivot: bool = False
    asked_for: bool = True

    @property
    def is_policy(self) -> bool:
        """Whether it answers prompts; a reward model does not."""
        return self.method.kind != "reward"


def plan_arms(
    names: Sequence[str], settings: Mapping[Kind, Method], *, source: str, warm_up: bool
) -> list[Arm]:
    """Every stage that ``names`` need, each after what it starts from.

    Args:
        names: ``NAME[:MIXTURE]``.
        settings: see `settle`.
        source: the language of methods that are not trained everywhere.
        warm_up: whether policies that learn from rewards or preferences get one.

    Raises:
        InputError: an unknown method, or one twice.

    Example:
        >>> [arm.name for arm in plan_arms(["xdpo"], LAB, source="en", warm_up=True)]
        ['xwarm-up', 'xdpo']
    """
    if twice := sorted({name for name in names if list(names).count(name) > 1}):
        raise InputError(f"named twice: {', '.join(twice)}")
    arms: dict[str, Arm] = {}

    def add(arm: Arm) -> str:
        known = arms.get(arm.name)
        if known is None or (arm.asked_for and not known.asked_for):
            arms[arm.name] = arm
        return arm.name

    def need(name: str, *, asked_for: bool) -> str:
        plain, _, mixture = name.partition(":")
        recipe = RECIPES.get(plain)
        if recipe is None or name.endswith(":"):
            raise InputError(
                f"{name!r} is not a method; choose from {', '.join(RECIPES)}, with a mixture of "
                "languages where you want another, such as sft:sw"
            )
        trained = mixture or (ALL if recipe.everywhere else source)
        suffix = f":{mixture}" * bool(mixture)
        method = settings[recipe.kind]
        start: str | None = None
        reward: str | None = None
        if recipe.kind == "mpo":
            start = need("sft", asked_for=False)
            method = replace(method, dominant=source)
        elif recipe.kind in ("dpo", "rl") and warm_up:
            title = WARM_UPS[recipe.everywhere] + suffix
            start = add(
                Arm(name=title, method=settings["warm_up"], mixture=trained, asked_for=False)
            )
        if isinstance(method, Reward):
            method = replace(method, contrast=recipe.contrast or method.contrast)
        if recipe.reward is not None:
            reward = ORACLE if recipe.reward == ORACLE else need(
                recipe.reward + suffix, asked_for=False
            )  # fmt: skip
        return add(
            Arm(
                name=name, method=method, mixture=trained, start=start, reward=reward,
                pivot=recipe.pivot, asked_for=asked_for,
            )
        )  # fmt: skip

    for name in names:
        need(name, asked_for=True)
    return list(arms.values())


def check_used(changes: Sequence[str], arms: Sequence[Arm]) -> None:
    """Refuse changes of settings that no stage has.

    Args:
        changes: as `settle` takes them.
        arms: every stage.

    Raises:
        InputError: one would change nothing.
    """
    used = dict.fromkeys(
        "warm_up" if arm.name.partition(":")[0] in WARM_UPS else arm.method.kind for arm in arms
    )
    for change in changes:
        if (kind := change.partition(".")[0]) not in used:
            raise InputError(
                f"--set {change} would change nothing: no stage of this run is of kind {kind}; its "
                f"stages are of {', '.join(used)}"
            )


def lab_settings(preset: str) -> dict[Kind, Method]:
    """A lab preset's own settings.

    Example:
        >>> lab_settings("small")["reward"].optimisation.learning_rate
        0.001
    """
    return settle(LAB, LAB_CHANGES.get(preset, ()))


def settle(base: Mapping[Kind, Method], changes: Sequence[str]) -> dict[Kind, Method]:
    """Settings with the user's changes: ``KIND.FIELD=VALUE``, such as ``dpo.beta=0.2``.

    Raises:
        InputError: an unknown kind or field, or a value that is no number for it.

    Example:
        >>> settle(LAB, ["dpo.learning_rate=1e-4"])["dpo"].optimisation.learning_rate
        0.0001
    """
    settled = dict(base)
    for change in changes:
        name, equals, text = change.partition("=")
        kind, dot, field = name.partition(".")
        if not (equals and dot) or kind not in settled:
            raise InputError(
                f"{change!r} is not a setting; write KIND.FIELD=VALUE with KIND one of "
                f"{', '.join(settled)}, such as dpo.beta=0.2"
            )
        settled[kind] = _changed(settled[kind], kind, field, text)  # type: ignore[index,literal-required]
    return settled


def _changed(method: Method, kind: str, field: str, text: str) -> Method:
    inner = {f.name: getattr(method.optimisation, f.name) for f in dataclasses.fields(Optimisation)}
    outer = {
        f.name: getattr(method, f.name)
        for f in dataclasses.fields(method)
        if f.name not in ("optimisation", "kind", "dominant")
    }
    known = inner | outer
    if field not in known:
        raise InputError(f"{kind} has no setting {field!r}; it has {', '.join(known)}")
    value = _read(known[field], f"{kind}.{field}", text)
    try:
        if field in inner:
            return replace(method, optimisation=replace(method.optimisation, **{field: value}))
        return replace(method, **{field: value})
    except InputError as error:
        raise InputError(f"{kind}.{field}={text}: {error}") from None


def _read(now: Any, name: str, text: str) -> Any:
    """The text as what stands there now; its range is checked by the method itself."""
    if isinstance(now, str):
        return text
    try:
        value = type(now)(text)
    except ValueError:
        kind = "a whole number" if isinstance(now, int) else "a number"
        raise InputError(f"{name} takes {kind}, not {text!r}") from None
    return value
