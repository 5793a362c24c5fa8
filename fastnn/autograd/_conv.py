"""What the recorded convolutions of every rank share."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.activation import check_activation
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap
from fastnn.ops._blocked import new_image
from fastnn.ops._conv import conv_params, conv_transpose_params


def result_memory(name: str, x: Any, weight: Any, geometry: tuple[Any, ...]) -> ops.Blocked | None:
    """Where a layer on a plain image writes, so that what follows stays Blocked; None for other ranks."""
    if type(x) is not np.ndarray or not name.endswith("2d"):
        return None
    if name == "conv2d":
        params = conv_params(name, 2, x.shape, weight.shape, *geometry)
    else:
        params, _ = conv_transpose_params(name, 2, x.shape, weight.shape, *geometry)
    return new_image(params.y_shape, x.dtype)


def conv(
    name: str,
    x: Any,
    weight: Any,
    bias: Any,
    geometry: tuple[Any, ...],
    activation: str | None,
    **modes: str,
) -> Tensor:
    """The recorded form of the op called `name`; `geometry` is all that follows the bias in its signature, `modes` the
    padding mode."""
    x, weight = as_tensor(x), as_tensor(weight)
    bias = as_tensor(bias) if bias is not None else None
    check_activation(name, activation)
    xd, wd = x.data, weight.data
    out = result_memory(name, xd, wd, geometry)
    bd = None if bias is None else bias.data
    y = getattr(ops, name)(xd, wd, bd, *geometry, activation=activation, out=out, **modes)
    if not recording(x, weight, bias):
        return wrap(y)
    need_x, need_w, need_b = x.requires_grad, weight.requires_grad, bias is not None and bias.requires_grad

    def backward(gy: Any) -> Gradients:
        gx = gw = gb = None
        if need_x:
            gx = getattr(ops, f"{name}_grad_input")(gy, wd, xd.shape, *geometry, **modes)
            if type(gx) is ops.Blocked and type(xd) is not ops.Blocked:
                gx = gx.numpy()
        if need_w:
            gw = getattr(ops, f"{name}_grad_weight")(gy, xd, wd.shape, *geometry, **modes)
        if need_b:
            gb = getattr(ops, f"{name}_grad_bias")(gy)
        return gx, gw, gb

    return record(y, (x, weight, bias), backward, (x, weight), rectified=activation is not None)
