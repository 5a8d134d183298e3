"""Building lab models: from nothing to an ordinary Hugging Face folder, cached and resumable.

The cache is ``$ISOGLOSS_CACHE`` or the user's cache directory; a model lies in
``lab/PRESET-STAGE-SEED-HASH`` and is put there whole, by one rename.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from platformdirs import user_cache_path
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from isogloss.errors import ModelError
from isogloss.lab.batches import extra_batches, instruction_batches, pretraining_batches
from isogloss.lab.mix import without_modifiers
from isogloss.lab.modifiers import is_further
from isogloss.lab.network import new_model
from isogloss.lab.recipe import LabRecipe
from isogloss.lab.setting import Lab
from isogloss.lab.tokenizer import CONTEXT, end_id, fertilities, lab_tokenizer, pad_id
from isogloss.lab.training import Schedule, train
from isogloss.progress import Progress
from isogloss.quiet import quiet_transformers
from isogloss.weights import align_weights

CARD = "lab.json"
TEXT_FACTS = ("tokens", "extra_tokens", "fertility")
"""What a card says of the text, and passes on to the cards of the models trained from it."""


def cache_folder() -> Path:
    """Where built models lie."""
    root = os.environ.get("ISOGLOSS_CACHE")
    return (Path(root) if root else user_cache_path("isogloss")) / "lab"


def folder_of(recipe: LabRecipe) -> Path:
    """Where this recipe's model lies or would lie."""
    return cache_folder() / f"{recipe.preset}-{recipe.stage}-{recipe.seed}-{recipe.key()}"


def is_built(recipe: LabRecipe) -> bool:
    """Whether the model lies in the cache, finished."""
    return (folder_of(recipe) / CARD).is_file()


def build_lab(recipe: LabRecipe, *, progress: Progress | None = None) -> Path:
    """Build the model of ``recipe`` unless it is in the cache.

    An interrupted build continues where its last checkpoint was and ends in the same weights.

    Args:
        progress: told what is trained, tokens done and tokens in all.

    Returns:
        The model's folder: config, safetensors, tokenizer with chat template, and ``lab.json``
        (the recipe, tokens by language, of these the ``extra_tokens`` of continued pre-training,
        fertility, losses).

    Raises:
        ModelError: the cache cannot be written.
    """
    folder = folder_of(recipe)
    if (folder / CARD).is_file():
        return folder
    if (parent := parent_of(recipe)) is not None:
        build_lab(parent, progress=progress)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not (folder / CARD).is_file():
                work = folder.with_name(folder.name + ".partial")
                with quiet_transformers():
                    _build(recipe, work, progress)
                shutil.rmtree(folder, ignore_errors=True)
                work.rename(folder)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"cannot build {recipe.spec} in {folder.parent}: {error}. Free some space, or set "
            "ISOGLOSS_CACHE to a folder that can be written, then run the same command again."
        ) from error
    return folder


def read_card(folder: Path) -> dict[str, Any]:
    """What ``lab.json`` of a built model says."""
    return json.loads((folder / CARD).read_text())


def base_of(recipe: LabRecipe) -> LabRecipe:
    """The pre-training behind a recipe, continued or not; the alignment mix is no part of it."""
    mix = without_modifiers(recipe.mix, lambda modifier: modifier in ("equal", "even"))
    return replace(recipe, stage="base", mix=mix, alignment="by-share", instructions="by-share")


def parent_of(recipe: LabRecipe) -> LabRecipe | None:
    """The model a recipe's training starts from; None where it starts from nothing.

    ``helpful`` and ``chat`` start from their base, continued pre-training from the base without.
    """
    base = base_of(recipe)
    if _training(recipe) == "base":
        return None
    if _training(recipe) == "extra":
        return replace(base, mix=without_modifiers(base.mix, is_further), extra={})
    return base


def _training(recipe: LabRecipe) -> str:
    """What of the chain makes this model: its stage, or ``extra`` for a base trained further."""
    return "extra" if recipe.stage == "base" and recipe.extra else recipe.stage


def _build(recipe: LabRecipe, work: Path, progress: Progress | None) -> None:
    work.mkdir(parents=True, exist_ok=True)
    lab = Lab(recipe)
    parent = parent_of(recipe)
    if parent is None:
        tokenizer = lab_tokenizer(lab)
        model = new_model(recipe, tokenizer)
        batches = pretraining_batches(lab, tokenizer)
        card = {"tokens": batches.tokens, "fertility": fertilities(lab, tokenizer)}
    else:
        start = folder_of(parent)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(start)
        model = AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32)
        align_weights(model)
        of_parent = read_card(start)
        card = {key: of_parent[key] for key in TEXT_FACTS if key in of_parent}
        if _training(recipe) == "extra":
            batches = extra_batches(lab, tokenizer)
            read = {tag: n + batches.tokens[tag] for tag, n in card["tokens"].items()}
            card |= {"tokens": read, "extra_tokens": batches.tokens}
        else:
            batches = instruction_batches(lab, tokenizer)
    nn.Module.to(model, "cuda" if torch.cuda.is_available() else "cpu")
    losses = train(
        model,
        batches.at,
        _schedule(recipe),
        checkpoint=work / "checkpoint",
        name=f"training {_training(recipe)} (tokens)",
        n_tokens=batches.n_tokens,
        progress=progress,
    )
    last = losses[-20:]
    card |= {"loss_first": round(losses[0], 4), "loss_last": round(sum(last) / len(last), 4)}
    nn.Module.to(model, "cpu")
    _write(model, tokenizer, card, recipe, work)


def _schedule(recipe: LabRecipe) -> Schedule:
    if _training(recipe) == "base":
        return Schedule(
            steps=recipe.n_steps, matrix_rate=recipe.matrix_rate, rest_rate=recipe.rest_rate
        )
    if _training(recipe) == "extra":
        return Schedule(
            steps=recipe.n_extra_steps,
            matrix_rate=recipe.extra_rate * recipe.matrix_rate,
            rest_rate=recipe.extra_rate * recipe.rest_rate,
            warmup=max(1, recipe.n_extra_steps // 10),
        )
    return Schedule(steps=recipe.chat_steps, matrix_rate=recipe.chat_rate, rest_rate=0.0)


def _write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    card: dict[str, Any],
    recipe: LabRecipe,
    work: Path,
) -> None:
    model.generation_config = GenerationConfig(
        max_new_tokens=CONTEXT // 2,
        do_sample=False,
        pad_token_id=pad_id(tokenizer),
        eos_token_id=end_id(tokenizer),
    )
    model.save_pretrained(work)
    tokenizer.save_pretrained(work)
    shutil.rmtree(work / "checkpoint", ignore_errors=True)
    head = {
        "spec": recipe.spec,
        "recipe": asdict(recipe),
        "n_parameters": model.num_parameters(),
    }
    (work / CARD).write_text(json.dumps(head | card, indent=1))
