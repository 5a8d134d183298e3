"""The model an alignment starts from: its tokenizer made whole, checked, and kept in one place.

A tokenizer without chat template or padding token is completed with what the user names. The
completed start is a folder of links to the model's files with a tokenizer of its own, so that the
model is asked in the same words before training and after.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from isogloss.align.config import AlignConfig
from isogloss.errors import InputError, ModelError, StoreError
from isogloss.quiet import quiet_transformers
from isogloss.seeds import content_hash
from isogloss.targets.checkpoint import as_model_error
from isogloss.targets.model import NO_TOKENIZER

STARTS = "starts"
CHECKPOINT_WEIGHTS = 8
"""A checkpoint holds float32 weights and two moments of each, and a second one is written beside
it before it goes: bytes a parameter over the 4 of the weights, rounded up."""


def load_start_tokenizer(config: AlignConfig, target: str, folder: Path) -> Any:
    """The model's tokenizer with what the user named for it.

    Raises:
        InputError: the chat template's file cannot be read.
        ModelError: no chat template or no padding token, and none was named; or a template that
            does not end an answer.
    """
    with quiet_transformers(), as_model_error(target, NO_TOKENIZER):
        tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=config.options.trust_remote_code
        )
    if config.chat_template is not None:
        tokenizer.chat_template = _read_template(config.chat_template)
    if tokenizer.chat_template is None:
        raise ModelError(
            f"{target} has no chat template, so there is no telling where an answer begins; name "
            "one with --chat-template FILE.jinja, or start from an instruction-tuned model"
        )
    _check_ending(target, tokenizer)
    if config.pad_token is not None:
        if config.pad_token not in tokenizer.get_vocab():
            raise ModelError(
                f"{target} has no token {config.pad_token!r}; --pad-token names one it has"
            )
        tokenizer.pad_token = config.pad_token
    if tokenizer.pad_token is None:
        spare = sorted(
            token
            for token in tokenizer.get_vocab()
            if "pad" in token.lower() or "reserved_special" in token or token == tokenizer.unk_token
        )
        hint = f", such as {spare[0]!r}" if spare else ""
        raise ModelError(
            f"{target} has no padding token; name one of its tokens with --pad-token TOKEN{hint} "
            "(not the one that ends an answer: it would be learned as padding)"
        )
    return tokenizer


def tokenizer_hash(tokenizer: Any) -> str:
    """Changes with how conversations are put and batches filled up."""
    return content_hash(str(tokenizer.chat_template), str(tokenizer.pad_token), str(len(tokenizer)))


def complete_start(config: AlignConfig, folder: Path, tokenizer: Any, out: Path) -> Path:
    """The folder that training and audits start from: the model's own where it lacks nothing.

    Raises:
        StoreError: the folder cannot be written.
    """
    if config.pad_token is None and config.chat_template is None:
        return folder
    completed = out / STARTS / content_hash(str(folder.resolve()), tokenizer_hash(tokenizer))
    if completed.is_dir():
        return completed
    partial = completed.with_name(completed.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        tokenizer.save_pretrained(partial)
        for path in sorted(folder.iterdir()):
            if not (partial / path.name).exists():
                (partial / path.name).symlink_to(path.resolve())
        partial.rename(completed)
    except OSError as error:
        raise StoreError(f"{completed} cannot be written: {error.strerror or error}") from error
    return completed


def conversation_lengths(tokenizer: Any, exchanges: list[tuple[str, str]]) -> list[int]:
    """Tokens of (prompt, response) as a conversation."""
    if not exchanges:
        return []
    conversations = [
        [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
        for prompt, response in exchanges
    ]
    texts = tokenizer.apply_chat_template(conversations, tokenize=False)
    return [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]


def count_parameters(folder: Path) -> int:
    """Of a checkpoint, from the heads of its safetensors files."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        for name, entry in head.items():
            if name != "__metadata__":
                size = 1
                for side in entry["shape"]:
                    size *= side
                total += size
    return total


def check_disk(
    out: Path, *, n_parameters: int, n_stages: int, at_once: int, bytes_each: int, full: bool
) -> None:
    """That the models and the checkpoints fit.

    Args:
        n_stages: stages still to be trained.
        at_once: how many of them at the same time.
        bytes_each: of a parameter in a saved model.
        full: all weights are trained, so that checkpoints hold all of them and their moments.

    Raises:
        StoreError: too little space.
    """
    place = out
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    checkpoints = min(at_once, n_stages) * n_parameters * 4 * CHECKPOINT_WEIGHTS if full else 0
    needed = (n_stages + 1) * n_parameters * bytes_each + checkpoints
    if n_stages and free < needed:
        raise StoreError(
            f"{n_stages} stages need about {needed / 1e9:,.1f} GB in {place} (their models, and "
            f"room for checkpoints), and {free / 1e9:,.1f} GB are free; free some, choose another "
            "--out folder, or ask for fewer methods"
        )


def _read_template(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--chat-template {path} cannot be read: {error}") from error


def _check_ending(target: str, tokenizer: Any) -> None:
    """A model trained on answers that nothing ends does not stop."""
    said = "an answer"
    conversation = [{"role": "user", "content": "?"}, {"role": "assistant", "content": said}]
    with as_model_error(target, "the chat template of {what} cannot be used ({why})"):
        rendered: str = tokenizer.apply_chat_template(conversation, tokenize=False)
    if rendered.rstrip().endswith(said):
        raise ModelError(
            f"the chat template of {target} puts nothing after an answer, so a model trained on it "
            "would not stop; name one that does with --chat-template FILE.jinja"
        )
