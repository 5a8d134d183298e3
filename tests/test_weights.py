"""Weights at odd addresses are moved, and nothing else happens to them."""

from __future__ import annotations

import torch
from torch import nn

from isogloss.weights import ALIGNMENT, align_weights


def _at_an_odd_address(values: torch.Tensor) -> torch.Tensor:
    flat = torch.empty(values.numel() + 1)
    odd = flat[1:].view(values.shape)
    odd.copy_(values)
    assert odd.data_ptr() % ALIGNMENT
    return odd


def test_odd_weights_move_and_keep_their_values() -> None:
    first, second = nn.Linear(7, 5), nn.Linear(5, 3)
    network = nn.Sequential(first, second)
    tied = first.weight
    values = [p.detach().clone() for p in network.parameters()]
    tied.data = _at_an_odd_address(tied.data)
    even = second.weight.data_ptr()
    align_weights(network)
    assert all(p.data_ptr() % ALIGNMENT == 0 for p in network.parameters())
    assert all(map(torch.equal, network.parameters(), values))
    assert first.weight is tied, "still the same parameter, for whoever shares it"
    assert second.weight.data_ptr() == even, "what lies well stays"
