"""Hidden states by hooks of our own: what is taken, from where, and what is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isogloss.errors import ModelError
from isogloss.targets.model import LocalModel
from isogloss.targets.options import LocalOptions
from isogloss.targets.recording import TokenSpan, plan_reading, record_blocks, stream_states
from targets.tiny_families import FAMILIES, HIDDEN, N_LAYERS, VOCABULARY, tiny_network
from targets.tiny_models import tiny_model

LENGTHS = (9, 3, 7, 1, 9, 5)


def texts(*, spans: bool = False) -> list[TokenSpan]:
    """Of different lengths; the last token, or (with ``spans``) all but the first, is looked at."""
    draw = torch.Generator().manual_seed(0)
    rows = [torch.randint(3, VOCABULARY, (n,), generator=draw).tolist() for n in LENGTHS]
    return [
        TokenSpan(
            tokens=tuple(row),
            start=min(1, len(row) - 1) if spans else len(row) - 1,
            stop=len(row),
        )
        for row in rows
    ]


def states_of(network: Any, rows: list[TokenSpan], **options: Any) -> np.ndarray:
    """Shape ``(texts, layers, hidden)``, in the order of the texts."""
    settings = {"layers": None, "batch_tokens": 1000, **options}
    found = np.full((len(rows), len(settings["layers"] or range(N_LAYERS)), HIDDEN), np.nan)
    for indices, states in stream_states(network, rows, **settings):
        found[indices] = states
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_taken_is_what_goes_into_the_next_block(family: str) -> None:
    """Read one text at a time, by another way: the input of block k + 1 is the output of k."""
    network, rows = tiny_network(family), texts()
    (blocks,) = [m for m in network.get_decoder().children() if isinstance(m, nn.ModuleList)]
    inputs: list[Tensor] = []

    def note(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        inputs.append(args[0] if args else kwargs["hidden_states"])

    handles = [block.register_forward_pre_hook(note, with_kwargs=True) for block in blocks]
    expected: list[np.ndarray] = []
    for row in rows:
        inputs.clear()
        with torch.no_grad():
            network(torch.tensor([row.tokens]))
        expected.append(torch.stack([state[0, -1] for state in inputs[1:]]).numpy())
    for handle in handles:
        handle.remove()
    found = states_of(network, rows)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, :-1], np.stack(expected), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("spans", [False, True])
def test_padding_and_batches_do_not_show(family: str, spans: bool) -> None:
    network, rows = tiny_network(family), texts(spans=spans)
    alone = states_of(network, rows, batch_tokens=1)
    scale = np.abs(alone).max()
    for padding in ("right", "left"):
        together = states_of(network, rows, padding=padding)
        np.testing.assert_allclose(together / scale, alone / scale, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_recording_leaves_the_model_bit_for_bit_as_it_was(family: str) -> None:
    network = tiny_network(family)
    ids = torch.arange(3, 13).view(2, 5)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    hooks_before = _hooks(network)
    with torch.no_grad():
        expected = network(ids).logits
        with record_blocks(network) as states:
            during = network(ids).logits
        after = network(ids).logits
    states_of(network, texts())
    assert list(states) == [0, 1, 2]
    assert torch.equal(expected, during)
    assert torch.equal(expected, after)
    assert _hooks(network) == hooks_before
    assert not network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def _hooks(network: Any) -> dict[str, tuple[int, ...]]:
    return {
        name: tuple(
            len(hooks)
            for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
        )
        for name, module in network.named_modules()
    }


def test_hooks_go_when_the_work_inside_fails() -> None:
    network = tiny_network("llama")
    before = _hooks(network)
    with pytest.raises(RuntimeError, match="inside"), record_blocks(network):
        raise RuntimeError("inside")
    assert _hooks(network) == before


def test_the_head_is_never_run() -> None:
    network = tiny_network("llama")
    ran: list[int] = []
    network.lm_head.register_forward_hook(lambda *_: ran.append(1))
    states_of(network, texts())
    assert ran == []


def test_every_text_is_read_once() -> None:
    network = tiny_network("llama")
    shapes: list[torch.Size] = []
    network.model.embed_tokens.register_forward_hook(lambda _m, _i, out: shapes.append(out.shape))
    states_of(network, texts(), batch_tokens=18)
    assert [tuple(shape[:2]) for shape in shapes] == [(2, 9), (2, 7), (2, 3)]


def test_a_mean_is_the_mean_of_the_span_in_float64() -> None:
    network = tiny_network("llama")
    tokens = tuple(range(3, 12))
    with torch.no_grad(), record_blocks(network, [1]) as states:
        network(torch.tensor([tokens]))
    expected = states[1][0, 2:6].numpy().astype(np.float64).mean(axis=0)
    found = states_of(network, [TokenSpan(tokens=tokens, start=2, stop=6)], layers=[1])
    np.testing.assert_allclose(found[0, 0], expected, rtol=2e-6)


def test_only_the_asked_layers_in_ascending_order() -> None:
    network, rows = tiny_network("bloom"), texts()
    everything = states_of(network, rows)
    np.testing.assert_array_equal(states_of(network, rows, layers=[2, 0]), everything[:, [0, 2]])
    with pytest.raises(ModelError, match="layer 7 asked for"):
        states_of(network, rows, layers=[7])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_comes_out_as_float32(dtype: torch.dtype) -> None:
    network, rows = tiny_network("llama").to(dtype), texts(spans=True)
    (_, states), *_ = stream_states(network, rows, layers=None, batch_tokens=1000)
    assert states.dtype == np.float32
    full = states_of(tiny_network("llama"), rows)
    assert np.abs(states_of(network, rows) - full).max() < 0.1 * np.abs(full).max()


def test_what_is_kept_is_a_copy_that_later_blocks_cannot_change() -> None:
    network = tiny_network("llama")
    ids = torch.arange(3, 8).view(1, 5)
    with torch.no_grad(), record_blocks(network, [0], lambda hidden: hidden[:, -1]) as states:
        network(ids)
        first = states[0].clone()
        network.model.layers[0].register_forward_hook(lambda _m, _i, out: out.zero_())
    assert torch.equal(states[0], first)
    with torch.no_grad(), record_blocks(network, [0]) as edited:
        network(ids)
    assert not edited[0].any()  # edits by hooks that were there before are seen


class _Odd(nn.Module):
    def __init__(self, inner: nn.Module, output: Any) -> None:
        super().__init__()
        self.inner, self.output = inner, output

    def forward(self, hidden: Tensor, **_: Any) -> Any:
        return self.output(hidden)


def test_blocks_that_give_something_else_are_refused_in_words() -> None:
    network = tiny_network("llama")
    layers = network.model.layers
    layers[1] = _Odd(layers[1], lambda hidden: {"hidden": hidden})
    with pytest.raises(ModelError, match="block 1 of a LlamaForCausalLM gives dict, not hidden"):
        states_of(network, texts())


def test_a_block_that_is_left_out_is_refused_in_words() -> None:
    network = tiny_network("llama")
    first, _, third = network.model.layers
    first.forward = lambda hidden, **_: third(hidden, **_)
    network.model.layers = nn.ModuleList([first, _Odd(third, None), third])
    network.model.forward = lambda input_ids, **_: third(
        network.model.embed_tokens(input_ids),
        position_embeddings=network.model.rotary_emb(
            network.model.embed_tokens(input_ids), torch.arange(input_ids.shape[1])[None]
        ),
    )
    with pytest.raises(ModelError, match="without running block 0"):
        states_of(network, texts())


def test_batches_hold_every_text_once_within_the_budget() -> None:
    lengths = [3, 9, 9, 1, 20, 4]
    batches = plan_reading(lengths, batch_tokens=18)
    assert batches == [[4], [1, 2], [5, 0, 3]]
    assert plan_reading([], batch_tokens=18) == []
    assert [len(batch) for batch in plan_reading([1] * 1100, batch_tokens=10**6)] == [512, 512, 76]


def test_a_span_lies_within_its_text() -> None:
    for start, stop in ((0, 0), (1, 1), (-1, 1), (0, 4)):
        with pytest.raises(ValueError, match="no tokens"):
            TokenSpan(tokens=(5, 6, 7), start=start, stop=stop)


def test_a_loaded_model_records(tmp_path: Path) -> None:
    model = LocalModel(str(tiny_model(tmp_path)), LocalOptions(device="cpu"))
    ids = torch.tensor([[1, 7, 8]])
    with torch.no_grad(), model.record([1]) as states:
        model.network(ids)
    assert states[1].shape == (1, 3, 32)
    assert states[1].dtype == torch.float32
