"""What the activations of a network look like on one batch."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd import no_grad
from fastnn.autograd.tensor import Tensor
from fastnn.nn._conv import Filters
from fastnn.nn.activation import ReLU, ReLU6, Sigmoid, Tanh
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.nn.rnn import Recurrent

COLUMNS = ("layer", "type", "shape", "mean", "std", "saturated", "dead")


class Activations:
    """What `inspect_activations` found; prints as a table.

    Attributes
    ----------
    rows : one dict for each call of a layer, in that order, with the keys layer, type, shape, mean, std, saturated and
        dead; the last two are shares in [0, 1], or None where the layer has no such thing.
    samples : "layer type" -> some of the values, evenly taken, for `fastnn.viz.activation_histograms`.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.samples: dict[str, NDArray[Any]] = {}

    def __str__(self) -> str:
        lines = [COLUMNS, *(tuple(_text(row[name]) for name in COLUMNS) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        left = 3  # names and shapes stand left, numbers right
        return "\n".join(
            "  ".join(
                cell.ljust(w) if i < left else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    __repr__ = __str__


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def inspect_activations(model: Module, *inputs: Any, saturation: float = 0.05, samples: int = 10_000) -> Activations:
    """Run one batch through a model and report on what every layer returned.

    Layers are modules without children; activations that `forward` calls as functions are not seen. The model runs in
    the mode it is in, and its buffers (running statistics) are as before afterwards.

    Parameters
    ----------
    model : any Module.
    inputs : what it is called with, the first dimension being the batch; a few hundred samples say enough.
    saturation : a Tanh, a Sigmoid or the output of a recurrent layer counts as saturated where the slope of that
        function is below this share of its largest: ``|y| > sqrt(1 - saturation)`` for tanh, ``|2 y - 1|`` likewise
        for the sigmoid. 0.05 means |tanh| > 0.975.
    samples : at most so many values of each layer are kept for histograms.

    Returns
    -------
    Activations: mean and standard deviation over all values; the share of saturated values; and of a ReLU the share
    of dead units, which are 0 for the whole batch. A unit is a feature map after a convolution, a feature otherwise.

    Raises
    ------
    ValueError
        For `saturation` outside (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.Tanh())
    >>> for layer, value in zip([model[0], model[2]], [0.5, 10.0]):
    ...     layer.weight.data, layer.bias.data = np.full_like(layer.weight, value), np.zeros_like(layer.bias)
    >>> model[0].bias.data = [-9.0, 0.0, 0.0]
    >>> train.inspect_activations(model, np.eye(4, dtype=np.float32))
    layer  type    shape    mean     std  saturated    dead
    0      Linear  4x3      -2.5   4.243          -       -
    1      ReLU    4x3    0.3333  0.2357          -  0.3333
    2      Linear  4x2        10       0          -       -
    3      Tanh    4x2         1       0          1       -
    """
    if not 0 < saturation < 1:
        raise ValueError(f"inspect_activations: saturation must lie in (0, 1), is {saturation}")
    found, bound = Activations(), math.sqrt(1 - saturation)
    channels_last = False  # whether the last layer with weights leaves units in the last dimension

    def look(name: str, module: Module, _: Any, output: Any) -> None:
        nonlocal channels_last
        y = output[0] if isinstance(output, tuple) else output
        if not isinstance(y, Tensor) or y.dtype.kind != "f":
            return
        if isinstance(module, (Filters, Linear, Recurrent)):
            channels_last = not isinstance(module, Filters)
        values = y.numpy()
        dead = _dead(values, channels_last) if isinstance(module, (ReLU, ReLU6)) else None
        figures = (float(values.mean(dtype=float)), float(values.std(dtype=float))) if values.size else (math.nan,) * 2
        row = (name, type(module).__name__, values.shape, *figures, _saturated(module, values, bound), dead)
        found.rows.append(dict(zip(COLUMNS, row, strict=True)))
        _keep(found.samples, f"{name} {row[1]}", values, samples)

    buffers = [(buffer, buffer.numpy().copy()) for buffer in model.buffers()]
    handles = [
        module.register_forward_hook(functools.partial(look, name))
        for name, module in model.named_modules()
        if not any(module.children())
    ]
    try:
        with no_grad():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for buffer, values in buffers:
            buffer.data = values
    return found


def _keep(samples: dict[str, NDArray[Any]], name: str, values: NDArray[Any], most: int) -> None:
    """Put evenly spaced values under the name, numbered where a layer is called more than once."""
    again = sum(1 for known in samples if known == name or known.startswith(f"{name}, call "))
    flat = values.ravel()
    key = f"{name}, call {again + 1}" if again else name
    samples[key] = flat[:: max(1, -(-flat.size // most))].copy()


def _saturated(module: Module, y: NDArray[Any], bound: float) -> float | None:
    if not y.size:
        return None
    if isinstance(module, Sigmoid):
        return float((np.abs(2 * y - 1) > bound).mean())
    bounded = isinstance(module, Tanh) or (
        isinstance(module, Recurrent) and getattr(module, "nonlinearity", "tanh") == "tanh"
    )
    return float((np.abs(y) > bound).mean()) if bounded else None


def _dead(y: NDArray[Any], channels_last: bool) -> float | None:
    """The share of units that are 0 in every sample and at every place."""
    if y.ndim < 2 or not y.size:
        return None
    units = y.ndim - 1 if channels_last else 1
    return float((y == 0).all(axis=tuple(i for i in range(y.ndim) if i != units)).mean())
