"""The words of `_intrinsics` for Numba's simulator, and what kernels use of `cuda` that the simulator refuses."""

# mypy: disable-error-code="import-untyped,import-not-found"

import math
import sys
import threading
from typing import Any

import numpy as np
from numba.cuda.simulator import kernelapi

# Of the argument's type, and infinite where those of `math` raise.
exp, expm1, log, log1p, tanh = np.exp, np.expm1, np.log, np.log1p, np.tanh


def erf(value: Any) -> Any:
    """Of the argument's type, as the others."""
    return type(value)(math.erf(value))


def udiv(a: int, b: int) -> int:
    """As `_intrinsics.udiv`."""
    return int(a) // int(b)


def product(a: Any, b: Any) -> Any:
    """As `_intrinsics.product`."""
    return a * b


def barrier() -> None:
    """As `_intrinsics.barrier`."""
    thread: Any = threading.current_thread()
    thread.syncthreads()


def helper(function: Any) -> Any:
    """As `_intrinsics.helper`."""
    return function


def _shuffle_xor(self: Any, _: int, value: Any, mask: int) -> Any:
    """The value of the lane whose number differs in the bits of the mask; all threads of the block take part."""
    thread: Any = threading.current_thread()
    lanes = thread._manager.__dict__.setdefault("lanes", {})
    lanes[thread.thread_id] = value
    thread.syncthreads()
    found = lanes[thread.thread_id ^ mask]
    thread.syncthreads()
    return found


def _shared_array(self: Any, shape: Any, dtype: Any, alignment: Any = None) -> np.ndarray:
    """Shared memory, one array for each line that asks for one; alignment has no meaning here."""
    caller = sys._getframe(1)
    where = caller.f_code.co_filename, caller.f_lineno
    if where not in self._allocations:
        self._allocations[where] = np.empty(shape, dtype)
    return self._allocations[where]


def _local_array(self: Any, shape: Any, dtype: Any, alignment: Any = None) -> np.ndarray:
    return np.empty(shape, dtype)


kernelapi.FakeCUDAShared.array = _shared_array
kernelapi.FakeCUDALocal.array = _local_array
kernelapi.FakeCUDAModule.shfl_xor_sync = _shuffle_xor
