"""Conversions between plain NCHW arrays and Blocked images, as recorded operations."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, record, recording, wrap


def to_plain(x: Tensor) -> Tensor:
    """x itself where its data is an array, else its values as an NCHW array."""
    if type(x.data) is not ops.Blocked:
        return x
    y = x.data.numpy()
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.blocked(gy),)

    return record(y, (x,), backward)


def to_blocked(x: Tensor) -> Tensor:
    """x itself where its data is Blocked, else its values, which must be 4-D, as Blocked."""
    if type(x.data) is ops.Blocked:
        return x
    y = ops.blocked(x.data)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (gy.numpy(),)

    return record(y, (x,), backward)
