"""Arrays on a GPU: whose they are, where they lie, and new ones from the same library.

A library is found by the module of the array's type and looked up among the loaded modules, never imported. Results
are allocated by the caller's library on its current stream, which is also the one that kernels run on: nothing has to
wait, and no memory is freed while a kernel still uses it.
"""

# mypy: disable-error-code="import-untyped,import-not-found"

import math
import sys
from typing import Any

import numpy as np

from fastnn._device_array import DeviceArray
from fastnn.cuda._cuda import SIMULATED, cuda

MOST = 1 << 31  # elements: kernels count them in 31 bits


class GPUArray:
    """A C-contiguous array of the caller's on a GPU, as kernels take it: `pointer` and `place` (device, stream)."""

    __slots__ = ("array", "dtype", "library", "place", "pointer", "shape", "size")

    def __init__(self, array: Any, library: Any, shape: tuple[int, ...], dtype: np.dtype, pointer: Any, place: Any):
        self.array, self.library = array, library
        self.shape, self.dtype, self.size = shape, dtype, math.prod(shape)
        self.pointer, self.place = pointer, place

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def new(self, shape: tuple[int, ...], dtype: Any = None) -> "GPUArray":
        """An uninitialised array of the same library on the same device."""
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        return self.library.view(self.library.empty(self, shape, dtype))


class Torch:
    """PyTorch: `torch.Tensor` on a CUDA device."""

    @staticmethod
    def view(x: Any) -> GPUArray:
        torch = sys.modules["torch"]
        if x.requires_grad:
            if torch.is_grad_enabled():
                raise TypeError("requires grad, which PyTorch would not find again in the result: pass x.detach()")
            x = x.detach()
        x = x.contiguous()
        stream = torch.cuda.current_stream(x.device).cuda_stream
        dtype = np.dtype(str(x.dtype).removeprefix("torch."))
        return GPUArray(x, Torch, tuple(x.shape), dtype, x.data_ptr(), (x.device.index, stream))

    @staticmethod
    def empty(like: GPUArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        torch = sys.modules["torch"]
        return torch.empty(shape, dtype=getattr(torch, dtype.name), device=like.array.device)


class CuPy:
    """CuPy: `cupy.ndarray`."""

    @staticmethod
    def view(x: Any) -> GPUArray:
        cupy = sys.modules["cupy"]
        with x.device:
            x = cupy.ascontiguousarray(x)
            stream = cupy.cuda.get_current_stream().ptr
        return GPUArray(x, CuPy, tuple(x.shape), x.dtype, x.data.ptr, (x.device.id, stream))

    @staticmethod
    def empty(like: GPUArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        with like.array.device:
            return sys.modules["cupy"].empty(shape, dtype)


class Numba:
    """Numba's device arrays, and those of its simulator."""

    @staticmethod
    def view(x: Any) -> GPUArray:
        shape = tuple(int(n) for n in x.shape)
        if math.prod(shape) and not x.is_c_contiguous():
            raise ValueError("is not contiguous, and Numba has no copy on the device")
        if SIMULATED:
            pointer, place = type(x)(x._ary.reshape(-1)), (0, 0)
        else:
            pointer = x.device_ctypes_pointer.value or 0
            place = current_device(), getattr(x.stream, "handle", x.stream) or 0
        return GPUArray(x, Numba, shape, np.dtype(x.dtype), pointer, place)

    @staticmethod
    def empty(like: GPUArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        if SIMULATED:  # its device_array starts with zeros, which would hide what is not written
            poison = np.full(shape, np.nan if dtype.kind == "f" else 99, dtype)
            return type(like.array)(poison)
        stream = like.array.stream
        return cuda.device_array(shape, dtype, stream=stream)


class Other:
    """Anything with `__cuda_array_interface__` and the array API's `empty`."""

    @staticmethod
    def view(x: Any) -> GPUArray:
        interface = x.__cuda_array_interface__
        shape, dtype = tuple(interface["shape"]), np.dtype(interface["typestr"])
        if interface.get("strides") not in (None, _c_strides(shape, dtype.itemsize)):
            raise ValueError("is not contiguous")
        stream = interface.get("stream") or 0
        device = x.__dlpack_device__()[1] if hasattr(x, "__dlpack_device__") else current_device()
        return GPUArray(x, Other, shape, dtype, interface["data"][0], (device, stream))

    @staticmethod
    def empty(like: GPUArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        if not hasattr(like.array, "__array_namespace__"):
            raise TypeError(f"{type(like.array).__name__} names no array namespace, so no result can be made of it")
        return like.array.__array_namespace__().empty(shape, dtype=dtype, device=like.array.device)


class Own:
    """The arrays of tensors: `DeviceArray`, in memory of one of the libraries above."""

    @staticmethod
    def view(x: DeviceArray) -> GPUArray:
        found = view(x.array)
        return GPUArray(x, Own, x.shape, x.dtype, found.pointer, found.place)

    @staticmethod
    def empty(like: GPUArray, shape: tuple[int, ...], dtype: np.dtype) -> DeviceArray:
        inner = view(like.array.array)
        return DeviceArray(inner.library.empty(inner, shape, dtype), shape, dtype)


def _c_strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    return tuple(itemsize * math.prod(shape[i + 1 :]) for i in range(len(shape)))


_LIBRARIES: dict[str, Any] = {"torch": Torch, "cupy": CuPy, "numba": Numba, "numba_cuda": Numba, "fastnn": Own}


def view(x: Any) -> GPUArray:
    """`x` as a GPUArray, contiguous.

    Raises
    ------
    ValueError, TypeError
        Where it cannot be taken; the message goes on after the argument's name.
    """
    library = _LIBRARIES.get(type(x).__module__.partition(".")[0], Other)
    found: GPUArray = library.view(x)
    if found.size >= MOST:
        raise ValueError(f"has {found.size} elements; on a GPU fewer than 2**31 are possible")
    return found


def current_device() -> int:
    """The number of the current device of this thread."""
    return 0 if SIMULATED else int(cuda.current_context().device.id)


def to_device(x: np.ndarray) -> Any:
    """A copy of a NumPy array on the current GPU, by PyTorch or CuPy where one is loaded, else by Numba."""
    torch, cupy = sys.modules.get("torch"), sys.modules.get("cupy")
    if not SIMULATED and torch is not None and torch.cuda.is_available():
        return torch.from_numpy(np.ascontiguousarray(x)).to("cuda")
    if not SIMULATED and cupy is not None:
        return cupy.asarray(x)
    return cuda.to_device(np.ascontiguousarray(x))


def own(x: np.ndarray) -> DeviceArray:
    """A copy of a NumPy array on the current GPU, as tensors hold it."""
    return DeviceArray(to_device(x), x.shape, x.dtype)


def to_host(x: Any) -> np.ndarray:
    """The values of a GPU array in NumPy's memory."""
    if isinstance(x, DeviceArray):
        return x.numpy()
    if hasattr(x, "copy_to_host"):
        return x.copy_to_host()
    if hasattr(x, "detach"):
        return x.detach().cpu().numpy()
    return x.get()
