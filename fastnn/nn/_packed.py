"""The packed form of a layer's weights, kept as long as the weights stay what they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn.autograd.tensor import Tensor
from fastnn.nn.parameter import Parameter
from fastnn.ops._backend import on_gpu

# weight, bias, their versions, options, activation, packed object. The parameters are held, so `is` cannot
# take a new one for an old one; and it is one tuple, so that threads that share a layer see all of it or
# nothing.
Entry = tuple[Tensor, Tensor | None, int, int, tuple[Any, ...], str | None, Any]


def packed(layer: Any, options: tuple[Any, ...], activation: str | None, pack: Callable[..., Any]) -> Any:
    """``pack(weight, bias, *options, activation=activation)`` for a layer, the last one where nothing has
    changed since.

    None where weight or bias is no `Parameter`: changes of other tensors may go unnoticed; and on a GPU.
    """
    weight, bias = layer.weight, layer.bias
    weight_version, bias_version = weight._version[0], 0 if bias is None else bias._version[0]
    entry: Entry | None = layer._packed
    if (
        entry is not None
        and entry[0] is weight
        and entry[1] is bias
        and entry[2] == weight_version
        and entry[3] == bias_version
        and entry[4] == options
        and entry[5] == activation
    ):
        return entry[6]
    if not isinstance(weight, Parameter) or not (bias is None or isinstance(bias, Parameter)):
        return None
    if on_gpu(weight.data):
        return None
    made = pack(weight.data, None if bias is None else bias.data, *options, activation=activation)
    layer._packed = weight, bias, weight_version, bias_version, options, activation, made
    return made
