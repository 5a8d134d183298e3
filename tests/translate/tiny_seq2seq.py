"""Tiny random translation models of every family, with tokenizers of the real classes."""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch
from transformers import (
    AutoModelForSeq2SeqLM,
    M2M100Config,
    MarianConfig,
    NllbTokenizer,
    PreTrainedConfig,
    T5Config,
    T5Tokenizer,
)

LETTERS = [*string.ascii_lowercase, *string.ascii_uppercase, *".?,'0123456789"]
SIZES = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
         "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
         "init_std": 0.5}  # fmt: skip


def nllb(folder: Path, *, longest: int = 64) -> Path:
    names = ["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS]
    tokenizer = NllbTokenizer(
        vocab={name: i for i, name in enumerate(names)},
        merges=[],
        extra_special_tokens=["eng_Latn", "swh_Latn", "kor_Hang", "ace_Arab"],
    )
    config = M2M100Config(
        vocab_size=len(tokenizer), max_position_embeddings=longest, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, decoder_start_token_id=2, **SIZES,
    )  # fmt: skip
    return _save(folder, config, tokenizer)


def madlad(folder: Path) -> Path:
    scores = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    scores += [(letter, -3.0) for letter in LETTERS]
    scores += [(token, 0.0) for token in ("<2sw>", "<2en>", "<2transliterate>")]
    tokenizer = T5Tokenizer(vocab=scores, extra_ids=0)
    tokenizer.add_tokens(["<2sw>", "<2en>"])
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
        pad_token_id=0, eos_token_id=1, initializer_factor=3.0,
    )  # fmt: skip
    config.decoder_start_token_id = 0
    return _save(folder, config, tokenizer)


def opus(folder: Path, *, targets: tuple[str, ...] = ()) -> Path:
    """A Marian model; its tokenizer is a real sentencepiece pair, trained here."""
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    lines = folder / "lines.txt"
    lines.write_text("\n".join(["how do I open the door ?", "the lamp is old .", *LETTERS] * 20))
    for side in ("source", "target"):
        sentencepiece.SentencePieceTrainer.train(
            input=str(lines), model_prefix=str(folder / side), vocab_size=110,
            hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    names = ["</s>", "<unk>", *(f">>{code}<<" for code in targets)]
    names += [pieces.id_to_piece(i) for i in range(pieces.get_piece_size())]
    names = [*dict.fromkeys(names), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({name: i for i, name in enumerate(names)}))
    told = {"tokenizer_class": "MarianTokenizer", "source_lang": "eng", "target_lang": "swh"}
    if targets:
        told["target_lang"] = "mul"
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    pad = len(names) - 1
    config = MarianConfig(
        vocab_size=len(names), max_position_embeddings=64, pad_token_id=pad, eos_token_id=0,
        bos_token_id=0, decoder_start_token_id=pad, forced_eos_token_id=None, **SIZES,
    )  # fmt: skip
    return _save(folder, config, None)


def _save(folder: Path, config: PreTrainedConfig, tokenizer: object) -> Path:
    torch.manual_seed(0)
    model = AutoModelForSeq2SeqLM.from_config(config)
    model.save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)  # type: ignore[attr-defined]
    return folder
