"""Arguments in, for arrays on a GPU: what `_checks.py` does for NumPy arrays, with the same errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._backend import on_gpu
from fastnn.ops._checks import activation_spec

GPUArray = Any  # of fastnn.cuda._arrays, which is imported with the first such array

REALS = tuple(np.dtype(t) for t in (np.float32, np.float64, np.float16))


def any_array(op: str, name: str, x: Any) -> GPUArray:
    """`x` as a contiguous GPU array of any dtype."""
    from fastnn.cuda import _arrays

    if not on_gpu(x):
        raise TypeError(f"{op}: {name} is a {type(x).__name__} on the host, other arguments lie on a GPU; move one")
    try:
        return _arrays.view(x)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{op}: {name} {error}") from None


def as_array(op: str, name: str, x: Any, like: GPUArray | None = None, shape: Any = None) -> GPUArray:
    """`x` as an array of float32, float64 or float16; of the dtype and on the device of `like`, of this shape."""
    found = any_array(op, name, x)
    if found.dtype not in REALS:
        raise TypeError(f"{op}: {name} has dtype {found.dtype}; float32, float64 or float16 is needed")
    if shape is not None and found.shape != shape:
        raise ValueError(f"{op}: {name} has shape {found.shape}, expected {shape}")
    if like is not None:
        together(op, name, found, like)
        if found.dtype != like.dtype:
            raise TypeError(f"{op}: {name} is {found.dtype} but the other arrays are {like.dtype}; convert one of them")
    return found


def together(op: str, name: str, x: GPUArray, like: GPUArray) -> None:
    """Raise unless both arrays are of one library on one device."""
    if x.library is not like.library:
        raise TypeError(f"{op}: {name} is a {type(x.array).__name__} of another library than the other arrays")
    if x.place[0] != like.place[0]:
        raise ValueError(f"{op}: {name} lies on GPU {x.place[0]}, other arguments on GPU {like.place[0]}")


def result(op: str, out: Any, like: GPUArray, shape: tuple[int, ...], *inputs: GPUArray | None) -> GPUArray:
    """The array that kernels write: a new one, or `out` where that fits."""
    if out is None:
        return like.new(shape)
    y = as_array(op, "out", out, like, shape)
    if y.array is not out and y.pointer != getattr(out, "data_ptr", lambda: None)():
        raise ValueError(f"{op}: out is not contiguous")
    for x in (like, *inputs):
        if x is not None and x.size and overlap(x, y):
            raise ValueError(f"{op}: out overlaps an input; give a separate array")
    return y


def overlap(a: GPUArray, b: GPUArray) -> bool:
    """Whether two arrays share memory."""
    if not isinstance(a.pointer, int):  # the simulator's arrays
        return np.may_share_memory(a.pointer._ary, b.pointer._ary)
    a_end, b_end = (v.pointer + v.size * v.dtype.itemsize for v in (a, b))
    return a.pointer < b_end and b.pointer < a_end


def only_nchw(op: str, layout: str) -> None:
    if layout != "NCHW":
        raise NotImplementedError(f"{op}: layout={layout!r} has no GPU kernel yet; only 'NCHW'")


def activation_name(op: str, activation: Any) -> tuple[str, float, float]:
    """(name, alpha, beta) of an activation that a product fuses."""
    code, alpha, beta = activation_spec(op, activation)
    names = {number: name for name, number in _kernels.ACTIVATIONS.items()}
    return (names[code] or "none") if code else "none", alpha, beta
