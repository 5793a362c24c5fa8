"""Arguments in: arrays of one dtype, pairs, outputs. Errors start here and name op and argument."""

from collections.abc import Sequence
from math import isfinite
from operator import index
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._backend import OnGPU, on_gpu

F32 = np.dtype(np.float32)
F64 = np.dtype(np.float64)
MOST_BYTES = 1 << 47  # the address space of today's processors


def as_numpy(op: str, name: str, x: Any) -> np.ndarray:
    """An array of any dtype, of another library or as a nested list, as a NumPy array."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{op}: {name} is a masked array; its mask would be ignored, fill it first")
    if on_gpu(x):
        raise OnGPU(f"{op}: {name} lies on a GPU, and there is no way on from here; copy it to the host")
    if not isinstance(x, np.ndarray) and hasattr(x, "__dlpack__"):
        try:
            return np.from_dlpack(x)
        except (BufferError, RuntimeError, TypeError):
            pass  # read-only or needing a copy for older protocols: __array__ may still serve
    try:
        return np.asarray(x)
    except Exception as error:
        raise TypeError(f"{op}: {name} cannot be read as an array ({error})") from error


def as_array(op: str, name: str, x: Any) -> np.ndarray:
    """`x` as a C-contiguous, aligned float32 or float64 array in native byte order, copied only where it is none."""
    if type(x) is not np.ndarray:
        x = as_numpy(op, name, x)
    dtype = x.dtype
    if dtype is not F32 and dtype is not F64:
        if dtype.newbyteorder("=") not in (F32, F64):
            raise TypeError(f"{op}: {name} has dtype {dtype}; float32 or float64 is needed")
        x = x.astype(F32 if dtype.itemsize == 4 else F64)
    flags = x.flags
    if not (flags.c_contiguous and flags.aligned):
        x = np.array(x, order="C", copy=True, subok=False)
    return x if type(x) is np.ndarray else x.view(np.ndarray)


def same_dtype(op: str, name: str, x: np.ndarray, other: str, y: np.ndarray) -> None:
    """Raise unless both arrays hold the same type: a silent conversion would hide a slow or inexact call."""
    if x.dtype is not y.dtype:
        raise TypeError(f"{op}: {name} is {x.dtype} but {other} is {y.dtype}; convert one of them")


def shaped(op: str, name: str, x: Any, shape: tuple[int, ...], like: np.ndarray, like_name: str) -> np.ndarray:
    """`x` as an array of exactly this shape and of `like`'s dtype."""
    array = as_array(op, name, x)
    if array.shape != shape:
        raise ValueError(f"{op}: {name} has shape {array.shape}, expected {shape}")
    same_dtype(op, name, array, like_name, like)
    return array


def integer(op: str, name: str, value: Any, least: int) -> int:
    """`value` as an int of at least `least`."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{op}: {name} must be an integer, got {value!r}")
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{op}: {name} must be an integer, got {value!r}") from None
    if not least <= number < 1 << 62:
        raise ValueError(f"{op}: {name} must be at least {least} and below 2**62, got {number}")
    return number


def number(op: str, name: str, value: Any) -> float:
    """`value` as a finite float."""
    if isinstance(value, (str, bytes)) or value is None:
        raise TypeError(f"{op}: {name} must be a number, got {value!r}")
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{op}: {name} must be a number, got {value!r}") from None
    if not isfinite(result):
        raise ValueError(f"{op}: {name} must be finite, got {value!r}")
    return result


_COUNTS = {1: "one integer", 2: "one integer or two", 3: "one integer or three"}


def sizes(op: str, name: str, value: Any, least: int, count: int) -> tuple[int, ...]:
    """`value`, one integer or `count` of them, as `count` integers of at least `least`."""
    if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str):
        if len(value) == 1:
            value = (value[0],) * count
        if len(value) != count:
            raise ValueError(f"{op}: {name} must be {_COUNTS[count]}, got {value!r}")
        return tuple(integer(op, name, v, least) for v in value)
    return (integer(op, name, value, least),) * count


def pair(op: str, name: str, value: Any, least: int) -> tuple[int, int]:
    """`value`, one integer or two, as a pair (height, width)."""
    height, width = sizes(op, name, value, least, 2)
    return height, width


def hashable(value: Any) -> Any:
    """`value` for a cache key: lists and arrays as tuples of their own elements."""
    if type(value) is int or type(value) is str:
        return value
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(hashable(v) for v in value)
    return _Unequal(value)


class _Unequal:
    """A cache key that equals none (1 == 1.0 == True must not share an entry); holds the value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def plain(value: Any) -> Any:
    """The inverse of `hashable`."""
    if type(value) is tuple:
        return tuple(plain(v) for v in value)
    return value.value if type(value) is _Unequal else value


