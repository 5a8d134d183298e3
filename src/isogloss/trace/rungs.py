"""From the strings of a ladder to families of rungs, each checked before any step is spent.

A family is one model seen at several moments of its training. A lab is one family a seed; all of a
lab's rungs must come from one pre-training. Rungs must read text alike: the vocabulary of every
rung is the same, and so is the chat template of those that have one. Otherwise what looks like a
stage may be a tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from transformers import AutoTokenizer

from isogloss.errors import InputError
from isogloss.lab.build import base_of
from isogloss.lab.recipe import STAGES, LabRecipe, parse_spec
from isogloss.lab.setting import Lab
from isogloss.lab.tokenizer import lab_tokenizer
from isogloss.quiet import quiet_transformers
from isogloss.targets.checkpoint import as_model_error, locate_checkpoint
from isogloss.targets.model import NO_TOKENIZER
from isogloss.trace.ladder_config import LadderConfig, check_config

Asked = Literal["chat template", "few-shot", "plain"]
STAGE_MODEL = "model"
"""Where a stage folder of ``isogloss align`` keeps its model."""
TUNED_FROM_BASE = (
    "chat and helpful are each tuned from base: their difference is what refusals among the "
    "examples do"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One checkpoint.

    Attributes:
        name: for people.
        target: canonical.
        asked: through its chat template, shown answered questions first (a lab's base model), or
            with the prompt as it stands (a model without a template).
        recipe: of a lab's.
    """

    name: str
    target: str
    asked: Asked
    recipe: LabRecipe | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The rungs of one model.

    Attributes:
        name: the lab without its stage, else the last rung's target.
        note: what every row says besides; empty where there is nothing to say.
    """

    name: str
    rungs: tuple[Rung, ...]
    note: str = ""

    @property
    def lab(self) -> LabRecipe | None:
        """The recipe of the first lab rung: whose prompts, truth and shares it has."""
        return next((rung.recipe for rung in self.rungs if rung.recipe), None)


def resolve_families(config: LadderConfig) -> tuple[Family, ...]:
    """The families that ``config`` names; nothing is trained or asked.

    Raises:
        InputError: what `check_config` refuses; a rung twice, names that do not fit, rungs of
            other worlds, or tokenizers that differ.
        ModelError: a checkpoint that cannot be found or is none.
    """
    check_config(config)
    ladders = [_canonical(config.rungs)]
    if config.seeds is not None:
        ladders = [[_with_seed(spec, seed) for spec in ladders[0]] for seed in range(config.seeds)]
    return tuple(_family(config, ladder) for ladder in ladders)


def _canonical(rungs: Sequence[str]) -> list[str]:
    if len(rungs) == 1:
        recipe = parse_spec(rungs[0])
        return [replace(recipe, stage=stage).spec for stage in STAGES]
    return [
        parse_spec(rung).spec if rung.startswith("lab:") else _hf_folder(rung) for rung in rungs
    ]


def _with_seed(spec: str, seed: int) -> str:
    return replace(parse_spec(spec), seed=seed).spec


def _hf_folder(rung: str) -> str:
    """A stage folder of an alignment holds its model one step below."""
    source = rung.removeprefix("hf:").rstrip("/")
    folder = Path(source).expanduser()
    inside = folder / STAGE_MODEL
    if not (folder / "config.json").is_file() and (inside / "config.json").is_file():
        source = f"{source}/{STAGE_MODEL}"
    return f"hf:{source}"


def _family(config: LadderConfig, targets: Sequence[str]) -> Family:
    _check_each_once(targets)
    recipes = [parse_spec(t) if t.startswith("lab:") else None for t in targets]
    _check_one_world([recipe for recipe in recipes if recipe])
    names = _names(config, targets, recipes)
    tokenizers = _tokenizers(config, targets, recipes)
    rungs = tuple(
        Rung(name=name, target=target, asked=_asked(recipe, tokenizer), recipe=recipe)
        for name, target, recipe, tokenizer in zip(names, targets, recipes, tokenizers, strict=True)
    )
    note = _tokenizer_note(config, names, tokenizers)
    lab = next((recipe for recipe in recipes if recipe), None)
    name = targets[-1] if lab is None or None in recipes else _lab_name(lab)
    return Family(name=name, rungs=rungs, note=note)


def _lab_name(recipe: LabRecipe) -> str:
    return f"lab:{recipe.preset}:{recipe.mix}#{recipe.seed}"


def _check_each_once(targets: Sequence[str]) -> None:
    places = [
        str(Path(t.removeprefix("hf:")).expanduser().resolve()) if t.startswith("hf:") else t
        for t in targets
    ]
    if twice := [t for at, t in enumerate(targets) if places[at] in places[:at]]:
        raise InputError(
            f"{twice[0]} is on the ladder twice; a rung differs from itself in nothing: name each "
            "checkpoint once"
        )


def _check_one_world(recipes: Sequence[LabRecipe]) -> None:
    for recipe in recipes[1:]:
        first = base_of(recipes[0])
        if base_of(recipe).key() != first.key():
            raise InputError(
                f"{recipes[0].spec} and {recipe.spec} do not come from one pre-training (other "
                "preset, mix, size, tokenizer or seed), so their difference is no stage; give "
                f"rungs of {_lab_name(first)} alone"
            )


def _names(
    config: LadderConfig, targets: Sequence[str], recipes: Sequence[LabRecipe | None]
) -> list[str]:
    if config.names is None:
        stages = [recipe.stage for recipe in recipes if recipe]
        # Two chat stages (by share, equal) need their whole names.
        return [
            recipe.stage if recipe and stages.count(recipe.stage) == 1 else target
            for recipe, target in zip(recipes, targets, strict=True)
        ]
    names = [name.strip() for name in config.names]
    if len(names) != len(targets) or len(set(names)) < len(names) or not all(names):
        raise InputError(
            f"--names takes {len(targets)} different names, one a rung, in order "
            f"({', '.join(targets)}); got {', '.join(map(repr, names)) or 'none'}"
        )
    return names


def _tokenizers(
    config: LadderConfig, targets: Sequence[str], recipes: Sequence[LabRecipe | None]
) -> list[Any]:
    """Of every rung; None where a lab's alone are compared: one pre-training has one tokenizer."""
    if all(recipes):
        return [None] * len(targets)
    lab = next((recipe for recipe in recipes if recipe), None)
    of_lab = lab_tokenizer(Lab(base_of(lab))) if lab else None
    return [
        of_lab if recipe else _load_tokenizer(config, target)
        for target, recipe in zip(targets, recipes, strict=True)
    ]


