"""Sums, means and extremes over some or all dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.arithmetic import mul
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap

Axes = int | tuple[int, ...] | None


def axes_of(name: str, x: Tensor, dim: Axes) -> tuple[int, ...]:
    """The dimensions meant by `dim`, counted from the first; all for None."""
    dims = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    for d in dims:
        if not -x.ndim <= d < x.ndim:
            raise ValueError(f"{name}: dimension {d} of a tensor with {x.ndim}")
    return tuple(d % x.ndim for d in dims)


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with the reduced dimensions kept at size 1."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def sum(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Sum over `dim`, an int, a tuple or None for all; the dtype is kept."""
    x = as_tensor(x)
    if type(x.data) is ops.Blocked and (dim is not None or keepdim):
        x = to_plain(x)
    xd = x.data
    axes = None if dim is None else axes_of("sum", x, dim)
    if type(xd) is ops.Blocked:  # pad lanes are zero
        y = np.asarray(xd.data.sum())
    else:
        y = np.asarray(xd.sum(axis=axes, keepdims=keepdim))
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        gx = np.empty(xd.shape, dtype=gy.dtype)
        gx[...] = gy if axes is None else gy.reshape(_kept(xd.shape, axes))
        return (ops.blocked(gx) if type(xd) is ops.Blocked else gx,)

    return record(y, (x,), backward)


def mean(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Mean over `dim`, an int, a tuple or None for all."""
    x = as_tensor(x)
    if x.dtype.kind != "f":
        raise TypeError(f"mean: needs floats, data is {x.dtype}")
    count = int(np.prod([x.shape[a] for a in axes_of("mean", x, dim)]))
    return mul(sum(x, dim, keepdim), 1.0 / count if count else float("nan"))


def _extreme(name: str, x: Tensor, dim: Axes, keepdim: bool, function: Callable[..., Any]) -> Tensor:
    x = to_plain(as_tensor(x))
    axes, xd = axes_of(name, x, dim), x.data
    kept = _kept(xd.shape, axes)
    if not np.prod([xd.shape[a] for a in axes]):
        raise ValueError(f"{name}: nothing to choose from, shape is {xd.shape}")
    y = np.asarray(function(xd, axis=axes, keepdims=keepdim))
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        chosen = (xd == y.reshape(kept)).astype(xd.dtype)
        return (chosen * (gy.reshape(kept) / chosen.sum(axis=axes, keepdims=True)),)

    return record(y, (x,), backward, (x,), saves_result=True)


def amax(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Largest element over `dim`; equal ones share the gradient equally."""
    return _extreme("amax", x, dim, keepdim, np.max)


def amin(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Smallest element over `dim`; equal ones share the gradient equally."""
    return _extreme("amin", x, dim, keepdim, np.min)


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index of the first largest element along `dim`, or in the flattened tensor; never recorded."""
    array = as_tensor(x).numpy()
    if not array.size:
        raise ValueError(f"argmax: nothing to choose from, shape is {array.shape}")
    return wrap(np.asarray(np.argmax(array, axis=dim, keepdims=keepdim)))
