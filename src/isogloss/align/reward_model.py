"""A trained reward model, asked: one number a prompt and response, higher is better."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from isogloss.align.training import answer, question
from isogloss.quiet import quiet_transformers
from isogloss.weights import align_weights

SCORED_AT_ONCE = 64


class RewardModel:
    """Scores conversations of one prompt and one response.

    Args:
        folder: written by the method ``reward``.
        device: where it runs.
        trust_remote_code: run code that comes with the model.

    Example:
        >>> model = RewardModel(folder, device="cpu")  # doctest: +SKIP
        >>> model.scores([("how do I mend it?", "with glue")])  # doctest: +SKIP
        array([0.31])
    """

    def __init__(self, folder: Path, *, device: str, trust_remote_code: bool = False) -> None:
        with quiet_transformers():
            self.tokenizer: Any = AutoTokenizer.from_pretrained(
                folder, trust_remote_code=trust_remote_code
            )
            network = AutoModelForSequenceClassification.from_pretrained(
                folder,
                use_safetensors=True,
                dtype="auto" if device != "cpu" else torch.float32,
                trust_remote_code=trust_remote_code,
            )
        align_weights(network)
        self.network = network.eval().to(device)

    def scores(self, exchanges: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """[N] rewards of (prompt, response), in logits.

        Batches hold texts of like length, so that little is padding.
        """
        ids = [self._encode(prompt, response) for prompt, response in exchanges]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        found = np.empty(len(ids))
        for start in range(0, len(order), SCORED_AT_ONCE):
            chosen = order[start : start + SCORED_AT_ONCE]
            found[chosen] = self._score([ids[i] for i in chosen])
        return found

    def _encode(self, prompt: str, response: str) -> list[int]:
        conversation = question(prompt) + answer(response)
        return self.tokenizer.apply_chat_template(
            conversation, tokenize=True, return_dict=True
        )["input_ids"]  # fmt: skip

    def _score(self, rows: list[list[int]]) -> NDArray[np.float64]:
        width = max(map(len, rows))
        ids = torch.full((len(rows), width), self.tokenizer.pad_token_id)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = torch.tensor(row)
            mask[at, : len(row)] = 1
        device = self.network.device
        with torch.inference_mode():
            logits = self.network(
                input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False
            ).logits
        return logits[:, 0].double().cpu().numpy()
