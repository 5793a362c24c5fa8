"""Activations on the tape. Blocked images stay Blocked, but for softmax."""

from __future__ import annotations

from collections.abc import Callable
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


def _from_input(x: Any, forward: Callable[..., Any], slope: Callable[..., Any], *options: Any) -> Tensor:
    """forward(x, *options), whose gradient is ``slope(gy, x, *options)``."""
    x = as_tensor(x)
    xd = x.data
    y = forward(xd, *options)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (slope(gy, xd, *options),)

    return record(y, (x,), backward, (x,))


def _from_result(x: Any, forward: Callable[..., Any], slope: Callable[..., Any]) -> Tensor:
    """forward(x), whose gradient is ``slope(gy, y)``."""
    x = as_tensor(x)
    y = forward(x.data)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (slope(gy, y),)

    return record(y, (x,), backward, saves_result=True)


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + exp(-x))."""
    return _from_result(x, ops.sigmoid, ops.sigmoid_grad_input)


def tanh(x: Any) -> Tensor:
    """Hyperbolic tangent."""
    return _from_result(x, ops.tanh, ops.tanh_grad_input)


def relu6(x: Any) -> Tensor:
    """min(max(x, 0), 6)."""
    return _from_input(x, ops.relu6, ops.relu6_grad_input)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """x where it is positive, else `negative_slope` x."""
    return _from_input(x, ops.leaky_relu, ops.leaky_relu_grad_input, negative_slope)


def hardsigmoid(x: Any) -> Tensor:
    """min(max(x + 3, 0), 6) / 6."""
    return _from_input(x, ops.hardsigmoid, ops.hardsigmoid_grad_input)


def hardswish(x: Any) -> Tensor:
    """x hardsigmoid(x)."""
    return _from_input(x, ops.hardswish, ops.hardswish_grad_input)


def silu(x: Any) -> Tensor:
    """x sigmoid(x)."""
    return _from_input(x, ops.silu, ops.silu_grad_input)


def mish(x: Any) -> Tensor:
    """x tanh(softplus(x))."""
    return _from_input(x, ops.mish, ops.mish_grad_input)


def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """ln(1 + exp(beta x)) / beta, and x where beta x is above `threshold`."""
    return _from_input(x, ops.softplus, ops.softplus_grad_input, beta, threshold)


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where it is positive, else alpha (exp(x) - 1)."""
    return _from_input(x, ops.elu, ops.elu_grad_input, alpha)


def selu(x: Any) -> Tensor:
    """`elu` with the scales that keep mean 0 and variance 1."""
    return _from_input(x, ops.selu, ops.selu_grad_input)


def gelu(x: Any, approximate: str = "none") -> Tensor:
    """x times the probability that a standard normal value is below x; `approximate` may be "tanh".

    Examples
    --------
    >>> from fastnn.autograd import Tensor, gelu
    >>> gelu(Tensor([0.0, 100.0])).numpy()
    array([  0., 100.], dtype=float32)
    """
    return _from_input(x, ops.gelu, ops.gelu_grad_input, approximate)


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