def check_size(op: str, what: str, shape: tuple[int, ...], itemsize: int = 8) -> None:
    """Raise where an array of this shape cannot exist."""
    size = itemsize
    for n in shape:
        size *= n
    if size > MOST_BYTES:
        raise ValueError(f"{op}: {what} of shape {shape} is too large ({size} bytes)")


def new_array(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array; large ones are 64-byte aligned and reuse recently freed memory."""
    size = dtype.itemsize
    for n in shape:
        size *= n
    return _kernels.empty(shape, dtype, size)


def check_out(op: str, out: Any, shape: tuple[int, ...], dtype: np.dtype, *inputs: Any) -> np.ndarray:
    """The array that the kernel writes: `out` itself or, when strided or unaligned, a new one (see `finish_out`)."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{op}: out must be a NumPy array, got {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"{op}: out has shape {out.shape}, expected {shape}")
    if out.dtype is not dtype:
        raise TypeError(f"{op}: out has dtype {out.dtype}, expected {dtype}")
    if not out.flags.writeable:
        raise ValueError(f"{op}: out is read-only")
    for x in inputs:
        if x is not None and np.may_share_memory(out, x):
            raise ValueError(f"{op}: out overlaps an input; give a separate array")
    return out if out.flags.c_contiguous and out.flags.aligned else new_array(shape, dtype)


def finish_out(out: np.ndarray | None, written: np.ndarray) -> np.ndarray:
    """What the caller gets: `out`, filled from `written` if that is another array; or `written`."""
    if out is None or out is written:
        return written
    out[...] = written
    return out


_NO_ACTIVATION = (0, 0.0, 0.0)
_ACTIVATIONS = {
    None: _NO_ACTIVATION,
    "relu": (_kernels.ACTIVATIONS["relu"], 0.0, 0.0),
    "relu6": (_kernels.ACTIVATIONS["clip"], 0.0, 6.0),
    "silu": (_kernels.ACTIVATIONS["silu"], 0.0, 0.0),
    "hardswish": (_kernels.ACTIVATIONS["hardswish"], 0.0, 0.0),
    "sigmoid": (_kernels.ACTIVATIONS["sigmoid"], 0.0, 0.0),
    "tanh": (_kernels.ACTIVATIONS["tanh"], 0.0, 0.0),
}


def activation_spec(op: str, activation: Any) -> tuple[int, float, float]:
    """(code, alpha, beta) of an activation as `conv2d` names them."""
    if activation is None:
        return _NO_ACTIVATION
    if isinstance(activation, str) and activation in _ACTIVATIONS:
        return _ACTIVATIONS[activation]
    if isinstance(activation, (tuple, list)) and activation:
        name, *numbers = activation
        if all(isinstance(v, (int, float, np.number)) and v == v for v in numbers):
            if name == "clip" and len(numbers) == 2 and numbers[0] <= numbers[1]:
                return _kernels.ACTIVATIONS["clip"], float(numbers[0]), float(numbers[1])
            if name == "leaky_relu" and len(numbers) == 1:
                return _kernels.ACTIVATIONS["leaky_relu"], float(numbers[0]), 0.0
    names = ", ".join(repr(name) for name in _ACTIVATIONS)
    raise ValueError(
        f"{op}: activation must be {names}, ('clip', low, high) or ('leaky_relu', slope), got {activation!r}"
    )
