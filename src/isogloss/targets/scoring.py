"""How likely a model finds given texts: what steering costs in fluency, told by perplexity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from isogloss.errors import ModelError
from isogloss.targets.editing import check_edits
from isogloss.targets.edits import Edit
from isogloss.targets.model import LocalModel
from isogloss.targets.recording import (
    accepted_inputs,
    default_reading_tokens,
    pad_texts,
    plan_reading,
)

_BATCH_LOGITS = 1 << 27
_CHUNK_LOGITS = 1 << 23


@dataclass(frozen=True, slots=True, kw_only=True)
class TextScore:
    """How unlikely a text is to a model; higher is worse, not finite where the model broke.

    Attributes:
        nats: the sum over its tokens of -log p(token | tokens before), natural logarithm.
        n_tokens: how many that is: all but the first, before which nothing stands.
    """

    nats: float
    n_tokens: int

    @property
    def nats_per_token(self) -> float | None:
        """The mean, whose exponential is the perplexity; None for a text of one token."""
        return self.nats / self.n_tokens if self.n_tokens else None


@torch.inference_mode()
def score_texts(
    model: LocalModel,
    texts: Sequence[Sequence[int]],
    *,
    edits: Edit | Sequence[Edit | None] | None = None,
    batch_tokens: int | None = None,
) -> list[TextScore]:
    """The negative log-likelihood of texts, each read once with nothing generated.

    All tokens of a text count as its prompt: edits of generated tokens change nothing here, and a
    condition looks at the text's last token.

    Args:
        model: the model.
        texts: token ids, without padding; those with equal edits need no neighbourhood.
        edits: one a text, or one for all.
        batch_tokens: most tokens, padding included, of a batch; fewer are taken where the logits
            of so many would pass half a gigabyte.

    Returns:
        One score a text, in their order.

    Raises:
        ModelError: a text that does not fit into the model's context, or has no tokens; an edit
            that does not fit the model; out of memory.

    Example:
        >>> plain, steered = score_texts(model, [ids, ids], edits=[None, edit])  # doctest: +SKIP
    """
    rows = [edits] * len(texts) if edits is None or isinstance(edits, Edit) else list(edits)
    if len(rows) != len(texts):
        raise ValueError(f"{len(rows)} edits for {len(texts)} texts")
    check_edits(model.network, rows)
    lengths = [len(text) for text in texts]
    _check_lengths(model, lengths)
    budget = min(
        batch_tokens or default_reading_tokens(model.device.type),
        max(1, _BATCH_LOGITS // model.vocabulary_size),
    )
    scores: dict[int, TextScore] = {}
    for batch in plan_reading(lengths, batch_tokens=budget):
        try:
            nats = _read(model, [texts[i] for i in batch], [rows[i] for i in batch])
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"out of memory on {model.device} while scoring {len(batch)} texts of up to "
                f"{lengths[batch[0]]} tokens at once; set batch_tokens below {budget}."
            ) from error
        for index, value in zip(batch, nats.tolist(), strict=True):
            scores[index] = TextScore(nats=value, n_tokens=lengths[index] - 1)
    return [scores[index] for index in range(len(texts))]


def _check_lengths(model: LocalModel, lengths: Sequence[int]) -> None:
    if 0 in lengths:
        raise ModelError(f"text {lengths.index(0)} has no tokens; leave it out.")
    longest, room = max(lengths, default=0), model.context_length
    if room is not None and longest > room:
        raise ModelError(
            f"text {lengths.index(longest)} has {longest} tokens, but the context of "
            f"{model.source} ends at {room}; cut it."
        )


def _read(
    model: LocalModel, texts: Sequence[Sequence[int]], edits: Sequence[Edit | None]
) -> Tensor:
    """Nats of every text of a batch, float64, shape ``(texts,)``."""
    inputs, _ = pad_texts(texts, model.device)
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    with model.edit(edits, mask):
        logits = model.network(**accepted_inputs(model.network, inputs)).logits
    # Chunks of columns: in float32, and once more for the softmax, the whole would be twice as big.
    size = max(1, _CHUNK_LOGITS // (len(texts) * logits.shape[-1]))
    nats = torch.zeros(len(texts), dtype=torch.float64, device=model.device)
    for start in range(0, ids.shape[1] - 1, size):
        stop = min(start + size, ids.shape[1] - 1)
        part = logits[:, start:stop].transpose(1, 2).float()  # (rows, vocabulary, columns)
        each = cross_entropy(part, ids[:, start + 1 : stop + 1], reduction="none")
        nats += each.where(mask[:, start + 1 : stop + 1].bool(), 0).double().sum(1)
    return nats
