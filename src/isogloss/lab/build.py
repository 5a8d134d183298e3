"""Building lab models: from nothing to an ordinary Hugging Face folder, cached and resumable.

The cache is ``$ISOGLOSS_CACHE`` or the user's cache directory; a model lies in
``lab/PRESET-STAGE-SEED-HASH`` and is put there whole, by one rename.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from platformdirs import user_cache_path
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from isogloss.errors import ModelError
from isogloss.lab.chat import Example, write_examples
from isogloss.lab.corpus import Document, write_documents
from isogloss.lab.grammar import Grammar
from isogloss.lab.lexicon import Lexicon, make_lexicon
from isogloss.lab.recipe import LabRecipe
from isogloss.lab.tokenizer import fertility, train_tokenizer
from isogloss.lab.training import (
    IGNORED,
    Batch,
    Progress,
    Schedule,
    train,
)
from isogloss.lab.world import World, make_world
from isogloss.seeds import derive_seed

logger = logging.getLogger(__name__)

CARD = "lab.json"
TOKENIZER_DOCUMENTS = 20_000
CONTEXT = 128


@dataclass(frozen=True)
class Lab:
    """A recipe's world, words and grammars: all that is true before any model is trained."""

    recipe: LabRecipe

    @cached_property
    def world(self) -> World:
        return make_world(n_objects=self.recipe.n_objects, seed=self.recipe.world_seed)

    @cached_property
    def lexicon(self) -> Lexicon:
        return make_lexicon(self.world, self.recipe.languages, seed=self.recipe.world_seed)

    @cached_property
    def grammars(self) -> dict[str, Grammar]:
        return {tag: Grammar(tag, self.lexicon) for tag in self.recipe.languages}

    def documents(self, shares: dict[str, float] | None = None, *, seed: int) -> Iterator[Document]:
        """Pre-training documents, by the recipe's shares unless others are given."""
        return write_documents(
            self.world,
            self.lexicon,
            shares or self.recipe.shares,
            bilingual=self.recipe.bilingual,
            seed=seed,
        )


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
        build_lab(replace(recipe, stage="base"), progress=progress)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not (folder / CARD).is_file():
                work = folder.with_name(folder.name + ".partial")
                _build(recipe, work, progress)
                shutil.rmtree(folder, ignore_errors=True)
                work.rename(folder)
    except OSError as error:
        raise ModelError(
            f"cannot build {recipe.spec} in {folder.parent}: {error}. Free some space, or set "
            "ISOGLOSS_CACHE to a folder that can be written, then run the same command again."
        ) from error
    return folder


def read_card(folder: Path) -> dict[str, Any]:
    """What ``lab.json`` of a built model says."""
    return json.loads((folder / CARD).read_text())


def _build(recipe: LabRecipe, work: Path, progress: Progress | None) -> None:
    work.mkdir(parents=True, exist_ok=True)
    lab = Lab(recipe)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if recipe.stage == "base":
        tokenizer = _tokenizer(lab)
        tokens, by_language = _pretraining_tokens(lab, tokenizer)
        card = {"tokens": by_language, "fertility": _fertilities(lab, tokenizer)}
        model = _new_model(recipe, tokenizer)
        schedule = Schedule(
            steps=recipe.n_steps, matrix_rate=recipe.matrix_rate, rest_rate=recipe.rest_rate
        )
        n_tokens = recipe.n_steps * recipe.batch_size * recipe.sequence_length
        order = _Order(len(tokens), recipe.batch_size, derive_seed(recipe.seed, "order"))

        def batch_at(step: int) -> Batch:
            rows = torch.from_numpy(tokens[order.rows(step)].astype(np.int64))
            return Batch(rows[:, :-1], rows[:, 1:])

    else:
        base = folder_of(replace(recipe, stage="base"))
        tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        card = {key: read_card(base)[key] for key in ("tokens", "fertility")}
        examples = _examples(lab)
        schedule = Schedule(steps=recipe.chat_steps, matrix_rate=recipe.chat_rate, rest_rate=0.0)
        encoded = _encode_examples(examples, tokenizer)
        n_tokens = sum(len(prompt) + len(answer) for prompt, answer in encoded)

        def batch_at(step: int) -> Batch:
            start = step * recipe.chat_batch_size
            return _pad(encoded[start : start + recipe.chat_batch_size], tokenizer.pad_token_id)

    model.to(device)
    losses = train(
        model,
        batch_at,
        schedule,
        checkpoint=work / "checkpoint",
        name=f"training {recipe.stage} (tokens)",
        n_tokens=n_tokens,
        progress=progress,
    )
    _write(model, tokenizer, {**card, "losses": losses}, recipe, work)


def _tokenizer(lab: Lab) -> PreTrainedTokenizerFast:
    recipe = lab.recipe
    if recipe.tokenizer == "fixed":
        documents = lab.documents(dict.fromkeys(recipe.languages, 1.0), seed=derive_seed(0, "fixed"))
    else:
        documents = lab.documents(seed=derive_seed(recipe.seed, "tokenizer"))
    texts = (document.text for document in islice(documents, TOKENIZER_DOCUMENTS))
    return train_tokenizer(texts, vocab_size=recipe.vocab_size, max_length=CONTEXT)


