"""Steering against a naive computation, row by row, and what it leaves behind: nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.errors import ModelError
from isogloss.targets.edits import Condition, Edit, parse_positions
from isogloss.targets.generation import complete_rows, generate
from isogloss.targets.model import LocalModel
from targets.naive_steering import (
    FAMILIES,
    SIDES,
    TOLERANCE,
    blocks_of,
    check_against_naive,
    direction,
    edit,
    fingerprint,
    load,
    make_rows,
    mixed_edits,
    noted_logits,
    write_models,
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_models(tmp_path_factory)


@pytest.fixture
def llama(folders: dict[str, Path]) -> LocalModel:
    return load(folders["llama"])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mixed_batch_is_what_each_row_is_alone_without_cache(
    folders: dict[str, Path], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_against_naive(load(folders[family]), make_rows(mixed_edits()), monkeypatch)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mixed_batch_is_its_rows_one_at_a_time(folders: dict[str, Path], family: str) -> None:
    model = load(folders[family])
    rows = make_rows(mixed_edits())
    together = generate(model, rows, 0.0)
    assert together == [generate(model, [row], 0.0)[0] for row in rows]
    assert together == generate(model, rows[::-1], 0.0)[::-1]


@pytest.mark.parametrize("family", FAMILIES)
def test_edits_are_felt(
    folders: dict[str, Path], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the tests above would pass with no edit at all."""
    model = load(folders[family])
    rows = make_rows(mixed_edits(), limit=2)
    with noted_logits(monkeypatch) as plain:
        generate(model, [replace(row, edit=None) for row in rows], 0.0)
    with noted_logits(monkeypatch) as steered:
        generate(model, rows, 0.0)
    moved = torch.stack([(a - b).abs().amax(1) for a, b in zip(plain, steered, strict=True)])
    felt = {row.index for row in rows if float(moved[:, row.index].max()) > 100 * TOLERANCE}
    active = {row.index: row.edit for row in rows if row.edit is not None and row.edit.strength}
    conditional = {index for index, made in active.items() if made.condition is not None}
    assert active.keys() - conditional <= felt <= active.keys()
    assert 0 < len(felt & conditional) < len(conditional)


