"""The trainer of `isogloss.align.mpo`: two forward passes a batch, and the start held fixed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from transformers import Trainer, TrainingArguments

from isogloss.align.examples import Example
from isogloss.align.mpo import Mpo
from isogloss.align.training import Setup, answer, conversations, question, training_arguments

SIDES = ("target", "dominant")


def reward_gap(log_probs: Tensor, mask: Tensor) -> Tensor:
    """RG of every pair: mean log-probability of the chosen response minus that of the rejected.

    Args:
        log_probs: (2B, T) of each token given those before it, in nats; B chosen, then B rejected.
        mask: (2B, T) 1 on tokens of the response.

    Returns:
        (B,) nats a token.
    """
    means = (log_probs * mask).sum(dim=1) / mask.sum(dim=1)
    chosen, rejected = means.chunk(2)
    return chosen - rejected


def mpo_loss(
    target_gap: Tensor,
    dominant_gap: Tensor,
    hidden: Tensor,
    start_hidden: Tensor,
    *,
    beta: float,
    retention: float,
) -> tuple[Tensor, Tensor]:
    """(gap term, weighted retention term) of the loss.

    Args:
        target_gap: (B,) under the policy.
        dominant_gap: (B,) under the start.
        hidden, start_hidden: (2B, D) of the dominant language's pair, under policy and start.
        beta, retention: see `isogloss.align.mpo.Mpo`.
    """
    gap = mse_loss(beta * target_gap, dominant_gap)
    return gap, retention * mse_loss(hidden, start_hidden)


def token_log_probs(logits: Tensor, ids: Tensor) -> Tensor:
    """(B, T - 1) log-probability of ``ids[:, 1:]`` given what comes before, in nats."""
    scores = logits[:, :-1].float().log_softmax(dim=-1)
    return scores.gather(2, ids[:, 1:, None]).squeeze(2)


def mean_over_tokens(hidden: Tensor, mask: Tensor) -> Tensor:
    """(B, D) mean of (B, T, D) over the positions where ``mask`` (B, T) is 1."""
    weight = mask[..., None].to(hidden.dtype)
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1)


class MpoTrainer(Trainer):
    """`transformers.Trainer` with the loss of MPO."""

    def __init__(self, config: Mpo, start: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._config = config
        self._start = start
        self._terms: list[tuple[float, float]] = []

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        del num_items_in_batch, return_outputs
        target, dominant = (_part(inputs, side) for side in SIDES)
        gap, _ = _read(model, target, hidden=False)
        _, hidden = _read(model, dominant, hidden=True)
        with torch.no_grad(), self._as_it_was(model) as start:
            dominant_gap, start_hidden = _read(start, dominant, hidden=True)
        terms = mpo_loss(
            gap, dominant_gap, hidden, start_hidden,
            beta=self._config.beta, retention=self._config.retention,
        )  # fmt: skip
        self._terms.append((float(terms[0].detach()), float(terms[1].detach())))
        return terms[0] + terms[1]

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if self._terms:
            n = len(self._terms)
            logs["gap_loss"] = sum(gap for gap, _ in self._terms) / n
            logs["retention_loss"] = sum(kept for _, kept in self._terms) / n
            self._terms.clear()
        super().log(logs, start_time)

    @contextmanager
    def _as_it_was(self, model: Any) -> Generator[Any]:
        """The model at the start: a second copy, or the adapted one without its adapters."""
        if self._start is not None:
            yield self._start
            return
        adapted = self.accelerator.unwrap_model(model)
        with adapted.disable_adapter():
            yield adapted


def build_trainer(config: Mpo, setup: Setup, pairs: Sequence[tuple[Example, Example]]) -> Any:
    """The trainer over (target, dominant) pairs."""
    tokenizer = setup.tokenizer
    limit = config.optimisation.max_length
    rows: list[dict[str, Any]] = []
    for target, dominant in pairs:
        row: dict[str, Any] = {}
        for side, example in zip(SIDES, (target, dominant), strict=True):
            for name, text in (("chosen", example.chosen), ("rejected", example.rejected or "")):
                ids, n_prompt = _encode(tokenizer, example.prompt, text)
                row[f"{side}_{name}"] = ids[:limit]
                row[f"{side}_{name}_prompt"] = min(n_prompt, limit - 1)
        rows.append(row)
    arguments = TrainingArguments(
        **training_arguments(config.optimisation, setup), remove_unused_columns=False
    )
    network, start = setup.network, None
    adapters = setup.adapters("CAUSAL_LM")
    if adapters is not None:
        from peft import get_peft_model

        network = get_peft_model(network, adapters)
        if setup.profile.gradient_checkpointing:
            network.enable_input_require_grads()
    else:
        start = deepcopy(network).eval().requires_grad_(False)
        start.to("cpu" if setup.profile.device == "cpu" else "cuda")
    return MpoTrainer(
        config,
        start,
        model=network,
        args=arguments,
        train_dataset=conversations(rows),
        data_collator=_Collator(tokenizer.pad_token_id),
        processing_class=tokenizer,
    )


def _encode(tokenizer: Any, prompt: str, response: str) -> tuple[list[int], int]:
    """(token ids of the conversation, how many of them are the prompt's)."""
    head = tokenizer.apply_chat_template(
        question(prompt), tokenize=True, add_generation_prompt=True, return_dict=True
    )["input_ids"]
    whole = tokenizer.apply_chat_template(
        question(prompt) + answer(response), tokenize=True, return_dict=True
    )["input_ids"]
    n = next((i for i, (a, b) in enumerate(zip(head, whole, strict=False)) if a != b), len(head))
    return whole, n


class _Collator:
    """Pads on the right; chosen first, then rejected."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        batch: dict[str, Tensor] = {}
        for side in SIDES:
            texts = [row[f"{side}_{name}"] for name in ("chosen", "rejected") for row in rows]
            starts = [row[f"{side}_{n}_prompt"] for n in ("chosen", "rejected") for row in rows]
            width = max(map(len, texts))
            ids = torch.full((len(texts), width), self._pad)
            mask = torch.zeros((len(texts), width), dtype=torch.long)
            learned = torch.zeros((len(texts), width), dtype=torch.long)
            for at, (text, start) in enumerate(zip(texts, starts, strict=True)):
                ids[at, : len(text)] = torch.tensor(text)
                mask[at, : len(text)] = 1
                learned[at, start : len(text)] = 1
            batch |= {f"{side}_ids": ids, f"{side}_mask": mask, f"{side}_response": learned}
        return batch


def _part(inputs: dict[str, Any], side: str) -> dict[str, Tensor]:
    return {name: inputs[f"{side}_{name}"] for name in ("ids", "mask", "response")}


def _read(model: Any, part: dict[str, Tensor], *, hidden: bool) -> tuple[Tensor, Tensor]:
    """(reward gap (B,), mean hidden state (2B, D) after the final norm; empty if not asked)."""
    out = model(
        input_ids=part["ids"],
        attention_mask=part["mask"],
        output_hidden_states=hidden,
        use_cache=False,
    )
    gap = reward_gap(token_log_probs(out.logits, part["ids"]), part["response"][:, 1:])
    if not hidden:
        return gap, gap.new_zeros(0)
    return gap, mean_over_tokens(out.hidden_states[-1], part["mask"])
