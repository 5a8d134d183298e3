"""The untrained network of a recipe: one size, four families of transformers.

All have the recipe's hidden size, layers and heads, tied embeddings and twelve squares of the
hidden size in a block's matrices, so that what differs is the architecture (biases and norms make
under 1 % of the parameters of a preset):

    llama   rotary positions, RMS norms, SwiGLU; the default
    neox    GPT-NeoX (as Pythia): attention and feed-forward side by side, LayerNorm, GELU, biases,
            half of each head rotated (Pythia: a quarter, of larger heads)
    bloom   ALiBi instead of positions, a norm on the embeddings, LayerNorm, GELU, biases
    gemma   the first Gemma: embeddings times the root of the hidden size, norms that scale by
            1 + w, GeGLU. Gemma 2 caps its logits behind the head, where the lab's loss does not
            look

GPT-NeoX and Bloom keep queries, keys and values in one matrix of 3 h rows, which Muon makes
orthogonal as a whole. Its rate grows with the root of rows over columns, so the three together move
as far as three matrices of their own would; the gradient decides how they share it (in `tiny`,
queries and keys move a third as far as they would alone in the first steps and three quarters
later, values the more). The matrix is not split: these families are trained in one piece
elsewhere too, and the three lie interleaved by head, by each family in its own way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GemmaConfig,
    GemmaForCausalLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from isogloss.lab.modifiers import Architecture
from isogloss.lab.recipe import LabRecipe
from isogloss.lab.tokenizer import CONTEXT, end_id, pad_id
from isogloss.seeds import derive_seed


def new_model(recipe: LabRecipe, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """An untrained model of the recipe's architecture and size, initialised from its seed."""
    common: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": recipe.hidden_size,
        "num_hidden_layers": recipe.n_layers,
        "num_attention_heads": recipe.n_heads,
        "tie_word_embeddings": True,
        "pad_token_id": pad_id(tokenizer),
        "bos_token_id": None,
        "eos_token_id": end_id(tokenizer),
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(recipe.seed, "initialisation"))
        return _FAMILIES[recipe.architecture](recipe, common)


def _llama(recipe: LabRecipe, common: dict[str, Any]) -> PreTrainedModel:
    return LlamaForCausalLM(LlamaConfig(**common, **_gated(recipe)))


def _neox(recipe: LabRecipe, common: dict[str, Any]) -> PreTrainedModel:
    config = GPTNeoXConfig(
        **common,
        intermediate_size=4 * recipe.hidden_size,
        max_position_embeddings=CONTEXT,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10_000.0,
            "partial_rotary_factor": 0.5,
        },
    )
    return GPTNeoXForCausalLM(config)


def _bloom(_recipe: LabRecipe, common: dict[str, Any]) -> PreTrainedModel:
    return BloomForCausalLM(BloomConfig(**common))


def _gemma(recipe: LabRecipe, common: dict[str, Any]) -> PreTrainedModel:
    head_dim = recipe.hidden_size // recipe.n_heads
    return GemmaForCausalLM(GemmaConfig(**common, **_gated(recipe), head_dim=head_dim))


def _gated(recipe: LabRecipe) -> dict[str, Any]:
    """Three matrices of 8/3 the width are as many parameters as two of four times it."""
    return {
        "intermediate_size": round(recipe.hidden_size * 8 / 3 / 8) * 8,
        "num_key_value_heads": recipe.n_heads,
        "max_position_embeddings": CONTEXT,
    }


_FAMILIES: dict[Architecture, Callable[[LabRecipe, dict[str, Any]], PreTrainedModel]] = {
    "llama": _llama,
    "neox": _neox,
    "bloom": _bloom,
    "gemma": _gemma,
}
