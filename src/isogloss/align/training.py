"""What all methods share: arguments of the trainer, conversations, adapters, loading the start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from isogloss.align.examples import Example
from isogloss.align.optimisation import Optimisation
from isogloss.align.profile import Profile
from isogloss.weights import align_weights

RewardFunction = Callable[..., list[float | None]]
"""(prompts, completions, columns by name) → a reward a completion, as TRL calls it."""
LOGS = 60
"""Points of a training curve, at most."""


@dataclass(kw_only=True)
class Setup:
    """What a method's trainer is made from.

    Attributes:
        network: the model at the start of the stage.
        tokenizer: its tokenizer, with a chat template and a padding token.
        examples: what is trained on, in order.
        parallel: where other versions of an example are looked up by id.
        profile: how the stage runs on this machine.
        reward: of reinforcement learning.
        folder: where checkpoints go.
        seed: of the order of examples, of dropout and of sampling.
    """

    network: Any
    tokenizer: Any
    examples: Sequence[Example]
    parallel: Sequence[Example]
    profile: Profile
    reward: RewardFunction | None
    folder: Path
    seed: int

    def adapters(self, task: str) -> Any:
        """PEFT's configuration for ``task``; None trains all weights."""
        lora = self.profile.lora
        if lora is None:
            return None
        from peft import LoraConfig

        return LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules="all-linear",
            task_type=task,
            modules_to_save=["score"] if task == "SEQ_CLS" else None,
        )


def trl_arguments(optimisation: Optimisation, setup: Setup) -> dict[str, Any]:
    """`training_arguments`, and what the configurations of TRL know besides."""
    return {
        **training_arguments(optimisation, setup),
        "trust_remote_code": setup.profile.trust_remote_code,
    }


def training_arguments(optimisation: Optimisation, setup: Setup) -> dict[str, Any]:
    """Arguments every trainer takes; nothing is left to defaults made for large models."""
    profile = setup.profile
    return {
        "output_dir": str(setup.folder),
        "max_steps": optimisation.steps,
        "per_device_train_batch_size": profile.at_once(optimisation.batch_size),
        "gradient_accumulation_steps": profile.accumulation(optimisation.batch_size),
        "learning_rate": optimisation.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": min(optimisation.warmup_steps, max(1, optimisation.steps // 2)),
        "weight_decay": 0.0,
        "optim": "adamw_torch",
        "bf16": profile.bf16,
        "gradient_checkpointing": profile.gradient_checkpointing,
        "use_cpu": profile.device == "cpu",
        "dataloader_pin_memory": profile.device != "cpu",
        "logging_steps": max(1, optimisation.steps // LOGS),
        "save_strategy": "no",  # a clock says when: isogloss.align.callbacks
        "save_total_limit": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "seed": setup.seed % 2**32,
        "data_seed": setup.seed % 2**32,
    }


def load_start(folder: Path, profile: Profile, *, reward: bool) -> tuple[Any, Any]:
    """(network, tokenizer) a stage starts from; a reward model gets a head of one number.

    The head is drawn from torch's generator, which the caller seeds. Weights are float32 where all
    of them are trained.
    """
    kind = AutoModelForSequenceClassification if reward else AutoModelForCausalLM
    trust = profile.trust_remote_code
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
    network = kind.from_pretrained(
        folder,
        dtype=torch.bfloat16 if profile.bf16 and profile.lora else torch.float32,
        trust_remote_code=trust,
        use_safetensors=True,
        **({"num_labels": 1} if reward else {}),
    )
    align_weights(network)
    return network, tokenizer


def train_in_float32(network: Any) -> None:
    """Adapters and heads in float32, whatever the frozen weights are in."""
    for parameter in network.parameters():
        if parameter.requires_grad and parameter.dtype != torch.float32:
            parameter.data = parameter.data.float()


def conversations(rows: list[dict[str, Any]]) -> Any:
    """A dataset of these rows."""
    from datasets import Dataset

    return Dataset.from_list(rows)


def question(text: str) -> list[dict[str, str]]:
    """A user's turn."""
    return [{"role": "user", "content": text}]


def answer(text: str) -> list[dict[str, str]]:
    """The model's turn."""
    return [{"role": "assistant", "content": text}]


def preferences(examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Prompt, chosen and rejected as conversations."""
    return [
        {
            "prompt": question(example.prompt),
            "chosen": answer(example.chosen),
            "rejected": answer(example.rejected or ""),
        }
        for example in examples
    ]
