"""Deviations, products and running sums over dimensions. Blocked images become NCHW arrays first."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.autograd._tape import Gradients
from fastnn.autograd.elementwise import exp, log, sqrt
from fastnn.autograd.layout import to_plain
from fastnn.autograd.reduction import Axes, amax, axes_of, sum
from fastnn.autograd.shape import reshape
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def var(x: Any, dim: Axes = None, correction: float = 1, keepdim: bool = False) -> Tensor:
    """Mean square distance from the mean over `dim`: the sum is divided by the count less `correction`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, var
    >>> var(Tensor([1.0, 2.0, 3.0])).item()
    1.0
    """
    x = to_plain(as_tensor(x))
    if x.dtype.kind != "f":
        raise TypeError(f"var: needs floats, data is {x.dtype}")
    axes, xd = axes_of("var", x, dim), x.data
    count = int(np.prod([xd.shape[a] for a in axes])) - correction
    factor = 1.0 / count if count > 0 else float("nan")
    distance = xd - xd.mean(axis=axes, keepdims=True) if xd.size else xd
    kept = np.sum(distance * distance, axis=axes, keepdims=True) * xd.dtype.type(factor)
    y = kept if keepdim else kept.reshape([n for i, n in enumerate(xd.shape) if i not in axes])
    if not recording(x):
        return wrap(np.asarray(y))

    def backward(gy: Any) -> Gradients:
        return (distance * (gy.reshape(kept.shape) * gy.dtype.type(2 * factor)),)

    return record(np.asarray(y), (x,), backward)


def std(x: Any, dim: Axes = None, correction: float = 1, keepdim: bool = False) -> Tensor:
    """Square root of `var`; its gradient where all elements are equal is not a number."""
    return sqrt(var(x, dim, correction, keepdim))


def logsumexp(x: Any, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`, without overflow."""
    x = to_plain(as_tensor(x))
    largest = amax(x.detach(), dim, keepdim=True).data
    largest = wrap(np.where(np.isfinite(largest), largest, 0).astype(x.dtype))
    total = log(sum(exp(x - largest), dim, keepdim=True)) + largest
    if keepdim:
        return total
    axes = axes_of("logsumexp", x, dim)
    return reshape(total, (tuple(n for i, n in enumerate(total.shape) if i not in axes),))


def prod(x: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Product along `dim`, or of all elements; the gradient is right where elements are 0."""
    x = to_plain(as_tensor(x))
    axes, xd = axes_of("prod", x, dim), x.data
    y = np.asarray(xd.prod(axis=axes, keepdims=keepdim, dtype=xd.dtype))
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        kept = tuple(1 if i in axes else n for i, n in enumerate(xd.shape))
        return (gy.reshape(kept) * _product_of_others(xd, axes),)

    return record(y, (x,), backward, (x,))


def _product_of_others(x: Any, axes: tuple[int, ...]) -> Any:
    """For each element the product of all others along the axes: running products from both ends."""
    moved = np.moveaxis(x, axes, range(len(axes)))
    rows = moved.reshape(int(np.prod(moved.shape[: len(axes)])), -1)
    before, behind = np.ones_like(rows), np.ones_like(rows)
    np.cumprod(rows[:-1], axis=0, out=before[1:])
    behind[:-1] = np.cumprod(rows[:0:-1], axis=0)[::-1]
    return np.moveaxis((before * behind).reshape(moved.shape), range(len(axes)), axes)


def cumsum(x: Any, dim: int) -> Tensor:
    """Running sum along `dim`."""
    x = to_plain(as_tensor(x))
    (axis,) = axes_of("cumsum", x, dim)
    y = np.cumsum(x.data, axis=axis, dtype=x.dtype)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (np.flip(np.cumsum(np.flip(gy, axis), axis=axis), axis),)

    return record(y, (x,), backward)
