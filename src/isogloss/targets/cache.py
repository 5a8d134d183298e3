"""The key-value cache that replies are generated with."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class PreallocatedLayer(DynamicLayer):
    """A cache layer with room for the whole reply: a step writes one column and copies nothing."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.length = 0

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.dtype, self.device = key_states.dtype, key_states.device
            self._key_room = _room(key_states, self.capacity)
            self._value_room = _room(value_states, self.capacity)
            self.is_initialized = True
        end = self.length + key_states.shape[-2]
        self._key_room[:, :, self.length : end] = key_states
        self._value_room[:, :, self.length : end] = value_states
        self.length = end
        self.keys = self._key_room[:, :, :end]  # (rows, heads, end, head size)
        self.values = self._value_room[:, :, :end]
        return self.keys, self.values

    def reorder_cache(self, beam_idx: Tensor) -> None:
        self._key_room = self._key_room.index_select(0, beam_idx)
        self._value_room = self._value_room.index_select(0, beam_idx)
        self.keys = self._key_room[:, :, : self.length]
        self.values = self._value_room[:, :, : self.length]


def _room(states: Tensor, capacity: int) -> Tensor:
    return states.new_empty(*states.shape[:-2], capacity, states.shape[-1])


def new_cache(network: Any, capacity: int) -> DynamicCache:
    """An empty cache of the kinds of layers a model asks for, with room for so many columns."""
    cache = DynamicCache(config=network.config)
    cache.layers = [
        PreallocatedLayer(capacity) if type(layer) is DynamicLayer else layer
        for layer in cache.layers
    ]
    return cache
