"""A causal language model of Hugging Face in this process: loading it, and one step of it."""

from __future__ import annotations

import inspect
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import huggingface_hub.utils as hub
import psutil
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, Cache
from transformers import logging as transformers_logging

from isogloss.errors import ModelError
from isogloss.targets.options import LocalOptions

logger = logging.getLogger(__name__)

DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
}
SMALL_MODEL = 20_000_000
"""Parameters under which one thread is taken on the CPU; see `LocalOptions.threads`."""


class LocalModel:
    """A model and its tokenizer, ready to run.

    Args:
        source: a folder written by ``save_pretrained`` or the id of a model on the hub.
        options: device, dtype, revision and the like.

    Attributes:
        network: the Hugging Face model, in evaluation mode, on ``device``.
        tokenizer: its tokenizer.
        end_tokens: ids that end a reply: the tokenizer's and the generation config's. Nothing else
            of ``generation_config.json`` is read: no temperature, no penalty.
        context_length: most positions it has; None where it has no such limit (ALiBi).
        vocabulary_size: rows of its embedding table.

    Raises:
        ModelError: not a model, incomplete, in an unsafe format, or out of reach.
    """

    def __init__(self, source: str, options: LocalOptions) -> None:
        self.source = source
        self.device = _device(options.device)
        place = _place(source)
        dtype = _dtype(options.dtype, self.device)
        logger.info("loading %s on %s", source, self.device)
        arguments = {
            "trust_remote_code": options.trust_remote_code,
            "revision": options.revision or "main",
        }
        with quiet_transformers(), _as_model_errors(source, place):
            self.tokenizer: Any = AutoTokenizer.from_pretrained(place, **arguments)
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                place, dtype=dtype, use_safetensors=True, output_loading_info=True, **arguments
            )
            self.network: Any = loaded[0].eval().to(self.device)
        missing = sorted(loaded[1]["missing_keys"])
        if missing:
            raise ModelError(
                f"the weights of {source} lack {len(missing)} of the model's tensors "
                f"({missing[0]}, ...); they would be random. Save the whole model again."
            )
        if not len(self.tokenizer):
            raise ModelError(f"{source} has no tokenizer; save one into the same folder.")
        config = self.network.config.get_text_config(decoder=True)
        self.context_length: int | None = getattr(config, "max_position_embeddings", None)
        self.vocabulary_size: int = self.network.get_input_embeddings().weight.shape[0]
        self.end_tokens = self._find_end_tokens()
        self._inputs = frozenset(inspect.signature(self.network.forward).parameters)
        if "past_key_values" not in self._inputs:
            raise ModelError(
                f"{source} is a {type(self.network).__name__}, which keeps no key-value cache; "
                "such architectures are not supported."
            )

    @property
    def n_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters())

    def next_logits(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        """Logits of the token after the last column, float32, shape ``(rows, vocabulary)``.

        Args:
            ids: ``(rows, columns)``, the columns not in ``cache`` yet.
            mask: ``(rows, cached and new columns)``, 0 on left padding.
            positions: of ``ids``, counted from each row's first real token.
            cache: grows by ``columns``.
        """
        inputs: dict[str, Any] = {
            "input_ids": ids,
            "attention_mask": mask,
            "past_key_values": cache,
            "use_cache": True,
        }
        # ALiBi models take positions from the mask and have no such argument.
        if "position_ids" in self._inputs:
            inputs["position_ids"] = positions
        if "logits_to_keep" in self._inputs:
            inputs["logits_to_keep"] = 1
        return self.network(**inputs).logits[:, -1].float()

    def describe(self) -> dict[str, Any]:
        """What a run notes about its model: architecture, size, precision, place, limits."""
        return {
            "source": self.source,
            "architecture": type(self.network).__name__,
            "n_parameters": self.n_parameters,
            "dtype": str(self.network.dtype).removeprefix("torch."),
            "device": str(self.device),
            "context_length": self.context_length,
            "vocabulary_size": self.vocabulary_size,
        }

    def _find_end_tokens(self) -> frozenset[int]:
        ends = {self.tokenizer.eos_token_id}
        generation = self.network.generation_config
        if generation is not None:
            ids = generation.eos_token_id
            ends |= set(ids) if isinstance(ids, list) else {ids}
        return frozenset(ends - {None})


@contextmanager
def torch_threads(n_threads: int) -> Iterator[None]:
    """Run with this many torch threads; the number before comes back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def default_threads(n_parameters: int) -> int:
    """One for tiny models, else the physical cores this process may use."""
    if n_parameters < SMALL_MODEL:
        return 1
    physical = psutil.cpu_count(logical=False) or 1
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else physical
    return max(1, min(physical, usable))


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the progress bars, advice and warnings of transformers off the user's terminal."""
    verbosity = transformers_logging.get_verbosity()
    had_bars = transformers_logging.is_progress_bar_enabled()
    had_hub_bars = not hub.are_progress_bars_disabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    hub.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if had_bars:
            transformers_logging.enable_progress_bar()
        if had_hub_bars:
            hub.enable_progress_bars()


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"{name!r} is not a device; use auto, cpu, cuda or cuda:N.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"device {name!r} asked for, but torch sees no CUDA device here.")
    return device


def _dtype(name: str, device: torch.device) -> torch.dtype | str:
    if name == "auto":
        return torch.float32 if device.type == "cpu" else "auto"
    if name not in DTYPES:
        raise ModelError(f"{name!r} is not a dtype; use auto, {', '.join(DTYPES)}.")
    return DTYPES[name]


def _place(source: str) -> str:
    """The folder or hub id to load from, checked as far as that needs no loading."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        if folder.exists():
            raise ModelError(f"{source} is a file; name the model's folder.")
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source) or source.startswith("."):
            raise ModelError(f"there is no folder {source}, and it is no id of the hub either.")
        return source
    config = folder / "config.json"
    if not config.is_file():
        raise ModelError(f"{source} is not a model folder: it has no config.json.")
    try:
        json.loads(config.read_bytes())
    except ValueError as error:
        raise ModelError(f"{config} is not valid JSON ({error}).") from error
    if not any(folder.glob("*.safetensors")):
        found = "only .bin weights, which can hide code" if any(folder.glob("*.bin")) else "none"
        raise ModelError(
            f"{source} has no .safetensors weights (found: {found}); write them with "
            "model.save_pretrained(FOLDER)."
        )
    return str(folder)


@contextmanager
def _as_model_errors(source: str, place: str) -> Iterator[None]:
    """One sentence for what transformers raises: any exception at all, while it reads files."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(f"{source} does not fit into the device's memory.") from error
    except Exception as error:
        if Path(place).is_dir():
            detail = " ".join(str(error).split())[:300]
            raise ModelError(f"{source} cannot be loaded as a language model: {detail}") from error
        raise ModelError(
            f"there is no folder {source}, and no such model could be fetched from the hub "
            f"(no connection, no such id, or no access): {str(error).splitlines()[0][:200]}"
        ) from error
