"""What a tensor holds, a NumPy array or a Blocked image, apart from any tape."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import ops
from fastnn.ops import _device
from fastnn.ops._backend import on_gpu
from fastnn.ops._device import DeviceArray


def as_array(data: Any) -> Any:
    """`data` as a native-endian array or a Blocked, copied only where needed; Python floats as float32."""
    if isinstance(data, (np.ndarray, ops.Blocked)):
        if isinstance(data, np.ma.MaskedArray):
            raise TypeError("Tensor: a masked array has no meaning here; fill it first")
        if isinstance(data, np.ndarray):
            data = np.asarray(data)
            if not data.dtype.isnative:
                data = data.astype(data.dtype.newbyteorder("="))
    elif type(data) is DeviceArray:
        return data
    elif on_gpu(data):
        raise TypeError(f"Tensor: {type(data).__name__} lies on a GPU; make a Tensor of a host array and move that")
    elif isinstance(data, np.generic) or hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        data = np.asarray(data)
    elif hasattr(data, "__dlpack__"):
        data = np.from_dlpack(data)
    else:
        written_out = isinstance(data, (list, tuple, float))
        data = np.asarray(data)
        if written_out and data.dtype == np.float64:
            data = data.astype(np.float32)
    if data.dtype.kind not in "fiub":
        raise TypeError(f"Tensor: dtype {data.dtype} is not a number or truth value")
    return data


def memory(data: Any) -> Any:
    """The array in which the values lie."""
    return data.data if type(data) is ops.Blocked else data


def copy(data: Any) -> Any:
    """The same values in fresh memory, of the same kind."""
    if type(data) is DeviceArray:
        return _device.copy(data)
    if type(data) is not ops.Blocked:
        return np.array(data)
    fresh = ops.Blocked.empty(data.shape, data.dtype)
    fresh.data[...] = data.data
    return fresh


def share_memory(a: Any, b: Any) -> bool:
    """Whether two arrays may lie on the same memory."""
    a, b = memory(a), memory(b)
    if type(a) is DeviceArray or type(b) is DeviceArray:
        return _device.on_one_memory(a, b)
    return np.may_share_memory(a, b)


def to_host(data: Any) -> Any:
    """The values in NumPy's memory."""
    return data if type(data) is np.ndarray else data.numpy() if hasattr(data, "numpy") else data


def move(data: Any, device: str) -> Any:
    """`data` on "cpu" or "cuda", itself where it lies there."""
    if device == "cpu":
        return data.numpy() if type(data) is DeviceArray else data
    if type(data) is DeviceArray:
        if device not in ("cuda", data.device):
            raise NotImplementedError(f"to: from {data.device} to {device}; go by way of the host")
        return data
    return _device.upload(data.numpy() if type(data) is ops.Blocked else data, device)


def like(data: Any, model: Any, name: str) -> Any:
    """`data` as a gradient for `model`: same shape and dtype are required, the kind is converted."""
    if tuple(data.shape) != tuple(model.shape):
        raise ValueError(f"{name}: gradient has shape {tuple(data.shape)}, tensor has {tuple(model.shape)}")
    if (type(data) is DeviceArray) != (type(model) is DeviceArray):
        raise TypeError(f"{name}: gradient and tensor lie on different devices; move one with to()")
    if data.dtype != model.dtype:
        raise TypeError(f"{name}: gradient is {data.dtype}, tensor is {model.dtype}")
    if type(model) is ops.Blocked:
        return ops.blocked(data)
    return data.numpy() if type(data) is ops.Blocked else data


def add_gradients(a: Any, b: Any) -> Any:
    """Sum of two gradients of one tensor, both arrays or both Blocked as the tensor is, in fresh memory."""
    if type(a) is ops.Blocked:
        total = ops.Blocked.empty(a.shape, a.dtype)
        np.add(a.data, b.data, out=total.data)
        return total
    if type(a) is DeviceArray:
        return _device.add(a, b)
    return np.asarray(a + b)
