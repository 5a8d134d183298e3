"""What rows of one prompt have in common is read once, and nothing else tells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from isogloss.targets.batching import Row, plan_batches
from isogloss.targets.edits import Edit, parse_positions
from isogloss.targets.generation import complete_rows, generate
from isogloss.targets.model import LocalModel
from targets.naive_steering import (
    FAMILIES,
    blocks_of,
    check_against_naive,
    direction,
    edit,
    fingerprint,
    load,
    make_rows,
    mixed_edits,
    write_models,
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_models(tmp_path_factory)


@pytest.fixture
def llama(folders: dict[str, Path]) -> LocalModel:
    return load(folders["llama"])


def make_grid(edits: list[Edit | None], n_prompts: int = 3, limit: int = 3) -> list[Row]:
    """Every prompt under every edit."""
    prompts = make_rows([None] * n_prompts, limit)
    return [
        replace(row, index=row.index * len(edits) + n, seed=n, edit=made)
        for row in prompts
        for n, made in enumerate(edits)
    ]


def tokens_computed(model: LocalModel, rows: list[Row]) -> int:
    """Tokens that went through a feed-forward layer, over all layers, for one reply token."""
    seen: list[int] = []

    def count(_module: Any, _inputs: Any, output: torch.Tensor) -> None:
        seen.append(output.shape[0] * output.shape[1])

    handles = [
        block.get_submodule("mlp").register_forward_hook(count)
        for block in blocks_of(model.network)
    ]
    generate(model, [replace(row, limit=1) for row in rows], 0.0)
    for handle in handles:
        handle.remove()
    return sum(seen)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_grid_is_what_each_row_is_alone_without_cache(
    folders: dict[str, Path], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prompts of 3, 11 and 7 tokens; the windows of gemma2 and mistral are of 6."""
    check_against_naive(load(folders[family]), make_grid(mixed_edits()), monkeypatch)


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_of_a_grid_may_be_in_any_order_and_any_company(
    folders: dict[str, Path], family: str
) -> None:
    model = load(folders[family])
    rows = make_grid(mixed_edits())
    for temperature in (0.0, 1.0):
        alone = [generate(model, [row], temperature)[0] for row in rows]
        assert generate(model, rows, temperature) == alone
        assert generate(model, rows[::-1], temperature) == alone[::-1]
        assert generate(model, rows[::3], temperature) == alone[::3]


def test_only_what_an_edit_changes_is_computed(llama: LocalModel) -> None:
    """Two prompts, padded to 11 columns, three layers: by hand."""
    at = {n: edit(vectors={n: direction(n)}) for n in range(3)}
    assert tokens_computed(llama, make_grid([at[0]], 2)) == 2 * 11 * 3  # nothing to share
    assert (
        tokens_computed(llama, make_grid([at[0]] * 2, 2)) == 4 * 11 * 3
    )  # reading first costs more
    read_first = 2 * 11 * 3
    assert tokens_computed(llama, make_grid([at[2]] * 5, 2)) == read_first
    assert tokens_computed(llama, make_grid([at[1]] * 5, 2)) == read_first + 10 * 11
    late = edit(vectors={0: direction(0)}, positions=parse_positions("last:2+generated"))
    generated = edit(vectors={0: direction(0)}, positions=parse_positions("generated"))
    mixed = [at[0], at[1], late, late, generated, edit(strength=0.0), None]
    expected = read_first + 2 * (2 * 11 + 11 + 2 * 2 * 2)
    assert tokens_computed(llama, make_grid(mixed, 2)) == expected


def test_a_window_is_read_from_the_beginning(folders: dict[str, Path]) -> None:
    late = edit(vectors={1: direction(0)}, positions=parse_positions("last:2+generated"))
    model = load(folders["mistral"])
    assert tokens_computed(model, make_grid([late] * 4, 2)) == 2 * 11 * 3 + 8 * 11


def test_unedited_rows_share_nothing(llama: LocalModel) -> None:
    """Their batches, and so their bits, are what they always were."""
    assert tokens_computed(llama, make_grid([None] * 4, 2)) == 8 * 11 * 3


def test_the_model_is_left_as_it_was_when_reading_fails_halfway(llama: LocalModel) -> None:
    rows = make_grid([edit(vectors={1: direction(n)}, strength=n) for n in range(1, 5)])
    expected = generate(llama, rows, 0.0)
    before = fingerprint(llama.network)
    sizes: list[int] = []

    def refuse(_module: Any, inputs: Any) -> None:
        sizes.append(len(inputs[0]))
        if sizes[-1] == 12:
            raise torch.OutOfMemoryError("CUDA out of memory")

    handle = llama.network.model.embed_tokens.register_forward_pre_hook(refuse)
    assert complete_rows(llama, rows, 0.0) == expected
    assert sizes[:2] == [3, 12], "the prompts, then the edited rows"
    handle.remove()
    assert fingerprint(llama.network) == before


def test_a_wrapper_around_a_block_is_still_there_afterwards(llama: LocalModel) -> None:
    rows = make_grid([edit(vectors={1: direction(n)}) for n in range(5)])
    expected = generate(llama, rows, 0.0)
    block: Any = blocks_of(llama.network)[0]
    plain, calls = block.forward, []

    def wrapper(*inputs: Any, **options: Any) -> Any:
        calls.append(1)
        return plain(*inputs, **options)

    block.forward = wrapper
    assert generate(llama, rows, 0.0) == expected
    assert block.forward is wrapper
    assert len(calls) == 3, "the shared prompts and two more tokens"


def test_rows_of_one_prompt_come_into_one_batch() -> None:
    prompts = [(5, 7), (9, 9), (5, 7), (9, 9)]
    rows = [Row(index=n, tokens=tokens, limit=1, seed=0) for n, tokens in enumerate(prompts)]

    def planned(rows: list[Row]) -> list[list[int]]:
        return [[row.index for row in batch] for batch in plan_batches(rows, batch_tokens=6)]

    assert planned(rows) == [[0, 1], [2, 3]]
    assert planned([replace(row, edit=edit()) for row in rows]) == [[0, 2], [1, 3]]
