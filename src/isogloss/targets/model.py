"""A causal language model of Hugging Face in this process: loading it, and one step of it."""

from __future__ import annotations

import inspect
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, Cache

from isogloss.errors import ModelError
from isogloss.quiet import quiet_transformers
from isogloss.targets.checkpoint import (
    as_model_error,
    locate_checkpoint,
    weights_fingerprint,
)
from isogloss.targets.editing import Editing, edit_blocks
from isogloss.targets.edits import Edit
from isogloss.targets.options import LocalOptions
from isogloss.targets.recording import Select, record_blocks
from isogloss.weights import align_weights

logger = logging.getLogger(__name__)

NO_TOKENIZER = (
    "{what} has no usable tokenizer ({why}); write one there with tokenizer.save_pretrained(FOLDER)"
)

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
        commit: the hub's, where it came from there.
        weights: changes when the weights do (see `weights_fingerprint`).
        end_tokens: ids that end a reply: the tokenizer's and the generation config's. Nothing else
            of ``generation_config.json`` is read: no temperature, no penalty.
        context_length: most positions it has; None where it has no such limit (ALiBi).
        vocabulary_size: rows of its embedding table.

    Raises:
        ModelError: not a model, incomplete, in an unsafe format, or out of reach.
    """

    def __init__(self, source: str, options: LocalOptions) -> None:
        self.source = source
        self.device = torch_device(options.device)
        dtype = torch_dtype(options.dtype, self.device)
        folder = locate_checkpoint(source, options)
        self.weights = weights_fingerprint(folder)
        self.commit = None if Path(source).expanduser().is_dir() else folder.name
        logger.info("loading %s on %s", source, self.device)
        trust = options.trust_remote_code
        with quiet_transformers(), as_model_error(source, NO_TOKENIZER):
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
        self.network: Any = load_network(
            AutoModelForCausalLM, folder, options, what=f"the language model {source}", dtype=dtype
        )
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

    def record(
        self, layers: Sequence[int] | None = None, select: Select | None = None
    ) -> AbstractContextManager[dict[int, Tensor]]:
        """Keep block outputs while the model runs; see `isogloss.targets.recording.record_blocks`.

        Example:
            >>> with model.record([3]) as states:  # doctest: +SKIP
            ...     model.network(input_ids)
            >>> states[3].shape  # doctest: +SKIP
            torch.Size([1, 7, 128])
        """
        return record_blocks(self.network, layers, select)

    def edit(
        self, edits: Edit | Sequence[Edit | None] | None, prompt_mask: Tensor
    ) -> AbstractContextManager[Editing]:
        """Edit block outputs while the model runs; see `isogloss.targets.editing.edit_blocks`.

        Example:
            >>> with model.edit(edit, torch.ones_like(input_ids)):  # doctest: +SKIP
            ...     model.network(input_ids)
        """
        return edit_blocks(self.network, edits, prompt_mask)

    def describe(self) -> dict[str, Any]:
        """What a run notes about its model: architecture, size, precision, place, limits."""
        return {
            "source": self.source,
            "commit": self.commit,
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
    return 1 if n_parameters < SMALL_MODEL else usable_cores()


def usable_cores() -> int:
    """Physical cores that this process may use."""
    physical = psutil.cpu_count(logical=False) or 1
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else physical
    return max(1, min(physical, usable))


def torch_device(name: str) -> torch.device:
    """The device that `LocalOptions.device` names."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"{name!r} is not a device; use auto, cpu, cuda or cuda:N.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"device {name!r} asked for, but torch sees no CUDA device here.")
    return device


def load_network(
    kind: Any, folder: Path, options: LocalOptions, *, what: str, dtype: torch.dtype | str
) -> Any:
    """A checkpoint's network on its device, ready to be asked: the same bits in every process.

    Args:
        kind: the class of transformers that loads it, such as ``AutoModelForCausalLM``.
        folder: the checkpoint.
        options: the device, and whether code that comes with the model is run.
        what: names it in errors.
        dtype: see `torch_dtype`.

    Raises:
        ModelError: it cannot be loaded, or its weights are incomplete.
    """
    device = torch_device(options.device)
    with quiet_transformers(), as_model_error(what):
        loaded = kind.from_pretrained(
            folder,
            dtype=dtype,
            trust_remote_code=options.trust_remote_code,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # refused below, in words
            output_loading_info=True,
        )
        network = loaded[0].eval().to(device)
        align_weights(network)
    _check_weights(what, loaded[1])
    return network


def _check_weights(what: str, report: Mapping[str, Any]) -> None:
    """Refuse incomplete weights: transformers fills a missing tensor with random numbers."""
    missing = sorted(report["missing_keys"])
    misshapen = sorted(name for name, *_ in report["mismatched_keys"])
    for names, problem in ((missing, "missing"), (misshapen, "of another shape")):
        if names:
            raise ModelError(
                f"the weights of {what} do not fit its config.json: {len(names)} tensor(s) "
                f"{problem}, such as {names[0]}. Save the whole model again."
            )


def torch_dtype(name: str, device: torch.device) -> torch.dtype | str:
    """The dtype that `LocalOptions.dtype` names, as ``from_pretrained`` takes it."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else "auto"
    if name not in DTYPES:
        raise ModelError(f"{name!r} is not a dtype; use auto, {', '.join(DTYPES)}.")
    return DTYPES[name]
