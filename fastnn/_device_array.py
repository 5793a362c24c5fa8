"""`DeviceArray`: what a Tensor on a GPU holds, an array of the library that allocates there in NumPy's words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_HINT = "has no GPU kernel yet; copy its arguments to the host with cpu()"


class NoTwin(NotImplementedError, AttributeError):
    """An attribute of NumPy's arrays that those on a GPU lack; also an AttributeError, for `hasattr`."""


class DeviceArray:
    """A contiguous array on a GPU. NumPy's functions refuse it, naming themselves.

    Attributes
    ----------
    array : the array of PyTorch, CuPy or Numba that owns the memory.
    shape, dtype : as NumPy's.
    """

    __slots__ = ("array", "dtype", "shape")

    def __init__(self, array: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.array, self.shape, self.dtype = array, shape, dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def device(self) -> str:
        """ "cuda:0", ..."""
        from fastnn.cuda import _arrays

        return f"cuda:{_arrays.view(self).place[0]}"

    def reshape(self, *shape: Any) -> DeviceArray:
        """The same memory in another shape."""
        wanted = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape
        rest = math.prod(n for n in wanted if n != -1)
        sizes = tuple(self.size // rest if n == -1 and rest else int(n) for n in wanted)
        if wanted.count(-1) > 1 or math.prod(sizes) != self.size:
            raise ValueError(f"{self.size} elements do not fit shape {wanted}")
        return DeviceArray(self.array.reshape(sizes), sizes, self.dtype)

    def numpy(self) -> np.ndarray:
        """A copy in NumPy's memory."""
        from fastnn.cuda import _arrays

        return _arrays.to_host(self.array).reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise TypeError("an array on a GPU is none of NumPy's; copy it to the host with cpu()")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        raise NotImplementedError(f"{ufunc.__name__}: {_HINT}")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise NotImplementedError(f"{function.__name__}: {_HINT}")

    def __getattr__(self, name: str) -> Any:
        raise NoTwin(f"{name}: {_HINT}")

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"indexing: {_HINT}")

    def __neg__(self) -> Any:
        raise NotImplementedError(f"negative: {_HINT}")
