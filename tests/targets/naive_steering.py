"""Steering done naively: one row, no padding, no cache, column by column, in float64."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isogloss.targets import generation
from isogloss.targets.batching import Row
from isogloss.targets.edits import Condition, Edit, Side, parse_positions
from isogloss.targets.generation import generate
from isogloss.targets.model import LocalModel
from isogloss.targets.operators import OPERATORS
from isogloss.targets.options import LocalOptions
from isogloss.targets.sampling import choose_greedy
from targets.tiny_models import tiny_model

FAMILIES = ("llama", "qwen2", "bloom", "gpt_neox", "gemma2", "mistral", "phi", "opt")
N_LAYERS, HIDDEN = 3, 32
POSITIONS = ("all", "prompt", "generated", "last:1", "last:3", "last:2+generated")
TOLERANCE = 1e-4
SIDES: tuple[Side, ...] = ("below", "above")
LENGTHS = (3, 11, 7, 1, 11, 5)


def write_models(factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder a family, of models of three layers."""
    return {name: tiny_model(factory.mktemp(name), name, n_layers=N_LAYERS) for name in FAMILIES}


def load(folder: Path) -> LocalModel:
    model = LocalModel(str(folder), LocalOptions(device="cpu"))
    model.end_tokens = frozenset()  # random weights end replies at random
    return model


def direction(seed: int, length: float = 1.0) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=HIDDEN)
    return (length * vector / np.linalg.norm(vector)).astype(np.float32)


def edit(**fields: Any) -> Edit:
    settings: dict[str, Any] = {
        "vectors": {1: direction(0)},
        "strength": 3.0,
        "operator": "add",
        "positions": parse_positions("all"),
    }
    return Edit(**{**settings, **fields})


def make_rows(edits: Sequence[Edit | None], limit: int = 5) -> list[Row]:
    draw = torch.Generator().manual_seed(1)
    return [
        Row(
            index=i,
            tokens=tuple(torch.randint(6, 300, (LENGTHS[i % 6],), generator=draw).tolist()),
            limit=limit,
            seed=i,
            edit=made,
        )
        for i, made in enumerate(edits)
    ]


def mixed_edits() -> list[Edit | None]:
    """Every operator at every kind of position, of other layers and strengths; and a few without.

    Vectors as long as they are here show in every row's logits: see `test_edits_are_felt`.
    """
    layers = [(0,), (1,), (2,), (0, 2), (1, 2)]
    edits: list[Edit | None] = [None, edit(strength=0.0)]
    for operator in OPERATORS:
        for positions in POSITIONS:
            n = len(edits)
            edits.append(
                edit(
                    vectors={at: direction(10 * n + at, 8.0) for at in layers[n % len(layers)]},
                    strength=(-1.5, 0.7, 1.0, 2.5)[n % 4],
                    operator=operator,
                    positions=parse_positions(positions),
                )
            )
    for layer, side in product((0, 1), SIDES):
        n = len(edits)
        edits.append(
            edit(
                vectors={1: direction(n, 8.0), 2: direction(n + 1, 8.0)},
                condition=Condition(layer=layer, direction=direction(5), threshold=0.1, side=side),
            )
        )
    shared = edits[-1]
    return [*edits, shared, None]


def blocks_of(network: Any) -> list[nn.Module]:
    """By another way than the library's."""
    lists = [m for m in network.get_decoder().children() if isinstance(m, nn.ModuleList)]
    (blocks,) = [found for found in lists if len(found) == N_LAYERS]
    return list(blocks)


@contextmanager
def naive_hooks(network: Any, hooks: dict[int, Any]) -> Iterator[None]:
    """``hooks[layer]`` is given the states ``(columns, hidden)`` in float64, to change in place."""

    def register(block: nn.Module, change: Any) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> Any:
            states = (output[0] if isinstance(output, tuple) else output).clone()
            array = states[0].double().numpy()
            change(array)
            states[0] = torch.from_numpy(array)
            return (states, *output[1:]) if isinstance(output, tuple) else states

        return block.register_forward_hook(hook)

    handles = [register(blocks_of(network)[layer], change) for layer, change in hooks.items()]
    yield
    for handle in handles:
        handle.remove()


