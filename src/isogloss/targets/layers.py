"""Where a model's decoder blocks are, whatever the family calls them."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from isogloss.errors import ModelError


def decoder_blocks(network: Any) -> list[nn.Module]:
    """The decoder's blocks in the order of their 0-based layer number.

    They are the one ``ModuleList`` inside ``get_decoder()`` that is as long as the text config's
    layer count (56 of 56 families looked at); lists inside a block, such as experts, do not count,
    and of several the one with the most parameters is taken.

    Args:
        network: a causal language model of transformers.

    Raises:
        ModelError: no such list, or two that cannot be told apart.
    """
    decoder = find_decoder(network)
    n_layers = _n_layers(network)
    found = {
        name: module
        for name, module in decoder.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == n_layers
    }
    outer = {
        name: module
        for name, module in found.items()
        if not any(name != other and name.startswith(f"{other}.") for other in found)
    }
    sizes = {name: _n_parameters(module) for name, module in outer.items()}
    largest = [name for name, size in sizes.items() if size == max(sizes.values())]
    if len(largest) != 1:
        lists = [
            f"{name} ({len(module)})"
            for name, module in decoder.named_modules()
            if isinstance(module, nn.ModuleList)
        ]
        raise ModelError(
            f"the blocks of a {type(network).__name__} cannot be found: of its lists of modules "
            f"{', '.join(lists) or '(none)'} {'none' if not largest else 'more than one'} could "
            f"be its {n_layers} decoder layers. Hidden states of this architecture cannot be "
            "recorded."
        )
    return list(outer[largest[0]])


def find_decoder(network: Any) -> nn.Module:
    """The part of the model that reads tokens: everything but the head.

    Raises:
        ModelError: the architecture names none.
    """
    get_decoder = getattr(network, "get_decoder", None)
    decoder = get_decoder() if get_decoder is not None else None
    if not isinstance(decoder, nn.Module) or decoder is network:
        raise ModelError(
            f"a {type(network).__name__} does not say which part of it is the decoder "
            "(get_decoder()); hidden states of this architecture cannot be recorded."
        )
    return decoder


def block_states(network: Any, layer: int, output: Any) -> Tensor:
    """The hidden states, ``(rows, columns, hidden)``, in what a block gives: tensor or tuple.

    Raises:
        ModelError: there are none.
    """
    states = output[0] if isinstance(output, tuple) else output
    if not isinstance(states, Tensor) or states.dim() != 3:
        found = tuple(states.shape) if isinstance(states, Tensor) else type(states).__name__
        raise ModelError(
            f"block {layer} of a {type(network).__name__} gives {found}, not hidden states of "
            "shape (rows, columns, hidden); this architecture can be neither recorded nor edited."
        )
    return states


def hidden_size(network: Any) -> int:
    """The width of a block's output, as the config tells it."""
    return int(network.config.get_text_config(decoder=True).hidden_size)


def checked_layers(layers: tuple[int, ...] | None, n_layers: int) -> tuple[int, ...]:
    """Layers in ascending order, each once; None is all of them.

    Raises:
        ModelError: none, or a number that no block has.
    """
    if layers is None:
        return tuple(range(n_layers))
    chosen = tuple(sorted(set(layers)))
    if outside := [layer for layer in chosen if not 0 <= layer < n_layers]:
        raise ModelError(
            f"layer {outside[0]} asked for, but the model has {n_layers}: use 0 to {n_layers - 1}."
        )
    if not chosen:
        raise ModelError(f"no layer asked for; use any of 0 to {n_layers - 1}.")
    return chosen


def _n_layers(network: Any) -> int:
    config = network.config.get_text_config(decoder=True)
    count = getattr(config, "num_hidden_layers", None)
    if not isinstance(count, int) or count < 1:
        raise ModelError(
            f"the config of a {type(network).__name__} does not say how many layers it has "
            f"(num_hidden_layers is {count!r}); its hidden states cannot be recorded."
        )
    return count


def _n_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
