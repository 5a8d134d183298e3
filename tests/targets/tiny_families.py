"""Random networks of three layers, one a family, from configs alone."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

N_LAYERS, HIDDEN, VOCABULARY = 3, 32, 64

_COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "num_hidden_layers": N_LAYERS,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    # Wide weights: at the usual width a random model's states hardly depend on the text.
    "initializer_range": 0.2,
}
_GATED = {"intermediate_size": 64, "num_key_value_heads": 2}

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": _GATED,
    "qwen2": _GATED,
    "qwen3": {**_GATED, "head_dim": 8},
    "mistral": {**_GATED, "sliding_window": 4},
    "gemma2": {**_GATED, "head_dim": 8, "sliding_window": 4},
    "gemma3_text": {**_GATED, "head_dim": 8, "sliding_window": 4},
    "phi3": _GATED,
    "olmo2": _GATED,
    "stablelm": _GATED,
    "mixtral": {**_GATED, "num_local_experts": 3},
    "gpt_neox": {"intermediate_size": 64},
    "gpt2": {},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 16},
    "bloom": {"max_position_embeddings": None},
    "falcon": {},
    "mpt": {"max_position_embeddings": None},
    "gptj": {"rotary_dim": 4},
}
"""Family → what its config has besides `_COMMON`. Tuples come from bloom, falcon, mpt and gptj."""


def tiny_network(family: str, seed: int = 0) -> Any:
    """A random causal language model in evaluation mode."""
    sizes = {k: v for k, v in {**_COMMON, **FAMILIES[family]}.items() if v is not None}
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **sizes)).eval()
