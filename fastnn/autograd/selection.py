"""Choosing among elements: by a condition, by size, by index. Blocked images become NCHW arrays first."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastnn.autograd._tape import Gradients
from fastnn.autograd.arithmetic import operands, unbroadcast
from fastnn.autograd.layout import to_plain
from fastnn.autograd.reduction import amax, amin
from fastnn.autograd.shape import get_item
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


class Extremes(NamedTuple):
    """What `max` and `min` along a dimension return."""

    values: Tensor
    indices: Tensor


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where the condition holds, else b; all three broadcast. The condition gets no gradient.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, where
    >>> x = Tensor([1.0, -2.0, 3.0])
    >>> where(x > 0, x, 0.0).numpy()
    array([1., 0., 3.], dtype=float32)
    """
    chosen = as_tensor(condition).numpy()
    if chosen.dtype != np.bool_:
        raise TypeError(f"where: the condition must be truth values, is {chosen.dtype}")
    if not any(hasattr(operand, "dtype") for operand in (a, b)):
        a = as_tensor(a)
    a, b = operands("where", a, b)
    a, b = to_plain(a), to_plain(b)
    try:
        y = np.where(chosen, a.data, b.data)
    except ValueError:
        raise ValueError(
            f"where: shapes {chosen.shape}, {a.shape} and {b.shape} do not broadcast"
        ) from None
    if not recording(a, b):
        return wrap(y)
    need_a, need_b, a_shape, b_shape = a.requires_grad, b.requires_grad, a.shape, b.shape

    def backward(gy: Any) -> Gradients:
        zero = gy.dtype.type(0)
        ga = unbroadcast(np.where(chosen, gy, zero), a_shape) if need_a else None
        gb = unbroadcast(np.where(chosen, zero, gy), b_shape) if need_b else None
        return ga, gb

    return record(y, (a, b), backward)


def masked_fill(x: Any, mask: Any, value: float) -> Tensor:
    """x with `value` where the mask, which broadcasts to x, holds."""
    x, chosen = as_tensor(x), as_tensor(mask).numpy()
    if chosen.dtype != np.bool_:
        raise TypeError(f"masked_fill: the mask must be truth values, is {chosen.dtype}")
    try:
        np.broadcast_to(chosen, x.shape)
    except ValueError:
        raise ValueError(f"masked_fill: mask {chosen.shape} does not broadcast to {x.shape}") from None
    return where(chosen, wrap(np.asarray(value, dtype=x.dtype)), x)


def _of_two(name: str, a: Any, b: Any, choose: Any, a_wins: Any) -> Tensor:
    a, b = operands(name, a, b)
    a, b = to_plain(a), to_plain(b)
    ad, bd = a.data, b.data
    try:
        y = np.asarray(choose(ad, bd))
    except ValueError:
        raise ValueError(f"{name}: shapes {ad.shape} and {bd.shape} do not broadcast") from None
    if not recording(a, b):
        return wrap(y)
    need_a, need_b = a.requires_grad, b.requires_grad

    def backward(gy: Any) -> Gradients:
        share = np.where(ad == bd, 0.5, a_wins(ad, bd)).astype(gy.dtype)
        ga = unbroadcast(np.asarray(gy * share), ad.shape) if need_a else None
        gb = unbroadcast(np.asarray(gy * (1 - share)), bd.shape) if need_b else None
        return ga, gb

    return record(y, (a, b), backward, (a, b))


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of each pair; equal ones share the gradient equally."""
    return _of_two("maximum", a, b, np.maximum, np.greater)


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of each pair; equal ones share the gradient equally."""
    return _of_two("minimum", a, b, np.minimum, np.less)