def _pretraining_tokens(
    lab: Lab, tokenizer: PreTrainedTokenizerFast
) -> tuple[NDArray[np.uint16], dict[str, int]]:
    """Packed rows (N, T + 1) without padding, and how many tokens each language has in them.

    The tokens of a bilingual document count half for each of its two languages.
    """
    recipe = lab.recipe
    width = recipe.sequence_length + 1
    n_rows = recipe.n_steps * recipe.batch_size
    needed = n_rows * width
    end = tokenizer.eos_token_id
    flat = np.empty(needed, dtype=np.uint16)
    counts = dict.fromkeys(recipe.languages, 0.0)
    filled = 0
    documents = lab.documents(seed=recipe.seed)
    encode = tokenizer.backend_tokenizer.encode_batch_fast
    while filled < needed:
        block = list(islice(documents, 4096))
        for document, encoding in zip(block, encode([d.text for d in block]), strict=True):
            ids = [*encoding.ids, end][: needed - filled]
            flat[filled : filled + len(ids)] = ids
            filled += len(ids)
            for language in document.languages:
                counts[language] += len(ids) / len(document.languages)
    return flat.reshape(n_rows, width), {tag: round(n) for tag, n in counts.items()}


@dataclass(frozen=True)
class _Order:
    """Rows of every step: each row once, in an order of the seed."""

    n_rows: int
    batch_size: int
    seed: int
    _permutation: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        permutation = np.random.default_rng(self.seed).permutation(self.n_rows)
        object.__setattr__(self, "_permutation", permutation)

    def rows(self, step: int) -> NDArray[np.int64]:
        return self._permutation[step * self.batch_size : (step + 1) * self.batch_size]


def _fertilities(lab: Lab, tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    """Pieces a word, by language, over one passage of text in each."""
    result: dict[str, float] = {}
    for tag in lab.recipe.languages:
        documents = lab.documents({tag: 1.0}, seed=derive_seed(0, "fertility"))
        words = [word for document in islice(documents, 200) for word in document.text.split()]
        result[tag] = round(fertility(tokenizer, [w for w in words if w.isalpha()]), 4)
    return result


def _new_model(recipe: LabRecipe, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        intermediate_size=round(recipe.hidden_size * 8 / 3 / 8) * 8,
        num_hidden_layers=recipe.n_layers,
        num_attention_heads=recipe.n_heads,
        num_key_value_heads=recipe.n_heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(recipe.seed, "initialisation"))
        return LlamaForCausalLM(config)


def _examples(lab: Lab) -> list[Example]:
    recipe = lab.recipe
    return write_examples(
        lab.world,
        lab.grammars,
        recipe.shares,
        n=recipe.chat_steps * recipe.chat_batch_size,
        alignment=recipe.alignment if recipe.stage == "chat" else None,
        seed=recipe.seed,
    )


Encoded = tuple[list[int], list[int]]


def _encode_examples(
    examples: list[Example], tokenizer: PreTrainedTokenizerFast
) -> list[Encoded]:
    """(prompt ids, answer ids) of each example, split exactly where generation starts."""
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": example.question}],
            tokenize=False,
            add_generation_prompt=True,
        )
        for example in examples
    ]
    encode = tokenizer.backend_tokenizer.encode_batch_fast
    end = tokenizer.eos_token_id
    return [
        (prompt.ids, [*answer.ids, end])
        for prompt, answer in zip(
            encode(prompts), encode([example.answer for example in examples]), strict=True
        )
    ]


def _pad(examples: list[Encoded], pad: int) -> Batch:
    """Right-padded inputs and shifted labels; only answers are learned."""
    width = max(len(prompt) + len(answer) for prompt, answer in examples) - 1
    ids = torch.full((len(examples), width), pad)
    labels = torch.full((len(examples), width), IGNORED)
    mask = torch.zeros((len(examples), width), dtype=torch.long)
    for row, (prompt, answer) in enumerate(examples):
        tokens = torch.tensor(prompt + answer)
        n = len(tokens) - 1
        ids[row, :n] = tokens[:-1]
        labels[row, len(prompt) - 1 : n] = tokens[len(prompt) :]
        mask[row, :n] = 1
    return Batch(ids, labels, mask)


def _write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    card: dict[str, Any],
    recipe: LabRecipe,
    work: Path,
) -> None:
    model.to("cpu")
    model.generation_config = GenerationConfig(
        max_new_tokens=CONTEXT // 2,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model.save_pretrained(work)
    tokenizer.save_pretrained(work)
    shutil.rmtree(work / "checkpoint", ignore_errors=True)
    losses = card.pop("losses")
    card = {
        "spec": recipe.spec,
        "recipe": asdict(recipe),
        "n_parameters": model.num_parameters(),
        **card,
        "loss_first": round(losses[0], 4),
        "loss_last": round(sum(losses[-20:]) / len(losses[-20:]), 4),
    }
    (work / CARD).write_text(json.dumps(card, indent=1))


__all__ = ["CARD", "Lab", "build_lab", "cache_folder", "folder_of", "read_card"]
