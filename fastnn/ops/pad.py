"""Padding with a constant or with the array's own values. Kernels: csrc/ops/pad.c."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import BLOCK, BLOCKED, NCHW, blocked, image_argument, image_result
from fastnn.ops._checks import hashable, integer, new_array, plain
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import array_shape, pad_shape

__all__ = ["pad", "pad_grad_input"]

Pads = tuple[tuple[int, int], ...]


def _pads(op: str, pad: Any, ndim: int) -> Pads:
    """(before, after) of every dimension from PyTorch's flat list, which starts with the last dimension."""
    if not isinstance(pad, (Sequence, np.ndarray)) or isinstance(pad, str):
        raise TypeError(f"{op}: pad must be a sequence of integers, got {pad!r}")
    if len(pad) % 2 or len(pad) > 2 * ndim:
        raise ValueError(f"{op}: pad must hold two integers for each of at most {ndim} dimensions, got {pad!r}")
    numbers = [integer(op, "pad", size, -(1 << 62)) for size in pad]
    known = list(zip(numbers[::2], numbers[1::2], strict=True))[::-1]
    return ((0, 0),) * (ndim - len(known)) + tuple(known)


def _check_mode(op: str, mode: Any) -> None:
    if not isinstance(mode, str) or mode not in _kernels.PAD_MODES:
        raise ValueError(f"{op}: unknown mode {mode!r}; known are {', '.join(_kernels.PAD_MODES)}")


@lru_cache(maxsize=512)
def _geometry(op, x_shape, pad, mode):
    """(result's shape, pads of every dimension), for a `pad` that passed through `hashable`."""
    pads = _pads(op, plain(pad), len(x_shape))
    return pad_shape(op, x_shape, pads, mode), pads


@lru_cache(maxsize=512)
def _passes(shape: tuple[int, ...], pads: Pads) -> list[Any]:
    """Arguments (outer, sizes, pads, unit) of the kernel calls: one, unless dimensions far apart are padded."""
    passes: list[Any] = []
    while True:
        first = next((d for d, sides in enumerate(pads) if sides != (0, 0)), None)
        if first is None and passes:
            return passes
        first = len(shape) if first is None else first
        end = max([d + 1 for d in range(first, min(first + 3, len(shape))) if pads[d] != (0, 0)], default=first)
        missing = 3 - (end - first)
        sizes = (1,) * missing + shape[first:end]
        sides = ((0, 0),) * missing + pads[first:end]
        passes.append((prod(shape[:first]), sizes, sides, prod(shape[end:])))
        padded = tuple(size + sum(s) for size, s in zip(shape[first:end], pads[first:end], strict=True))
        shape = shape[:first] + padded + shape[end:]
        pads = pads[:first] + ((0, 0),) * (end - first) + pads[end:]


def _size(step: Any, *, padded: bool) -> int:
    """Elements of an array before or after a pass."""
    outer, sizes, sides, unit = step
    return outer * unit * prod(size + (sum(s) if padded else 0) for size, s in zip(sizes, sides, strict=True))


def _value(op: str, value: Any, mode: str) -> float:
    if isinstance(value, (str, bytes, bool)) or value is None:
        raise TypeError(f"{op}: value must be a number, got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{op}: value must be a number, got {value!r}") from None
    if mode != "constant" and number != 0:
        raise ValueError(f"{op}: mode={mode!r} takes no value, got {value!r}")
    return number


def _stays_blocked(shape: tuple[int, ...], pads: Pads, value: float) -> bool:
    """Whether rows of 16-channel blocks can be padded as they are: lanes without a channel must stay zero."""
    return pads[:2] == ((0, 0), (0, 0)) and (value == 0 or shape[1] % BLOCK == 0)


def pad(x: Any, pad: Any, mode: str = "constant", value: float = 0, *, out: Any = None) -> Any:
    """Elements around an array, as `torch.nn.functional.pad`.

    ``y[i] = x[i - before]``, and outside x: the constant; ``reflect`` x mirrored at its edge element
    (c b | a b c | b a); ``replicate`` the edge element (a a | a b c | c c); ``circular`` the other end
    (b c | a b c | a b). Every padded dimension by itself, so corners follow from the edges.

    Parameters
    ----------
    x : array of any rank, or Blocked [N, C, H, W]; float32 or float64
    pad : sequence of int
        (before, after) of the last dimension, then of the one before it, and so on. A negative number crops (not
        with "circular").
    mode : "constant", "reflect", "replicate" or "circular"
    value : number, may be infinite or NaN
        Of constant padding.
    out : array or Blocked of the result's shape, optional

    Returns
    -------
    array or Blocked, of the input's kind and dtype

    Raises
    ------
    ValueError, TypeError
        An odd number of sizes or too many; reflect padding that is not less than the dimension's size, circular
        padding greater than it; dtypes other than float32 and float64.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x = np.array([[1.0, 2.0, 3.0]])
    >>> ops.pad(x, (2, 1), mode="reflect")
    array([[3., 2., 1., 2., 3., 2.]])
    >>> ops.pad(x, (-1, 0, 0, 1), value=7)
    array([[2., 3.],
           [7., 7.]])
    """
    data, layout, shape = image_argument("pad", "x", x)
    _check_mode("pad", mode)
    y_shape, pads = _geometry("pad", shape, hashable(pad), mode)
    value = _value("pad", value, mode)
    y = ImageOut("pad", out, layout, y_shape, data.dtype, data)
    kept = layout == y.layout == BLOCKED and _stays_blocked(shape, pads, value)
    if layout == BLOCKED and not kept:
        data = x.numpy()
    written = y.data if kept or y.layout == NCHW else new_array(y_shape, data.dtype)
    steps = _passes(data.shape, (*pads, (0, 0)) if kept else pads)
    for step in steps:
        to = written if step is steps[-1] else new_array((_size(step, padded=True),), data.dtype)
        _kernels.pad(data, to, _kernels.PAD_MODES[mode], value, *step)
        data = to
    if written is not y.data:
        y.data[...] = blocked(written).data
    return y.finish()


def pad_grad_input(gy: Any, input_shape: Any, pad: Any, mode: str = "constant") -> Any:
    """Gradient of `pad`: each element gets the sum over the places that it was copied to.

    Parameters
    ----------
    gy : array, or Blocked [N, C, H, W]
    input_shape : sequence of int
    pad, mode : as in `pad`

    Returns
    -------
    array or Blocked of `input_shape`, of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        As `pad`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.pad_grad_input(np.ones((1, 6)), (1, 3), (2, 1), mode="reflect")
    array([[1., 3., 2.]])
    """
    op = "pad_grad_input"
    data, layout, shape = image_argument(op, "gy", gy)
    _check_mode(op, mode)
    x_shape = array_shape(op, "input_shape", input_shape)
    y_shape, pads = _geometry(op, x_shape, hashable(pad), mode)
    if shape != y_shape:
        raise ValueError(f"{op}: gy has shape {shape}, expected {y_shape}")
    kept = layout == BLOCKED and _stays_blocked(x_shape, pads, 0)
    if layout == BLOCKED and not kept:
        return blocked(pad_grad_input(gy.numpy(), x_shape, pad, mode))
    gx, gx_data = image_result(layout, x_shape, data.dtype)
    steps = _passes(gx_data.shape, (*pads, (0, 0)) if kept else pads)
    for step in reversed(steps):
        to = gx_data if step is steps[0] else new_array((_size(step, padded=False),), data.dtype)
        _kernels.pad_grad_input(data, to, _kernels.PAD_MODES[mode], *step)
        data = to
    return gx
