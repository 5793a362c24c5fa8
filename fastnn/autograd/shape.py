"""Reshaping, indexing and joining.

Results share memory with the input where NumPy's do. Blocked images become NCHW arrays first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn.autograd._data import copy
from fastnn.autograd._tape import Gradients
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap
from fastnn.ops._device import DeviceArray


def _sizes(sizes: Any) -> tuple[int, ...]:
    """(2, 3) from either f(2, 3) or f((2, 3))."""
    if len(sizes) == 1 and not isinstance(sizes[0], (int, np.integer)):
        sizes = sizes[0]
    return tuple(int(n) for n in sizes)


def reshape(x: Tensor, shape: Any) -> Tensor:
    """The same values in another shape; one size may be -1."""
    x = to_plain(as_tensor(x))
    xd = x.data
    sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape
    try:
        y = xd.reshape(sizes)
    except ValueError:
        raise ValueError(
            f"reshape: {xd.size} elements of shape {xd.shape} do not fit shape {sizes}"
        ) from None
    on_device = type(y) is DeviceArray
    version = x._version if on_device or (y.base is not None and (y.base is xd or y.base is xd.base)) else None
    if not recording(x):
        return wrap(y, version)
    x_shape = xd.shape

    def backward(gy: Any) -> Gradients:
        return (gy.reshape(x_shape),)

    return record(y, (x,), backward, version=version)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions `start_dim` to `end_dim`, inclusive, as one. A Blocked image becomes a plain array."""
    if type(x.data) is not ops.Blocked:
        start, end = (d + x.ndim if d < 0 else d for d in (start_dim, end_dim))
        if not x.ndim:
            return reshape(x, (1,))
        if not 0 <= start <= end < x.ndim:
            raise ValueError(f"flatten: dimensions {start_dim} to {end_dim} of a tensor with {x.ndim}")
        return reshape(x, (*x.shape[:start], int(np.prod(x.shape[start : end + 1])), *x.shape[end + 1 :]))
    y, x_shape = ops.flatten(x.data, start_dim, end_dim), x.data.shape
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.blocked(gy.reshape(x_shape)),)

    return record(y, (x,), backward)


def permute(x: Tensor, dims: Any) -> Tensor:
    """Dimensions in another order."""
    x = to_plain(as_tensor(x))
    order = _sizes(dims)
    if sorted(d % x.ndim if x.ndim else d for d in order) != list(range(x.ndim)):
        raise ValueError(f"permute: {order} is no order of {x.ndim} dimensions")
    y = x.data.transpose(order)
    if not recording(x):
        return wrap(y, x._version)
    inverse = np.argsort([d % x.ndim for d in order])

    def backward(gy: Any) -> Gradients:
        return (gy.transpose(inverse),)

    return record(y, (x,), backward, version=x._version)


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    order = list(range(x.ndim))
    if not all(-x.ndim <= d < x.ndim for d in (dim0, dim1)):
        raise ValueError(f"transpose: dimensions {dim0} and {dim1} of a tensor with {x.ndim}")
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return permute(x, tuple(order))


def squeeze(x: Tensor, dim: int | None = None) -> Tensor:
    """Without its dimensions of size 1, or without `dim` where that has size 1."""
    if dim is not None and not -x.ndim <= dim < x.ndim:
        raise ValueError(f"squeeze: dimension {dim} of a tensor with {x.ndim}")
    only = None if dim is None else dim % x.ndim
    return reshape(
        x, (tuple(n for i, n in enumerate(x.shape) if n != 1 or (only is not None and i != only)),)
    )


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """With one more dimension, of size 1, at `dim`."""
    if not -x.ndim - 1 <= dim <= x.ndim:
        raise ValueError(f"unsqueeze: dimension {dim} of a tensor with {x.ndim}")
    at = dim % (x.ndim + 1)
    return reshape(x, ((*x.shape[:at], 1, *x.shape[at:]),))


def raw_index(index: Any) -> Any:
    """An index in which tensors have become arrays."""
    if isinstance(index, tuple):
        return tuple(raw_index(i) for i in index)
    return index.numpy() if isinstance(index, Tensor) else index


def is_basic(index: Any) -> bool:
    """Whether an index picks every element at most once: integers, slices, None and ... only."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts)


def get_item(x: Tensor, index: Any) -> Tensor:
    """x[index] with everything that NumPy's indexing knows."""
    x, index = to_plain(as_tensor(x)), raw_index(index)
    xd = x.data
    basic = is_basic(index)
    if basic:  # the ... makes a single element a view as well
        index = index if isinstance(index, tuple) else (index,)
        index = index if Ellipsis in index else (*index, Ellipsis)
    y = np.asarray(xd[index])
    version = x._version if basic else None
    if not recording(x):
        return wrap(y, version)

    def backward(gy: Any) -> Gradients:
        gx = np.zeros(xd.shape, dtype=gy.dtype)
        if basic:
            gx[index] = gy
        else:
            np.add.at(gx, index, gy)
        return (gx,)

    return record(y, (x,), backward, version=version)


