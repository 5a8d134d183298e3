"""Where a model's files are, and whether they are a model: checked before anything is loaded."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub
import huggingface_hub.utils as hub
import torch

from isogloss.errors import ModelError
from isogloss.quiet import quiet_transformers
from isogloss.targets.options import LocalOptions

logger = logging.getLogger(__name__)

SAMPLED_BYTES = 1 << 20
_WANTED = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt", "*.tiktoken", "*.spm"]
# Second copies of the weights in the formats of other programs.
_UNWANTED = ["consolidated*.safetensors", "original/*", "onnx/*"]


def locate_checkpoint(source: str, options: LocalOptions) -> Path:
    """The folder that holds the model, fetched from the hub where ``source`` is an id there.

    Raises:
        ModelError: there is no such folder or id, or what is there is not a model in safetensors.
    """
    folder = Path(source).expanduser()
    if folder.is_file():
        raise ModelError(f"{source} is a file; name the model's folder.")
    if not folder.is_dir():
        if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", source):
            raise ModelError(f"there is no folder {source}, and it is no id of the hub either.")
        folder = _fetch(source, options)
    config = folder / "config.json"
    if not config.is_file():
        raise ModelError(f"{source} is not a model: it has no config.json.")
    try:
        content = json.loads(config.read_bytes())
    except ValueError as error:
        raise ModelError(f"{config} is not valid JSON ({error}).") from error
    if not isinstance(content, dict) or "model_type" not in content:
        raise ModelError(f"{config} names no model_type; it is not a language model's.")
    if not any(folder.glob("*.safetensors")):
        found = "only .bin weights, which can hide code" if any(folder.glob("*.bin")) else "none"
        raise ModelError(
            f"{source} has no .safetensors weights (found: {found}); write them with "
            "model.save_pretrained(FOLDER)."
        )
    return folder


def weights_fingerprint(folder: Path) -> str:
    """Sixteen hex digits that change with the weights, without reading all of them.

    Hashes names, sizes and a sample of every safetensors file: its first, middle and last MiB. What
    training touches, it touches everywhere; an edit of a few tensors in between may go unseen.
    """
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.glob("*.safetensors")):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}".encode())
        with path.open("rb") as file:
            for start in (0, size // 2, max(0, size - SAMPLED_BYTES)):
                file.seek(start)
                digest.update(file.read(SAMPLED_BYTES))
    return digest.hexdigest()


def _fetch(source: str, options: LocalOptions) -> Path:
    wanted = [*_WANTED, "*.py"] if options.trust_remote_code else _WANTED
    try:
        with quiet_transformers():
            folder = huggingface_hub.snapshot_download(
                source,
                revision=options.revision,
                allow_patterns=wanted,
                ignore_patterns=_UNWANTED,
            )
    except (OSError, ValueError, hub.HfHubHTTPError) as error:
        raise ModelError(
            f"there is no folder {source}, and no model of that id could be fetched from the hub: "
            f"no connection, no such id, or no access ({first_sentence(error)})."
        ) from error
    return Path(folder)


@contextmanager
def as_model_error(what: str, failure: str = "{what} cannot be loaded ({why}).") -> Iterator[None]:
    """One sentence for what transformers raises while it reads files: any exception at all."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(f"{what} does not fit into the device's memory.") from error
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"{what} comes with Python code of its own, which is not run unless asked for "
                "(trust_remote_code)."
            ) from error
        raise ModelError(failure.format(what=what, why=first_sentence(error))) from error


def first_sentence(error: BaseException) -> str:
    """The start of a foreign message, fit to stand in one of ours."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.split(r"(?<=[a-z)])\. ", text)[0].rstrip(".")
    return text if len(text) <= 200 else f"{text[:199]}…"
