"""Changes in place.

Where nothing is recorded the memory is overwritten, views see it, and the tensor's version moves, so that a
`backward` which still needs the old values says so. Where the change itself is recorded, the Tensor object
takes over the new array and its place on the tape: everybody who holds the object sees the change, earlier
results keep the values they were computed from, and tensors that merely share the old memory (`detach`,
views) do not follow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import ops
from fastnn.autograd._data import copy
from fastnn.autograd._tape import Gradients, mode
from fastnn.autograd.arithmetic import unbroadcast
from fastnn.autograd.layout import to_plain
from fastnn.autograd.shape import is_basic, raw_index
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def replace(name: str, x: Tensor, new: Tensor) -> Tensor:
    """x, which has taken over the values of `new`, a result computed from it.

    Raises
    ------
    RuntimeError
        For a leaf that requires grad while recording is on.
    ValueError, TypeError
        Where `new` has another shape or dtype.
    """
    if new.shape != x.shape:
        raise ValueError(f"{name}: the result has shape {new.shape}, the tensor has {x.shape}")
    if new.dtype != x.dtype:
        raise TypeError(f"{name}: the result is {new.dtype}, the tensor is {x.dtype}")
    if mode.enabled and x.requires_grad and x._node is None:
        raise RuntimeError(
            f"{name}: a leaf that requires grad cannot be changed in place; do it under no_grad()"
        )
    if mode.enabled and (x.requires_grad or new.requires_grad):
        x.data = new.data if new.requires_grad else copy(new.data)
        x._node, x._version, x.requires_grad = new._node, new._version, new.requires_grad
        return x
    x._memory()[...] = _fitted(new.data, x.data)
    x._changed()
    return x


def _operand(x: Tensor, value: Any) -> Tensor:
    """`value` as a tensor; numbers and lists take x's dtype."""
    if isinstance(value, (int, float, np.number, list, tuple)):
        return wrap(np.asarray(value, dtype=x.dtype))
    return as_tensor(value)


def _fitted(data: Any, target: Any) -> Any:
    """The memory of `data` in the layout of `target`."""
    if type(target) is ops.Blocked:
        return ops.blocked(data).data
    return data.numpy() if type(data) is ops.Blocked else data


def copy_(x: Tensor, source: Any) -> Tensor:
    """x with the values of `source`: a number, array or tensor that broadcasts to x, converted to its
    dtype."""
    source = _operand(x, source)
    values = source.data
    if source.shape != x.shape or source.dtype != x.dtype:
        try:
            values = np.broadcast_to(source.numpy(), x.shape).astype(x.dtype, copy=False)
        except ValueError:
            raise ValueError(f"copy_: shape {source.shape} does not broadcast to {x.shape}") from None
    if not recording(source):
        return replace("copy_", x, wrap(values))
    blocked, shape, dtype = type(source.data) is ops.Blocked, source.shape, source.dtype

    def backward(gy: Any) -> Gradients:
        plain = gy.numpy() if type(gy) is ops.Blocked else gy
        g = unbroadcast(plain, shape).astype(dtype, copy=False)
        return (ops.blocked(g) if blocked else g,)

    return replace(
        "copy_", x, record(np.array(values) if values is source.data else values, (source,), backward)
    )


def set_item(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value."""
    index, value = raw_index(index), to_plain(_operand(x, value))
    if not recording(x, value):
        _overwrite(x, index, value.data)
        return
    if x.dtype != value.dtype and value.dtype.kind == "f" and value.requires_grad:
        raise TypeError(f"set_item: the value is {value.dtype}, the tensor is {x.dtype}")
    if x.requires_grad and not is_basic(index) and value.requires_grad:
        raise NotImplementedError("set_item: a recorded assignment takes integers and slices as index")
    old = to_plain(x)
    new = np.array(old.data)
    new[index] = value.data
    value_shape = value.shape

    def backward(gy: Any) -> Gradients:
        gx = np.array(gy)
        gx[index] = 0
        return gx, unbroadcast(np.asarray(gy[index]), value_shape)

    replace("set_item", x, record(new, (old, value), backward))


def _overwrite(x: Tensor, index: Any, value: Any) -> None:
    if type(x.data) is ops.Blocked:
        array = x.data.numpy()
        array[index] = value
        x.data.data[...] = ops.blocked(array).data
    else:
        x._memory()[index] = value
    x._changed()
