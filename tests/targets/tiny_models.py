"""Tiny random models of several families, with a tokenizer trained on the spot."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast

FAMILIES = ("llama", "qwen2", "bloom", "gpt_neox", "gemma", "gpt2", "mistral")
"""Rotary positions, but for bloom (ALiBi) and gpt2 (learned, absolute); mistral's window slides.
`tiny_model` knows gemma2, phi and opt besides."""

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

_CORPUS = ["how do I cut the bread with a knife in the kitchen"] * 3 + [
    "the tool of the lamp is a match , the place of the lamp is the hall",
    "ein Brot schneiden und backen , ein Haus bauen",
]


def tiny_tokenizer(chat_template: str | None = CHAT_TEMPLATE) -> PreTrainedTokenizerFast:
    """Byte-level, with a beginning token that plain text gets in front."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<pad>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        chat_template=chat_template,
    )


def tiny_model(
    folder: Path,
    family: str = "llama",
    *,
    seed: int = 0,
    chat_template: str | None = CHAT_TEMPLATE,
    context_length: int = 128,
    n_layers: int = 2,
    generation_config: GenerationConfig | None = None,
) -> Path:
    """Write a random model and its tokenizer into ``folder``."""
    tokenizer = tiny_tokenizer(chat_template)
    sizes: dict[str, object] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": n_layers,
        "num_attention_heads": 4,
        "max_position_embeddings": context_length,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        # Wide weights: a random model of the usual width gives nearly flat logits.
        "initializer_range": 0.3,
    }
    if family == "bloom":
        del sizes["max_position_embeddings"]
    elif family == "opt":
        sizes |= {"ffn_dim": 64, "word_embed_proj_dim": 16, "init_std": 0.3}
    elif family != "gpt2":
        sizes |= {"intermediate_size": 64}
    if family in ("llama", "qwen2", "gemma", "gemma2", "mistral"):
        sizes |= {"num_key_value_heads": 2}
    if family in ("gemma2", "mistral"):
        sizes |= {"sliding_window": 6}
    if family in ("gemma", "gemma2"):
        sizes |= {"head_dim": 8}
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **sizes))
    if generation_config is not None:
        model.generation_config = generation_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
