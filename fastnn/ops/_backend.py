"""Where a call goes: NumPy arrays to the kernels of `fastnn._kernels`, GPU arrays to the twins of `fastnn.cuda`.

An op looks at its arrays in one place, `_checks.as_numpy`. A GPU array there raises `OnGPU`, and the public function
hands its whole call to the function of the same name in `fastnn.ops._gpu`. Calls with NumPy arrays pay nothing for it
but the frame of a function.
"""

import functools
import types
from collections.abc import Callable
from typing import Any

from fastnn._device_array import DeviceArray


class OnGPU(TypeError):
    """An argument lies on a GPU."""


_HOST = {"builtins", "numpy", "fastnn"}
_DEVICES = {2, 13}  # CUDA and CUDA managed memory, DLPack's numbers


def on_gpu(x: Any) -> bool:
    """Whether `x` is an array in the memory of an NVIDIA GPU (or of Numba's simulator of one)."""
    library = type(x).__module__.partition(".")[0]
    if library in _HOST:
        return type(x) is DeviceArray
    if library == "torch":
        return bool(getattr(x, "is_cuda", False))
    if library in ("numba", "numba_cuda", "cupy"):
        return hasattr(x, "__cuda_ndarray__") or (library == "cupy" and hasattr(x, "__cuda_array_interface__"))
    device = getattr(x, "__dlpack_device__", None)
    if device is not None:
        return int(device()[0]) in _DEVICES
    return hasattr(x, "__cuda_array_interface__")


def _twin(name: str) -> Callable[..., Any]:
    """The function of this name for GPU arrays, or an error that says what is missing."""
    from fastnn import cuda

    reason = cuda.missing()
    if reason:
        raise RuntimeError(f"{name}: {reason}")
    from fastnn.ops import _gpu

    return _gpu.twin(name)


def _handing_over(op: Callable[..., Any]) -> Callable[..., Any]:
    name = op.__name__

    @functools.wraps(op)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return op(*args, **kwargs)
        except OnGPU:
            pass  # called outside, so that an error of the twin does not carry this one
        return _twin(name)(*args, **kwargs)

    return call


def with_twins(namespace: dict[str, Any], *without: str) -> None:
    """Let the public functions of a module take GPU arrays; those named have no arrays."""
    for name in namespace["__all__"]:
        if isinstance(namespace[name], types.FunctionType) and name not in without:
            namespace[name] = _handing_over(namespace[name])