def _along(name: str, x: Tensor, dim: int, keepdim: bool, find: Any) -> Extremes:
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"{name}: dimension {dim} of a tensor with {x.ndim}")
    if not x.shape[dim]:
        raise ValueError(f"{name}: nothing to choose from, shape is {x.shape}")
    indices = find(x.numpy(), axis=dim, keepdims=True)
    values = gather(x, dim, wrap(indices))
    if keepdim:
        return Extremes(values, wrap(indices))
    kept = tuple(n for i, n in enumerate(indices.shape) if i != dim % x.ndim)
    return Extremes(values.reshape(kept), wrap(indices.reshape(kept)))


def max(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Largest element: of all as a tensor (equal ones share the gradient), or along `dim` as (values, indices), where
    the first of equal ones gets the gradient.

    Examples
    --------
    >>> from fastnn.autograd import Tensor
    >>> values, indices = Tensor([[1.0, 3.0], [4.0, 2.0]]).max(dim=1)
    >>> values.numpy().tolist(), indices.numpy().tolist()
    ([3.0, 4.0], [1, 0])
    """
    x = as_tensor(x)
    return amax(x, None, keepdim) if dim is None else _along("max", x, dim, keepdim, np.argmax)


def min(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Smallest element: of all as a tensor, or along `dim` as (values, indices); see `max`."""
    x = as_tensor(x)
    return amin(x, None, keepdim) if dim is None else _along("min", x, dim, keepdim, np.argmin)


def gather(x: Any, dim: int, index: Any) -> Tensor:
    """Elements picked along one dimension: ``y[i][j] = x[i][index[i][j]]`` for dim 1 of two.

    `index` has as many dimensions as x and is no larger, but along `dim`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, gather
    >>> gather(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1, [[1], [0]]).numpy()
    array([[2.],
           [3.]], dtype=float32)
    """
    x, where_from = as_tensor(x), as_tensor(index).numpy()
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"gather: dimension {dim} of a tensor with {x.ndim}")
    dim %= x.ndim
    if where_from.dtype.kind not in "iu":
        raise TypeError(f"gather: the index must be integers, is {where_from.dtype}")
    fits = len(where_from.shape) == x.ndim and all(
        n <= m or i == dim for i, (n, m) in enumerate(zip(where_from.shape, x.shape, strict=True))
    )
    if not fits:
        raise ValueError(f"gather: index {where_from.shape} does not fit x {x.shape} along dimension {dim}")
    if where_from.size and not 0 <= where_from.min() <= where_from.max() < x.shape[dim]:
        raise ValueError(
            f"gather: index from {where_from.min()} to {where_from.max()}, dimension {dim} has {x.shape[dim]}"
        )
    places: list[Any] = list(np.ogrid[tuple(slice(n) for n in where_from.shape)])
    places[dim] = where_from
    return get_item(x, tuple(places))


def argmin(x: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index of the first smallest element along `dim`, or in the flattened tensor; never recorded."""
    array = as_tensor(x).numpy()
    if not array.size:
        raise ValueError(f"argmin: nothing to choose from, shape is {array.shape}")
    return wrap(np.asarray(np.argmin(array, axis=dim, keepdims=keepdim)))


def argsort(x: Any, dim: int = -1, descending: bool = False) -> Tensor:
    """Indices that sort along `dim`, equal ones in their old order; never recorded."""
    array = as_tensor(x).numpy()
    if not descending:
        return wrap(np.argsort(array, axis=dim, kind="stable"))
    backwards = np.argsort(np.flip(array, dim), axis=dim, kind="stable")
    return wrap(np.ascontiguousarray(array.shape[dim] - 1 - np.flip(backwards, dim)))


def topk(x: Any, k: int, dim: int = -1) -> Extremes:
    """The k largest elements along `dim`, largest first, as (values, indices)."""
    x = as_tensor(x)
    if not 0 <= k <= x.shape[dim]:
        raise ValueError(f"topk: k={k} of a dimension of {x.shape[dim]}")
    order = argsort(x, dim, descending=True).numpy()
    indices = np.ascontiguousarray(np.take(order, range(k), axis=dim))
    return Extremes(gather(x, dim, wrap(indices)), wrap(indices))
