"""Weights in memory as torch itself would have put them."""

from __future__ import annotations

from torch import nn

ALIGNMENT = 64
"""Bytes; what torch gives every tensor it allocates on a CPU."""


def align_weights(network: nn.Module) -> None:
    """Move parameters and buffers that start at an odd address to memory of torch's own.

    Weights read from a safetensors file lie where the file's bytes fell. Matrix products round
    differently at other alignments, so the same training or the same question could end in other
    bits from one process to the next. Values stay what they are.
    """
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.device.type == "cpu" and tensor.data_ptr() % ALIGNMENT:
            tensor.data = tensor.data.clone()
