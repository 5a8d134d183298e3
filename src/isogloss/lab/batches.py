"""From text to tensors: packed pre-training rows and padded instruction batches.

Both kinds give the batch of a step from the step alone, so an interrupted training sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from isogloss.lab.chat import Example, write_examples
from isogloss.lab.setting import Lab
from isogloss.lab.tokenizer import end_id, pad_id
from isogloss.lab.training import IGNORED, Batch
from isogloss.seeds import derive_seed

ENCODED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingBatches:
    """Documents end to end, without padding, cut into rows that are dealt to the steps.

    Attributes:
        rows: (N, T + 1) token ids.
        order: the N rows in the order of training.
        tokens: how many of the tokens are in each language; those of a bilingual document count
            half for each of its two.
    """

    rows: NDArray[np.uint16]
    order: NDArray[np.int64]
    batch_size: int
    tokens: dict[str, int]

    @property
    def n_tokens(self) -> int:
        """Tokens learned in all."""
        return self.rows.shape[0] * (self.rows.shape[1] - 1)

    def at(self, step: int) -> Batch:
        """The batch of a step: ids and labels (B, T)."""
        chosen = self.order[step * self.batch_size : (step + 1) * self.batch_size]
        rows = torch.from_numpy(self.rows[chosen].astype(np.int64))
        return Batch(rows[:, :-1], rows[:, 1:])


def pretraining_batches(lab: Lab, tokenizer: PreTrainedTokenizerFast) -> PretrainingBatches:
    """Write and encode as many documents as the recipe's steps need."""
    recipe = lab.recipe
    width = recipe.sequence_length + 1
    n_rows = recipe.n_steps * recipe.batch_size
    flat = np.empty(n_rows * width, dtype=np.uint16)
    counts = dict.fromkeys(recipe.languages, 0.0)
    documents = lab.documents(seed=recipe.seed)
    end = end_id(tokenizer)
    filled = 0
    while filled < flat.size:
        block = list(islice(documents, ENCODED_AT_ONCE))
        encodings = tokenizer.backend_tokenizer.encode_batch_fast([d.text for d in block])
        for document, encoding in zip(block, encodings, strict=True):
            ids = [*encoding.ids, end][: flat.size - filled]
            flat[filled : filled + len(ids)] = ids
            filled += len(ids)
            for language in document.languages:
                counts[language] += len(ids) / len(document.languages)
    return PretrainingBatches(
        rows=flat.reshape(n_rows, width),
        order=np.random.default_rng(derive_seed(recipe.seed, "order")).permutation(n_rows),
        batch_size=recipe.batch_size,
        tokens={tag: round(n) for tag, n in counts.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionBatches:
    """Questions and answers; only the answers are learned.

    Attributes:
        examples: (prompt ids, answer ids) in the order of training.
        pad: the token that fills a row up on its right.
    """

    examples: list[tuple[list[int], list[int]]]
    batch_size: int
    pad: int

    @property
    def n_tokens(self) -> int:
        """Tokens read in all, padding left out."""
        return sum(len(prompt) + len(answer) for prompt, answer in self.examples)

    def at(self, step: int) -> Batch:
        """The batch of a step: ids, labels and mask (B, T of the longest)."""
        chosen = self.examples[step * self.batch_size : (step + 1) * self.batch_size]
        width = max(len(prompt) + len(answer) for prompt, answer in chosen) - 1
        ids = torch.full((len(chosen), width), self.pad)
        labels = torch.full((len(chosen), width), IGNORED)
        mask = torch.zeros((len(chosen), width), dtype=torch.long)
        for row, (prompt, answer) in enumerate(chosen):
            tokens = torch.tensor(prompt + answer)
            n = len(tokens) - 1
            ids[row, :n] = tokens[:-1]
            labels[row, len(prompt) - 1 : n] = tokens[len(prompt) :]
            mask[row, :n] = 1
        return Batch(ids, labels, mask)


def instruction_batches(lab: Lab, tokenizer: PreTrainedTokenizerFast) -> InstructionBatches:
    """Write and encode the examples of the recipe's stage."""
    recipe = lab.recipe
    examples = write_examples(
        lab.world,
        lab.grammars,
        recipe.shares,
        n=recipe.chat_steps * recipe.chat_batch_size,
        alignment=recipe.alignment if recipe.stage == "chat" else None,
        instructions=recipe.instructions,
        seed=recipe.seed,
    )
    return InstructionBatches(
        examples=_encode(examples, tokenizer),
        batch_size=recipe.chat_batch_size,
        pad=pad_id(tokenizer),
    )


def _encode(
    examples: list[Example], tokenizer: PreTrainedTokenizerFast
) -> list[tuple[list[int], list[int]]]:
    """Split exactly where generation starts: prompt and answer are encoded apart."""
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": example.question}],
            tokenize=False,
            add_generation_prompt=True,
        )
        for example in examples
    ]
    encode = tokenizer.backend_tokenizer.encode_batch_fast
    answers = encode([example.answer for example in examples])
    end = end_id(tokenizer)
    return [
        (prompt.ids, [*answer.ids, end])
        for prompt, answer in zip(encode(prompts), answers, strict=True)
    ]