def test_sampling_and_rows_that_leave(llama: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits and planted ends, so that rows leave from the first step on."""
    rows = [replace(row, limit=1 + (7 * row.index) % 11) for row in make_rows(mixed_edits() * 2)]
    for temperature in (0.0, 1.0):
        alone = [generate(llama, [row], temperature)[0] for row in rows]
        assert generate(llama, rows, temperature) == alone
    ends = frozenset(completion.tokens[len(completion.tokens) // 2] for completion in alone[::4])
    monkeypatch.setattr(llama, "end_tokens", ends)
    sizes: list[int] = []
    llama.network.model.embed_tokens.register_forward_hook(lambda _m, _i, o: sizes.append(len(o)))
    together = generate(llama, rows, 1.0)
    assert len(set(sizes)) > 4
    for before, after in zip(alone, together, strict=True):
        cut = next((i for i, token in enumerate(before.tokens) if token in ends), None)
        assert after.tokens == before.tokens[:cut]


def test_out_of_memory_halves_a_steered_batch(llama: LocalModel) -> None:
    rows = make_rows(mixed_edits())
    expected = generate(llama, rows, 0.0)
    sizes: list[int] = []

    def refuse(_module: Any, inputs: Any) -> None:
        sizes.append(len(inputs[0]))
        if sizes[-1] > 6:
            raise torch.OutOfMemoryError("CUDA out of memory")

    handle = blocks_of(llama.network)[2].register_forward_pre_hook(refuse)
    assert complete_rows(llama, rows, 0.0) == expected
    assert sizes[:3] == [26, 13, 6]
    handle.remove()
    assert generate(llama, rows, 0.0) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_steering_leaves_the_model_bit_for_bit_as_it_was(
    folders: dict[str, Path], family: str
) -> None:
    model = load(folders[family])
    ids = torch.arange(6, 16).view(2, 5)
    with torch.no_grad():
        before, expected = fingerprint(model.network), model.network(ids).logits
        with model.edit(edit(), torch.ones_like(ids)):
            during = model.network(ids).logits
        generate(model, make_rows(mixed_edits()), 0.0)
        after = model.network(ids).logits
    assert not torch.equal(during, expected)
    assert torch.equal(after, expected)
    assert fingerprint(model.network) == before


def test_hooks_go_when_the_work_inside_fails(llama: LocalModel) -> None:
    before = fingerprint(llama.network)
    with suppress(KeyError), llama.edit(edit(), torch.ones(1, 3)):
        assert fingerprint(llama.network) != before
        raise KeyError
    assert fingerprint(llama.network) == before


def test_what_no_edit_names_keeps_its_bits(llama: LocalModel) -> None:
    """States right behind the edited block: other rows, other tokens, padding."""
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]])
    edits = [
        edit(positions=parse_positions("last:2")),
        edit(strength=0.0),
        edit(operator="project_out", positions=parse_positions("prompt")),
        edit(positions=parse_positions("generated")),
    ]
    touched = torch.tensor([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0], [0, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
    ids = torch.arange(6, 26).view(4, 5)
    with torch.no_grad():
        with llama.record([1]) as plain:
            llama.network(ids, attention_mask=mask)
        with llama.edit(edits, mask), llama.record([1]) as steered:
            llama.network(ids, attention_mask=mask)
    same = (plain[1] == steered[1]).all(-1)
    assert torch.equal(~same, touched.bool())


def test_right_padding_is_padding_too(llama: LocalModel) -> None:
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    ids = torch.arange(6, 16).view(2, 5)
    last = edit(
        positions=parse_positions("last:1"),
        condition=Condition(layer=1, direction=direction(5), threshold=-1e6, side="above"),
    )
    with torch.no_grad(), llama.record([1]) as plain:
        llama.network(ids, attention_mask=mask)
    with torch.no_grad(), llama.edit(last, mask), llama.record([1]) as steered:
        llama.network(ids, attention_mask=mask)
    changed = (plain[1] != steered[1]).any(-1)
    assert changed.tolist() == [[False, False, True, False, False], [False] * 4 + [True]]


def test_strength_zero_is_the_model_as_it_is(llama: LocalModel) -> None:
    mask = torch.ones(2, 4, dtype=torch.long)
    before = fingerprint(llama.network)
    zeros = [edit(strength=0.0, operator=name) for name in ("project_out", "piecewise")]
    with llama.edit(zeros, mask):
        assert fingerprint(llama.network) == before
    with llama.edit(None, mask):
        assert fingerprint(llama.network) == before


def test_an_edit_is_recorded_as_it_was_made(llama: LocalModel) -> None:
    ids = torch.arange(6, 11).view(1, 5)
    v = direction(3)
    with torch.no_grad():
        with llama.record([1]) as plain:
            llama.network(ids)
        h = plain[1][0].double().numpy()
        for operator, expected in {
            "add": h + 2.5 * v,
            "project_out": h - np.outer(h @ v, v) * 2.5 / (v @ v),
            "piecewise": h + 2.5 * np.outer(np.sign(h @ v), v),
        }.items():
            made = edit(vectors={1: v}, strength=2.5, operator=operator)
            with llama.edit(made, torch.ones_like(ids)), llama.record([1]) as steered:
                llama.network(ids)
            np.testing.assert_allclose(steered[1][0], expected, atol=1e-5)


def test_a_direction_projected_out_is_gone(llama: LocalModel) -> None:
    made = edit(vectors={1: direction(3, 40.0)}, strength=1.0, operator="project_out")
    ids = torch.arange(6, 11).view(1, 5)
    with torch.no_grad(), llama.edit(made, torch.ones_like(ids)), llama.record([1]) as states:
        llama.network(ids)
    assert np.abs(states[1][0].numpy() @ direction(3)).max() < 1e-5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_edited_in_float32(llama: LocalModel, dtype: torch.dtype) -> None:
    """One rounding, at the end: the states are those of the formula in float32, rounded."""
    llama.network.to(dtype)
    ids = torch.arange(6, 11).view(1, 5)
    made = edit(vectors={0: direction(3)}, strength=0.37, operator="project_out")
    with torch.no_grad():
        with llama.record([0]) as plain:
            llama.network(ids)
        with llama.edit(made, torch.ones_like(ids)), llama.record([0]) as steered:
            llama.network(ids)
    h, v = plain[0][0].double(), torch.from_numpy(direction(3)).double()
    expected = h - 0.37 * torch.outer(h @ v, v) / (v @ v)
    assert (steered[0][0] == expected.to(dtype).float()).float().mean() > 0.99


def test_a_condition_is_decided_at_the_prompts_last_token_and_kept(
    llama: LocalModel,
) -> None:
    """The threshold in the middle of what the rows' last tokens give; before they are edited."""
    rows = make_rows([None] * 12, limit=6)
    v = direction(5)
    values = []
    with torch.no_grad():
        for row in rows:
            with llama.record([1]) as states:
                llama.network(torch.tensor([row.tokens]))
            values.append(float(states[1][0, -1].numpy() @ v))
    middle = float(np.sort(values)[5:7].mean())
    for side in SIDES:
        chosen = {i for i, x in enumerate(values) if (x < middle) == (side == "below")}
        held = Condition(layer=1, direction=7 * v, threshold=middle, side=side)
        always = edit(vectors={1: 4 * v}, strength=-1.0)
        gated = edit(vectors={1: 4 * v}, strength=-1.0, condition=held)
        expected = generate(
            llama, [replace(r, edit=always if r.index in chosen else None) for r in rows], 0.0
        )
        assert len(chosen) == 6
        assert generate(llama, [replace(r, edit=gated) for r in rows], 0.0) == expected


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (edit(vectors={1: np.ones(5)}), "layer 1 has 5 values, but the hidden states .* have 32"),
        (edit(vectors={3: direction(0)}), "layer 3 asked for, but the model has 3: use 0 to 2"),
        (edit(vectors={-1: direction(0)}), "layer -1 asked for"),
        (
            edit(condition=Condition(layer=1, direction=np.ones(7), threshold=0.0, side="below")),
            "the condition's direction has 7 values",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(
    llama: LocalModel, bad: Edit, message: str
) -> None:
    passes: list[int] = []
    llama.network.register_forward_pre_hook(lambda *_: passes.append(1))
    with pytest.raises(ModelError, match=message):
        generate(llama, make_rows([None, edit(), bad]), 0.0)
    assert passes == []


def test_rows_and_edits_must_match(llama: LocalModel) -> None:
    with (
        pytest.raises(ValueError, match="2 edits for 3 rows"),
        llama.edit([None, None], torch.ones(3, 1)),
    ):
        pass
    with (
        torch.no_grad(),
        llama.edit(edit(), torch.ones(1, 4)),
        pytest.raises(ValueError, match="for prompts of"),
    ):
        llama.network(torch.arange(6, 11).view(1, 5))
