"""Finding a model's blocks, whatever the family calls them."""

from __future__ import annotations

import pytest
from torch import nn

from isogloss.errors import ModelError
from isogloss.targets.layers import checked_layers, decoder_blocks
from targets.tiny_families import FAMILIES, tiny_network


@pytest.mark.parametrize("family", FAMILIES)
def test_the_blocks_of_every_family_are_found(family: str) -> None:
    network = tiny_network(family)
    blocks = decoder_blocks(network)
    assert len(blocks) == 3
    assert len({id(block) for block in blocks}) == 3
    # All attention is in them, and nothing of the embedding or of the head.
    inside = {id(p) for block in blocks for p in block.parameters()}
    assert id(network.get_input_embeddings().weight) not in inside
    outside = [name for name, p in network.named_parameters() if id(p) not in inside]
    assert not [name for name in outside if "attn" in name or "attention" in name]


class _Config:
    def __init__(self, n_layers: object) -> None:
        self.num_hidden_layers = n_layers

    def get_text_config(self, *, decoder: bool) -> _Config:
        assert decoder
        return self


class _Network(nn.Module):
    """A language model whose decoder holds whatever lists it is given."""

    def __init__(self, n_layers: object, **lists: nn.ModuleList) -> None:
        super().__init__()
        self.config = _Config(n_layers)
        self.decoder = nn.Module()
        for name, modules in lists.items():
            self.decoder.add_module(name, modules)

    def get_decoder(self) -> nn.Module:
        return self.decoder


def _linears(n: int, width: int) -> nn.ModuleList:
    return nn.ModuleList(nn.Linear(width, width) for _ in range(n))


class _Block(nn.Module):
    """A mixture-of-experts block with as many experts as the model has layers."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = _linears(3, 4)


def test_experts_inside_a_block_are_no_blocks() -> None:
    blocks = nn.ModuleList(_Block() for _ in range(3))
    assert decoder_blocks(_Network(3, h=blocks)) == list(blocks)


def test_of_two_lists_of_that_length_the_heavier_one_is_taken() -> None:
    blocks = _linears(3, 8)
    assert decoder_blocks(_Network(3, norms=_linears(3, 2), blocks=blocks)) == list(blocks)


def test_no_list_and_two_alike_are_refused_in_words() -> None:
    with pytest.raises(ModelError, match=r"norms \(2\).*none could be its 3 decoder layers"):
        decoder_blocks(_Network(3, norms=_linears(2, 2)))
    with pytest.raises(ModelError, match=r"a \(3\), b \(3\) more than one could be"):
        decoder_blocks(_Network(3, a=_linears(3, 2), b=_linears(3, 2)))
    with pytest.raises(ModelError, match=r"num_hidden_layers is None"):
        decoder_blocks(_Network(None, a=_linears(3, 2)))


def test_a_model_that_names_no_decoder_is_refused() -> None:
    with pytest.raises(ModelError, match=r"a Linear does not say which part.*get_decoder"):
        decoder_blocks(nn.Linear(2, 2))


def test_layers_are_zero_based_ascending_and_there() -> None:
    assert checked_layers(None, 3) == (0, 1, 2)
    assert checked_layers((2, 0, 2), 3) == (0, 2)
    with pytest.raises(ModelError, match="layer 3 asked for, but the model has 3: use 0 to 2"):
        checked_layers((0, 3), 3)
    with pytest.raises(ModelError, match="layer -1"):
        checked_layers((-1,), 3)
    with pytest.raises(ModelError, match="no layer asked for"):
        checked_layers((), 3)
