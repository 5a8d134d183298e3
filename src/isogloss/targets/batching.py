"""Which requests share a forward pass: planned over all of them, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.targets.edits import Edit

MAX_ROWS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One reply to generate.

    Attributes:
        index: which request it answers.
        tokens: the prompt's token ids, without padding.
        limit: most tokens to generate; at least 1.
        seed: seeds this row's own random numbers, whatever batch it is in.
        edit: of the model's hidden states while it reads and writes this row; None leaves them.
    """

    index: int
    tokens: tuple[int, ...]
    limit: int
    seed: int
    edit: Edit | None = None


def default_batch_tokens(n_parameters: int, device: str) -> int:
    """Token budget by model size: a budget of time on the CPU, of cache memory elsewhere.

    Tiny models gain from hundreds of rows a step (the cost of calling an operation is shared);
    beyond that, larger batches leave the processor's caches and lose again.
    """
    if n_parameters < 20_000_000:
        return 16_384
    return 8_192 if device == "cpu" else 32_768


def plan_batches(rows: Sequence[Row], *, batch_tokens: int) -> list[tuple[Row, ...]]:
    """Cut rows of like length into batches, longest first.

    A batch of n rows costs n * (longest prompt + longest reply) tokens, padding included, and
    holds at most 512 rows; a row above the budget is a batch of its own. Longest first: the batch
    most likely to run out of memory comes first, and workers finish together.

    Args:
        rows: in an order that does not depend on the input file's, for example by request key:
            rows of equal length keep it, so that shuffled files give the same batches. Where any
            row is edited, rows of one prompt come together, so that it is read once for them.
        batch_tokens: the budget.

    Returns:
        Batches that together hold every row once.
    """
    steered = any(row.edit is not None for row in rows)
    ordered = sorted(
        rows, key=lambda row: (-len(row.tokens), -row.limit, row.tokens if steered else ())
    )
    batches: list[tuple[Row, ...]] = []
    current: list[Row] = []
    limit = 0
    for row in ordered:
        limit = max(limit, row.limit)
        width = len(current[0].tokens if current else row.tokens) + limit
        if current and (len(current) == MAX_ROWS or (len(current) + 1) * width > batch_tokens):
            batches.append(tuple(current))
            current, limit = [], row.limit
        current.append(row)
    if current:
        batches.append(tuple(current))
    return batches