def clone(x: Tensor) -> Tensor:
    """The same values in memory of their own, kind kept."""
    y = copy(x.data)
    return record(y, (x,), _unchanged) if recording(x) else wrap(y)


def _unchanged(gy: Any) -> Gradients:
    return (gy,)


def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Tensors joined along a dimension.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, cat
    >>> cat([Tensor([1.0, 2.0]), Tensor([3.0])]).numpy()
    array([1., 2., 3.], dtype=float32)
    """
    parts = tuple(to_plain(as_tensor(t)) for t in tensors)
    if not parts:
        raise ValueError("cat: no tensors given")
    if len({p.dtype for p in parts}) > 1:
        raise TypeError(f"cat: dtypes differ: {', '.join(str(p.dtype) for p in parts)}")
    try:
        y = np.concatenate([p.data for p in parts], axis=dim)
    except ValueError:
        raise ValueError(
            f"cat: shapes {[p.shape for p in parts]} do not join along dimension {dim}"
        ) from None
    if not recording(*parts):
        return wrap(y)
    ends = np.cumsum([p.shape[dim] for p in parts])[:-1]

    def backward(gy: Any) -> Gradients:
        return tuple(np.split(gy, ends, axis=dim))

    return record(y, parts, backward)


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Tensors of one shape joined along a new dimension."""
    return cat([unsqueeze(as_tensor(t), dim) for t in tensors], dim)


def expand(x: Any, shape: Any) -> Tensor:
    """x repeated along dimensions of size 1, and along new ones in front; -1 keeps a size. Memory is not copied.

    Examples
    --------
    >>> from fastnn.autograd import Tensor
    >>> Tensor([[1.0], [2.0]]).expand(-1, 2).numpy()
    array([[1., 1.],
           [2., 2.]], dtype=float32)
    """
    x = to_plain(as_tensor(x))
    sizes, xd = _sizes(shape), x.data
    new = len(sizes) - xd.ndim
    wanted = tuple(xd.shape[i - new] if n == -1 and i >= new else n for i, n in enumerate(sizes))
    fits = new >= 0 and all(n == m or m == 1 for n, m in zip(wanted[new:], xd.shape, strict=True))
    if not fits or any(n < 0 for n in wanted):
        raise ValueError(f"expand: shape {xd.shape} does not expand to {sizes}")
    y = np.broadcast_to(xd, wanted)
    if not recording(x):
        return wrap(y, x._version)
    axes = tuple(i for i, n in enumerate(wanted) if i < new or (n != 1 and xd.shape[i - new] == 1))
    x_shape = xd.shape

    def backward(gy: Any) -> Gradients:
        return (np.asarray(gy.sum(axis=axes, keepdims=True)).reshape(x_shape) if axes else gy,)

    return record(y, (x,), backward, version=x._version)


def split(x: Any, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Parts along `dim` of the given size, the last maybe smaller, or of the given sizes, which must add up.

    Examples
    --------
    >>> from fastnn.autograd import Tensor
    >>> [part.numpy().tolist() for part in Tensor([1.0, 2.0, 3.0]).split(2)]
    [[1.0, 2.0], [3.0]]
    """
    x = as_tensor(x)
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"split: dimension {dim} of a tensor with {x.ndim}")
    axis, total = dim % x.ndim, x.shape[dim]
    if isinstance(split_size, (int, np.integer)):
        if split_size < 1:
            raise ValueError(f"split: split_size must be at least 1, is {split_size}")
        ends = [*range(int(split_size), total, int(split_size)), total]
    else:
        ends = [int(n) for n in np.cumsum(split_size)]
        if not ends or ends[-1] != total or min(split_size) < 0:
            raise ValueError(f"split: sizes {list(split_size)} do not add up to {total}")
    before = (slice(None),) * axis
    return tuple(
        get_item(x, (*before, slice(a, b))) for a, b in zip([0, *ends[:-1]], ends, strict=True)
    )


def chunk(x: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` parts of equal size along `dim`, the last maybe smaller."""
    x = as_tensor(x)
    if chunks < 1:
        raise ValueError(f"chunk: chunks must be at least 1, is {chunks}")
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"chunk: dimension {dim} of a tensor with {x.ndim}")
    return split(x, max(1, -(-x.shape[dim] // chunks)), dim)


def flip(x: Any, dims: int | Sequence[int]) -> Tensor:
    """x backwards along these dimensions."""
    x = as_tensor(x)
    turned = [dims] if isinstance(dims, int) else list(dims)
    for d in turned:
        if not -x.ndim <= d < x.ndim:
            raise ValueError(f"flip: dimension {d} of a tensor with {x.ndim}")
    axes = {d % x.ndim for d in turned}
    return get_item(x, tuple(slice(None, None, -1 if i in axes else None) for i in range(x.ndim)))
