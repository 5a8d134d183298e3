"""Building lab models: from nothing to an ordinary Hugging Face folder, cached and resumable.

The cache is ``$ISOGLOSS_CACHE`` or the user's cache directory; a model lies in
``lab/PRESET-STAGE-SEED-HASH`` and is put there whole, by one rename.
"""

from __future__ import annotations

import json
import os
import re
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
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from isogloss.errors import ModelError
from isogloss.lab.batches import instruction_batches, pretraining_batches
from isogloss.lab.recipe import LabRecipe
from isogloss.lab.setting import Lab
from isogloss.lab.tokenizer import CONTEXT, end_id, fertilities, lab_tokenizer, pad_id
from isogloss.lab.training import Schedule, train
from isogloss.progress import Progress
from isogloss.quiet import quiet_transformers
from isogloss.seeds import derive_seed
from isogloss.weights import align_weights

CARD = "lab.json"


def cache_folder() -> Path:
    """Where built models lie."""
    root = os.environ.get("ISOGLOSS_CACHE")
    return (Path(root) if root else user_cache_path("isogloss")) / "lab"


def folder_of(recipe: LabRecipe) -> Path:
    """Where this recipe's model lies or would lie."""
    return cache_folder() / f"{recipe.preset}-{recipe.stage}-{recipe.seed}-{recipe.key()}"


def build_lab(recipe: LabRecipe, *, progress: Progress | None = None) -> Path:
    """Build the model of ``recipe`` unless it is in the cache.

    An interrupted build continues where its last checkpoint was and ends in the same weights.

    Args:
        progress: told what is trained, tokens done and tokens in all.

    Returns:
        The model's folder: config, safetensors, tokenizer with chat template, and ``lab.json``
        (the recipe, tokens by language, fertility, losses).

    Raises:
        ModelError: the cache cannot be written.
    """
    folder = folder_of(recipe)
    if (folder / CARD).is_file():
        return folder
    if recipe.stage != "base":
        build_lab(base_of(recipe), progress=progress)
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
    """The pre-training that a recipe starts from; the alignment mix is no part of it."""
    mix = re.sub(r"\+(equal|even)(?=\+|$)", "", recipe.mix)
    return replace(recipe, stage="base", mix=mix, alignment="by-share", instructions="by-share")


def _build(recipe: LabRecipe, work: Path, progress: Progress | None) -> None:
    work.mkdir(parents=True, exist_ok=True)
    lab = Lab(recipe)
    if recipe.stage == "base":
        tokenizer = lab_tokenizer(lab)
        batches = pretraining_batches(lab, tokenizer)
        card = {"tokens": batches.tokens, "fertility": fertilities(lab, tokenizer)}
        model = new_model(recipe, tokenizer)
        schedule = Schedule(
            steps=recipe.n_steps, matrix_rate=recipe.matrix_rate, rest_rate=recipe.rest_rate
        )
    else:
        base = folder_of(base_of(recipe))
        tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
        batches = instruction_batches(lab, tokenizer)
        card = {key: read_card(base)[key] for key in ("tokens", "fertility")}
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        align_weights(model)
        schedule = Schedule(steps=recipe.chat_steps, matrix_rate=recipe.chat_rate, rest_rate=0.0)
    nn.Module.to(model, "cuda" if torch.cuda.is_available() else "cpu")
    losses = train(
        model,
        batches.at,
        schedule,
        checkpoint=work / "checkpoint",
        name=f"training {recipe.stage} (tokens)",
        n_tokens=batches.n_tokens,
        progress=progress,
    )
    last = losses[-20:]
    card |= {"loss_first": round(losses[0], 4), "loss_last": round(sum(last) / len(last), 4)}
    nn.Module.to(model, "cpu")
    _write(model, tokenizer, card, recipe, work)


def new_model(recipe: LabRecipe, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """An untrained Llama of the recipe's size, initialised from its seed."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        intermediate_size=round(recipe.hidden_size * 8 / 3 / 8) * 8,
        num_hidden_layers=recipe.n_layers,
        num_attention_heads=recipe.n_heads,
        num_key_value_heads=recipe.n_heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=pad_id(tokenizer),
        bos_token_id=None,
        eos_token_id=end_id(tokenizer),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(recipe.seed, "initialisation"))
        return LlamaForCausalLM(config)


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
