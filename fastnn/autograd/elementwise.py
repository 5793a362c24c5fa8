"""Functions of one tensor, element by element.

Blocked images become NCHW arrays first: few of these keep the zeros of the pad lanes zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fastnn.autograd._tape import Gradients
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def _through_result(x: Tensor, forward: Callable[[Any], Any], slope: Callable[[Any, Any], Any]) -> Tensor:
    """forward(x), where ``slope(gy, y)`` is the gradient in terms of the result."""
    x = to_plain(as_tensor(x))
    y = np.asarray(forward(x.data))
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (np.asarray(slope(gy, y)),)

    return record(y, (x,), backward, saves_result=True)


def exp(x: Tensor) -> Tensor:
    """e ** x."""
    return _through_result(x, np.exp, np.multiply)


def sqrt(x: Tensor) -> Tensor:
    """Square root; its gradient at 0 is infinite."""
    return _through_result(x, np.sqrt, lambda gy, y: gy / (y + y))


def _through_input(x: Tensor, forward: Callable[[Any], Any], slope: Callable[[Any, Any], Any]) -> Tensor:
    """forward(x), where ``slope(gy, x)`` is the gradient in terms of the input."""
    x = to_plain(as_tensor(x))
    xd = x.data
    y = np.asarray(forward(xd))
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (np.asarray(slope(gy, xd)),)

    return record(y, (x,), backward, (x,))


def log(x: Tensor) -> Tensor:
    """Natural logarithm."""
    return _through_input(x, np.log, np.divide)


def abs(x: Tensor) -> Tensor:
    """Absolute value; its gradient at 0 is 0."""
    return _through_input(x, np.absolute, lambda gy, x: gy * np.sign(x))


def sin(x: Tensor) -> Tensor:
    """Sine."""
    return _through_input(x, np.sin, lambda gy, x: gy * np.cos(x))


def cos(x: Tensor) -> Tensor:
    """Cosine."""
    return _through_input(x, np.cos, lambda gy, x: -gy * np.sin(x))


def log1p(x: Tensor) -> Tensor:
    """Natural logarithm of 1 + x, accurate near 0."""
    return _through_input(x, np.log1p, lambda gy, x: gy / (1 + x))


def expm1(x: Tensor) -> Tensor:
    """e ** x - 1, accurate near 0."""
    return _through_result(x, np.expm1, lambda gy, y: gy * (y + 1))


def astype(x: Tensor, dtype: DTypeLike) -> Tensor:
    """x in another dtype, x itself where it has it; the gradient is converted back, integers get none."""
    x = as_tensor(x)
    if x.dtype == dtype:
        return x
    x = to_plain(x)
    y, before = x.data.astype(dtype), x.dtype
    if y.dtype.kind != "f" or not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (gy.astype(before),)

    return record(y, (x,), backward)


def clip(x: Tensor, low: float | None = None, high: float | None = None) -> Tensor:
    """x limited to [low, high]; the gradient is 0 where x lies outside.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, clip
    >>> clip(Tensor([-1.0, 0.5, 3.0]), 0, 1).numpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    if low is None and high is None:
        raise ValueError("clip: give low, high or both")
    lowest = -np.inf if low is None else low
    highest = np.inf if high is None else high

    def slope(gy: Any, x: Any) -> Any:
        return gy * ((x >= lowest) & (x <= highest))

    return _through_input(x, lambda x: np.clip(x, low, high), slope)
