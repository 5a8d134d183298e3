"""From text to tensors: packed pre-training rows and padded instruction batches.

Both kinds give the batch of a step from the step alone, so an interrupted training sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from isogloss.lab.chat import Example, write_examples
from isogloss.lab.corpus import Document
from isogloss.lab.modifiers import MIXED
from isogloss.lab.recipe import LabRecipe
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
        tokens: how many of the tokens are in each language; the end of a document counts in equal
            parts for its passages.
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
    source = _Source(lab.pretraining_documents(seed=recipe.seed), tokenizer)
    seed = derive_seed(recipe.seed, "order")
    return _pack([source], recipe, n_steps=recipe.n_steps, end=end_id(tokenizer), seed=seed)


def extra_batches(lab: Lab, tokenizer: PreTrainedTokenizerFast) -> PretrainingBatches:
    """Documents of continued pre-training, as many as the recipe's extra tokens need.

    A language's are in that language alone, the mix's are as in pre-training; neither is a stream
    that pre-training has read. Several are interleaved document by document, each as far along as
    the others.
    """
    recipe = lab.recipe
    sources: list[_Source] = []
    for name, n_tokens in recipe.extra.items():
        seed = derive_seed(recipe.seed, "extra", name)
        if name == MIXED:
            documents = lab.pretraining_documents(seed=seed)
        else:
            documents = lab.documents({name: 1.0}, seed=seed)
        sources.append(_Source(documents, tokenizer, weight=n_tokens))
    seed = derive_seed(recipe.seed, "extra order")
    return _pack(sources, recipe, n_steps=recipe.n_extra_steps, end=end_id(tokenizer), seed=seed)


class _Source:
    """A stream of documents in tokens.

    Args:
        weight: tokens wanted of it, on any scale.
    """

    def __init__(
        self,
        documents: Iterator[Document],
        tokenizer: PreTrainedTokenizerFast,
        *,
        weight: float = 1.0,
    ) -> None:
        self._documents = documents
        self._encode = tokenizer.backend_tokenizer.encode_batch_fast
        self._weight = weight
        self._encoded: deque[list[tuple[str, list[int]]]] = deque()
        self._n_taken = 0

    @property
    def progress(self) -> float:
        """Tokens taken, in units of the weight."""
        return self._n_taken / self._weight

    def take(self) -> list[tuple[str, list[int]]]:
        """The next document: the language and the token ids of each passage."""
        if not self._encoded:
            block = list(islice(self._documents, ENCODED_AT_ONCE))
            # A token never reaches over a space: passages give what the whole text would give.
            encodings = iter(self._encode([text for d in block for _, text in d.passages]))
            self._encoded.extend(
                [(language, next(encodings).ids) for language, _ in document.passages]
                for document in block
            )
        passages = self._encoded.popleft()
        self._n_taken += sum(len(ids) for _, ids in passages)
        return passages


def _pack(
    sources: Sequence[_Source], recipe: LabRecipe, *, n_steps: int, end: int, seed: int
) -> PretrainingBatches:
    """Documents end to end, each followed by the end token, the next from the source furthest back.

    Args:
        end: id of the end token.
        seed: of the order of the rows.
    """
    width = recipe.sequence_length + 1
    n_rows = n_steps * recipe.batch_size
    flat = np.empty(n_rows * width, dtype=np.uint16)
    counts = dict.fromkeys(recipe.languages, 0.0)
    filled = 0
    while filled < flat.size:
        passages = min(sources, key=lambda source: source.progress).take()
        for language, ids in passages:
            kept = ids[: flat.size - filled]
            flat[filled : filled + len(kept)] = kept
            filled += len(kept)
            counts[language] += len(kept)
        if filled < flat.size:
            flat[filled] = end
            filled += 1
            for language, _ in passages:
                counts[language] += 1 / len(passages)
    return PretrainingBatches(
        rows=flat.reshape(n_rows, width),
        order=np.random.default_rng(seed).permutation(n_rows),
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
