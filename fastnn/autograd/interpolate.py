"""Interpolation on the tape. Blocked images stay Blocked."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def interpolate(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Images of another size; the recorded form of `fastnn.ops.interpolate`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, interpolate
    >>> x = Tensor([[[1.0, 3.0]]], requires_grad=True)
    >>> y = interpolate(x, scale_factor=2, mode="linear")
    >>> y.numpy().tolist()
    [[[1.0, 1.5, 2.5, 3.0]]]
    >>> y.sum().backward()
    >>> x.grad.numpy().tolist()
    [[[2.0, 2.0]]]
    """
    x = as_tensor(x)
    shape = x.data.shape
    y = ops.interpolate(x.data, size, scale_factor, mode, align_corners)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.interpolate_grad_input(gy, shape, scale_factor, mode, align_corners),)

    return record(y, (x,), backward)
