"""What tensors need of arrays on a GPU besides the ops."""

from __future__ import annotations

from typing import Any

from fastnn._device_array import DeviceArray as DeviceArray


def upload(data: Any, device: str) -> DeviceArray:
    """A copy of a NumPy array on "cuda" or "cuda:0"."""
    from fastnn import cuda

    reason = cuda.missing()
    if reason:
        raise RuntimeError(f"to: {reason}")
    from fastnn.cuda import _arrays

    if device not in ("cuda", f"cuda:{_arrays.current_device()}"):
        raise ValueError(f"to: {device} is not the current device, which is cuda:{_arrays.current_device()}")
    return _arrays.own(data)


def copy(a: DeviceArray) -> DeviceArray:
    """The same values in fresh memory."""
    from fastnn.cuda import update

    return update.copy(a)


def add(a: DeviceArray, b: DeviceArray) -> DeviceArray:
    """a + b in fresh memory."""
    from fastnn.cuda import update

    return update.add(a, b)


def on_one_memory(a: Any, b: Any) -> bool:
    """Whether two arrays, of which one lies on a GPU, share memory."""
    if type(a) is not type(b):
        return False
    from fastnn.cuda import _arrays
    from fastnn.ops._gpu._arguments import overlap

    return overlap(_arrays.view(a), _arrays.view(b))
