"""Plans of batches (hand-worked and by property), and the spreading of work over processes."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.distribute import map_unordered
from isogloss.errors import WorkerError
from isogloss.targets.batching import MAX_ROWS, Row, plan_batches


def _rows(lengths: list[tuple[int, int]]) -> list[Row]:
    return [
        Row(index=i, tokens=(7,) * n, limit=limit, seed=i) for i, (n, limit) in enumerate(lengths)
    ]


def _indices(batches: list[tuple[Row, ...]]) -> list[list[int]]:
    return [[row.index for row in batch] for batch in batches]


def test_hand_worked_plan() -> None:
    # Costs: {4} alone: 9 + 2 = 11; with {1}: 2 * 11 = 22 > 21. {1, 3}: 2 * 10; {2, 0}: 2 * 5.
    rows = _rows([(2, 2), (8, 2), (3, 2), (8, 2), (9, 2)])
    assert _indices(plan_batches(rows, batch_tokens=21)) == [[4], [1, 3], [2, 0]]


def test_longest_reply_counts_for_the_whole_batch() -> None:
    # Alone 5 + 1 and 5 + 9; together 2 * 14 = 28.
    rows = _rows([(5, 1), (5, 9)])
    assert _indices(plan_batches(rows, batch_tokens=27)) == [[1], [0]]
    assert _indices(plan_batches(rows, batch_tokens=28)) == [[1, 0]]


def test_equal_lengths_keep_their_order() -> None:
    assert _indices(plan_batches(_rows([(3, 1)] * 5), batch_tokens=8)) == [[0, 1], [2, 3], [4]]


@given(
    lengths=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 12)), max_size=60),
    batch_tokens=st.integers(1, 300),
)
def test_every_row_once_and_within_the_budget(
    lengths: list[tuple[int, int]], batch_tokens: int
) -> None:
    batches = plan_batches(_rows(lengths), batch_tokens=batch_tokens)
    assert sorted(row.index for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        width = max(len(row.tokens) for row in batch) + max(row.limit for row in batch)
        assert len(batch) == 1 or len(batch) * width <= batch_tokens
        assert len(batch) <= MAX_ROWS


def test_work_in_this_process_keeps_the_order() -> None:
    assert list(map_unordered(math.sqrt, [9, 4, 1])) == [3, 2, 1]


def test_processes_give_every_result_once() -> None:
    results = list(map_unordered(math.sqrt, [i * i for i in range(7)], workers=2))
    assert sorted(results) == list(range(7))
    assert not multiprocessing.active_children()


def test_more_workers_than_items_and_none_at_all() -> None:
    assert list(map_unordered(math.sqrt, [4], workers=3)) == [2]
    assert list(map_unordered(math.sqrt, [], workers=2)) == []


def test_an_exception_crosses_over_and_ends_the_workers() -> None:
    with pytest.raises(ValueError, match=r"domain|nonnegative") as caught:
        list(map_unordered(math.sqrt, [4, -1, 4, 4], workers=2))
    assert "_work" in caught.value.__notes__[0]
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("function", "item", "message"),
    [(os._exit, 3, "exit code 3"), (signal.raise_signal, signal.SIGKILL, "SIGKILL.*memory")],
)
def test_a_dead_worker_is_one_clear_error(function, item, message) -> None:
    with pytest.raises(WorkerError, match=message):
        list(map_unordered(function, [item], workers=2))
    assert not multiprocessing.active_children()


def test_stopping_early_ends_the_workers() -> None:
    results = map_unordered(math.sqrt, iter(range(1000)), workers=2)
    next(results)
    assert multiprocessing.active_children()
    results.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert not multiprocessing.active_children()


def test_workers_leave_an_interrupt_to_their_parent() -> None:
    # A worker that took Ctrl-C itself would die here, or answer with a KeyboardInterrupt.
    assert list(map_unordered(signal.raise_signal, [signal.SIGINT] * 2, workers=2)) == [None] * 2
