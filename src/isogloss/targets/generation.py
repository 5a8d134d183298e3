"""Batched decoding on top of a Hugging Face model and its key-value cache.

Why not ``model.generate``: for models of a few layers a step is so short that its bookkeeping
shows (see ``bench/generate.py``); settings of a checkpoint's ``generation_config.json``
(temperature, repetition penalty, ...) would change what is measured; and every row has its own
random numbers and its own limit here.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from isogloss.errors import ModelError
from isogloss.targets.batching import Row
from isogloss.targets.cache import new_cache
from isogloss.targets.checkpoint import first_sentence
from isogloss.targets.model import LocalModel
from isogloss.targets.prefill import Prompts, read_prompts
from isogloss.targets.sampling import choose_greedy, choose_sampled, draw_uniforms

logger = logging.getLogger(__name__)

_COMPACT_ABOVE = 0.125


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model wrote for one row.

    Attributes:
        index: the row's.
        tokens: generated ids, without the one that ended the reply.
        truncated: the row's limit came before an end.
        error: why there is no reply; None where there is one.
    """

    index: int
    tokens: tuple[int, ...] = ()
    truncated: bool = False
    error: str | None = None


def complete_rows(model: LocalModel, rows: Sequence[Row], temperature: float) -> list[Completion]:
    """Generate for ``rows``; where memory runs out, for each half of them, down to single rows."""
    try:
        return generate(model, rows, temperature)
    except torch.OutOfMemoryError:
        reason = f"out of memory on {model.device}"
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and not _is_out_of_memory(error):
            raise ModelError(
                f"{model.source} failed while it generated ({first_sentence(error)}); another "
                "dtype or device may do."
            ) from error
        reason = f"out of memory on {model.device}"
    # Past the except clause: the traceback kept the failed batch's tensors alive.
    gc.collect()
    if model.device.type == "cuda":
        torch.cuda.empty_cache()
    if len(rows) == 1:
        row = rows[0]
        return [Completion(index=row.index, error=f"{reason}: {len(row.tokens)} prompt tokens")]
    logger.warning("%s with %d rows in a batch; going on with halves", reason, len(rows))
    middle = len(rows) // 2
    return [
        *complete_rows(model, rows[:middle], temperature),
        *complete_rows(model, rows[middle:], temperature),
    ]


def _is_out_of_memory(error: RuntimeError) -> bool:
    message = str(error).lower()
    return "not enough memory" in message or "can't allocate memory" in message


@torch.inference_mode()
def generate(model: LocalModel, rows: Sequence[Row], temperature: float) -> list[Completion]:
    """Decode one left-padded batch; rows that ended leave it as it goes.

    Args:
        model: the model.
        rows: at least one; each has at least one token.
        temperature: 0 is greedy.

    Returns:
        One completion a row, in the order of ``rows``.
    """
    device = model.device
    width = max(len(row.tokens) for row in rows)
    n_steps = max(row.limit for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width + n_steps, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, width - len(row.tokens) :] = torch.tensor(row.tokens)
        mask[i, width - len(row.tokens) :] = 1
    ids, mask = ids.to(device), mask.to(device)
    limits = torch.tensor([row.limit for row in rows], device=device)
    ends = torch.tensor(sorted(model.end_tokens), dtype=torch.long, device=device)
    uniforms = draw_uniforms(rows, n_steps).to(device) if temperature > 0 else None

    written = torch.zeros(len(rows), n_steps, dtype=torch.long, device=device)
    lengths = limits.clone()
    ended = torch.zeros(len(rows), dtype=torch.bool, device=device)
    broken = torch.zeros_like(ended)
    alive = torch.arange(len(rows), device=device)  # row number of every row still in the batch
    done = torch.zeros_like(ended)
    cache = new_cache(model.network, width + n_steps)
    positions = (mask[:, :width].cumsum(dim=-1) - 1).clamp(min=0)
    with model.edit([row.edit for row in rows], mask[:, :width]) as editing:
        for step in range(n_steps):
            if step == 0:
                prompts = Prompts(ids=ids, mask=mask[:, :width], positions=positions)
                logits = read_prompts(model, rows, prompts, cache, editing)
            else:
                logits = model.next_logits(ids, mask[:, : width + step], positions, cache)
            if uniforms is None:
                tokens, finite = choose_greedy(logits)
            else:
                tokens, finite = choose_sampled(logits, uniforms[alive, step], temperature)
            is_end = torch.isin(tokens, ends) & ~done
            is_broken = ~finite & ~done
            written[alive, step] = tokens
            lengths[alive[is_end | is_broken]] = step
            ended[alive[is_end]] = True
            broken[alive[is_broken]] = True
            done = done | is_end | is_broken | (limits[alive] == step + 1)
            n_done = int(done.sum())
            if n_done == len(done):
                break
            ids, positions = tokens[:, None], positions[:, -1:] + 1
            if n_done > _COMPACT_ABOVE * len(done):
                keep = (~done).nonzero()[:, 0]
                editing.keep(keep)
                cache.reorder_cache(keep)  # pyright: ignore[reportArgumentType]
                ids, positions, mask = ids[keep], positions[keep], mask[keep]
                alive, done = alive[keep], done[keep]

    all_tokens, all_lengths = written.tolist(), lengths.tolist()
    all_ended, all_broken = ended.tolist(), broken.tolist()
    return [
        Completion(index=row.index, error="the model's output was not a finite number")
        if all_broken[i]
        else Completion(
            index=row.index,
            tokens=tuple(all_tokens[i][: all_lengths[i]]),
            truncated=not all_ended[i],
        )
        for i, row in enumerate(rows)
    ]
