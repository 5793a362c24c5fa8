"""Activations on the tape. ReLU keeps Blocked images Blocked."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def check_activation(op: str, activation: Any) -> None:
    """Raise unless a layer's fused activation is one whose gradient follows from its result."""
    if activation not in (None, "relu"):
        raise ValueError(f"{op}: the recorded form can fuse activation None or 'relu', got {activation!r}")


def relu(x: Any) -> Tensor:
    """max(x, 0); the gradient at 0 is 0."""
    x = as_tensor(x)
    y = ops.relu(x.data)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (gy,)

    return record(y, (x,), backward, rectified=True)


def softmax(x: Any, dim: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, softmax
    >>> softmax(Tensor([[0.0, 0.0]])).numpy()
    array([[0.5, 0.5]], dtype=float32)
    """
    x = to_plain(as_tensor(x))
    y = ops.softmax(x.data, dim)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.softmax_grad_input(gy, y, dim),)

    return record(y, (x,), backward, saves_result=True)


def log_softmax(x: Any, dim: int = -1) -> Tensor:
    """log(softmax(x)) along `dim`, computed without the detour."""
    x = to_plain(as_tensor(x))
    y = ops.log_softmax(x.data, dim)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.log_softmax_grad_input(gy, y, dim),)

    return record(y, (x,), backward, saves_result=True)