def naive_is_edited(network: Any, prompt: Sequence[int], condition: Condition | None) -> bool:
    if condition is None:
        return True
    seen: list[np.ndarray] = []
    with naive_hooks(network, {condition.layer: lambda states: seen.append(states[-1].copy())}):
        network(torch.tensor([list(prompt)]))
    v = condition.direction.astype(np.float64)
    value = float(seen[0] @ v / np.sqrt((v**2).sum()))
    assert abs(value - condition.threshold) > 1e-3, "too close to call"
    return value < condition.threshold if condition.side == "below" else value > condition.threshold


def naive_columns(positions: str, n_prompt: int, n: int) -> list[int]:
    """Of ``n`` tokens, the first ``n_prompt`` of them the prompt's, those that are edited."""
    match positions.removesuffix("+generated").split(":"):
        case ["all"]:
            return list(range(n))
        case ["prompt"]:
            return list(range(n_prompt))
        case ["generated"]:
            return list(range(n_prompt, n))
        case ["last", k]:
            stop = n if positions.endswith("+generated") else n_prompt
            return list(range(max(0, n_prompt - int(k)), stop))
    raise AssertionError(positions)


@torch.no_grad()
def naive_logits(
    network: Any, prompt: Sequence[int], written: Sequence[int], edit: Edit | None
) -> Tensor:
    """One row, no padding, no cache, everything read again; column by column, in float64."""
    tokens, n = [*prompt, *written], len(prompt)
    changes: dict[int, Any] = {}
    if edit is not None and naive_is_edited(network, prompt, edit.condition):
        columns = naive_columns(str(edit.positions), n, len(tokens))

        def make(v: np.ndarray) -> Any:
            def change(states: np.ndarray) -> None:
                for column in columns:
                    h = states[column]
                    if edit.operator == "add":
                        h += edit.strength * v
                    elif edit.operator == "project_out":
                        h -= edit.strength * (h @ v) / (v @ v) * v
                    else:
                        h += edit.strength * np.sign(h @ v) * v

            return change

        changes = {layer: make(v.astype(np.float64)) for layer, v in edit.vectors.items()}
    with naive_hooks(network, changes):
        return network(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -1]


@contextmanager
def noted_logits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Tensor]]:
    """The logits of every step of a batch."""
    noted: list[Tensor] = []

    def note(logits: Tensor) -> tuple[Tensor, Tensor]:
        noted.append(logits)
        return choose_greedy(logits)

    with monkeypatch.context() as patch:
        patch.setattr(generation, "choose_greedy", note)
        yield noted


def check_against_naive(
    model: LocalModel, rows: Sequence[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generate greedily, and find every step's logits again by the naive way."""
    with noted_logits(monkeypatch) as noted:
        completions = generate(model, rows, 0.0)
    assert len(noted) == max(row.limit for row in rows)
    for n, (row, completion) in enumerate(zip(rows, completions, strict=True)):
        assert len(completion.tokens) == row.limit
        for step, token in enumerate(completion.tokens):
            expected = naive_logits(model.network, row.tokens, completion.tokens[:step], row.edit)
            torch.testing.assert_close(noted[step][n], expected, atol=TOLERANCE, rtol=0)
            assert expected.max() - expected[token] < TOLERANCE


def fingerprint(network: Any) -> tuple[Any, ...]:
    weights = {name: tensor.numpy().tobytes() for name, tensor in network.state_dict().items()}
    hooks = {
        name: (
            len(module._forward_hooks),
            len(module._forward_pre_hooks),
            "forward" in vars(module),
        )
        for name, module in network.named_modules()
    }
    return weights, hooks