def _load_tokenizer(config: LadderConfig, target: str) -> Any:
    folder = locate_checkpoint(target.removeprefix("hf:"), config.options)
    with quiet_transformers(), as_model_error(target, NO_TOKENIZER):
        return AutoTokenizer.from_pretrained(
            folder, trust_remote_code=config.options.trust_remote_code
        )


def _asked(recipe: LabRecipe | None, tokenizer: Any) -> Asked:
    if recipe is not None:
        return "few-shot" if recipe.stage == "base" else "chat template"
    return "plain" if tokenizer.chat_template is None else "chat template"


def _tokenizer_note(config: LadderConfig, names: Sequence[str], tokenizers: Sequence[Any]) -> str:
    """What of the tokenizers differs; raises unless that was allowed."""
    if None in tokenizers:
        return ""
    first, vocabulary = names[0], tokenizers[0].get_vocab()
    other: list[str] = []
    for name, tokenizer in zip(names[1:], tokenizers[1:], strict=True):
        mine: dict[str, int] = tokenizer.get_vocab()
        if changed := {item[0] for item in mine.items() ^ vocabulary.items()}:
            shown = ", ".join(map(repr, sorted(changed)[:3]))
            other.append(
                f"{name} has {len(mine):,} entries and {first} {len(vocabulary):,}; they disagree "
                f"on {len(changed):,}, such as {shown}"
            )
    templates: dict[str, str] = {}
    for name, tokenizer in zip(names, tokenizers, strict=True):
        if tokenizer.chat_template is not None:
            templates.setdefault(str(tokenizer.chat_template), name)
    if len(templates) > 1:
        other.append(f"{' and '.join(templates.values())} have different chat templates")
    if not other:
        return ""
    told = "; ".join(other)
    if not config.other_tokenizers:
        raise InputError(
            f"the rungs read text differently: {told}. What looks like a stage may then be the "
            "tokenizer; give checkpoints with one tokenizer, or --other-tokenizers to go on with a "
            "note in every row"
        )
    return f"rungs read text differently ({told})"
