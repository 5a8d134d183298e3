"""The next token: greedy, or drawn with random numbers that belong to the row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from isogloss.targets.batching import Row

_CHUNK_ELEMENTS = 1 << 23


def draw_uniforms(rows: Sequence[Row], n_steps: int) -> Tensor:
    """Uniform numbers in [0, 1), shape ``(rows, n_steps)``, float64 on the CPU.

    Each row's come from its own counter-based generator seeded by the row: neither the batch nor
    the device nor the number of steps asked for changes what a row draws at a step.
    """
    draws = np.empty((len(rows), n_steps))
    for i, row in enumerate(rows):
        draws[i] = np.random.Generator(np.random.Philox(key=row.seed)).random(n_steps)
    return torch.from_numpy(draws)


def choose_greedy(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The most likely token and whether its logit is a finite number; shapes ``(rows,)``.

    ``logits`` is ``(rows, vocabulary)``. Of equal logits any one is taken.
    """
    best, tokens = logits.max(dim=-1)
    return tokens, best.isfinite()


def choose_sampled(logits: Tensor, uniforms: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """One token a row from softmax(logits / temperature), by inverting the distribution function.

    One number a row is all that is drawn, and a logit changed in its last bits moves the outcome
    only where the number falls that close to a boundary, so that a sample does not depend on the
    batch it was in.

    Args:
        logits: ``(rows, vocabulary)``.
        uniforms: ``(rows,)`` in [0, 1), float64.
        temperature: above 0.

    Returns:
        Tokens ``(rows,)``, and whether each row's logits were finite numbers.
    """
    tokens, finite = [], []
    size = max(1, _CHUNK_ELEMENTS // logits.shape[-1])
    for part, draw in zip(logits.split(size), uniforms.split(size), strict=True):
        best = part.max(dim=-1, keepdim=True).values
        weights = ((part.double() - best) / temperature).exp()
        cumulative = weights.cumsum(dim=-1)
        total = cumulative[:, -1:]
        target = draw[:, None] * total
        # The product may round up to the total, beyond which there is no token.
        target = torch.minimum(target, torch.nextafter(total, torch.zeros_like(total)))
        tokens.append(torch.searchsorted(cumulative, target, right=True)[:, 0])
        finite.append(best[:, 0].isfinite())
    chosen, is_finite = torch.cat(tokens), torch.cat(finite)
    return chosen.where(is_finite, 0), is_finite
